// What only TLS streams have, on every transport below: tls://, the option tls and start_tls(), and how they fail.
#include <doctest/doctest.h>

#include <string>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

// Two parties joined with these contexts, over any plain transport; nullptr: no TLS from the start.
struct Meeting {
    Meeting(World& in, ContextPtr client_context, ContextPtr server_context, std::string server_name = "localhost") : world(in) {
        const auto made =
            listen(world.reactor, world.fresh_endpoint(), [this] { return handler_of(pair.server); }, {.tls = std::move(server_context)});
        REQUIRE(made.ok());
        listener = made.value();
        client_tls = std::move(client_context);
        name = std::move(server_name);
    }

    void begin() {
        const auto connection =
            connect(world.reactor, listener->endpoint(), handler_of(pair.client), {.tls = client_tls, .server_name = name});
        REQUIRE(connection.ok());
        pair.client->connection = connection.value();
    }

    World& world;
    Pair pair;
    Listener* listener = nullptr;
    ContextPtr client_tls;
    std::string name;
};

template <class Body>
void in_every_plain_world(Body body) {
    in_every_world([&](World& world) {
        if (!world.is("tls")) body(world);
    });
}

}  // namespace

TEST_CASE("tls_option_secures_any_transport") {
    in_every_plain_world([](World& world) {
        Meeting meeting(world, plain_context(), plain_context());
        std::string told;
        meeting.pair.client->on_open = [](Connection& connection) { CHECK(connection.tls().has_value()); };
        meeting.pair.client->on_tls = [&](Connection& connection, const TlsInfo& info) {
            CHECK(meeting.pair.client->trace == "open");
            told = info.peer_subject;
            connection.write("secret");
        };
        meeting.begin();
        REQUIRE(world.until([&] { return meeting.pair.server->received == "secret"; }));
        CHECK(told == "CN=server");
        meeting.pair.client->connection->close();
        REQUIRE(world.until_closed(meeting.pair));
        CHECK(meeting.pair.client->trace == "open close");
        CHECK(meeting.pair.server->trace == "open data end close");
    });
}

TEST_CASE("tls_started_in_midstream_goes_on_with_what_was_written") {
    in_every_plain_world([](World& world) {
        Meeting meeting(world, nullptr, nullptr);
        Pair& pair = meeting.pair;
        std::string order;
        pair.server->on_open = [](Connection& connection) {
            connection.write("ready\n");
            CHECK(connection.start_tls(plain_context()).ok());
            connection.write("from the server");
            CHECK_FALSE(connection.tls().has_value());
            CHECK(connection.start_tls(plain_context()).error().code == ErrorCode::state);
        };
        pair.client->on_data = [&](Connection& connection, Bytes octets) {
            order += octets;
            if (octets == "ready\n") {
                CHECK(connection.start_tls(plain_context(), "localhost").ok());
                connection.write("from the client");
            }
        };
        pair.client->on_tls = [&](Connection&, const TlsInfo&) { order += "tls "; };
        meeting.begin();
        REQUIRE(world.until([&] { return pair.server->received == "from the client" && order.ends_with("server"); }));
        CHECK(order == "ready\ntls from the server");
        pair.client->connection->close();
        REQUIRE(world.until_closed(pair));
        CHECK(pair.server->trace == "open data end close");
    });
}

TEST_CASE("tls_written_and_closed_before_the_handshake_is_not_lost") {
    in_every_plain_world([](World& world) {
        Meeting meeting(world, nullptr, nullptr);
        const std::string octets = pattern(1'000'000);
        meeting.pair.server->on_open = [](Connection& connection) { CHECK(connection.start_tls(plain_context()).ok()); };
        meeting.pair.client->on_open = [&](Connection& connection) {
            CHECK(connection.start_tls(plain_context(), "localhost").ok());
            connection.write(octets);
            connection.close();
        };
        meeting.begin();
        REQUIRE(world.until_closed(meeting.pair));
        CHECK(meeting.pair.server->received == octets);
        CHECK(meeting.pair.server->trace == "open data end close");
        CHECK(meeting.pair.client->trace == "open close");
    });
}

TEST_CASE("tls_both_sides_write_much_at_the_same_time") {
    in_every_plain_world([](World& world) {
        Meeting meeting(world, plain_context(), plain_context());
        const std::string octets = pattern(5'000'000);
        for (const PartyPtr& party : {meeting.pair.client, meeting.pair.server}) {
            party->on_open = [&](Connection& connection) {
                connection.write(octets);
                connection.end_write();
            };
            party->on_end = [](Connection&) {};
        }
        meeting.begin();
        REQUIRE(world.until_closed(meeting.pair));
        CHECK(meeting.pair.server->received == octets);
        CHECK(meeting.pair.client->received == octets);
        CHECK(meeting.pair.client->trace.ends_with("data end close"));
    });
}

