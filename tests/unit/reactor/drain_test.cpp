// The orderly end: nobody new, everybody told once, those that stay closed at the deadline and aborted after it.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

bool is_state(const Error& error) {
    return error.code == ErrorCode::state;
}

// Turns until the reactor is at rest; the clock stands.
void rest(World& world) {
    REQUIRE(settle(world.reactor));
}

}  // namespace

TEST_CASE("drain_tells_each_connection_once_and_run_returns_when_the_last_has_ended") {
    in_every_world([](World& world) {
        Pair pair;
        Pair other;
        REQUIRE(world.join(pair));
        REQUIRE(world.join(other));
        CHECK_FALSE(world.reactor.is_draining());
        REQUIRE(world.reactor.drain(10s).ok());
        CHECK(world.reactor.is_draining());
        CHECK(pair.server->trace == "open");  // not from inside drain()
        rest(world);
        REQUIRE(world.reactor.drain(10s).ok());
        rest(world);
        for (const Pair* each : {&pair, &other}) {
            CHECK(each->client->trace == "open shutdown");
            CHECK(each->server->trace == "open shutdown");
        }
        pair.client->connection->write("still here");
        CHECK(world.until([&] { return pair.server->received == "still here"; }));
        bool is_timer_dropped = true;
        world.reactor.call_later(1h, [&] { is_timer_dropped = false; });
        pair.client->connection->close();
        other.server->connection->close();
        REQUIRE(world.reactor.run().ok());
        for (const Pair* each : {&pair, &other}) {
            CHECK(each->client->trace.ends_with("close"));
            CHECK(each->server->trace.ends_with("close"));
        }
        CHECK(is_timer_dropped);
        CHECK_FALSE(world.reactor.is_draining());
    });
}

TEST_CASE("drain_lets_on_shutdown_finish_what_is_under_way") {
    in_every_world([](World& world) {
        Pair pair;
        pair.server->on_shutdown = [](Connection& connection) {
            connection.write("the last answer");
            connection.close();
        };
        REQUIRE(world.join(pair));
        REQUIRE(world.reactor.drain(1h).ok());
        REQUIRE(world.reactor.run().ok());
        CHECK(pair.client->received == "the last answer");
        CHECK_FALSE(pair.client->reason.is_set());
        CHECK_FALSE(pair.server->reason.is_set());
    });
}

TEST_CASE("drain_closes_at_the_deadline_and_aborts_later") {
    on_every_poller([](const std::string& poller) {
        World world(poller, "tcp4");
        Pair idle;
        REQUIRE(world.join(idle));
        // A peer that reads nothing and, in a reactor that nobody runs any more, will not close either.
        const auto stuck = std::make_shared<Party>();
        const auto listener = listen(world.reactor, "tcp://127.0.0.1:0", [&] { return handler_of(stuck); });
        REQUIRE(listener.ok());
        Reactor elsewhere;
        const auto silent = std::make_shared<Party>();
        REQUIRE(connect(elsewhere, listener.value()->endpoint(), handler_of(silent)).ok());
        REQUIRE(run_until(elsewhere, [&] { return silent->is_open(); }));
        REQUIRE(world.until([&] { return stuck->is_open(); }));
        stuck->connection->write(pattern(32 * 1024 * 1024));  // more than any queue between the two holds
        REQUIRE(world.reactor.drain(10s).ok());
        rest(world);
        world.clock.advance(9s);
        rest(world);
        CHECK(idle.server->is_open());
        world.clock.advance(1s);
        rest(world);
        CHECK(idle.server->is_closed());
        CHECK_FALSE(idle.server->reason.is_set());
        REQUIRE_FALSE(stuck->is_closed());
        CHECK(stuck->connection->state() == Connection::State::closing);
        world.clock.advance(limits::drain_grace);
        REQUIRE(world.reactor.run().ok());
        CHECK(stuck->reason.code == ErrorCode::cancelled);
    });
}

TEST_CASE("drain_asked_for_again_can_only_come_sooner") {
    on_every_poller([](const std::string& poller) {
        World world(poller, "memory");
        Pair pair;
        REQUIRE(world.join(pair));
        REQUIRE(world.reactor.drain(20s).ok());
        REQUIRE(world.reactor.drain(10s).ok());
        rest(world);
        REQUIRE(world.reactor.drain(1h).ok());
        REQUIRE(world.reactor.drain(5s).ok());
        world.clock.advance(5s);
        rest(world);
        CHECK(pair.client->trace.ends_with("close"));
    });
}

TEST_CASE("drain_closes_listeners_and_serves_who_waits_in_their_queue") {
    in_every_world([](World& world) {
        Pair first;
        REQUIRE(world.join(first));
        Pair second;
        world.begin_joining(second);
        const bool is_memory = world.is("memory");
        REQUIRE(world.reactor.run_once().ok());  // connecting begins
        REQUIRE(world.reactor.drain(1h).ok());
        CHECK(is_state(listen(world.reactor, world.fresh_endpoint(), [] { return HandlerPtr{}; }).error()));
        rest(world);
        CHECK(world.until([&] { return second.client->trace == "open shutdown" && second.server->trace == "open shutdown"; }));
        CHECK((is_memory || second.server->is_open()));
        second.client->connection->close();
        first.client->connection->close();
        REQUIRE(world.reactor.run().ok());
        // It may be used again afterwards.
        REQUIRE(listen(world.reactor, world.fresh_endpoint(), [] { return HandlerPtr{}; }, world.listen_options()).ok());
    });
}

TEST_CASE("drain_without_connections_ends_run_and_drops_the_rest") {
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        REQUIRE(listen(reactor, "memory://x", [] { return HandlerPtr{}; }).ok());
        reactor.call_every(1h, [] {});
        SUBCASE("from a callback") {
            reactor.next_tick([&] { REQUIRE(reactor.drain().ok()); });
        }
        SUBCASE("before run") {
            REQUIRE(reactor.drain().ok());
        }
        REQUIRE(reactor.run().ok());
    });
}

TEST_CASE("drain_and_an_exception_of_on_shutdown") {
    World world("epoll", "memory");
    Pair pair;
    Pair other;
    pair.server->on_shutdown = [](Connection&) { throw std::runtime_error("thrown"); };
    REQUIRE(world.join(pair));
    REQUIRE(world.join(other));
    REQUIRE(world.reactor.drain(1h).ok());
    CHECK_THROWS(world.reactor.run());
    CHECK(world.reactor.is_draining());
    rest(world);
    CHECK(pair.server->reason.code == ErrorCode::cancelled);
    CHECK(other.server->trace == "open shutdown");
    other.client->connection->close();
    REQUIRE(world.reactor.run().ok());
}

TEST_CASE("stop_during_a_drain_ends_it") {
    World world("epoll", "memory");
    Pair pair;
    REQUIRE(world.join(pair));
    pair.client->on_shutdown = [](Connection& connection) { connection.reactor().stop(); };
    REQUIRE(world.reactor.drain(1h).ok());
    REQUIRE(world.reactor.run().ok());
    CHECK(pair.client->reason.code == ErrorCode::cancelled);
    CHECK_FALSE(world.reactor.is_draining());
}
