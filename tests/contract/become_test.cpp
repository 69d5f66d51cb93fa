// Every transport on every poller: become: another handler for a stream that goes on.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

PartyPtr party() {
    return std::make_shared<Party>();
}

}  // namespace

TEST_CASE("become_in_on_data_gives_the_rest_to_the_new_handler_first") {
    in_every_world([](World& world) {
        Pair pair;
        const PartyPtr next = party();
        pair.server->on_data = [&](Connection& connection, Bytes octets) {
            const SourceId id = connection.id();
            CHECK(connection.become(handler_of(next), octets.substr(5)).ok());
            CHECK(next->trace == "");
            CHECK(pair.server->handlers == 1);  // its callback is under way
            CHECK(connection.id() == id);
            connection.write("switched ");
        };
        next->on_open = [](Connection& connection) { connection.write("opened"); };
        REQUIRE(world.join(pair));
        pair.client->connection->write("HELLOrest");
        REQUIRE(world.until([&] { return next->received == "rest"; }));
        pair.client->connection->write(" more");
        REQUIRE(world.until([&] { return next->received == "rest more"; }));
        pair.client->connection->close();
        REQUIRE(world.until([&] { return next->is_closed(); }));
        CHECK(pair.client->received == "switched opened");
        CHECK(pair.server->trace == "open data");
        CHECK(pair.server->handlers == 0);
        CHECK(next->trace == "open data end close");
        CHECK(next->handlers == 0);
    });
}

TEST_CASE("become_outside_callbacks_releases_the_old_handler_in_the_loop") {
    in_every_world([](World& world) {
        Pair pair;
        const PartyPtr next = party();
        REQUIRE(world.join(pair));
        REQUIRE(pair.server->connection->become(handler_of(next)).ok());
        CHECK(pair.server->handlers == 1);
        CHECK(next->trace == "");
        REQUIRE(settle(world.reactor));
        CHECK(pair.server->handlers == 0);
        CHECK(next->trace == "open");
    });
}

TEST_CASE("become_twice_at_once_opens_the_last_only") {
    in_every_world([](World& world) {
        Pair pair;
        const PartyPtr second = party(), third = party();
        REQUIRE(world.join(pair));
        Connection& connection = *pair.server->connection;
        REQUIRE(connection.become(handler_of(second), "octets").ok());
        REQUIRE(connection.become(handler_of(third)).ok());
        REQUIRE(world.until([&] { return third->received == "octets"; }));
        CHECK(second->trace == "");
        CHECK(second->handlers == 0);
        CHECK(third->trace == "open data");
    });
}

TEST_CASE("become_in_the_new_handlers_callbacks") {
    in_every_world([](World& world) {
        Pair pair;
        const PartyPtr second = party(), third = party();
        second->on_open = [&](Connection& connection) { CHECK(connection.become(handler_of(third), "b").ok()); };
        REQUIRE(world.join(pair));
        REQUIRE(pair.server->connection->become(handler_of(second), "a").ok());
        REQUIRE(world.until([&] { return third->received == "ba"; }));  // what was not used comes first, then what nobody had yet
        CHECK(second->trace == "open");
        CHECK(second->handlers == 0);
    });
}

TEST_CASE("become_while_paused_holds_the_rest_back") {
    in_every_world([](World& world) {
        Pair pair;
        const PartyPtr next = party();
        REQUIRE(world.join(pair));
        pair.server->connection->pause();
        REQUIRE(pair.server->connection->become(handler_of(next), "rest").ok());
        pair.client->connection->write(" more");
        pair.client->connection->end_write();
        REQUIRE(settle(world.reactor));
        CHECK(next->trace == "open");
        pair.server->connection->resume();
        REQUIRE(world.until([&] { return next->is_closed(); }));
        CHECK(next->received == "rest more");
        CHECK(next->trace == "open data end close");
    });
}

TEST_CASE("become_after_the_peers_end_tells_it_again") {
    in_every_world([](World& world) {
        Pair pair;
        const PartyPtr next = party();
        pair.server->on_end = [&](Connection& connection) { CHECK(connection.become(handler_of(next), "rest").ok()); };
        REQUIRE(world.join(pair));
        pair.client->connection->end_write();
        REQUIRE(world.until([&] { return next->is_closed(); }));
        CHECK(next->trace == "open data end close");
        CHECK(pair.server->trace == "open end");
    });
}

TEST_CASE("become_while_connecting_opens_the_new_handler") {
    in_every_world([](World& world) {
        Pair pair;
        const PartyPtr next = party();
        world.begin_joining(pair);
        REQUIRE(pair.client->connection->become(handler_of(next), "rest").ok());
        REQUIRE(world.until([&] { return next->received == "rest"; }));
        CHECK(next->trace == "open data");
        CHECK(pair.client->trace == "");
        CHECK(pair.client->handlers == 0);
    });
}

TEST_CASE("become_then_a_raise_is_the_old_handlers_error") {
    in_every_world([](World& world) {
        Pair pair;
        const PartyPtr next = party();
        std::string message;
        pair.server->on_data = [&](Connection& connection, Bytes) {
            CHECK(connection.become(handler_of(next)).ok());
            throw std::runtime_error("afterwards");
        };
        pair.server->on_error = [&](Connection&, const std::exception_ptr& exception) {
            message = message_of(exception);
            return true;
        };
        next->on_error = [](Connection&, const std::exception_ptr&) {
            FAIL("not its error");
            return true;
        };
        REQUIRE(world.join(pair));
        pair.client->connection->write("x");
        REQUIRE(world.until([&] { return next->is_open(); }));
        CHECK(message == "afterwards");
    });
}

TEST_CASE("become_on_a_closed_connection_is_refused_and_releases") {
    in_every_world([](World& world) {
        Pair pair;
        const PartyPtr next = party();
        REQUIRE(world.join(pair));
        CHECK(pair.server->connection->become(nullptr).error().code == ErrorCode::argument);
        pair.server->connection->close();
        CHECK(pair.server->connection->become(handler_of(next)).error().code == ErrorCode::closed);
        CHECK(next->handlers == 0);
    });
}

TEST_CASE("become_and_close_in_one_callback_tells_only_the_close") {
    in_every_world([](World& world) {
        Pair pair;
        const PartyPtr next = party();
        pair.server->on_data = [&](Connection& connection, Bytes) {
            CHECK(connection.become(handler_of(next), "rest").ok());
            connection.close();
        };
        REQUIRE(world.join(pair));
        pair.client->connection->write("x");
        REQUIRE(world.until([&] { return next->is_closed(); }));
        CHECK(next->trace == "close");
        CHECK(pair.server->handlers == 0);
    });
}

TEST_CASE("become_a_proxy_passes_the_rest_on_first") {
    in_every_world([](World& world) {
        Pair near, far;
        const PartyPtr next = party();
        REQUIRE(world.join(near));
        REQUIRE(world.join(far));
        next->on_open = [&](Connection& connection) { CHECK(connection.proxy_to(*far.client->connection, 6).ok()); };
        near.server->on_data = [&](Connection& connection, Bytes octets) { CHECK(connection.become(handler_of(next), octets).ok()); };
        near.client->connection->write("one two ");
        REQUIRE(world.until([&] { return next->received == "o "; }));
        REQUIRE(world.until([&] { return far.server->received == "one tw"; }));
        CHECK(next->trace == "open proxied data");
    });
}
