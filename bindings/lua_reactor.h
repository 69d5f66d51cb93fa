// The part of Lua's reactor that is written by hand because it is hot: timers and ticks.
#pragma once
#include "bindings/facade.h"
#include "bindings/lua_values.h"

namespace tidemill::script {

// What is waiting in one reactor. Its host holds it; the functions are in tables that only the door and lua_reactor.cpp know.
class LuaReactor {
public:
    ReactorCore* core = nullptr;

    // Where the next tick's function goes. Places begin anew when the queue is empty and when they are used up.
    int next_place() const { return is_queue_empty() ? 1 : following(last_tick_); }
    void occupy(int place) {
        if (is_queue_empty()) first_tick_ = place;
        last_tick_ = place;
    }
    void forget_ticks() { last_tick_ = 0; }

    // The place of the first of the queue, which must not be empty, and is free now.
    int take_tick() {
        const int place = first_tick_;
        if (first_tick_ == last_tick_) {
            last_tick_ = 0;
        } else {
            first_tick_ = following(first_tick_);
        }
        return place;
    }

private:
    static constexpr int most_places = 1 << 30;
    static int following(int place) { return place < most_places ? place + 1 : 1; }
    bool is_queue_empty() const { return last_tick_ == 0; }

    int first_tick_ = 1;
    int last_tick_ = 0;  // 0: the queue is empty
};

// Functions for the adaptor; they may raise.
//   make_next_tick(check)         the method next_tick; check(1, "next_tick", value) judges what is no function
//   add_timer(reactor, seconds, ticket, is_periodic)   its number in the core
//   cancel_timer(reactor, number)
//   forget_ticks(reactor)
int make_next_tick(lua_State* L);
int add_timer(lua_State* L);
int cancel_timer(lua_State* L);
int forget_ticks(lua_State* L);

}  // namespace tidemill::script
