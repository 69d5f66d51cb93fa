// set_spin: looking again and again before sleeping, and what it may be set to.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

// A thread that is kept waiting for longer than the timer finds it due and needs no spin: it tries again.
TEST_CASE("spin_fires_a_near_timer_without_sleeping") {
    for (const std::string& poller : pollers) {
        CAPTURE(poller);
        Reactor reactor({.poller = poller});
        REQUIRE(reactor.set_spin(10ms).ok());
        int fired = 0;
        for (int tries = 1; tries <= 1000 && reactor.metrics().spins == 0; ++tries) {
            reactor.call_later(2ms, [&] { ++fired; });
            REQUIRE(reactor.run().ok());
            CHECK(fired == tries);
        }
        CHECK(reactor.metrics().spins == 1);
        CHECK(reactor.metrics().spin_hits == 1);
    }
}

TEST_CASE("spin_that_finds_nothing_ends_in_sleep") {
    Reactor reactor;
    REQUIRE(reactor.set_spin(1ms).ok());
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(reactor.run_once(20ms).value());
    CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
    CHECK(reactor.metrics().spins == 1);
    CHECK(reactor.metrics().spin_hits == 0);
}

TEST_CASE("spin_is_not_for_turns_that_do_not_wait") {
    Reactor reactor;
    REQUIRE(reactor.set_spin(10ms).ok());
    CHECK_FALSE(reactor.run_once(Duration{0}).value());
    reactor.next_tick([] {});
    CHECK(reactor.run_once(1s).value());
    CHECK(reactor.metrics().spins == 0);
}

// Whether another thread comes in time is luck: it comes again until it did.
TEST_CASE("spin_hears_of_another_thread") {
    Reactor reactor;
    REQUIRE(reactor.set_spin(5ms).ok());
    std::atomic<int> asked{0};
    std::jthread other([&](const std::stop_token& stop) {
        for (int seen = 0; !stop.stop_requested();) {
            if (const int now = asked.load(); now != seen) {
                seen = now;
                std::this_thread::sleep_for(1ms);
                reactor.post([] {});
            }
        }
    });
    const bool has_hit = run_until(reactor, [&] {
        ++asked;
        return reactor.metrics().spin_hits > 0;
    });
    CHECK(has_hit);
}

TEST_CASE("spin_has_bounds") {
    Reactor reactor;
    CHECK(reactor.set_spin(Duration{-1}).error().code == ErrorCode::argument);
    CHECK(reactor.set_spin(limits::longest_spin + Duration{1}).error().code == ErrorCode::argument);
    CHECK(reactor.set_spin(limits::longest_spin).ok());
    ErrorCode from_elsewhere = ErrorCode::none;
    std::thread([&] { from_elsewhere = reactor.set_spin(Duration{0}).error().code; }).join();
    CHECK(from_elsewhere == ErrorCode::state);
}
