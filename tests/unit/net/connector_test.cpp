// Connecting: names, refusals, deadlines, full queues.
#include "tidemill/net/connector.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

HandlerFactory factory_of(const PartyPtr& party) {
    return [party] { return handler_of(party); };
}

// Connects and answers how it went.
std::string outcome(Reactor& reactor, const std::string& endpoint) {
    const auto client = std::make_shared<Party>();
    REQUIRE(connect(reactor, endpoint, handler_of(client)).ok());
    CHECK(client->trace.empty());
    CHECK(run_until(reactor, [&] { return !client->trace.empty(); }));
    CHECK(client->handlers == (client->is_closed() ? 0 : 1));
    if (client->connection) client->connection->abort();
    return client->is_open() ? "open" : client->trace + " " + client->reason.endpoint;
}

}  // namespace

TEST_CASE("connect_to_a_malformed_endpoint_is_an_argument_error") {
    Reactor reactor;
    const auto party = std::make_shared<Party>();
    CHECK(connect(reactor, "nonsense", handler_of(party)).error().code == ErrorCode::argument);
    CHECK(party->handlers == 0);
    CHECK(reactor.run().ok());
}

TEST_CASE("connect_to_nobody_ends_with_the_systems_reason") {
    on_every_poller([](const std::string& poller) {
        ManualClock clock;
        Reactor reactor({.poller = poller, .clock = &clock});
        auto listener = listen(reactor, "tcp://127.0.0.1:0", factory_of(std::make_shared<Party>()));
        REQUIRE(listener.ok());
        const std::string endpoint = listener.value()->endpoint();
        listener.value()->close();
        CHECK(outcome(reactor, endpoint) == "close(ECONNREFUSED) " + endpoint);
        CHECK(outcome(reactor, "unix:///no/such/file") == "close(ENOENT) unix:///no/such/file");
        CHECK(outcome(reactor, "memory://nobody") == "close(ECONNREFUSED) memory://nobody");
    });
}

TEST_CASE("connect_to_a_name_tries_its_addresses_in_turn") {
    on_every_poller([](const std::string& poller) {
        // localhost may be ::1 first, where nobody listens.
        Reactor reactor({.poller = poller});
        auto listener = listen(reactor, "tcp://127.0.0.1:0", factory_of(std::make_shared<Party>()));
        REQUIRE(listener.ok());
        const std::string port = listener.value()->endpoint().substr(listener.value()->endpoint().rfind(':'));
        CHECK(outcome(reactor, "tcp://localhost" + port) == "open");
    });
}

TEST_CASE("connect_to_a_name_that_does_not_resolve_ends_with_resolve") {
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        CHECK(outcome(reactor, "tcp://no.such.host.invalid:1") == "close(resolve) tcp://no.such.host.invalid:1");
    });
}

TEST_CASE("connect_aborted_before_or_while_the_name_is_looked_up_is_cancelled") {
    for (int turns = 0; turns < 2; ++turns) {
        CAPTURE(turns);
        Reactor reactor;
        const auto client = std::make_shared<Party>();
        auto connection = connect(reactor, "tcp://no.such.host.invalid:1", handler_of(client));
        REQUIRE(connection.ok());
        // A mailbox that nobody reads until then: the answer, however fast, comes after the abort.
        if (turns == 1) reactor.next_tick([&] { connection.value()->abort(); });
        if (turns == 0) connection.value()->abort();
        REQUIRE(reactor.run().ok());  // and nothing is left to wait for
        CHECK(client->trace == "close(cancelled)");
    }
}

TEST_CASE("connect_beyond_its_deadline_ends_with_timeout") {
    on_every_poller([](const std::string& poller) {
        // A UNIX queue that is full and never served: the same on every machine, unlike an address that answers nothing.
        World world(poller, "unix");
        auto listener = listen(world.reactor, world.fresh_endpoint(), factory_of(std::make_shared<Party>()), {.backlog = 0});
        REQUIRE(listener.ok());
        listener.value()->pause();
        std::vector<PartyPtr> clients;
        for (int i = 0; i < 3; ++i) {
            clients.push_back(std::make_shared<Party>());
            REQUIRE(connect(world.reactor, listener.value()->endpoint(), handler_of(clients.back()), {.timeout = 5s}).ok());
        }
        REQUIRE(settle(world.reactor));
        PartyPtr last = clients.back();
        CHECK(last->trace.empty());
        world.clock.advance(5s - 1ns);
        REQUIRE(settle(world.reactor));
        CHECK(last->trace.empty());
        world.clock.advance(1ns);
        REQUIRE(world.until([&] { return last->is_closed(); }));
        CHECK(last->trace == "close(timeout)");
        CHECK(last->reason.text().find(listener.value()->endpoint()) != std::string::npos);
    });
}

TEST_CASE("connect_to_a_full_queue_is_tried_again") {
    on_every_poller([](const std::string& poller) {
        for (const std::string transport : {"unix", "memory"}) {
            CAPTURE(transport);
            World world(poller, transport);
            const auto server = std::make_shared<Party>();
            auto listener = listen(world.reactor, world.fresh_endpoint(), factory_of(server), {.backlog = 0});
            REQUIRE(listener.ok());
            listener.value()->pause();
            std::vector<PartyPtr> clients;
            for (int i = 0; i < 5; ++i) {
                clients.push_back(std::make_shared<Party>());
                REQUIRE(connect(world.reactor, listener.value()->endpoint(), handler_of(clients.back())).ok());
            }
            REQUIRE(settle(world.reactor));
            CHECK(clients.back()->trace.empty());
            listener.value()->resume();
            CHECK(world.until([&] {
                world.clock.advance(limits::connect_retry);
                for (const PartyPtr& client : clients) {
                    if (!client->is_open()) return false;
                }
                return true;
            }));
        }
    });
}

TEST_CASE("connect_deadline_is_over_once_it_is_open") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        world.clock.advance(1h);
        REQUIRE(settle(world.reactor));
        CHECK(pair.client->trace == "open");
    });
}

TEST_CASE("connect_stopped_while_connecting_is_cancelled") {
    Reactor reactor;
    const auto client = std::make_shared<Party>();
    REQUIRE(connect(reactor, "tcp://localhost:1", handler_of(client)).ok());
    reactor.next_tick([&] { reactor.stop(); });  // connecting has begun by then
    REQUIRE(reactor.run().ok());
    CHECK(client->trace == "close(cancelled)");
}

TEST_CASE("memory_names_belong_to_one_reactor") {
    Reactor first;
    Reactor second;
    REQUIRE(listen(first, "memory://name", factory_of(std::make_shared<Party>())).ok());
    CHECK(outcome(second, "memory://name") == "close(ECONNREFUSED) memory://name");
}
