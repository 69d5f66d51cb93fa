// The loop by itself: ticks, timers, stop, exceptions, and who may call.
#include "tidemill/reactor/reactor.h"

#include <doctest/doctest.h>

#include <csignal>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

TEST_CASE("reactor_with_nothing_to_wait_for_returns_from_run") {
    Reactor reactor;
    CHECK(reactor.run().ok());
    CHECK_FALSE(reactor.run_once(Duration{0}).value());
}

TEST_CASE("reactor_unknown_poller_fails_every_call") {
    Reactor reactor({.poller = "magic"});
    CHECK(reactor.startup_error().code == ErrorCode::argument);
    CHECK(reactor.run().error().code == ErrorCode::argument);
    CHECK(reactor.run_once().error().code == ErrorCode::argument);
    CHECK(reactor.poll(Duration{0}, Duration{0}).error().code == ErrorCode::argument);
    CHECK(reactor.fd().error().code == ErrorCode::argument);
    CHECK(listen(reactor, "tcp://127.0.0.1:0", [] { return HandlerPtr{}; }).error().code == ErrorCode::argument);
    reactor.post([] {});
    reactor.next_tick([] {});
    reactor.call_later(1s, [] {});
    reactor.stop();
}

TEST_CASE("ticks_run_in_order") {
    Reactor reactor;
    std::string order;
    for (const char c : {'a', 'b', 'c'}) reactor.next_tick([&order, c] { order += c; });
    CHECK(order.empty());  // never from inside the call
    REQUIRE(reactor.run().ok());
    CHECK(order == "abc");
}

TEST_CASE("ticks_queued_during_a_tick_run_in_the_next_turn") {
    Reactor reactor;
    int ran = 0;
    reactor.next_tick([&] {
        reactor.next_tick([&] { ++ran; });
        reactor.post([&] { ++ran; });
    });
    REQUIRE(reactor.run_once().ok());
    CHECK(ran == 0);
    REQUIRE(reactor.run_once().ok());
    CHECK(ran == 2);
}

TEST_CASE("ticks_that_queue_themselves_do_not_starve_timers") {
    ManualClock clock;
    Reactor reactor({.clock = &clock});
    int turns = 0;
    bool fired = false;
    std::function<void()> again = [&] {
        clock.advance(1ms);
        if (++turns < 1000 && !fired) reactor.next_tick(again);
    };
    reactor.next_tick(again);
    reactor.call_later(10ms, [&] { fired = true; });
    REQUIRE(reactor.run().ok());
    CHECK(fired);
    CHECK(turns < 20);
}

TEST_CASE("ticks_of_a_chain_that_become_slow_delay_what_is_due_by_one_row_at_most") {
    Reactor reactor;
    int ticks = 0;
    int slow = 0;
    int slow_when_fired = -1;
    std::function<void()> tick = [&] {
        if (++ticks == 1000) reactor.call_later(1ms, [&] { slow_when_fired = slow; });
        if (ticks > 1000) {
            ++slow;
            std::this_thread::sleep_for(2ms);
        }
        if (slow_when_fired < 0 && ticks < 1100) reactor.next_tick([&] { tick(); });
    };
    reactor.next_tick([&] { tick(); });
    REQUIRE(reactor.run().ok());
    CHECK(slow_when_fired >= 1);
    CHECK(slow_when_fired <= limits::calls_per_look + 1);
    CHECK(reactor.metrics().callback_seconds.total() == reactor.metrics().ticks_run + 1);  // none is left out of the histogram
}

TEST_CASE("own_timer_fires_once_for_each_start_and_may_start_itself") {
    ManualClock clock;
    Reactor reactor({.clock = &clock});
    int fired = 0;
    OwnTimer* self = nullptr;
    OwnTimer timer(reactor, [&] {
        CHECK_FALSE(self->is_active());
        if (++fired < 3) self->start(1s);
    });
    self = &timer;
    CHECK_FALSE(timer.cancel());
    CHECK(timer.start(5s));
    CHECK(timer.start(2s));  // anew, not a second time
    CHECK(reactor.metrics().timers == 1);
    for (int i = 0; i < 10; ++i) {
        clock.advance(1s);
        (void)reactor.run_once();
    }
    CHECK(fired == 3);
    CHECK_FALSE(timer.is_active());
    CHECK(timer.start(1s));
    CHECK(timer.cancel());
    CHECK_FALSE(timer.cancel());
    clock.advance(1h);
    (void)reactor.run_once();
    CHECK(fired == 3);
}