TEST_CASE("tls_refused_peers_end_both_sides_with_a_reason") {
    in_every_plain_world([](World& world) {
        Meeting meeting(world, context_of(client_options()), context_of(server_options("expired")));
        meeting.begin();
        REQUIRE(world.until_closed(meeting.pair));
        CHECK(meeting.pair.client->trace == "close(tls)");
        CHECK(meeting.pair.client->reason.detail == "certificate verify failed: certificate has expired");
        CHECK(meeting.pair.client->reason.endpoint == meeting.listener->endpoint());
        CHECK(meeting.pair.server->trace == "close(tls)");
        CHECK(meeting.pair.server->reason.detail.find("alert") != std::string::npos);
    });
}

TEST_CASE("tls_garbage_and_silence_end_the_handshake") {
    in_every_plain_world([](World& world) {
        Meeting meeting(world, nullptr, plain_context());
        meeting.pair.client->on_open = [](Connection& connection) { connection.write("GET / HTTP/1.1\r\n\r\n"); };
        meeting.begin();
        REQUIRE(world.until([&] { return meeting.pair.server->is_closed(); }));
        CHECK(meeting.pair.server->trace == "close(tls)");
        CHECK(meeting.pair.server->reason.detail == "http request");
    });
    in_every_plain_world([](World& world) {
        Meeting meeting(world, nullptr, plain_context());
        meeting.begin();
        REQUIRE(settle(world.reactor));
        world.clock.advance(limits::handshake_timeout - 1ns);
        REQUIRE(settle(world.reactor));
        CHECK(meeting.pair.server->trace.empty());
        world.clock.advance(1ns);
        REQUIRE(world.until_closed(meeting.pair));
        CHECK(meeting.pair.server->trace == "close(timeout)");
    });
}

TEST_CASE("tls_handshake_is_part_of_the_deadline_for_connecting") {
    in_every_plain_world([](World& world) {
        Meeting meeting(world, nullptr, nullptr);
        const auto client = std::make_shared<Party>();
        const ConnectOptions options{.timeout = 60s, .tls = plain_context(), .server_name = "localhost"};
        REQUIRE(connect(world.reactor, meeting.listener->endpoint(), handler_of(client), options).ok());
        REQUIRE(settle(world.reactor));
        world.clock.advance(60s - 1ns);
        REQUIRE(settle(world.reactor));
        CHECK(client->trace.empty());
        world.clock.advance(1ns);
        REQUIRE(world.until([&] { return client->is_closed(); }));
        CHECK(client->trace == "close(timeout)");
    });
}

TEST_CASE("tls_cut_short_is_an_error_and_not_an_end") {
    // A reset over UNIX is an end without a goodbye.
    on_every_poller([](const std::string& poller) {
        World world(poller, "unix");
        Meeting meeting(world, plain_context(), plain_context());
        meeting.begin();
        meeting.pair.client->on_open = [](Connection& connection) { connection.write("half of"); };
        REQUIRE(world.until([&] { return meeting.pair.server->received == "half of"; }));
        meeting.pair.client->connection->abort();
        REQUIRE(world.until_closed(meeting.pair));
        CHECK(meeting.pair.server->trace == "open data close(tls)");
        CHECK(meeting.pair.server->reason.detail.find("close_notify") != std::string::npos);
    });
}

TEST_CASE("tls_cannot_be_started_where_it_makes_no_sense") {
    Reactor reactor;
    const auto nobody = [] { return HandlerPtr(new Handler); };
    CHECK(listen(reactor, "tls://127.0.0.1:0", nobody).error().code == ErrorCode::argument);
    CHECK(listen(reactor, "tls://127.0.0.1:0", nobody, {.tls = context_of({})}).error().code == ErrorCode::argument);
    CHECK(connect(reactor, "memory://x", nobody(), {.tls = context_of({})}).error().code == ErrorCode::argument);
    World world("epoll", "memory");
    Pair pair;
    REQUIRE(world.join(pair));
    CHECK(pair.client->connection->start_tls(nullptr).error().code == ErrorCode::argument);
    CHECK(pair.client->connection->start_tls(context_of({})).error().code == ErrorCode::argument);
    CHECK(pair.server->connection->start_tls(context_of({})).error().code == ErrorCode::state);
    pair.client->connection->end_write();
    CHECK(pair.client->connection->start_tls(plain_context(), "localhost").error().code == ErrorCode::state);
    pair.client->connection->close();
    CHECK(pair.client->connection->start_tls(plain_context(), "localhost").error().code == ErrorCode::closed);
}
