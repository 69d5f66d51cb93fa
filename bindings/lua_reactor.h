// The part of Lua's reactor that is written by hand because it is hot: timers and ticks.
#pragma once
#include <vector>

#include "bindings/facade.h"
#include "bindings/lua_values.h"

namespace tidemill::script {

// What is waiting in one reactor: where its functions are in two tables, which only the door and lua_reactor.cpp know. Its host holds it.
class LuaReactor {
public:
    ReactorCore* core = nullptr;

    // ---- ticks: a queue ----

    // Where the next one goes. Places begin anew when the queue is empty and when they are used up.
    int next_tick_place() const { return is_queue_empty() ? 1 : following(last_tick_); }
    void occupy_tick(int place) {
        if (is_queue_empty()) first_tick_ = place;
        last_tick_ = place;
    }
    void forget_ticks() { last_tick_ = 0; }

    // The place of the first one, which is free now. The queue must not be empty.
    int take_tick() {
        const int place = first_tick_;
        if (first_tick_ == last_tick_) {
            last_tick_ = 0;
        } else {
            first_tick_ = following(first_tick_);
        }
        return place;
    }

    // ---- timers: places that are used again, so that the table stays an array ----

    // A timer's ticket says all that is to be known of it.
    struct Timer {
        int place;
        bool is_periodic;

        Ticket ticket() const { return -(2 * static_cast<Ticket>(place) + (is_periodic ? 1 : 0)); }
        static Timer of(Ticket ticket) { return {static_cast<int>(-ticket / 2), -ticket % 2 != 0}; }
    };

    int next_timer_place() const { return free_places_.empty() ? places_ + 1 : free_places_.back(); }

    // Takes that place. Throws without memory, so that release_timer needs none.
    void occupy_timer();
    void release_timer(int place) { free_places_.push_back(place); }

    // Whether a crowd has gone, and the table is worth giving back.
    bool has_only_free_places() const { return places_ > 1000 && free_places_.size() == static_cast<std::size_t>(places_); }
    void forget_timers();

    // The door has another table for them than before.
    bool has_new_timers = false;

private:
    static constexpr int most_places = 1 << 30;
    static int following(int place) { return place < most_places ? place + 1 : 1; }
    bool is_queue_empty() const { return last_tick_ == 0; }

    int first_tick_ = 1;
    int last_tick_ = 0;  // 0: the queue is empty
    int places_ = 0;     // of timers, free or not
    std::vector<int> free_places_;
};

// Functions for the adaptor; they may raise.
//   make_next_tick(check)           the method next_tick; check(1, "next_tick", value) judges what is no function
//   make_timers(check, class)       the methods call_later and call_every; check(name, seconds, value) judges what is not right. The timers that
//                                   they answer are userdata with the class as their metatable
//   timer_cancel(timer), timer_is_active(timer)
//   forget_calls(reactor)           of timers and ticks, after a stop
int make_next_tick(lua_State* L);
int make_timers(lua_State* L);
int timer_cancel(lua_State* L);
int timer_is_active(lua_State* L);
int forget_calls(lua_State* L);

}  // namespace tidemill::script
