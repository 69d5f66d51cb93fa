#include "tidemill/sys/waker.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

using namespace tidemill;
using namespace std::chrono_literals;

static bool is_readable(int fd, int milliseconds = 0) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, milliseconds) == 1;
}

TEST_CASE("waker_woken_many_times_is_readable_until_drained") {
    Waker waker;
    REQUIRE(waker.open().ok());
    CHECK_FALSE(is_readable(waker.fd()));
    for (int i = 0; i < 3; ++i) waker.wake();
    CHECK(is_readable(waker.fd()));
    waker.drain();
    CHECK_FALSE(is_readable(waker.fd()));
    waker.wake();
    CHECK(is_readable(waker.fd()));
}

TEST_CASE("waker_wake_leaves_errno_alone") {
    Waker never_opened;
    errno = EDOM;
    never_opened.wake();
    CHECK(errno == EDOM);
}

TEST_CASE("wake_pipe_written_is_readable_until_drained") {
    WakePipe pipe;
    REQUIRE(pipe.open().ok());
    for (int i = 0; i < 1000; ++i) REQUIRE(::write(pipe.write_fd(), "x", 1) == 1);
    CHECK(is_readable(pipe.read_fd()));
    pipe.drain();
    CHECK_FALSE(is_readable(pipe.read_fd()));
}

TEST_CASE("alarm_fd_becomes_readable_at_its_time_and_not_for_never") {
    AlarmFd alarm;
    REQUIRE(alarm.open().ok());
    CHECK_FALSE(is_readable(alarm.fd()));
    alarm.set(SteadyClock{}.now() - 1h);
    CHECK(is_readable(alarm.fd(), 10'000));
    alarm.set(TimePoint::max());
    CHECK_FALSE(is_readable(alarm.fd()));
    const TimePoint when = SteadyClock{}.now() + 5ms;
    alarm.set(when);
    CHECK(is_readable(alarm.fd(), 10'000));
    CHECK(SteadyClock{}.now() >= when);
    alarm.set(TimePoint{});  // the beginning of time is not "never"
    CHECK(is_readable(alarm.fd(), 10'000));
}
