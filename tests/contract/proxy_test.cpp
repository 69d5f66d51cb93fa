// Every transport on every poller: proxy_to: octets that go from one connection to another past the handlers.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

// origin ---- entry => exit ---- sink: what origin writes goes through entry and exit, which this side holds, to sink.
struct Tunnel {
    Pair near;  // origin is its client
    Pair far;   // sink is its server

    explicit Tunnel(World& world) {
        REQUIRE(world.join(near));
        REQUIRE(world.join(far));
    }
    Party& origin() { return *near.client; }
    Party& entry() { return *near.server; }
    Party& exit() { return *far.client; }
    Party& sink() { return *far.server; }
    Result<void> join(std::int64_t length = -1) { return entry().connection->proxy_to(*exit().connection, length); }
};

// Writes all of it, as fast as the watermarks allow, then ends.
void write_all(Party& party, const std::string& octets, std::size_t piece_size) {
    const auto next = [&octets, piece_size, sent = std::size_t{0}](Connection& connection) mutable {
        while (sent < octets.size()) {
            const Bytes piece = Bytes(octets).substr(sent, piece_size);
            sent += piece.size();
            if (!connection.write(piece).is_flowing()) return;
        }
        connection.end_write();
    };
    party.on_drain = next;
    party.on_end = [](Connection&) {};
    party.on_drain(*party.connection);
}

}  // namespace

TEST_CASE("proxy_moves_much_to_a_slow_reader_in_little_memory") {
    for (const std::string& transport : transports) {
        CAPTURE(transport);
        World world("epoll", transport);
        Tunnel tunnel(world);
        const std::string octets = pattern(64 * 1024 * 1024);
        std::size_t most_pending = 0;
        // Reads once, then lets the others have a turn.
        tunnel.sink().on_data = [&](Connection& connection, Bytes) {
            most_pending = std::max(most_pending, tunnel.exit().connection->pending());
            connection.pause();
            world.reactor.next_tick([&connection] { connection.resume(); });
        };
        tunnel.entry().on_end = [&](Connection&) { tunnel.exit().connection->end_write(); };
        tunnel.sink().on_end = [](Connection&) {};
        REQUIRE(tunnel.join().ok());
        write_all(tunnel.origin(), octets, 100'000);
        REQUIRE(world.until([&] { return tunnel.sink().has_ended(); }));
        CHECK((tunnel.sink().received == octets));
        CHECK(tunnel.entry().trace == "open end");
        CHECK(tunnel.entry().connection->proxied() == octets.size());
        CHECK(most_pending <= limits::high_watermark + limits::receive_buffer);
    }
}

TEST_CASE("proxy_moves_both_ways_at_once_in_pieces_of_any_size") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        const std::string there = pattern(3'000'000), back = pattern(2'500'000);
        std::mt19937 random(7);
        std::uniform_int_distribution<std::size_t> size(1, 70'000);
        const auto pieces = [&](Party& party, const std::string& octets) {
            for (std::size_t sent = 0; sent < octets.size();) {
                const Bytes piece = Bytes(octets).substr(sent, size(random));
                party.connection->write(piece);
                sent += piece.size();
            }
        };
        REQUIRE(tunnel.join().ok());
        REQUIRE(tunnel.exit().connection->proxy_to(*tunnel.entry().connection).ok());
        pieces(tunnel.origin(), there);
        pieces(tunnel.sink(), back);
        REQUIRE(
            world.until([&] { return tunnel.sink().received.size() == there.size() && tunnel.origin().received.size() == back.size(); }));
        CHECK((tunnel.sink().received == there));
        CHECK((tunnel.origin().received == back));
        CHECK(tunnel.entry().trace == "open");
        CHECK(tunnel.exit().trace == "open");
    });
}

TEST_CASE("proxy_keeps_its_place_behind_what_the_target_was_given_before") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        tunnel.exit().connection->write("before ");
        REQUIRE(tunnel.join().ok());
        tunnel.origin().connection->write("between ");
        REQUIRE(world.until([&] { return tunnel.sink().received == "before between "; }));
        tunnel.exit().connection->write("behind");
        CHECK(world.until([&] { return tunnel.sink().received == "before between behind"; }));
    });
}

