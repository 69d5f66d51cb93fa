// Every transport on every poller: what is bounded stays so, and who reaches a limit is told once.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

TEST_CASE("limits_slow_reader_ends_the_connection_and_not_the_memory") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        Connection& client = *pair.client->connection;
        pair.server->connection->pause();
        const std::size_t limit = 3'000'000;
        client.set_output_limit(limit);
        const std::string block(100'000, 'x');
        std::size_t most = 0;
        WriteResult last{};
        for (int i = 0; i < 1000 && pair.client->trace == "open"; ++i) {  // a writer who does not listen
            while ((last = client.write(block)).kind != WriteResult::Kind::failed && client.state() == Connection::State::open) {
                most = std::max(most, client.pending());
            }
            REQUIRE(world.reactor.run_once(Duration{0}).ok());
        }
        CHECK(last.kind == WriteResult::Kind::wait);  // the call that went too far has no error of its own
        REQUIRE(world.until([&] { return pair.client->is_closed(); }));
        CHECK(most <= limit);
        CHECK(most > limit - 100'000);
        CHECK(pair.client->trace == "open close(limit)");
        CHECK(pair.client->reason.operation == "write");
        CHECK(world.reactor.metrics().output_limit_hits == 1);
        pair.server->connection->resume();
        REQUIRE(world.until([&] { return pair.server->is_closed(); }));
        // Reset: over a UNIX socket that looks like an end.
        if (!world.is("unix")) CHECK(pair.server->trace.ends_with("close(ECONNRESET)"));
    });
}

TEST_CASE("limits_one_write_beyond_the_limit_ends_the_connection") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        Connection& client = *pair.client->connection;
        client.set_output_limit(1000);
        CHECK(client.write(std::string(1000, 'x')).is_flowing());
        const WriteResult beyond = client.write("y");
        CHECK(beyond.kind == WriteResult::Kind::wait);
        CHECK(client.state() == Connection::State::closed);
        CHECK(client.pending() == 0);
        CHECK(client.write("z").code == ErrorCode::closed);
        CHECK(pair.client->trace == "open");  // from the loop, not from inside the call
        REQUIRE(world.until_closed(pair));
        CHECK(pair.client->trace == "open close(limit)");
    });
}

TEST_CASE("limits_hold_while_connecting_too") {
    in_every_world([](World& world) {
        Pair pair;
        world.begin_joining(pair);
        pair.client->connection->set_output_limit(10);
        pair.client->connection->write("eleven octe");
        REQUIRE(world.until([&] { return pair.client->is_closed(); }));
        CHECK(pair.client->trace == "close(limit)");
    });
}

TEST_CASE("limits_output_of_zero_means_none") {
    World world("epoll", "memory");
    Pair pair;
    REQUIRE(world.join(pair));
    pair.client->connection->set_output_limit(0);
    pair.client->connection->write(std::string(limits::output_limit + 1, 'x'));
    CHECK(pair.client->connection->pending() == limits::output_limit + 1);
    pair.client->connection->abort();
}

TEST_CASE("limits_two_that_write_and_close_without_reading_do_not_wait_for_ever") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        for (const PartyPtr& party : {pair.client, pair.server}) {
            party->connection->write(std::string(20'000'000, 'x'));
            party->connection->close();
        }
        REQUIRE(settle(world.reactor));
        CHECK_FALSE(pair.client->is_closed());
        world.clock.advance(limits::close_timeout - 1ns);
        REQUIRE(settle(world.reactor));
        CHECK_FALSE(pair.client->is_closed());
        world.clock.advance(1s);
        REQUIRE(world.until_closed(pair));
        CHECK((pair.client->trace + pair.server->trace).find("close(timeout)") != std::string::npos);
        CHECK(world.reactor.metrics().close_timeouts > 0);
    });
}

TEST_CASE("limits_close_timeout_counts_from_the_last_octet_that_left") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.server->connection->pause();
        pair.client->connection->set_close_timeout(10s);
        pair.client->connection->write(std::string(20'000'000, 'x'));
        pair.client->connection->close();
        for (int i = 0; i < 3; ++i) {  // a peer that takes a little every nine seconds
            REQUIRE(settle(world.reactor));
            CHECK_FALSE(pair.client->is_closed());
            const std::size_t before = pair.client->connection->pending();
            pair.server->connection->resume();
            REQUIRE(world.until([&] { return pair.client->connection->pending() < before; }));
            pair.server->connection->pause();
            REQUIRE(settle(world.reactor));
            world.clock.advance(9s);
        }
        REQUIRE(settle(world.reactor));
        CHECK_FALSE(pair.client->is_closed());
        world.clock.advance(1s);
        REQUIRE(world.until([&] { return pair.client->is_closed(); }));
        CHECK(pair.client->trace == "open close(timeout)");
    });
}

