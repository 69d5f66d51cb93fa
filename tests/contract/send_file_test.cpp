// Every transport on every poller: send_file: files in the order of the output, without memory and with a bounded share of a turn.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/child.h"
#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

struct Files {
    Scratch scratch;

    std::string make(const std::string& name, const std::string& octets) const {
        std::ofstream(scratch.path(name), std::ios::binary) << octets;
        return scratch.path(name);
    }
};

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace

TEST_CASE("send_file_leaves_in_the_order_of_the_calls") {
    const Files files;
    const std::string path = files.make("f", "0123456789");
    in_every_world([&](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        Connection& client = *pair.client->connection;
        client.write("<");
        REQUIRE(client.send_file(path).ok());
        CHECK_FALSE(client.write("|").is_flowing());
        REQUIRE(client.send_file(path, 4).ok());
        REQUIRE(client.send_file(path, 2, 3).ok());
        REQUIRE(client.send_file(path, 10).ok());
        REQUIRE(client.send_file(path, 0, 0).ok());
        client.write(">");
        CHECK(client.pending() == 3 + 10 + 6 + 3);
        REQUIRE(world.until([&] { return pair.server->received == "<0123456789|456789234>"; }));
        REQUIRE(world.until([&] { return pair.client->trace == "open drain"; }));
        CHECK(client.pending() == 0);
        CHECK(client.write("x").is_flowing());
    });
}

