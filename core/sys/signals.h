// Signals as readiness: the handler writes into the eventfd of each subscriber, so that what a signal means is decided in a loop and not
// in a handler. The self-pipe way and not signalfd(2), which needs the signal blocked in every thread of a program that is not ours.
#pragma once
#include <string>
#include <string_view>

#include "tidemill/base/error.h"
#include "tidemill/sys/fd.h"

namespace tidemill {

// "TERM", "SIGTERM" (any case) as its number; 0 if there is none of that name.
int signal_number(std::string_view name);

// One subscriber of one signal. The first one of a signal installs the handler, the last one puts back what was there before: an
// interpreter's own handler rests meanwhile. In a forked child the old action is taken again when the signal comes.
class SignalFd {
public:
    SignalFd() = default;
    SignalFd(const SignalFd&) = delete;
    SignalFd& operator=(const SignalFd&) = delete;
    ~SignalFd() { close(); }

    // Errors: argument (no such signal, or one that cannot be caught or comes from the program's own fault), limit (too many
    // subscribers of one signal), os. Any thread.
    Result<void> open(std::string_view name);
    void close();

    int fd() const { return fd_.get(); }

    // Whether the signal came since the last look. Signals that come close together are one, as in the system itself.
    bool take();

private:
    Fd fd_;
    int signal_ = 0;
};

}  // namespace tidemill
