// The race of a name's addresses (RFC 8305), with a clock that moves by hand. A listener whose queue is full is the address that does not
// answer: the system drops what it is sent.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/world.h"
#include "tidemill/net/resolver.h"
#include "tidemill/sys/socket.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

Address address_of(const std::string& host, std::uint16_t port) {
    Address address;
    REQUIRE(literal_address({Endpoint::Scheme::tcp, host, port}, address));
    return address;
}

// A port on which addresses of this machine listen, refuse or are silent as the test wants.
class Stage {
public:
    explicit Stage(const std::string& poller) : reactor({.poller = poller, .clock = &clock}) {
        Result<ListeningSocket> any = open_listening_socket(address_of("127.0.0.9", 0), 16, -1);
        REQUIRE(any.ok());
        port_ = any.value().address.endpoint().port;
        sockets_.push_back(std::move(any).value());
    }

    void answers(const std::string& host) {
        Result<ListeningSocket> socket = open_listening_socket(address_of(host, port_), 16, -1);
        REQUIRE(socket.ok());
        sockets_.push_back(std::move(socket).value());
    }

    void is_silent(const std::string& host) {
        Result<ListeningSocket> socket = open_listening_socket(address_of(host, port_), 0, -1);
        REQUIRE(socket.ok());
        sockets_.push_back(std::move(socket).value());
        for (int i = 0; i < 3; ++i) fillers_.push_back(start_connecting(address_of(host, port_)).fd);
    }

    PartyPtr connect_to(const std::vector<std::string>& hosts, Duration timeout = 30s) {
        REQUIRE(reactor.service<Resolver>().preset("race.test", hosts, 1h).ok());
        auto party = std::make_shared<Party>();
        Result<Connection*> made = connect(reactor, endpoint(), handler_of(party), {.timeout = timeout});
        REQUIRE(made.ok());
        connection = made.value();
        return party;
    }

    std::string endpoint() const { return "tcp://race.test:" + std::to_string(port_); }
    std::string winner() const { return parse_endpoint(connection->peer(), "test").value().host; }
    bool is_open(const PartyPtr& party) {
        return run_until(reactor, [&] { return party->is_open(); });
    }

    ManualClock clock;
    Reactor reactor;
    Connection* connection = nullptr;

private:
    std::uint16_t port_ = 0;
    std::vector<ListeningSocket> sockets_;
    std::vector<Fd> fillers_;
};

}  // namespace

TEST_CASE("race_takes_the_families_by_turns") {
    std::vector<Address> addresses;
    const auto order = [](const std::vector<Address>& list) {
        std::string text;
        for (const Address& address : list) text += address.endpoint().host + " ";
        return text;
    };
    for (const std::string host : {"::1", "::2", "::3", "10.0.0.1", "10.0.0.2"}) addresses.push_back(address_of(host, 1));
    CHECK(order(by_turns(addresses)) == "::1 10.0.0.1 ::2 10.0.0.2 ::3 ");
    addresses.erase(addresses.begin(), addresses.begin() + 3);
    CHECK(order(by_turns(addresses)) == "10.0.0.1 10.0.0.2 ");
    CHECK(by_turns({}).empty());
}

TEST_CASE("race_is_won_by_the_first_address_if_it_answers") {
    on_every_poller([](const std::string& poller) {
        Stage stage(poller);
        stage.answers("127.0.0.2");
        stage.answers("127.0.0.3");
        const PartyPtr party = stage.connect_to({"127.0.0.2", "127.0.0.3"});
        REQUIRE(stage.is_open(party));
        CHECK(stage.winner() == "127.0.0.2");
    });
}

TEST_CASE("race_gives_a_silent_address_a_quarter_of_a_second") {
    on_every_poller([](const std::string& poller) {
        Stage stage(poller);
        stage.is_silent("127.0.0.2");
        stage.answers("127.0.0.3");
        const PartyPtr party = stage.connect_to({"127.0.0.2", "127.0.0.3"});
        REQUIRE(settle(stage.reactor));
        stage.clock.advance(limits::connection_attempt_delay - 1ns);
        REQUIRE(settle(stage.reactor));
        CHECK(party->trace.empty());
        const std::size_t before = open_descriptors();
        stage.clock.advance(1ns);
        REQUIRE(stage.is_open(party));
        CHECK(stage.winner() == "127.0.0.3");
        CHECK(open_descriptors() == before);  // one more for the winner, one less for the loser
        stage.connection->abort();
        REQUIRE(settle(stage.reactor));
        CHECK(open_descriptors() == before - 1);
    });
}

