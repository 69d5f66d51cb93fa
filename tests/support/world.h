// World: a reactor with a manual clock on one poller, and streams over one transport; loops that run a test body in every world.
#pragma once
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "support/certificates.h"
#include "support/party.h"
#include "support/scratch.h"

namespace tidemill::test {

using namespace std::chrono_literals;

// Real time after which a condition that did not come true is a failure. It is never waited for when all is well.
inline constexpr auto patience = 20s;

// Turns until the condition holds. False: it never did.
template <class Condition>
bool run_until(Reactor& reactor, Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > give_up) return false;
        // Mostly the wait ends at once; its limit lets the condition be something that the loop does not notice.
        if (!reactor.run_once(10ms)) return false;
    }
    return true;
}

// Turns until one finds nothing to do: what was going to happen at this time of the manual clock has happened.
inline bool settle(Reactor& reactor) {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    int quiet = 0;
    while (quiet < 3) {
        if (std::chrono::steady_clock::now() > give_up) return false;
        Result<bool> turned = reactor.run_once(Duration{0});
        if (!turned) return false;
        quiet = turned.value() ? 0 : quiet + 1;
    }
    return true;
}

inline const std::vector<std::string> pollers{"epoll", "poll"};
inline const std::vector<std::string> transports{"tcp4", "tcp6", "unix", "memory", "tls"};

struct Pair {
    PartyPtr client = std::make_shared<Party>();
    PartyPtr server = std::make_shared<Party>();
};

class World {
public:
    World(std::string_view poller, std::string transport, Clock* budget_clock = nullptr)
        : reactor({.poller = poller, .clock = &clock, .budget_clock = budget_clock}), transport_(std::move(transport)) {}

    // An endpoint that can be listened on.
    std::string fresh_endpoint() {
        if (transport_ == "tcp4") return "tcp://127.0.0.1:0";
        if (transport_ == "tls") return "tls://127.0.0.1:0";
        if (transport_ == "tcp6") return "tcp://[::1]:0";
        const std::string number = std::to_string(next_++);
        return transport_ == "unix" ? "unix://" + scratch_.path(number) : "memory://" + number;
    }

    // With TLS where the transport under test is that.
    ListenOptions listen_options() const { return {.tls = context()}; }
    ConnectOptions connect_options() const { return {.tls = context()}; }
    ContextPtr context() const { return is("tls") ? plain_context() : nullptr; }

    bool is(std::string_view transport) const { return transport_.starts_with(transport); }

    // Connects the two parties. Their hooks may be set before; both have had on_open when this returns.
    bool join(const Pair& pair) {
        begin_joining(pair);
        return run_until(reactor, [&] { return pair.client->trace.starts_with("open") && pair.server->trace.starts_with("open"); });
    }

    // The same, as far as it goes inside the call of connect().
    void begin_joining(const Pair& pair) {
        if (!listener_) {
            Result<Listener*> listener = listen(reactor, fresh_endpoint(), [this] { return handler_of(expected_); }, listen_options());
            REQUIRE(listener.ok());
            listener_ = listener.value();
        }
        expected_ = pair.server;
        Result<Connection*> connection = connect(reactor, listener_->endpoint(), handler_of(pair.client), connect_options());
        REQUIRE(connection.ok());
        pair.client->connection = connection.value();
        pair.client->id = connection.value()->id();
    }

    // No more connections; the loop then ends by itself when those that there are have ended.
    void close_listener() {
        if (listener_) std::exchange(listener_, nullptr)->close();
    }

    template <class Condition>
    bool until(Condition condition) {
        return run_until(reactor, condition);
    }
    bool until_closed(const Pair& pair) {
        return until([&] { return pair.client->is_closed() && pair.server->is_closed(); });
    }

    ManualClock clock;
    Reactor reactor;

private:
    std::string transport_;
    Scratch scratch_;
    Listener* listener_ = nullptr;
    PartyPtr expected_;
    int next_ = 0;
};

template <class Body>
void on_every_poller(Body body) {
    for (const std::string& poller : pollers) {
        CAPTURE(poller);
        body(poller);
    }
}

template <class Body>
void in_every_world(Body body) {
    on_every_poller([&](const std::string& poller) {
        for (const std::string& transport : transports) {
            CAPTURE(transport);
            World world(poller, transport);
            body(world);
        }
    });
}

// Recognisable octets: a lost, doubled or swapped block shows.
inline std::string pattern(std::size_t size) {
    std::string octets(size, '\0');
    for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<char>((i * 2654435761u) >> 13);
    return octets;
}

}  // namespace tidemill::test
