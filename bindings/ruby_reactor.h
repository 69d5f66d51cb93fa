// The part of Ruby's reactor that is written by hand because it is hot: timers, ticks and posts, and the functions that wait for them.
#pragma once
#include <ruby.h>

#include <deque>

#include "bindings/facade.h"

namespace tidemill::script {

// The functions of one reactor. Its host holds it and shows it to the garbage collector; none of it raises.
class RubyWaiting {
public:
    // place: of the function here, 0 for none. id: in the core, where no other timer ever gets it.
    struct TimerKey {
        SlotMap<int>::Id place = 0;
        std::uint64_t id = 0;
    };

    // nullptr: the function will be called. They let no C++ exception out.
    Error* add_tick(ReactorCore& core, VALUE function);
    Error* add_post(ReactorCore& core, VALUE function);
    Error* add_timer(ReactorCore& core, double seconds, VALUE function, bool is_periodic, TimerKey& key);
    Error* cancel(ReactorCore& core, TimerKey key, bool& is_cancelled);

    // What is due, by its ticket (below 0) or as the first of its queue; Qundef if a stop dropped it.
    VALUE take_timer(Ticket ticket);
    VALUE take_tick() { return take_first(ticks_); }
    VALUE take_posted() { return take_first(posted_); }

    void drop();
    void mark() const;

private:
    struct Timer {
        VALUE function = 0;
        bool is_periodic = false;
    };

    static VALUE take_first(std::deque<VALUE>& queue);

    mutable SlotMap<Timer> timers_;  // a timer's ticket is its place here, below 0
    std::deque<VALUE> ticks_;
    std::deque<VALUE> posted_;
};

// Adds to the module Tidemill::Core, for the adaptor's Reactor:
//   open_door(reactor, core)  lets call_later, call_every, next_tick and post, which are written here, find what they need
//   forget_calls(reactor)     after a stop
// and those methods to Tidemill::Reactor; cancel and active? to Tidemill::Timer.
void add_ruby_reactor(VALUE module);

}  // namespace tidemill::script
