// An exception in every kind of callback: the error handler gets it and all goes on; without one it leaves run(), and run() can go on
// afterwards. Nobody is told anything twice, nothing is leaked.
#include <doctest/doctest.h>

#include <stdexcept>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

const std::vector<std::string> kinds{"on_open", "on_data", "on_drain", "on_end", "on_close", "factory", "timer", "tick", "post"};

// One life with everything in it; the callback of one kind raises once.
struct Life {
    Life(const std::string& poller, std::string kind) : kind(std::move(kind)), reactor({.poller = poller}) {}

    void raise_in(std::string_view here) {
        if (kind != here || std::exchange(has_raised, true)) return;
        throw std::runtime_error("from " + kind);
    }

    void begin() {
        server->on_open = [this](Connection& connection) {
            connection.set_idle_timeout(1s);  // ends what the error left half done, such as an on_end that does not close
            REQUIRE(connection.set_watermarks(1024, 4096));
            raise_in("on_open");
        };
        server->on_data = [this](Connection& connection, Bytes octets) {
            raise_in("on_data");
            connection.write(octets);
            raise_in("on_data");
        };
        server->on_drain = [this](Connection&) { raise_in("on_drain"); };
        server->on_end = [this](Connection& connection) {
            raise_in("on_end");
            connection.close();
        };
        server->on_close = [this](Connection&) { raise_in("on_close"); };
        client->on_open = [](Connection& connection) {
            connection.set_idle_timeout(1s);
            connection.write(pattern(700'000));
            connection.end_write();
        };
        Result<Listener*> made = listen(reactor, "tcp://127.0.0.1:0", [this] {
            raise_in("factory");
            return handler_of(server);
        });
        REQUIRE(made);
        listener = made.value()->id();
        REQUIRE(connect(reactor, made.value()->endpoint(), handler_of(client)));
        reactor.call_later(1ms, [this] { raise_in("timer"); });
        reactor.next_tick([this] { raise_in("tick"); });
        reactor.post([this] { raise_in("post"); });
        client->on_close = [this](Connection&) { find_listener(reactor, listener)->close(); };
    }

    std::string kind;
    bool has_raised = false;
    Reactor reactor;
    SourceId listener = 0;
    PartyPtr client = std::make_shared<Party>();
    PartyPtr server = std::make_shared<Party>();
};

std::size_t count_of(const std::string& text, std::string_view word) {
    std::size_t count = 0;
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
    return count;
}

void check_ends(const Life& life) {
    CAPTURE(life.client->trace);
    CAPTURE(life.server->trace);
    CHECK(life.has_raised);
    CHECK(count_of(life.client->trace, "close") == 1);
    CHECK(count_of(life.server->trace, "close") == (life.kind == "factory" ? 0 : 1));
    CHECK(life.client->handlers == 0);
    CHECK(life.server->handlers == 0);
}

}  // namespace

TEST_CASE("raising_in_any_callback_reaches_the_error_handler_and_all_goes_on") {
    on_every_poller([](const std::string& poller) {
        for (const std::string& kind : kinds) {
            CAPTURE(kind);
            Life life(poller, kind);
            std::vector<std::string> caught;
            life.reactor.set_error_handler([&](const std::exception_ptr& exception) { caught.push_back(message_of(exception)); });
            life.begin();
            CHECK(life.reactor.run().ok());
            CHECK(caught == std::vector<std::string>{"from " + kind});
            check_ends(life);
        }
    });
}

TEST_CASE("raising_in_any_callback_without_a_handler_leaves_run_which_can_go_on") {
    on_every_poller([](const std::string& poller) {
        for (const std::string& kind : kinds) {
            CAPTURE(kind);
            Life life(poller, kind);
            life.begin();
            CHECK_THROWS_WITH(static_cast<void>(life.reactor.run()), ("from " + kind).c_str());
            CHECK(life.reactor.run().ok());
            check_ends(life);
        }
    });
}
