// Reactor::drain: the end of a server that lets its connections finish. What a connection does about it is in net/connection.cpp.
#include <algorithm>

#include "tidemill/reactor/reactor.h"

namespace tidemill {

Result<void> Reactor::drain(Duration deadline) {
    if (Result<void> usable = check_usable("drain"); !usable) return usable;
    if (deadline.count() < 0) return make_error(ErrorCode::argument, "drain", {}, "a time must be 0 or more seconds");
    const TimePoint end = clock_->now() + std::min(deadline, Duration{limits::longest_time});
    if (is_draining_ && end >= drain_end_) return {};
    drain_end_ = end;
    if (!is_draining_) {
        // The rest belongs to the loop: a listener that closes may call its factory for those who wait in its queue.
        is_draining_ = is_drain_due_ = true;
    } else if (!is_drain_due_) {
        set_drain_timer();
    }
    tell_host();
    return {};
}

void Reactor::begin_drain() {
    is_drain_due_ = false;
    did_something_ = true;
    shut_down_sources(Shutdown::begin);
    set_drain_timer();
}

void Reactor::set_drain_timer() {
    timers_.cancel(drain_timer_);
    const auto give_up = [this] {
        shut_down_sources(Shutdown::deadline);
        drain_timer_ = call_later(limits::drain_grace, [this] { shut_down_sources(Shutdown::last); }).id();
    };
    drain_timer_ = timers_.add(drain_end_, Duration{0}, give_up);
}

void Reactor::shut_down_sources(Shutdown stage) {
    std::vector<SourceId> all;
    sources_.for_each([&all](std::unique_ptr<Source>& source) { all.push_back(source->id()); });
    for (const SourceId id : all) {
        if (Source* source = find(id)) source->on_shutdown(stage);
    }
}

void Reactor::forget_drain() {
    is_draining_ = is_drain_due_ = false;
    drain_end_ = TimePoint::max();
    drain_timer_ = 0;
}

}  // namespace tidemill