TEST_CASE("limits_close_timeout_of_zero_waits") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.server->connection->pause();
        pair.client->connection->set_close_timeout(Duration{0});
        pair.client->connection->write(std::string(20'000'000, 'x'));
        pair.client->connection->close();
        REQUIRE(settle(world.reactor));
        world.clock.advance(1h);
        REQUIRE(settle(world.reactor));
        CHECK_FALSE(pair.client->is_closed());
        pair.server->connection->resume();
        REQUIRE(world.until_closed(pair));
        CHECK(pair.client->trace == "open close");
        CHECK(pair.server->received.size() == 20'000'000);
    });
}

TEST_CASE("limits_full_listener_accepts_when_there_is_room_and_does_not_spin") {
    in_every_world([](World& world) {
        std::vector<Connection*> accepted;
        Result<Listener*> listener = listen(world.reactor, world.fresh_endpoint(),
                                            [&] {
                                                auto party = std::make_shared<Party>();
                                                party->on_open = [&](Connection& connection) { accepted.push_back(&connection); };
                                                return handler_of(party);
                                            },
                                            {.max_connections = 2, .tls = world.context()});
        REQUIRE(listener.ok());
        std::vector<PartyPtr> clients(5);
        for (PartyPtr& client : clients) {
            client = std::make_shared<Party>();
            REQUIRE(connect(world.reactor, listener.value()->endpoint(), handler_of(client), world.connect_options()).ok());
        }
        REQUIRE(settle(world.reactor));  // a spin would never settle
        CHECK(accepted.size() == 2);
        CHECK(world.reactor.metrics().connection_limit_hits > 0);
        accepted[0]->close();
        REQUIRE(world.until([&] { return accepted.size() == 3; }));
        REQUIRE(settle(world.reactor));
        CHECK(accepted.size() == 3);
        accepted[1]->abort();
        accepted[2]->abort();
        REQUIRE(world.until([&] { return accepted.size() == 5; }));
    });
}

TEST_CASE("limits_negative_max_connections_are_an_argument_error") {
    Reactor reactor;
    CHECK(listen(reactor, "memory://x", [] { return HandlerPtr{}; }, {.max_connections = -1}).error().code == ErrorCode::argument);
}

TEST_CASE("limits_many_connects_at_once_begin_a_share_a_turn") {
    World world("epoll", "memory");
    Result<Listener*> listener = listen(world.reactor, "memory://many", [] { return HandlerPtr(new Handler); }, {.backlog = 10'000});
    REQUIRE(listener.ok());
    std::vector<PartyPtr> clients(2 * limits::handshakes_per_turn + 10);
    for (PartyPtr& client : clients) {
        client = std::make_shared<Party>();
        REQUIRE(connect(world.reactor, "memory://many", handler_of(client)).ok());
    }
    REQUIRE(world.until([&] { return std::all_of(clients.begin(), clients.end(), [](const PartyPtr& one) { return one->is_open(); }); }));
    CHECK(world.reactor.metrics().handshake_limit_hits >= limits::handshakes_per_turn + 20);
}

TEST_CASE("limits_clock_that_jumps_makes_no_storm") {
    World world("epoll", "memory");
    int beats = 0;
    world.reactor.call_every(1ms, [&] { ++beats; });
    world.clock.advance(std::chrono::hours{24 * 365});
    REQUIRE(settle(world.reactor));
    CHECK(beats == 1);
    world.clock.advance(1ms);
    REQUIRE(settle(world.reactor));
    CHECK(beats == 2);
    CHECK(world.reactor.metrics().timers_fired == 2);
}

TEST_CASE("limits_ten_thousand_connections_opened_and_dropped_at_once") {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit allowed{before.rlim_max, before.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &allowed) != 0) allowed = before;
    const std::size_t room = allowed.rlim_cur < 200 ? 0 : (static_cast<std::size_t>(allowed.rlim_cur) - 100) / 2;
    const std::size_t wanted = 10'000;
    on_every_poller([&](const std::string& poller) {
        for (const std::string transport : {"tcp4", "memory"}) {
            // poll(2) looks at every descriptor each time: a tenth is enough to see whether it holds.
            const std::size_t most = poller == "poll" && transport != "memory" ? wanted / 10 : wanted;
            const std::size_t count = transport == "memory" ? wanted : std::min(most, room);
            CAPTURE(transport);
            if (count < most)
                std::printf("%zu connections over %s instead of %zu, as the system allows no more descriptors\n", count, transport.c_str(),
                            most);
            World world(poller, transport);
            std::vector<Pair> pairs(count);
            for (Pair& pair : pairs) REQUIRE(world.join(pair));
            CHECK(world.reactor.metrics().connections_opened == 2 * count);
            for (Pair& pair : pairs) pair.client->connection->abort();
            REQUIRE(world.until([&] {
                return std::all_of(pairs.begin(), pairs.end(),
                                   [](const Pair& pair) { return pair.client->is_closed() && pair.server->is_closed(); });
            }));
            const Metrics metrics = world.reactor.metrics();
            CHECK(metrics.connections_closed == 2 * count);
            CHECK(metrics.sources == 1);
            CHECK(metrics.timers == 0);
            CHECK(std::all_of(pairs.begin(), pairs.end(),
                              [](const Pair& pair) { return pair.client->handlers + pair.server->handlers == 0; }));
        }
    });
    ::setrlimit(RLIMIT_NOFILE, &before);
}
