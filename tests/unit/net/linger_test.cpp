// After close(): the socket stays to swallow what the peer still sends, but neither for ever nor without limit.
#include "tidemill/net/linger.h"

#include <doctest/doctest.h>

#include <string>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

TEST_CASE("linger_ends_when_the_peer_ends") {
    on_every_poller([](const std::string& poller) {
        World world(poller, "tcp4");
        Pair pair;
        REQUIRE(world.join(pair));
        world.close_listener();
        pair.server->connection->close();
        // The client closes by default; then nothing is left, without the clock having moved.
        CHECK(world.reactor.run().ok());
        CHECK(pair.client->trace == "open end close");
        CHECK(pair.server->trace == "open close");
    });
}

TEST_CASE("linger_ends_after_its_time_when_the_peer_does_not") {
    on_every_poller([](const std::string& poller) {
        World world(poller, "tcp4");
        Pair pair;
        pair.client->on_end = [](Connection&) {};
        REQUIRE(world.join(pair));
        pair.server->connection->close();
        REQUIRE(world.until([&] { return pair.client->has_ended() && pair.server->is_closed(); }));
        pair.client->connection->write("swallowed");
        REQUIRE(settle(world.reactor));
        CHECK(pair.client->trace == "open end");
        world.clock.advance(limits::linger_time);
        REQUIRE(settle(world.reactor));
        // Now the socket is gone, and writing to it meets a reset.
        for (int i = 0; i < 100 && !pair.client->is_closed(); ++i) {
            if (pair.client->connection) pair.client->connection->write("refused");
            REQUIRE(settle(world.reactor));
        }
        CHECK(pair.client->is_closed());
        CHECK(pair.client->reason.os != 0);
    });
}

TEST_CASE("linger_does_not_outlive_stop") {
    World world("epoll", "tcp4");
    Pair pair;
    pair.client->on_end = [](Connection&) {};
    REQUIRE(world.join(pair));
    pair.server->connection->close();
    REQUIRE(world.until([&] { return pair.client->has_ended(); }));
    world.reactor.stop();
    REQUIRE(world.reactor.run().ok());
    CHECK(pair.client->trace == "open end close(cancelled)");
    CHECK(world.reactor.run().ok());
}
