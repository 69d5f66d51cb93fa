#include "tidemill/sys/waker.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace tidemill {

Result<void> Waker::open() {
    fd_ = Fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!fd_.is_open()) return os_error(errno, "eventfd");
    return {};
}

void Waker::wake() {
    if (is_rung_.exchange(true)) return;
    const int saved = errno;  // this may run inside a signal handler
    const std::uint64_t one = 1;
    while (::write(fd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
        // fails otherwise only when the counter is full, and then it is readable
    }
    errno = saved;
}

void Waker::drain() {
    std::uint64_t count;
    static_cast<void>(!::read(fd_.get(), &count, sizeof count));  // EAGAIN: nothing to drain
    // In this order: a wake() in between is not written, but what it announced is there for the look that follows. The other way
    // round its octet would be read here and the bell would stay "rung" for ever. And an exchange, not a store: it reads what such a
    // wake() wrote, which makes visible here what that thread did before.
    is_rung_.exchange(false);
}

Result<void> WakePipe::open() {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return os_error(errno, "pipe2");
    read_ = Fd(ends[0]);
    write_ = Fd(ends[1]);
    return {};
}

void WakePipe::drain() {
    char octets[256];
    while (::read(read_.get(), octets, sizeof octets) > 0) {
    }
}

Result<void> AlarmFd::open() {
    fd_ = Fd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    if (!fd_.is_open()) return os_error(errno, "timerfd_create");
    return {};
}

void AlarmFd::set(TimePoint when) {
    itimerspec spec{};
    if (when != TimePoint::max()) {
        // Zero would disarm it, so a deadline in the past becomes the earliest time there is.
        const std::int64_t nanoseconds = std::max<std::int64_t>(1, when.time_since_epoch().count());
        spec.it_value.tv_sec = nanoseconds / 1'000'000'000;
        spec.it_value.tv_nsec = nanoseconds % 1'000'000'000;
    }
    static_cast<void>(timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr));
}

}  // namespace tidemill
