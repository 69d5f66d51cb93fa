// Every transport on every poller: how octets flow: gathering, watermarks, pausing, fairness, idleness.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

TEST_CASE("flow_ten_megabytes_echo_unharmed") {
    in_every_world([](World& world) {
        Pair pair;
        const std::string octets = pattern(10'000'000);
        // Both obey the watermarks, so that the queues stay small.
        std::size_t sent = 0;
        std::size_t most_pending = 0;
        const auto send_some = [&](Connection& connection) {
            while (sent < octets.size()) {
                const Bytes piece = Bytes(octets).substr(sent, 50'000);
                sent += piece.size();
                const bool is_flowing = connection.write(piece).is_flowing();
                most_pending = std::max(most_pending, connection.pending());
                if (!is_flowing) return;
            }
        };
        pair.client->on_open = send_some;
        pair.client->on_drain = send_some;
        pair.server->on_data = [](Connection& connection, Bytes piece) {
            if (!connection.write(piece).is_flowing()) connection.pause();
        };
        pair.server->on_drain = [](Connection& connection) { connection.resume(); };
        world.begin_joining(pair);
        REQUIRE(world.until([&] { return pair.client->received.size() == octets.size(); }));
        CHECK((pair.client->received == octets));
        CHECK(most_pending <= limits::high_watermark + 50'000);
    });
}

TEST_CASE("flow_parts_arrive_as_one_piece_in_order_whatever_their_size") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        Connection& client = *pair.client->connection;
        std::string expected;
        // Nothing, small, worth a call of its own, and more than the system takes at once; from outside of the loop and from a callback.
        const auto write = [&](std::size_t size) {
            const std::string octets = pattern(size);
            const Bytes all = octets;
            client.write_parts({all.substr(0, size / 3), "", all.substr(size / 3), "\r\n"});
            expected += octets + "\r\n";
        };
        for (const std::size_t size : {0, 1, 100, 20'000}) write(size);
        world.reactor.next_tick([&] {
            for (const std::size_t size : {100'000, 20'000, 5'000'000, 3}) write(size);
        });
        REQUIRE(world.until([&] { return pair.server->received.size() == expected.size(); }));
        CHECK((pair.server->received == expected));
        CHECK(client.write_parts({}).is_flowing());
    });
}

TEST_CASE("flow_parts_are_refused_together") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        Connection& client = *pair.client->connection;
        client.set_output_limit(10);
        CHECK(client.write_parts({"12345", "67890"}).is_flowing());
        CHECK(client.pending() == 10);
        REQUIRE(world.until([&] { return pair.server->received == "1234567890"; }));
        CHECK(client.write_parts({"12345", "67890", "1"}).kind == WriteResult::Kind::wait);
        CHECK(client.state() == Connection::State::closed);
        CHECK(client.write_parts({"x"}).code == ErrorCode::closed);
        REQUIRE(world.until([&] { return pair.client->reason.code == ErrorCode::limit; }));
        CHECK(pair.server->received == "1234567890");
    });
}

TEST_CASE("flow_watermarks_say_wait_and_then_drain_once") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        Connection& client = *pair.client->connection;
        pair.server->connection->pause();
        REQUIRE(client.set_watermarks(1000, 2000).ok());
        CHECK(client.write(std::string(2000, 'x')).is_flowing());
        CHECK_FALSE(client.write("x").is_flowing());
        CHECK_FALSE(client.write("y").is_flowing());
        // More than any queue of the system takes at once.
        client.write(std::string(20'000'000, 'x'));
        REQUIRE(settle(world.reactor));
        CHECK(client.pending() > 1000);
        CHECK(pair.client->trace == "open");
        pair.server->connection->resume();
        REQUIRE(world.until([&] { return pair.client->trace == "open drain"; }));
        CHECK(client.pending() <= 1000);
        CHECK(client.write("x").is_flowing());
        REQUIRE(world.until([&] { return pair.server->received.size() == 20'002'003; }));
        CHECK(pair.client->trace == "open drain");
    });
}

TEST_CASE("flow_watermarks_crossed_and_flushed_in_one_turn_still_drain") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        REQUIRE(pair.client->connection->set_watermarks(0, 0).ok());
        CHECK_FALSE(pair.client->connection->write("x").is_flowing());
        REQUIRE(world.until([&] { return pair.client->trace == "open drain"; }));
        REQUIRE(settle(world.reactor));
        CHECK(pair.client->trace == "open drain");
    });
}

