// FdWatch: functions called from the loop while a descriptor of somebody else is readable or writable: how another library's socket is
// served by this loop. It keeps run() running until it is closed.
#pragma once
#include <functional>

#include "tidemill/net/watch.h"
#include "tidemill/sys/fd.h"

namespace tidemill {

class FdWatch final : public Watch {
public:
    using Function = std::function<void()>;

    FdWatch(Reactor& reactor, int fd, Function on_readable, Function on_writable)
        : Watch(reactor), given_(fd), readable_{std::move(on_readable)}, writable_{std::move(on_writable)} {}

    Result<void> start();

    // The descriptor, as it was given.
    int fd() const { return given_; }

    // Whether the function is called while the descriptor is ready. On from the start for a function that was given. Errors: argument (there
    // is no such function).
    Result<void> set_readable(bool on) { return set(readable_, Direction::read, on); }
    Result<void> set_writable(bool on) { return set(writable_, Direction::write, on); }

    void on_ready(const Ready& ready) override;

private:
    struct Side {
        Function function;
        bool is_on = false;
        bool is_ready = false;  // as far as is known; a look decides
    };

    Result<void> set(Side& side, Direction direction, bool on);
    void serve(Side& side, Direction direction);
    void call_me();
    void let_go(bool is_fork) override;

    int given_;
    Fd fd_;  // a duplicate
    Side readable_;
    Side writable_;
    bool is_call_due_ = false;
};

// A function is called in each turn in which the descriptor is ready, again and again; an empty one never is. A hang-up or an error is both.
// The descriptor itself is neither read nor written nor closed nor changed; a duplicate of it is watched, so that one may be watched
// twice, and a stream that is closed while it is watched ends for its peer when the watch is closed. Errors: argument (no
// function), os (EBADF; EPERM: a plain file is always ready), state.
Result<FdWatch*> watch_fd(Reactor& reactor, int fd, FdWatch::Function on_readable, FdWatch::Function on_writable = {});

}  // namespace tidemill
