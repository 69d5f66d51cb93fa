// Channel: publish and subscribe inside one process. Every subscriber is called with every value, from its reactor's loop.
//
// A handle: copies mean the same channel. publish() may be called from any thread, also after the reactor is gone, when nobody hears it;
// everything else belongs to the reactor's thread, while the reactor lives.
//  - A value goes to those who are subscribed when the loop takes it up, in its next turn; each is called in the turn after, in the
//    order of subscription, unless it cancelled meanwhile. Values of one thread come in the order in which it published them.
//  - One subscriber that raises keeps no other from being called. stop() drops what has not been delivered.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "tidemill/reactor/reactor.h"

namespace tidemill {

// A handle; it may be dropped, the subscription stays until cancel() or as long as the channel.
class Subscription {
public:
    Subscription() = default;
    explicit Subscription(std::function<bool(bool)> end) : end_(std::move(end)) {}

    // Not called after this. False: it was cancelled before, or the channel is gone.
    bool cancel() { return end_ && end_(true); }
    bool is_active() const { return end_ && end_(false); }

private:
    std::function<bool(bool)> end_;  // whether it is there; true: and ends it
};

template <class T>
class Channel {
public:
    using Function = std::function<void(const T&)>;

    explicit Channel(Reactor& reactor) : state_(std::make_shared<State>(reactor)) {}

    Subscription subscribe(Function function) const {
        const std::uint64_t id = ++state_->last;
        state_->functions.emplace(id, std::make_shared<Function>(std::move(function)));
        return Subscription([weak = std::weak_ptr<State>(state_), id](bool is_end) {
            const std::shared_ptr<State> state = weak.lock();
            if (!state || !state->functions.contains(id)) return false;
            if (is_end) state->functions.erase(id);
            return true;
        });
    }

    // Any thread.
    void publish(T value) const {
        state_->mailbox->post([state = state_, shared = std::make_shared<const T>(std::move(value))] { state->hand_out(state, shared); });
    }

    std::size_t subscribers() const { return state_->functions.size(); }

private:
    struct State {
        explicit State(Reactor& of) : reactor(of), mailbox(of.mailbox()) {}

        void hand_out(const std::shared_ptr<State>& self, const std::shared_ptr<const T>& value) {
            for (const auto& [id, function] : functions) {
                reactor.next_tick([self, which = id, value] {
                    const auto found = self->functions.find(which);
                    if (found == self->functions.end()) return;
                    const std::shared_ptr<Function> call = found->second;  // it may cancel itself
                    (*call)(*value);
                });
            }
        }

        Reactor& reactor;  // for the loop only: publish() may come later than its end
        std::shared_ptr<Mailbox> mailbox;
        std::map<std::uint64_t, std::shared_ptr<Function>> functions;
        std::uint64_t last = 0;
    };

    std::shared_ptr<State> state_;
};

}  // namespace tidemill
