// What can wake a sleeping poller besides sockets: another thread or a signal handler (Waker), a library that writes single octets
// into a descriptor (WakePipe), and a deadline that an outer loop has to see on our descriptor (AlarmFd).
#pragma once
#include <atomic>

#include "tidemill/base/clock.h"
#include "tidemill/base/error.h"
#include "tidemill/sys/fd.h"

namespace tidemill {

// An eventfd(2).
class Waker {
public:
    Result<void> open();
    int fd() const { return fd_.get(); }

    // Any thread, any signal handler. Wakes that nobody has drained yet cost one atomic operation.
    void wake();

    // By the loop, before it looks at what it was woken for: a later wake() then writes again.
    void drain();

private:
    Fd fd_;
    std::atomic<bool> is_rung_{false};
};

// A pipe(2) for writers that know only write(fd, &octet, 1), such as Python's signal.set_wakeup_fd.
class WakePipe {
public:
    Result<void> open();
    bool is_open() const { return read_.is_open(); }
    int read_fd() const { return read_.get(); }
    int write_fd() const { return write_.get(); }
    void drain();

private:
    Fd read_;
    Fd write_;
};

// A timerfd(2) on the monotonic clock.
class AlarmFd {
public:
    Result<void> open();
    bool is_open() const { return fd_.is_open(); }
    int fd() const { return fd_.get(); }

    // Readable from `when` on; TimePoint::max() for never.
    void set(TimePoint when);

private:
    Fd fd_;
};

}  // namespace tidemill
