// CallWatch: around every call of the user. Takes its time with one look at the clock, and tells of the slow ones if it was asked to.
// Ticks and timers may come by the thousand and do next to nothing: while they do, a few share a look and each counts with the mean.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "tidemill/base/clock.h"
#include "tidemill/base/limits.h"
#include "tidemill/reactor/metrics.h"

namespace tidemill {

class Reactor;

// A callback that held the loop up. In C++ the place is not known, and the name of a task is that of its type, which names the function
// that it was written in.
struct SlowCallback {
    std::string language;  // "C++", "Python", "Ruby", "Lua"
    std::string name;      // "Echo.on_data"; "timer", "tick", "factory", with more about it where there is more to say
    std::string file = {};
    int line = 0;          // of its definition; 0 if unknown
    Duration took{0};
};

class CallWatch {
public:
    using Handler = std::function<void(const SlowCallback&)>;

    CallWatch(Reactor& reactor, Metrics& metrics) : reactor_(reactor), metrics_(metrics) {}

    // at_least: 0 turns it off. Without a function a line goes to stderr.
    void set(Duration at_least, Handler function);

    // The time is counted from here if no callback was before it.
    void begin_turn(TimePoint steady_now) { lap_ = steady_now; }

    // When the last callback ended, or the turn began.
    TimePoint lap() const { return lap_; }

    // Makes the call, which must not throw. describe() answers who it was, if he was slow.
    template <class Call, class Describe>
    void around(Call call, Describe describe) {
        end_row();
        // Watching wants the callback's own time; for the histogram the loop's work before it may count as well, which saves a look.
        if (is_on()) lap_ = clock_.now();
        call();
        const TimePoint end = clock_.now();
        const Duration took = end - lap_;
        lap_ = end;
        metrics_.callback_seconds.add(took);
        if (is_on() && took >= at_least_) [[unlikely]]
            tell(blamed_ ? *blamed_ : describe(), took);
    }

    // The same for a call that is one of a row, which ends with end_row() or with a call that is none.
    template <class Call, class Describe>
    void around_one_of_a_row(Call call, Describe describe) {
        if (is_on()) return around(call, describe);
        call();
        if (++untimed_ >= row_) end_row();
    }

    void end_row() {
        if (untimed_ == 0) return;
        const TimePoint end = clock_.now();
        const Duration mean = (end - lap_) / untimed_;
        lap_ = end;
        metrics_.callback_seconds.add(mean, static_cast<std::uint64_t>(std::exchange(untimed_, 0)));
        row_ = mean < shortest ? limits::calls_per_look : 1;
    }

    // For a binding, as the last step of a call: if it is slow already, blame() says who it was in the script's words.
    bool is_slow() const { return is_on() && clock_.now() - lap_ >= at_least_; }
    void blame(SlowCallback who) { blamed_ = std::move(who); }

private:
    static constexpr Duration shortest{1024};  // what the histogram's first bucket holds

    bool is_on() const { return at_least_.count() > 0; }
    void tell(SlowCallback who, Duration took);

    Reactor& reactor_;
    Metrics& metrics_;
    SteadyClock clock_;  // also where the reactor's clock is moved by hand: what is slow is slow for those who wait
    TimePoint lap_{};
    int untimed_ = 0;  // calls since the last look
    int row_ = 1;  // calls that share the next one
    Duration at_least_{0};
    Handler function_;
    std::optional<SlowCallback> blamed_;
};

}  // namespace tidemill
