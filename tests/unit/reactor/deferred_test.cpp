#include "tidemill/reactor/deferred.h"

#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <string>

using namespace tidemill;
using namespace std::chrono_literals;

namespace {

struct Desk {
    ManualClock clock;
    Reactor reactor{{.clock = &clock}};
    std::string trace;

    void note(const std::string& word) { trace += (trace.empty() ? "" : " ") + word; }
    void follow(const Deferred<int>& deferred) {
        deferred.on_success([this](int value) { note(std::to_string(value)); });
        deferred.on_failure([this](const Error& error) { note(std::string(code_name(error.code))); });
    }
    std::string settled() {
        while (reactor.run_once().value()) {
        }
        return trace;
    }
};

}  // namespace

TEST_CASE("deferred_is_told_from_the_loop_and_once") {
    Desk desk;
    const Deferred<int> deferred(desk.reactor);
    desk.follow(deferred);
    CHECK_FALSE(deferred.is_done());
    CHECK(deferred.succeed(1));
    CHECK(deferred.is_done());
    CHECK_FALSE(deferred.succeed(2));
    CHECK_FALSE(deferred.fail(make_error(ErrorCode::limit, "test")));
    CHECK_FALSE(deferred.cancel());
    CHECK(desk.trace.empty());
    CHECK(desk.settled() == "1");
}

TEST_CASE("deferred_functions_that_come_late_are_called_as_well_and_in_order") {
    Desk desk;
    const Deferred<int> deferred(desk.reactor);
    deferred.on_success([&](int) {
        desk.note("first");
        desk.follow(deferred);
        CHECK(desk.trace == "first");
    });
    deferred.on_success([&](int) { desk.note("second"); });
    deferred.succeed(3);
    CHECK(desk.settled() == "first second 3");
    desk.follow(deferred);
    CHECK(desk.settled() == "first second 3 3");
}

TEST_CASE("deferred_function_that_raises_keeps_no_other_from_being_called") {
    Desk desk;
    const Deferred<int> deferred(desk.reactor);
    deferred.on_failure([](const Error&) { throw std::runtime_error("first"); });
    desk.follow(deferred);
    deferred.fail(make_error(ErrorCode::limit, "test"));
    CHECK_THROWS_WITH(static_cast<void>(desk.reactor.run()), "first");
    CHECK(desk.trace.empty());
    CHECK(desk.settled() == "limit");
}

TEST_CASE("deferred_cancelled_tells_the_producer_then_fails") {
    Desk desk;
    const Deferred<int> deferred(desk.reactor, [&] { desk.note("canceller"); });
    desk.follow(deferred);
    CHECK(deferred.cancel());
    CHECK_FALSE(deferred.succeed(1));
    CHECK(desk.trace.empty());
    CHECK(desk.settled() == "canceller cancelled");
    const Deferred<int> other(desk.reactor, [&] { desk.note("never"); });
    other.succeed(1);
    CHECK_FALSE(other.cancel());
    CHECK(desk.settled() == "canceller cancelled");
}

TEST_CASE("deferred_timeout_fails_it_unless_it_is_settled_or_replaced") {
    Desk desk;
    const Deferred<int> late(desk.reactor), settled(desk.reactor), replaced(desk.reactor);
    for (const Deferred<int>& each : {late, settled, replaced}) {
        desk.follow(each);
        each.set_timeout(1s);
    }
    settled.succeed(7);
    replaced.set_timeout(2s);
    desk.clock.advance(1s);
    CHECK(desk.settled() == "7 timeout");
    replaced.set_timeout(0s);
    desk.clock.advance(1h);
    CHECK(desk.settled() == "7 timeout");
    CHECK_FALSE(replaced.is_done());
    CHECK(desk.reactor.run().ok());  // nothing is left to wait for
}

TEST_CASE("deferred_settled_before_a_stop_is_told_before_run_returns") {
    Desk desk;
    const Deferred<int> settled(desk.reactor), with_timeout(desk.reactor), own(desk.reactor);
    for (const Deferred<int>& each : {settled, with_timeout, own}) desk.follow(each);
    with_timeout.set_timeout(1h);
    bool has_ticked = false;
    desk.reactor.next_tick([&] {
        desk.reactor.stop();
        settled.succeed(1);
        desk.reactor.next_tick([&] { has_ticked = true; });
    });
    REQUIRE(desk.reactor.run().ok());
    CHECK(desk.trace == "1 cancelled");
    CHECK_FALSE(has_ticked);
    CHECK_FALSE(own.is_done());
}

TEST_CASE("deferred_chain_without_end_does_not_hold_up_a_stop") {
    Desk desk;
    int links = 0;
    std::function<void(const int&)> link = [&](int) {
        ++links;
        const Deferred<int> next(desk.reactor);
        next.on_success(link);
        next.succeed(1);
    };
    desk.reactor.next_tick([&] {
        link(1);
        desk.reactor.stop();
    });
    REQUIRE(desk.reactor.run().ok());
    CHECK(links > 10);
    CHECK(desk.reactor.run().ok());
}

TEST_CASE("deferred_outlives_its_reactor_as_long_as_nobody_uses_it") {
    auto held = std::make_shared<int>(1);
    {
        std::optional<Deferred<int>> deferred;
        {
            Reactor reactor;
            deferred.emplace(reactor, [held] {});
            deferred->on_success([held](int) {});
            deferred->set_timeout(1s);
        }
    }
    CHECK(held.use_count() == 1);
}

TEST_CASE("hold_keeps_run_running_until_it_is_released") {
    Desk desk;
    const HoldId hold = desk.reactor.hold();
    int turns = 0;
    desk.reactor.next_tick([&] {
        desk.reactor.post([&] {
            ++turns;
            CHECK(desk.reactor.release(hold));
        });
    });
    REQUIRE(desk.reactor.run().ok());
    CHECK(turns == 1);
    CHECK_FALSE(desk.reactor.release(hold));
}

TEST_CASE("hold_is_given_up_by_a_stop") {
    Desk desk;
    HoldId second = 0;
    desk.reactor.hold([&] {
        desk.note("first");
        CHECK_FALSE(desk.reactor.release(second));
    });
    second = desk.reactor.hold([&] { desk.note("second"); });
    desk.reactor.stop();
    REQUIRE(desk.reactor.run().ok());
    CHECK(desk.trace == "first second");
    CHECK(desk.reactor.run().ok());
}
