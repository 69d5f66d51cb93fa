// Queue: values on one side, those who wait for one on the other; first come, first served on both. Each value goes to one.
//
// A handle: copies mean the same queue. All calls belong to the reactor's thread (other threads post()), while the reactor lives. What is
// called is called from the loop, never from inside push() or pop(); stop() does not drop what found its taker, and leaves the rest.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "tidemill/reactor/reactor.h"

namespace tidemill {

template <class T>
class Queue {
public:
    using Function = std::function<void(T)>;

    explicit Queue(Reactor& reactor) : state_(std::make_shared<State>(reactor)) {}

    void push(T value) const {
        state_->values.push_back(std::move(value));
        state_->match();
    }

    // Calls function once, with the next value.
    void pop(Function function) const {
        state_->waiting.push_back(std::move(function));
        state_->match();
    }

    std::size_t size() const { return state_->values.size(); }
    std::size_t waiting() const { return state_->waiting.size(); }

private:
    struct State {
        explicit State(Reactor& of) : reactor(of) {}

        void match() {
            if (values.empty() || waiting.empty()) return;
            auto value = std::make_shared<T>(std::move(values.front()));
            values.pop_front();
            reactor.deliver([value, call = std::move(waiting.front())] { call(std::move(*value)); });
            waiting.pop_front();
        }

        Reactor& reactor;
        std::deque<T> values;
        std::deque<Function> waiting;
    };

    std::shared_ptr<State> state_;
};

}  // namespace tidemill
