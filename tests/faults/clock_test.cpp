// Steps of the wall clock (an administrator, NTP, a virtual machine that woke up): nothing of the loop fires early, late or never. The
// clock of this program alone is stepped: clock_gettime below is also what the C++ library's clocks call.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <ctime>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

std::atomic<std::time_t> wall_clock_step{0};

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
    const long result = ::syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += wall_clock_step.load();
    return static_cast<int>(result);
}

namespace {

// Seconds since the machine started, as the kernel says, whatever the C++ library makes of it.
std::chrono::nanoseconds kernel_time() {
    timespec time{};
    ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

struct Stepping {
    Stepping() = default;
    Stepping(const Stepping&) = delete;
    Stepping& operator=(const Stepping&) = delete;
    ~Stepping() { wall_clock_step = 0; }
};

}  // namespace

TEST_CASE("clock_steps_reach_this_program") {
    const Stepping stepping;
    const auto before = std::chrono::system_clock::now();
    wall_clock_step = 86'400;
    CHECK(std::chrono::system_clock::now() - before >= 24h);
    wall_clock_step = -86'400;
    CHECK(std::chrono::system_clock::now() < before);
}

TEST_CASE("clock_steps_of_a_day_neither_hasten_nor_delay_what_waits_for_a_time") {
    on_every_poller([](const std::string& poller) {
        for (const std::time_t step : {86'400, -86'400}) {
            CAPTURE(step);
            const Stepping stepping;
            Reactor reactor({.poller = poller});
            const auto server = std::make_shared<Party>();
            const auto client = std::make_shared<Party>();
            Result<Listener*> listener = listen(reactor, "tcp://127.0.0.1:0", [&] { return handler_of(server); });
            REQUIRE(listener);
            Result<Connection*> connection = connect(reactor, listener.value()->endpoint(), handler_of(client));
            REQUIRE(connection);
            REQUIRE(run_until(reactor, [&] { return client->is_open() && server->is_open(); }));

            const auto start = kernel_time();
            connection.value()->set_idle_timeout(60ms);
            std::chrono::nanoseconds fired{0};
            int beats = 0;
            reactor.call_later(50ms, [&] { fired = kernel_time() - start; });
            Timer beat = reactor.call_every(10ms, [&] { ++beats; });
            reactor.call_later(5ms, [&] { wall_clock_step = step; });
            reactor.call_later(25ms, [&] { wall_clock_step = -step; });

            CHECK(run_until(reactor, [&] { return client->is_closed(); }));
            CHECK(kernel_time() - start >= 60ms);
            CHECK(client->trace == "open close(timeout)");
            CHECK(fired >= 50ms);
            CHECK(beats >= 1);
            CHECK(beats <= (kernel_time() - start) / 10ms);
            beat.cancel();
        }
    });
}
