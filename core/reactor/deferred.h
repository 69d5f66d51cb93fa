// Deferred: a value or an Error later, exactly once, always from the loop.
//
// A handle: copies mean the same one. All calls belong to the reactor's thread, while the reactor lives; from another they are refused
// (false, or nothing happens): post() is for others.
//  - The first succeed, fail, cancel or timeout counts; later ones answer false and change nothing, because a producer that finishes a
//    moment after it was given up has done nothing wrong.
//  - Each function is called in a turn of its own right, never from inside a call: one that raises keeps no other from being called.
//    One that is registered afterwards is called as well. In the order of registration.
//  - stop() does not drop what is settled: it is delivered before run() returns. A Deferred with a timeout, and those that the library
//    makes, fail with cancelled if stop() comes first; one of the program's own without a timeout stays as it is.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tidemill/reactor/reactor.h"

namespace tidemill {

template <class T>
class Deferred {
public:
    using Success = std::function<void(const T&)>;
    using Failure = std::function<void(const Error&)>;

    // canceller: called from the loop when the Deferred is given up, by cancel(), its timeout or a stop; whoever makes the value may end
    // his work there.
    explicit Deferred(Reactor& reactor, Task canceller = {}) : state_(std::make_shared<State>(reactor, std::move(canceller))) {}

    // False: it was settled before.
    bool succeed(T value) const { return state_->settle(std::move(value), {}); }
    bool fail(Error error) const { return state_->settle({}, std::move(error)); }
    bool cancel() const { return state_->give_up(make_error(ErrorCode::cancelled, "cancel", {}, "the result was not wanted any more")); }

    const Deferred& on_success(Success function) const {
        state_->add({std::move(function), {}});
        return *this;
    }
    const Deferred& on_failure(Failure function) const {
        state_->add({{}, std::move(function)});
        return *this;
    }

    // Fails with timeout unless it is settled by then. Replaces the one before; 0 for none.
    void set_timeout(Duration period) const { state_->set_timeout(period); }

    bool is_done() const { return state_->is_done; }
    Reactor& reactor() const { return state_->reactor; }

private:
    struct Waiter {
        Success success;
        Failure failure;
    };

    struct State : std::enable_shared_from_this<State> {
        State(Reactor& of, Task on_cancel) : reactor(of), canceller(std::move(on_cancel)) {}

        bool settle(std::optional<T> with, Error why) {
            if (!reactor.is_usable_here() || std::exchange(is_done, true)) return false;
            drop_timeout();
            canceller = nullptr;
            value = std::move(with);
            error = std::move(why);
            for (Waiter& waiter : std::exchange(waiters, {})) hand_over(std::move(waiter));
            return true;
        }

        bool give_up(Error why) {
            if (!reactor.is_usable_here() || is_done) return false;
            if (canceller) reactor.deliver(std::exchange(canceller, nullptr));
            return settle({}, std::move(why));
        }

        void add(Waiter waiter) {
            if (!reactor.is_usable_here()) return;
            if (!is_done) return waiters.push_back(std::move(waiter));
            hand_over(std::move(waiter));
        }

        void hand_over(Waiter waiter) {
            if (value && waiter.success) {
                reactor.deliver([self = this->shared_from_this(), call = std::move(waiter.success)] { call(*self->value); });
            } else if (!value && waiter.failure) {
                reactor.deliver([self = this->shared_from_this(), call = std::move(waiter.failure)] { call(self->error); });
            }
        }

        void set_timeout(Duration period) {
            if (!reactor.is_usable_here()) return;
            drop_timeout();
            if (is_done || period.count() <= 0) return;
            const auto self = this->shared_from_this();
            timer = reactor.call_later(period, [self] {
                self->give_up(make_error(ErrorCode::timeout, "wait for a result", {}, "no result within the deadline"));
            });
            // A stop drops the timer, and with it the promise that this is settled one day.
            hold = reactor.hold([self] { self->give_up(make_error(ErrorCode::cancelled, "run", {}, "the reactor stopped")); });
        }

        void drop_timeout() {
            timer.cancel();
            if (hold != 0) reactor.release(std::exchange(hold, 0));
        }

        Reactor& reactor;
        Task canceller;
        std::optional<T> value;
        Error error;
        std::vector<Waiter> waiters;
        Timer timer;
        HoldId hold = 0;
        bool is_done = false;
    };

    std::shared_ptr<State> state_;
};

}  // namespace tidemill