TEST_CASE("flow_watermarks_upside_down_are_an_argument_error") {
    World world("epoll", "memory");
    Pair pair;
    REQUIRE(world.join(pair));
    CHECK(pair.client->connection->set_watermarks(2, 1).error().code == ErrorCode::argument);
}

TEST_CASE("flow_drain_comes_after_the_peer_half_closed") {
    in_every_world([](World& world) {
        Pair pair;
        pair.server->on_end = [](Connection&) {};
        REQUIRE(world.join(pair));
        pair.client->connection->end_write();
        REQUIRE(world.until([&] { return pair.server->has_ended(); }));
        pair.server->connection->write(std::string(limits::high_watermark + 1, 'x'));
        CHECK(world.until([&] { return pair.server->trace == "open end drain"; }));
    });
}

TEST_CASE("flow_writes_of_a_turn_are_pending_until_it_ends") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        Connection& client = *pair.client->connection;
        world.reactor.next_tick([&] {
            for (const std::string_view piece : {"one ", "two ", "three"}) client.write(piece);
            CHECK(client.pending() == 13);
        });
        REQUIRE(world.reactor.run_once(Duration{0}).ok());
        CHECK(client.pending() == 0);
        REQUIRE(world.until([&] { return !pair.server->received.empty(); }));
        CHECK(pair.server->received == "one two three");  // in one piece, as they left in one call
    });
}

TEST_CASE("flow_empty_write_sends_nothing") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        CHECK(pair.client->connection->write("").is_flowing());
        REQUIRE(settle(world.reactor));
        CHECK(pair.server->trace == "open");
    });
}

TEST_CASE("flow_paused_gets_neither_data_nor_end_until_resume") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.server->connection->pause();
        pair.client->connection->write("x");
        pair.client->connection->close();
        REQUIRE(settle(world.reactor));
        CHECK(pair.server->trace == "open");
        CHECK(pair.server->connection->is_paused());
        pair.server->connection->resume();
        REQUIRE(world.until_closed(pair));
        CHECK(pair.server->trace == "open data end close");
    });
}

TEST_CASE("flow_paused_in_on_data_gets_no_more_in_that_turn") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        int calls = 0;
        pair.server->on_data = [&](Connection& connection, Bytes) {
            ++calls;
            connection.pause();
        };
        const std::string octets = pattern(300'000);
        pair.client->connection->write(octets);
        REQUIRE(world.until([&] { return calls == 1; }));
        REQUIRE(settle(world.reactor));
        CHECK(calls == 1);
        while (pair.server->received.size() < octets.size()) {
            const std::size_t before = pair.server->received.size();
            pair.server->connection->resume();
            REQUIRE(world.until([&] { return pair.server->received.size() > before; }));
        }
        CHECK((pair.server->received == octets));
    });
}

TEST_CASE("flow_paused_in_on_open_gets_nothing") {
    in_every_world([](World& world) {
        Pair pair;
        pair.server->on_open = [](Connection& connection) { connection.pause(); };
        pair.client->on_open = [](Connection& connection) { connection.write("x"); };
        REQUIRE(world.join(pair));
        REQUIRE(settle(world.reactor));
        CHECK(pair.server->trace == "open");
        pair.server->connection->resume();
        CHECK(world.until([&] { return pair.server->received == "x"; }));
    });
}

TEST_CASE("flow_pause_and_resume_in_one_turn_lose_nothing") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.server->on_data = [](Connection& connection, Bytes) {
            connection.pause();
            connection.resume();
        };
        const std::string octets = pattern(500'000);
        pair.client->connection->write(octets);
        REQUIRE(world.until([&] { return pair.server->received.size() == octets.size(); }));
        CHECK((pair.server->received == octets));
    });
}