TEST_CASE("own_timer_ends_with_its_object_also_inside_its_own_task") {
    ManualClock clock;
    Reactor reactor({.clock = &clock});
    const auto held = std::make_shared<int>(0);
    std::unique_ptr<OwnTimer> timer;
    timer = std::make_unique<OwnTimer>(reactor, [&timer, held, &reactor] {
        timer.reset();
        ++*held;
        CHECK(reactor.metrics().timers == 0);
    });
    timer->start(1s);
    clock.advance(1s);
    (void)reactor.run_once();
    CHECK(*held == 1);
    CHECK(held.use_count() == 1);
    // Started again, perhaps cancelled, and destroyed in one call.
    for (const bool is_cancelled : {false, true}) {
        timer = std::make_unique<OwnTimer>(reactor, [&timer, held, is_cancelled] {
            timer->start(1s);
            if (is_cancelled) timer->cancel();
            timer.reset();
            ++*held;
        });
        timer->start(1s);
        clock.advance(1s);
        (void)reactor.run_once();
        clock.advance(10s);
        (void)reactor.run_once();
    }
    CHECK(*held == 3);
    timer = std::make_unique<OwnTimer>(reactor, [held] { ++*held; });
    timer->start(1s);
    timer.reset();
    clock.advance(10s);
    (void)reactor.run_once();
    CHECK(*held == 3);
}

TEST_CASE("own_timer_is_ended_by_stop_and_may_outlive_its_reactor") {
    auto reactor = std::make_unique<Reactor>();
    int fired = 0;
    OwnTimer timer(*reactor, [&] { ++fired; });
    timer.start(1h);
    reactor->stop();
    REQUIRE(reactor->run().ok());
    CHECK_FALSE(timer.is_active());
    timer.start(1h);
    CHECK(timer.is_active());
    reactor.reset();
    CHECK_FALSE(timer.is_active());
    CHECK(fired == 0);
}

TEST_CASE("own_timer_whose_task_throws_keeps_its_task") {
    ManualClock clock;
    Reactor reactor({.clock = &clock});
    int fired = 0;
    OwnTimer timer(reactor, [&] {
        if (++fired == 1) throw std::runtime_error("once");
    });
    timer.start(1s);
    clock.advance(1s);
    CHECK_THROWS_AS((void)reactor.run_once(), std::runtime_error);
    timer.start(1s);
    clock.advance(1s);
    (void)reactor.run_once();
    CHECK(fired == 2);
}

TEST_CASE("timer_on_the_real_clock_is_never_early") {
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        int early = 0;
        int fired = 0;
        for (const Duration delay : {Duration{0}, Duration{1}, Duration{300us}, Duration{1ms}, Duration{2500us}, Duration{9ms}}) {
            const TimePoint due = SteadyClock{}.now() + delay;
            reactor.call_later(delay, [&, due] {
                ++fired;
                if (SteadyClock{}.now() < due || reactor.now() < due) ++early;
            });
        }
        REQUIRE(reactor.run().ok());
        CHECK(fired == 6);
        CHECK(early == 0);
    });
}

TEST_CASE("timer_made_in_a_long_callback_counts_from_its_call") {
    ManualClock clock;
    Reactor reactor({.clock = &clock});
    bool fired = false;
    reactor.next_tick([&] {
        clock.advance(1s);  // the callback takes its time
        reactor.call_later(10ms, [&] { fired = true; });
    });
    REQUIRE(settle(reactor));
    CHECK_FALSE(fired);
    clock.advance(10ms);
    REQUIRE(settle(reactor));
    CHECK(fired);
}

TEST_CASE("timer_with_a_negative_or_endless_delay_is_clamped") {
    ManualClock clock;
    Reactor reactor({.clock = &clock});
    int fired = 0;
    reactor.call_later(Duration{-5}, [&] { ++fired; });
    const Timer never = reactor.call_later(Duration::max(), [&] { ++fired; });
    REQUIRE(settle(reactor));
    CHECK(fired == 1);
    CHECK(never.is_active());
}

TEST_CASE("timer_periodic_of_no_length_beats_once_a_millisecond") {
    ManualClock clock;
    Reactor reactor({.clock = &clock});
    int fired = 0;
    reactor.call_every(Duration{0}, [&] { ++fired; });
    REQUIRE(settle(reactor));
    CHECK(fired == 0);
    for (int i = 0; i < 5; ++i) {
        clock.advance(1ms);
        REQUIRE(settle(reactor));
    }
    CHECK(fired == 5);
}

TEST_CASE("timer_handle_default_is_not_active") {
    Timer timer;
    CHECK_FALSE(timer.is_active());
    CHECK_FALSE(timer.cancel());
}

TEST_CASE("timer_cancelled_in_a_tick_does_not_keep_run_alive") {
    Reactor reactor;
    Timer timer = reactor.call_later(1h, [] {});
    reactor.next_tick([&] { timer.cancel(); });
    CHECK(reactor.run().ok());
}