TEST_CASE("proxy_of_a_length_gives_the_rest_to_the_handler") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        REQUIRE(tunnel.join(200'000).ok());
        const std::string octets = pattern(300'000);
        tunnel.origin().connection->write(octets);
        REQUIRE(world.until([&] { return tunnel.entry().received.size() == 100'000; }));
        REQUIRE(world.until([&] { return tunnel.sink().received.size() == 200'000; }));
        CHECK((tunnel.sink().received + tunnel.entry().received == octets));
        CHECK(tunnel.entry().trace == "open proxied data");
        CHECK(tunnel.entry().connection->proxied() == 200'000);
        REQUIRE(tunnel.join(1).ok());  // again, and from the beginning
        CHECK(tunnel.entry().connection->proxied() == 0);
    });
}

TEST_CASE("proxy_end_may_pause_before_the_rest_comes") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        tunnel.entry().on_proxy_end = [](Connection& connection) { connection.pause(); };
        REQUIRE(tunnel.join(3).ok());
        tunnel.origin().connection->write("onetwo");
        REQUIRE(world.until([&] { return tunnel.sink().received == "one"; }));
        REQUIRE(settle(world.reactor));
        CHECK(tunnel.entry().trace == "open proxied");
        tunnel.entry().connection->resume();
        CHECK(world.until([&] { return tunnel.entry().received == "two"; }));
    });
}

TEST_CASE("proxy_whose_target_closes_under_way_goes_back_to_the_handler") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        const std::string octets = pattern(5'000'000);
        bool has_closed = false;
        tunnel.sink().on_data = [&](Connection&, Bytes) {
            if (!std::exchange(has_closed, true)) tunnel.exit().connection->close();
        };
        REQUIRE(tunnel.join().ok());
        tunnel.origin().connection->write(octets);
        REQUIRE(world.until(
            [&] { return tunnel.sink().has_ended() && tunnel.sink().received.size() + tunnel.entry().received.size() == octets.size(); }));
        // close() sends what the target had taken: nothing is lost.
        CHECK((tunnel.sink().received + tunnel.entry().received == octets));
        CHECK(tunnel.entry().trace == "open proxied(closed) data");
        CHECK(tunnel.entry().connection->proxied() == tunnel.sink().received.size());
    });
}

TEST_CASE("proxy_whose_target_ends_writing_ends") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        REQUIRE(tunnel.join().ok());
        tunnel.exit().connection->end_write();
        CHECK(tunnel.entry().trace == "open");  // from the loop only
        CHECK(world.until([&] { return tunnel.entry().trace == "open proxied(closed)"; }));
    });
}

TEST_CASE("proxy_whose_target_is_reset_under_way_is_told_why") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        tunnel.sink().on_data = [&](Connection& connection, Bytes) { connection.abort(); };
        REQUIRE(tunnel.join().ok());
        tunnel.origin().connection->write(std::string(5'000'000, 'x'));
        REQUIRE(world.until([&] { return tunnel.exit().is_closed(); }));
        REQUIRE(world.until([&] { return tunnel.entry().trace.starts_with("open proxied("); }));
        const std::size_t moved = tunnel.entry().connection->proxied();
        CHECK(world.until([&] { return moved + tunnel.entry().received.size() == 5'000'000; }));
    });
}

TEST_CASE("proxy_whose_source_is_reset_leaves_the_target_open") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        std::uint64_t proxied = 0;
        tunnel.entry().on_close = [&](Connection& connection) { proxied = connection.proxied(); };
        REQUIRE(tunnel.join().ok());
        tunnel.origin().connection->write("0123456789");
        REQUIRE(world.until([&] { return tunnel.sink().received.size() == 10; }));
        tunnel.origin().connection->abort();
        REQUIRE(world.until([&] { return tunnel.entry().is_closed(); }));
        REQUIRE(settle(world.reactor));
        CHECK(proxied == 10);
        CHECK(tunnel.exit().is_open());
        // And free for another source.
        Pair other;
        REQUIRE(world.join(other));
        REQUIRE(other.server->connection->proxy_to(*tunnel.exit().connection).ok());
        other.client->connection->write("more");
        CHECK(world.until([&] { return tunnel.sink().received == "0123456789more"; }));
    });
}