TEST_CASE("flow_one_busy_stream_does_not_starve_another") {
    in_every_world([](World& world) {
        Pair busy;
        Pair quiet;
        REQUIRE(world.join(busy));
        REQUIRE(world.join(quiet));
        std::size_t busy_octets = 0;
        busy.server->on_data = [&](Connection&, Bytes octets) {
            busy_octets += octets.size();
            busy.server->received.clear();
        };
        const std::string block(100'000, 'x');
        const auto feed = [&](Connection& connection) {
            while (connection.write(block).is_flowing()) {
            }
        };
        busy.client->on_drain = feed;
        feed(*busy.client->connection);
        REQUIRE(world.until([&] { return busy_octets > 1'000'000; }));
        const std::size_t before = busy_octets;
        quiet.client->connection->write("me too");
        REQUIRE(world.until([&] { return quiet.server->received == "me too"; }));
        // A turn for the octets to leave and one for them to be read: a share of the busy one in each, and what it had before.
        CHECK(busy_octets - before <= 3 * (limits::read_per_turn + limits::receive_buffer));
        busy.client->connection->abort();
    });
}

TEST_CASE("flow_one_stream_reads_a_bounded_amount_in_a_turn") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        const std::size_t size = 8 * limits::read_per_turn;
        std::size_t most = 0;
        const auto is_limit_hit = [&] { return world.reactor.metrics().read_limit_hits > 0; };
        // Of TCP's queues there is more than a share to be read at once, unless the system is slow to move octets from one to the other.
        for (int round = 0; round < 100 && (round == 0 || (world.is("tcp") && !is_limit_hit())); ++round) {
            pair.server->received.clear();
            pair.server->connection->pause();
            pair.client->connection->write(std::string(size, 'x'));
            REQUIRE(settle(world.reactor));  // the queues of the system are full
            pair.server->connection->resume();
            REQUIRE(world.until([&] {
                const std::size_t before = pair.server->received.size();
                static_cast<void>(world.reactor.run_once(10ms));
                most = std::max(most, pair.server->received.size() - before);
                return pair.server->received.size() == size;
            }));
        }
        // However often it is called: for readiness, for resume(), for what its share left over. The last read may go beyond the share.
        CHECK(most <= limits::read_per_turn + limits::receive_buffer);
        if (world.is("tcp")) CHECK(is_limit_hit());  // other queues are smaller than the share
    });
}

TEST_CASE("flow_idle_connection_ends_with_timeout_and_not_before") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.server->connection->set_idle_timeout(10s);
        world.clock.advance(9s);
        pair.client->connection->write("sign of life");
        REQUIRE(world.until([&] { return !pair.server->received.empty(); }));
        world.clock.advance(9s);  // 18 s after the start, 9 s after the octets
        REQUIRE(settle(world.reactor));
        CHECK_FALSE(pair.server->is_closed());
        pair.server->connection->write("octets out count too");
        REQUIRE(world.until([&] { return !pair.client->received.empty(); }));
        world.clock.advance(10s - 1ns);
        REQUIRE(settle(world.reactor));
        CHECK_FALSE(pair.server->is_closed());
        world.clock.advance(1ns);
        REQUIRE(world.until_closed(pair));
        CHECK(pair.server->trace == "open data close(timeout)");
    });
}

TEST_CASE("flow_idle_timeout_of_zero_turns_it_off") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.server->connection->set_idle_timeout(10s);
        pair.server->connection->set_idle_timeout(Duration{0});
        world.clock.advance(1h);
        REQUIRE(settle(world.reactor));
        CHECK_FALSE(pair.server->is_closed());
    });
}

TEST_CASE("flow_idle_timeout_ends_a_close_that_cannot_flush") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.server->connection->pause();
        pair.client->connection->set_idle_timeout(10s);
        pair.client->connection->write(std::string(20'000'000, 'x'));
        pair.client->connection->close();
        REQUIRE(settle(world.reactor));
        CHECK(pair.client->connection->state() == Connection::State::closing);
        world.clock.advance(10s);
        CHECK(world.until([&] { return pair.client->is_closed(); }));
        CHECK(pair.client->trace == "open close(timeout)");
    });
}

TEST_CASE("flow_thousand_connections_are_all_served") {
    in_every_world([](World& world) {
        std::vector<Pair> pairs(1000);
        for (Pair& pair : pairs) {
            pair.server->on_data = [](Connection& connection, Bytes octets) { connection.write(octets); };
            pair.client->on_open = [](Connection& connection) { connection.write("ping"); };
            pair.client->on_data = [](Connection& connection, Bytes) { connection.close(); };
            REQUIRE(world.join(pair));
        }
        REQUIRE(world.until([&] {
            return std::all_of(pairs.begin(), pairs.end(),
                               [](const Pair& pair) { return pair.client->is_closed() && pair.server->is_closed(); });
        }));
        CHECK(std::all_of(pairs.begin(), pairs.end(),
                          [](const Pair& pair) { return pair.client->received == "ping" && pair.server->handlers == 0; }));
    });
}