TEST_CASE("send_file_between_large_writes_keeps_the_order") {
    const Files files;
    const std::string inner = pattern(3'000'000);
    const std::string path = files.make("f", inner);
    in_every_world([&](World& world) {
        Pair pair;
        pair.client->on_end = [](Connection&) {};
        world.begin_joining(pair);  // some of it before the stream is there
        const std::string outer = pattern(700'001);
        std::string all;
        for (int i = 0; i < 3; ++i) {
            pair.client->connection->write(outer);
            REQUIRE(pair.client->connection->send_file(path, i * 1000).ok());
            all += outer + inner.substr(static_cast<std::size_t>(i) * 1000);
        }
        pair.client->connection->write("end");
        pair.client->connection->end_write();
        REQUIRE(world.until([&] { return pair.server->has_ended(); }));
        CHECK((pair.server->received == all + "end"));
    });
}

TEST_CASE("send_file_much_to_a_slow_reader_and_close_sends_all") {
    const Files files;
    const std::string octets = pattern(64 * 1024 * 1024);
    const std::string path = files.make("f", octets);
    for (const std::string& transport : transports) {
        CAPTURE(transport);
        World world("epoll", transport);
        Pair pair;
        pair.server->on_data = [&](Connection& connection, Bytes) {
            connection.pause();
            world.reactor.next_tick([&connection] { connection.resume(); });
        };
        REQUIRE(world.join(pair));
        REQUIRE(pair.client->connection->send_file(path).ok());
        pair.client->connection->close();
        REQUIRE(world.until_closed(pair));
        CHECK((pair.server->received == octets));
        CHECK(pair.server->trace == "open data end close");
        CHECK(pair.client->trace == "open close");
    }
}

TEST_CASE("send_file_takes_only_its_share_of_a_turn") {
    const Files files;
    const std::string path = files.make("f", pattern(20'000'000));
    World world("epoll", "tcp4");
    Pair pair;
    REQUIRE(world.join(pair));
    REQUIRE(pair.client->connection->send_file(path).ok());
    std::size_t before = pair.client->connection->pending();
    while (pair.client->connection->pending() > 0) {
        REQUIRE(world.reactor.run_once(Duration{0}).ok());
        const std::size_t now = pair.client->connection->pending();
        CHECK(before - now <= limits::file_per_turn);
        before = now;
    }
    CHECK(world.until([&] { return pair.server->received.size() == 20'000'000; }));
}

TEST_CASE("send_file_empty_is_sent_at_once_and_told") {
    const Files files;
    const std::string path = files.make("f", "");
    in_every_world([&](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        REQUIRE(pair.client->connection->send_file(path).ok());
        CHECK(world.until([&] { return pair.client->trace == "open drain"; }));
    });
}

TEST_CASE("send_file_that_cannot_be_sent_is_refused_by_the_call") {
    const Files files;
    const std::string path = files.make("f", "0123456789");
    World world("epoll", "memory");
    Pair pair;
    REQUIRE(world.join(pair));
    Connection& client = *pair.client->connection;
    CHECK(client.send_file(files.scratch.path("none")).error().os == ENOENT);
    CHECK(client.send_file(files.scratch.path("")).error().os == EISDIR);
    CHECK(client.send_file("").error().os == ENOENT);
    CHECK(client.send_file(std::string_view("a\0b", 3)).error().code == ErrorCode::argument);
    CHECK(client.send_file(path, 11).error().code == ErrorCode::argument);
    CHECK(client.send_file(path, -1).error().code == ErrorCode::argument);
    CHECK(client.send_file(path, 0, -2).error().code == ErrorCode::argument);
    CHECK(client.send_file(path, 5, 6).error().code == ErrorCode::argument);
    REQUIRE(::mkfifo(files.scratch.path("pipe").c_str(), 0600) == 0);
    CHECK(client.send_file(files.scratch.path("pipe")).error().code == ErrorCode::argument);
    if (::geteuid() != 0) {  // root may read everything
        REQUIRE(::chmod(path.c_str(), 0) == 0);
        CHECK(client.send_file(path).error().os == EACCES);
        REQUIRE(::chmod(path.c_str(), 0600) == 0);
    }
    CHECK(client.pending() == 0);
    client.end_write();
    CHECK(client.send_file(path).error().code == ErrorCode::state);
    client.close();
    CHECK(client.send_file(path).error().code == ErrorCode::closed);
}

TEST_CASE("send_file_that_becomes_shorter_ends_with_an_error_and_a_reset") {
    const Files files;
    const std::string path = files.make("f", "");
    in_every_world([&](World& world) {
        REQUIRE(::truncate(path.c_str(), 30'000'000) == 0);
        Pair pair;
        REQUIRE(world.join(pair));
        pair.server->connection->pause();
        REQUIRE(pair.client->connection->send_file(path).ok());
        REQUIRE(settle(world.reactor));
        REQUIRE(::truncate(path.c_str(), 1) == 0);
        pair.server->connection->resume();
        REQUIRE(world.until_closed(pair));
        CHECK(pair.client->trace == "open close(EIO)");
        CHECK(pair.client->reason.endpoint == path);
        CHECK(pair.server->received.size() < 30'000'000);
        if (!world.is("unix")) CHECK(pair.server->trace.ends_with("close(ECONNRESET)"));
    });
}

TEST_CASE("send_file_is_closed_with_the_connection") {
    const Files files;
    const std::string path = files.make("f", pattern(30'000'000));
    in_every_world([&](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.server->connection->pause();
        const std::size_t before = open_descriptors();
        REQUIRE(pair.client->connection->send_file(path).ok());
        REQUIRE(pair.client->connection->send_file(path).ok());
        REQUIRE(settle(world.reactor));
        CHECK(open_descriptors() == before + 2);
        pair.client->connection->abort();
        CHECK(open_descriptors() == before);
        CHECK(world.until([&] { return pair.client->is_closed(); }));
    });
}

TEST_CASE("send_file_counts_as_activity") {
    const Files files;
    const std::string path = files.make("f", pattern(5'000'000));
    in_every_world([&](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.client->connection->set_idle_timeout(10s);
        world.clock.advance(9s);
        REQUIRE(pair.client->connection->send_file(path).ok());
        REQUIRE(world.until([&] { return pair.server->received.size() == 5'000'000; }));
        world.clock.advance(9s);
        REQUIRE(settle(world.reactor));
        CHECK(pair.client->is_open());
    });
}

TEST_CASE("send_file_to_a_gone_peer_raises_no_signal") {
    const Files files;
    const std::string path = files.make("f", pattern(100'000));
    for (const std::string& transport : transports) {
        CAPTURE(transport);
        CHECK(in_child([&] {
                  std::signal(SIGPIPE, SIG_DFL);
                  World world("epoll", transport);
                  Pair pair;
                  if (!world.join(pair)) return 1;
                  pair.client->on_end = [](Connection&) {};
                  pair.server->connection->close();
                  if (!world.until([&] { return pair.server->is_closed() && pair.client->has_ended(); })) return 2;
                  for (int i = 0; i < 100 && !pair.client->is_closed(); ++i) {
                      if (!pair.client->connection->send_file(path) || !settle(world.reactor)) break;
                      world.clock.advance(1s);  // the peer's socket may linger
                  }
                  return pair.client->is_closed() || pair.client->connection->write("x").has_failed() ? 0 : 3;
              }) == 0);
    }
}