TEST_CASE("proxy_source_end_is_told_and_not_passed_on") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        tunnel.entry().on_end = [](Connection&) {};
        REQUIRE(tunnel.join().ok());
        tunnel.origin().connection->write("last words");
        tunnel.origin().connection->end_write();
        REQUIRE(world.until([&] { return tunnel.entry().has_ended(); }));
        REQUIRE(settle(world.reactor));
        CHECK(tunnel.sink().received == "last words");
        CHECK(tunnel.sink().trace == "open data");
        tunnel.exit().connection->end_write();
        REQUIRE(settle(world.reactor));
        CHECK(tunnel.entry().trace == "open end");
    });
}

TEST_CASE("proxy_stopped_gives_everything_to_the_handler_again") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        REQUIRE(tunnel.join().ok());
        tunnel.origin().connection->write("one");
        REQUIRE(world.until([&] { return tunnel.sink().received == "one"; }));
        tunnel.entry().connection->stop_proxy();
        tunnel.entry().connection->stop_proxy();
        tunnel.origin().connection->write("two");
        REQUIRE(world.until([&] { return tunnel.entry().received == "two"; }));
        CHECK(tunnel.entry().trace == "open data");
        CHECK(tunnel.entry().connection->proxied() == 3);
    });
}

TEST_CASE("proxy_held_by_a_full_target_is_freed_by_stop_proxy") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        tunnel.sink().connection->pause();
        REQUIRE(tunnel.join().ok());
        const std::string octets = pattern(30'000'000);
        tunnel.origin().connection->write(octets);
        REQUIRE(settle(world.reactor));
        CHECK(tunnel.exit().connection->pending() > limits::high_watermark);
        CHECK(tunnel.exit().connection->pending() <= limits::high_watermark + limits::receive_buffer);
        const std::size_t moved = tunnel.entry().connection->proxied();
        CHECK(moved < octets.size());
        tunnel.entry().connection->stop_proxy();
        REQUIRE(world.until([&] { return moved + tunnel.entry().received.size() == octets.size(); }));
        CHECK((tunnel.entry().received == octets.substr(moved)));
    });
}

TEST_CASE("proxy_to_a_target_on_its_way_waits_for_it") {
    in_every_world([](World& world) {
        Pair near, far;
        REQUIRE(world.join(near));
        world.begin_joining(far);
        REQUIRE(near.server->connection->proxy_to(*far.client->connection).ok());
        near.client->connection->write("early");
        CHECK(world.until([&] { return far.server->received == "early"; }));
    });
}

TEST_CASE("proxy_to_what_cannot_be_a_target_is_refused") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        Connection& entry = *tunnel.entry().connection;
        Connection& exit = *tunnel.exit().connection;
        CHECK(entry.proxy_to(entry).error().code == ErrorCode::state);
        CHECK(entry.proxy_to(exit, 0).error().code == ErrorCode::argument);
        CHECK(entry.proxy_to(exit, -2).error().code == ErrorCode::argument);
        REQUIRE(entry.proxy_to(exit).ok());
        REQUIRE(entry.proxy_to(exit).ok());  // it is the source already
        CHECK(tunnel.origin().connection->proxy_to(exit).error().code == ErrorCode::state);
        World other("poll", "memory");
        Pair foreign;
        REQUIRE(other.join(foreign));
        CHECK(entry.proxy_to(*foreign.client->connection).error().code == ErrorCode::state);
        exit.end_write();
        CHECK(entry.proxy_to(exit).error().code == ErrorCode::state);
        exit.close();
        CHECK(entry.proxy_to(exit).error().code == ErrorCode::state);
        entry.close();
        CHECK(entry.proxy_to(*tunnel.sink().connection).error().code == ErrorCode::closed);
    });
}

TEST_CASE("proxy_both_ways_survives_the_reactors_end") {
    in_every_world([](World& world) {
        Tunnel tunnel(world);
        REQUIRE(tunnel.join().ok());
        REQUIRE(tunnel.exit().connection->proxy_to(*tunnel.entry().connection).ok());
        tunnel.origin().connection->write(std::string(1'000'000, 'x'));
        REQUIRE(world.reactor.run_once(Duration{0}).ok());
        world.reactor.stop();
        REQUIRE(world.reactor.run().ok());
        CHECK(tunnel.entry().trace == "open close(cancelled)");
    });
}
