// SignalWatch: a function called from the loop when a signal came. It does not keep run() running: a program that has nothing else to
// wait for ends.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "tidemill/net/watch.h"
#include "tidemill/sys/signals.h"

namespace tidemill {

class SignalWatch final : public Watch {
public:
    using Function = std::function<void(const std::string& name)>;

    SignalWatch(Reactor& reactor, std::string_view name, Function function) : Watch(reactor), name_(name), function_(std::move(function)) {}

    Result<void> start();

    // The signal's name, as it was given.
    const std::string& name() const { return name_; }

    bool is_background() const override { return true; }
    void on_ready(const Ready& ready) override;

private:
    void let_go(bool is_fork) override;

    std::string name_;
    Function function_;
    SignalFd signal_;
};

// name: "TERM" or "SIGTERM". Signals that come close together are one. While there is a watch the signal's old action (the program's end,
// an interpreter's handler) rests; it comes back with close(). Errors: argument, limit, os, state.
Result<SignalWatch*> on_signal(Reactor& reactor, std::string_view name, SignalWatch::Function function);

}  // namespace tidemill