TEST_CASE("thousands_of_due_timers_do_not_starve_a_socket") {
    on_every_poller([](const std::string& poller) {
        World world(poller, "tcp4");
        Pair pair;
        REQUIRE(world.join(pair));
        constexpr int count = 10 * limits::timers_per_turn;
        int fired = 0;
        int fired_at_data = -1;
        std::vector<int> order;
        pair.server->on_data = [&](Connection&, Bytes) { fired_at_data = fired; };
        for (int i = 0; i < count; ++i) {
            world.reactor.call_later(1ms, [&, i] {
                ++fired;
                order.push_back(i);
            });
        }
        world.clock.advance(1ms);
        pair.client->connection->write("x");
        REQUIRE(world.until([&] { return fired == count && fired_at_data >= 0; }));
        CHECK(fired_at_data <= 2 * limits::timers_per_turn);
        CHECK(std::is_sorted(order.begin(), order.end()));
    });
}

TEST_CASE("stop_drops_ticks_and_timers_and_reactor_can_run_again") {
    Reactor reactor;
    int ran = 0;
    reactor.next_tick([&] { reactor.stop(); });
    reactor.next_tick([&] { ++ran; });
    Timer timer = reactor.call_later(1h, [&] { ++ran; });
    REQUIRE(reactor.run().ok());
    CHECK(ran == 0);
    CHECK_FALSE(timer.is_active());
    reactor.next_tick([&] { ++ran; });
    REQUIRE(reactor.run().ok());
    CHECK(ran == 1);
}

TEST_CASE("stop_before_run_ends_it_at_once") {
    Reactor reactor;
    int ran = 0;
    reactor.call_every(1ms, [&] { ++ran; });
    reactor.stop();
    REQUIRE(reactor.run().ok());
    CHECK(ran == 0);
}

TEST_CASE("run_inside_a_callback_is_a_state_error") {
    Reactor reactor;
    std::vector<ErrorCode> codes;
    reactor.next_tick([&] {
        codes.push_back(reactor.run().error().code);
        codes.push_back(reactor.run_once().error().code);
        codes.push_back(reactor.poll(Duration{0}, Duration{0}).error().code);
        CHECK(reactor.is_running());
    });
    REQUIRE(reactor.run().ok());
    CHECK(codes == std::vector<ErrorCode>(3, ErrorCode::state));
    CHECK_FALSE(reactor.is_running());
}

TEST_CASE("exception_of_a_tick_leaves_run_and_the_rest_waits") {
    Reactor reactor;
    std::string order;
    reactor.next_tick([&] { order += 'a'; });
    reactor.next_tick([] { throw std::runtime_error("boom"); });
    reactor.next_tick([&] { order += 'b'; });
    CHECK_THROWS_WITH_AS(static_cast<void>(reactor.run()), "boom", std::runtime_error);
    CHECK_FALSE(reactor.is_running());
    CHECK(order == "a");
    REQUIRE(reactor.run().ok());
    CHECK(order == "ab");
}

TEST_CASE("exception_of_a_periodic_timer_leaves_run_and_the_timer_goes_on") {
    ManualClock clock;
    Reactor reactor({.clock = &clock});
    int fired = 0;
    reactor.call_every(1ms, [&] {
        if (++fired == 1) throw std::runtime_error("boom");
        reactor.stop();
    });
    clock.advance(1ms);
    CHECK_THROWS_AS(static_cast<void>(reactor.run_once()), std::runtime_error);
    clock.advance(1ms);
    REQUIRE(reactor.run_once().ok());
    CHECK(fired == 2);
}

TEST_CASE("exception_with_an_error_handler_goes_there_and_run_goes_on") {
    Reactor reactor;
    std::string seen;
    int ran = 0;
    reactor.set_error_handler([&](const std::exception_ptr& exception) { seen += message_of(exception); });
    reactor.next_tick([] { throw std::runtime_error("boom"); });
    reactor.next_tick([&] { ++ran; });
    REQUIRE(reactor.run().ok());
    CHECK(seen == "boom");
    CHECK(ran == 1);
}

TEST_CASE("exception_of_the_error_handler_leaves_run") {
    Reactor reactor;
    reactor.set_error_handler([](const std::exception_ptr&) { throw std::runtime_error("worse"); });
    reactor.next_tick([] { throw std::runtime_error("boom"); });
    CHECK_THROWS_WITH(static_cast<void>(reactor.run()), "worse");
}