TEST_CASE("race_goes_on_at_once_when_an_address_fails") {
    on_every_poller([](const std::string& poller) {
        Stage stage(poller);
        stage.answers("127.0.0.4");
        // Nobody is at the first two, and the clock does not move.
        const PartyPtr party = stage.connect_to({"127.0.0.2", "127.0.0.3", "127.0.0.4"});
        REQUIRE(stage.is_open(party));
        CHECK(stage.winner() == "127.0.0.4");
    });
}

TEST_CASE("race_tries_both_families") {
    Stage stage("epoll");
    stage.answers("127.0.0.2");
    // ::1 refuses, or there is no IPv6 at all: both fail at once.
    const PartyPtr party = stage.connect_to({"::1", "::1", "127.0.0.2"});
    REQUIRE(stage.is_open(party));
    CHECK(stage.winner() == "127.0.0.2");
}

TEST_CASE("race_can_be_won_by_an_earlier_address_after_a_later_one_began") {
    on_every_poller([](const std::string& poller) {
        Stage stage(poller);
        stage.is_silent("127.0.0.2");
        stage.is_silent("127.0.0.3");
        stage.answers("127.0.0.4");
        const PartyPtr party = stage.connect_to({"127.0.0.2", "127.0.0.3", "127.0.0.4"});
        for (int i = 0; i < 2; ++i) {
            REQUIRE(settle(stage.reactor));
            CHECK(party->trace.empty());
            stage.clock.advance(limits::connection_attempt_delay);
        }
        REQUIRE(stage.is_open(party));
        CHECK(stage.winner() == "127.0.0.4");
    });
}

TEST_CASE("race_without_a_winner_reports_the_error_that_tells_most") {
    on_every_poller([](const std::string& poller) {
        Stage stage(poller);
        const PartyPtr party = stage.connect_to({"127.0.0.2", "127.0.0.3"});
        REQUIRE(run_until(stage.reactor, [&] { return party->is_closed(); }));
        CHECK(party->trace == "close(ECONNREFUSED)");
        CHECK(party->reason.endpoint == stage.endpoint());
    });
}

TEST_CASE("race_is_ended_by_the_deadline") {
    on_every_poller([](const std::string& poller) {
        Stage stage(poller);
        stage.is_silent("127.0.0.2");
        stage.is_silent("127.0.0.3");
        const std::size_t before = open_descriptors();
        const PartyPtr party = stage.connect_to({"127.0.0.2", "127.0.0.3"}, 1s);
        REQUIRE(settle(stage.reactor));
        stage.clock.advance(limits::connection_attempt_delay);
        REQUIRE(settle(stage.reactor));
        CHECK(open_descriptors() == before + 2);
        stage.clock.advance(1s);
        REQUIRE(settle(stage.reactor));
        CHECK(party->trace == "close(timeout)");
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("race_is_ended_by_abort_and_by_stop") {
    for (const bool is_stop : {false, true}) {
        CAPTURE(is_stop);
        Stage stage("epoll");
        stage.is_silent("127.0.0.2");
        stage.is_silent("127.0.0.3");
        const std::size_t before = open_descriptors();
        const PartyPtr party = stage.connect_to({"127.0.0.2", "127.0.0.3"});
        REQUIRE(settle(stage.reactor));
        stage.clock.advance(limits::connection_attempt_delay);
        REQUIRE(settle(stage.reactor));
        is_stop ? stage.reactor.stop() : stage.connection->abort();
        REQUIRE(settle(stage.reactor));
        CHECK(party->trace == "close(cancelled)");
        CHECK(open_descriptors() == before);
        CHECK(stage.reactor.run().ok());  // no timer is left
    }
}

TEST_CASE("race_of_a_destroyed_reactor_leaves_no_descriptor") {
    const std::size_t before = open_descriptors();
    {
        Stage stage("epoll");
        stage.is_silent("127.0.0.2");
        stage.connect_to({"127.0.0.2", "127.0.0.3"});
        REQUIRE(settle(stage.reactor));
    }
    CHECK(open_descriptors() == before);
}