TEST_CASE("exception_leaves_undispatched_readiness_for_the_next_run") {
    in_every_world([](World& world) {
        // Three servers get octets at once; the first to be called raises, the others are called when the loop runs again.
        std::vector<Pair> pairs(3);
        bool has_raised = false;
        for (Pair& pair : pairs) {
            REQUIRE(world.join(pair));
            pair.server->on_data = [&](Connection&, Bytes) {
                if (!std::exchange(has_raised, true)) throw std::runtime_error("boom");
            };
        }
        REQUIRE(settle(world.reactor));
        for (Pair& pair : pairs) pair.client->connection->write("x");
        int raised = 0;
        bool all_served = false;
        for (int turn = 0; turn < 1000 && !all_served; ++turn) {
            try {
                static_cast<void>(world.reactor.run_once(10ms));
            } catch (const std::runtime_error&) {
                ++raised;
            }
            all_served = true;
            for (Pair& pair : pairs) all_served = all_served && pair.server->received == "x";
        }
        CHECK(all_served);
        CHECK(raised == 1);
    });
}

TEST_CASE("halt_leaves_run_and_keeps_everything") {
    Reactor reactor;
    int ran = 0;
    reactor.next_tick([&] { reactor.halt(); });
    reactor.next_tick([&] { ++ran; });
    REQUIRE(reactor.run().ok());
    CHECK(ran == 0);
    REQUIRE(reactor.run().ok());
    CHECK(ran == 1);
}

TEST_CASE("request_stop_from_a_signal_handler_ends_run") {
    static Reactor* target = nullptr;
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        target = &reactor;
        struct sigaction old{};
        struct sigaction action{};
        action.sa_handler = [](int) { target->request_stop(); };
        ::sigaction(SIGUSR1, &action, &old);
        Timer timer = reactor.call_later(1h, [] {});
        reactor.next_tick([] { ::raise(SIGUSR1); });
        CHECK(reactor.run().ok());
        CHECK_FALSE(timer.is_active());
        ::sigaction(SIGUSR1, &old, nullptr);
    });
}

TEST_CASE("request_stop_while_the_bell_is_rung_is_not_lost") {
    // The socket is served before the waker, whose ring came before: the request finds the bell rung and must still be seen.
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        REQUIRE(settle(world.reactor));
        bool is_late = false;
        pair.server->on_data = [&](Connection&, Bytes) { world.reactor.request_stop(); };
        pair.client->connection->write("x");
        // What the client wrote has left in this turn; now the bell.
        REQUIRE(world.reactor.run_once(Duration{0}).ok());
        world.reactor.post([] {});
        const auto before = std::chrono::steady_clock::now();
        while (!pair.server->is_closed() && !is_late) {
            static_cast<void>(world.reactor.run_once(10s));
            is_late = std::chrono::steady_clock::now() - before > 9s;
        }
        CHECK_FALSE(is_late);
    });
}

TEST_CASE("post_after_a_stop_still_wakes_the_loop") {
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        reactor.request_stop();
        REQUIRE(reactor.run().ok());
        reactor.stop();
        REQUIRE(reactor.run_once().ok());
        // The waker must be heard by the poller itself: only then does a sleeping loop notice another thread.
        auto mailbox = reactor.mailbox();
        CHECK_FALSE(reactor.run_once().value());
        mailbox->waker().wake();
        CHECK(reactor.run_once().value());
    });
}

TEST_CASE("gate_is_asked_every_turn_and_can_end_run") {
    struct CountingGate final : Gate {
        int sleeps = 0;
        int checks = 0;
        void sleep(void (*wait)(void*), void* argument) override {
            ++sleeps;
            wait(argument);
        }
        bool check_interrupts() override { return ++checks < 3; }
    };
    CountingGate gate;
    Reactor reactor({.gate = &gate});
    reactor.call_every(1ms, [] {});
    REQUIRE(reactor.run().ok());
    CHECK(gate.checks == 3);
    CHECK(gate.sleeps >= 1);
    REQUIRE(reactor.run_once(Duration{0}).ok());
    CHECK(gate.sleeps <= 3);  // a look with zero timeout does not give the lock away
}

TEST_CASE("turn_after_a_busy_one_sleeps_at_once") {
    // An idle look in between would cost every message one more system call.
    struct CountingGate final : Gate {
        int sleeps = 0;
        void sleep(void (*wait)(void*), void* argument) override {
            ++sleeps;
            wait(argument);
        }
        bool check_interrupts() override { return true; }
    };
    on_every_poller([](const std::string& poller) {
        CountingGate gate;
        Reactor reactor({.poller = poller, .gate = &gate});
        for (int round = 1; round <= 3; ++round) {
            reactor.post([] {});
            REQUIRE(reactor.run_once(1ms).value());
            REQUIRE(reactor.run_once(1ms).ok());
            CHECK(gate.sleeps == round);
        }
    });
}

TEST_CASE("destroyed_reactor_drops_what_was_queued") {
    const auto held = std::make_shared<int>(1);
    {
        Reactor reactor;
        reactor.next_tick([held] {});
        reactor.post([held] {});
        reactor.call_later(1h, [held] {});
        CHECK(held.use_count() == 4);
    }
    CHECK(held.use_count() == 1);
}
