// Datagram sockets of all kinds on every poller.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "support/child.h"
#include "support/world.h"
#include "tidemill/tidemill.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

struct Seen {
    std::vector<std::string> octets, peers;
    std::vector<Error> lost;
    std::string trace;  // a word for every callback
    Error reason;
    std::function<void(Datagram&)> on_data = [](Datagram&) {};
    bool takes_errors = false;
};

class Witness final : public DatagramHandler {
public:
    explicit Witness(Seen& seen) : seen_(seen) {}

    void on_open(Datagram&) override { seen_.trace += "open "; }
    void on_data(Datagram& datagram, Bytes octets, std::string_view peer) override {
        seen_.octets.emplace_back(octets);
        seen_.peers.emplace_back(peer);
        seen_.on_data(datagram);
    }
    void on_drain(Datagram&) override { seen_.trace += "drain "; }
    void on_lost(Datagram&, const Error& error) override { seen_.lost.push_back(error); }
    void on_close(Datagram&, const Error& reason) override {
        seen_.trace += "close";
        seen_.reason = reason;
    }
    bool on_error(Datagram&, const std::exception_ptr&) override {
        seen_.trace += "error ";
        return seen_.takes_errors;
    }

private:
    Seen& seen_;
};

Datagram& opened(Reactor& reactor, std::string_view endpoint, Seen& seen, DatagramOptions options = {}) {
    Result<Datagram*> made = open_datagram(reactor, endpoint, std::make_unique<Witness>(seen), options);
    if (!made) FAIL(made.error().text());
    return *made.value();
}

// An endpoint that nobody has.
std::string unused_endpoint(Reactor& reactor, const std::string& host) {
    Seen seen;
    Datagram& datagram = opened(reactor, "udp://" + host + ":0", seen);
    const std::string endpoint = datagram.local();
    datagram.close();
    REQUIRE(settle(reactor));
    return endpoint;
}

const std::vector<std::string> kinds{"udp4", "udp6", "unix"};

template <class Body>
void on_every_kind(Body body) {
    on_every_poller([&](const std::string& poller) {
        for (const std::string& kind : kinds) {
            CAPTURE(kind);
            Scratch scratch;
            Reactor reactor({.poller = poller});
            int number = 0;
            body(reactor, kind, [&]() -> std::string {
                if (kind == "udp4") return "udp://127.0.0.1:0";
                if (kind == "udp6") return "udp://[::1]:0";
                return "unix-datagram://" + scratch.path(std::to_string(++number));
            });
        }
    });
}

}  // namespace

TEST_CASE("datagram_stays_whole_and_names_its_sender") {
    on_every_kind([](Reactor& reactor, const std::string& kind, auto fresh) {
        Seen one, other;
        Datagram& a = opened(reactor, fresh(), one);
        Datagram& b = opened(reactor, fresh(), other);
        CHECK(one.trace.empty());
        const std::string longest = pattern(kind == "udp4" ? 65507 : kind == "udp6" ? 65527 : 65536);
        for (const std::string& octets : {std::string("first"), std::string(), longest, std::string("last")}) {
            CHECK(a.write(octets, b.local()).is_flowing());
        }
        CHECK(a.pending() == 9 + longest.size());
        REQUIRE(run_until(reactor, [&] { return other.octets.size() == 4; }));
        CHECK(other.octets == std::vector<std::string>{"first", "", longest, "last"});
        CHECK(other.peers == std::vector<std::string>(4, a.local()));
        CHECK(a.pending() == 0);
        b.write("answer", other.peers[0]);
        REQUIRE(run_until(reactor, [&] { return one.octets.size() == 1; }));
        CHECK(one.peers[0] == b.local());
        a.close();
        b.close();
        REQUIRE(reactor.run());
        CHECK(one.trace == "open close");
        CHECK_FALSE(one.reason.is_set());
    });
}

TEST_CASE("datagram_too_long_is_an_error_of_the_call") {
    on_every_kind([](Reactor& reactor, const std::string& kind, auto fresh) {
        Seen seen;
        Datagram& datagram = opened(reactor, fresh(), seen);
        const std::size_t longest = kind == "udp4" ? 65507 : kind == "udp6" ? 65527 : 65536;
        const WriteResult written = datagram.write(std::string(longest + 1, 'x'), datagram.local());
        CHECK(written.code == ErrorCode::argument);
        CHECK(datagram.write_error(written).text().find(std::to_string(longest)) != std::string::npos);
        CHECK(datagram.state() == Datagram::State::open);
    });
}

TEST_CASE("datagram_write_refuses_what_is_no_literal_address_of_its_family") {
    Reactor reactor;
    Seen seen;
    Datagram& datagram = opened(reactor, "udp://127.0.0.1:0", seen);
    for (const std::string_view to :
         {"", "udp://localhost:5", "tcp://127.0.0.1:5", "udp://[::1]:5", "unix-datagram:///x", "udp://127.0.0.1:0", "?"}) {
        CAPTURE(to);
        const WriteResult written = datagram.write("x", to);
        CHECK(written.code == ErrorCode::argument);
        CHECK(datagram.write_error(written).code == ErrorCode::argument);
    }
    for (const std::string_view at : {"udp://localhost:0", "tcp://127.0.0.1:0", "memory://x", "udp://127.0.0.1"}) {
        CAPTURE(at);
        CHECK(open_datagram<DatagramHandler>(reactor, at).error().code == ErrorCode::argument);
    }
    CHECK(open_datagram<DatagramHandler>(reactor, "udp://127.0.0.1:0", {.connect_to = "udp://[::1]:5"}).error().code ==
          ErrorCode::argument);
    CHECK(open_datagram<DatagramHandler>(reactor, datagram.local()).error().os == EADDRINUSE);
    CHECK(listen(reactor, "udp://127.0.0.1:0", [] { return HandlerPtr(); }).error().code == ErrorCode::argument);
    CHECK(connect(reactor, "udp://127.0.0.1:5", HandlerPtr(new Handler)).error().code == ErrorCode::argument);
}

TEST_CASE("datagram_connected_hears_its_peer_only") {
    on_every_kind([](Reactor& reactor, const std::string& kind, auto fresh) {
        Seen server_seen, seen, stranger_seen;
        Datagram& server = opened(reactor, fresh(), server_seen);
        Datagram& client = opened(reactor, fresh(), seen, {.connect_to = server.local()});
        Datagram& stranger = opened(reactor, fresh(), stranger_seen);
        CHECK(client.peer() == server.local());
        CHECK(server.peer().empty());
        CHECK(client.write("a").is_flowing());
        CHECK(client.write("b", server.local()).is_flowing());
        CHECK(client.write("c", stranger.local()).code == ErrorCode::argument);
        stranger.write("from a stranger", client.local());
        server.write("from the server", client.local());
        REQUIRE(run_until(reactor, [&] { return server_seen.octets.size() == 2 && seen.octets.size() == 1; }));
        CHECK(seen.octets[0] == "from the server");
        if (kind == "unix") CHECK(stranger_seen.lost.at(0).os == EPERM);  // unix(7) tells the stranger; in UDP nobody does
    });
}

TEST_CASE("datagram_refused_by_the_network_is_told_and_the_socket_stays") {
    on_every_poller([](const std::string& poller) {
        for (const std::string host : {"127.0.0.1", "[::1]"}) {
            for (const bool is_connected : {false, true}) {
                CAPTURE(host);
                CAPTURE(is_connected);
                Reactor reactor({.poller = poller});
                Seen seen, other;
                const std::string nobody = unused_endpoint(reactor, host);
                const std::string_view peer = is_connected ? std::string_view(nobody) : std::string_view();
                Datagram& datagram = opened(reactor, "udp://" + host + ":0", seen, {.connect_to = peer});
                datagram.write("x", nobody);
                REQUIRE(run_until(reactor, [&] { return !seen.lost.empty(); }));
                CHECK(seen.lost[0].os == ECONNREFUSED);
                CHECK(seen.lost[0].endpoint == nobody);
                CHECK(datagram.state() == Datagram::State::open);
                // The report about one destination does not cost a datagram to another.
                Datagram& friendly = opened(reactor, is_connected ? nobody : "udp://" + host + ":0", other);
                if (!is_connected) datagram.write("y", nobody);
                for (int i = 0; i < 3; ++i) {
                    datagram.flush();
                    CHECK(datagram.write("z", friendly.local()).is_flowing());
                }
                REQUIRE(run_until(reactor, [&] { return other.octets.size() == 3; }));
                CHECK(seen.lost.size() == (is_connected ? 1 : 2));
            }
        }
    });
}

TEST_CASE("datagram_to_a_unix_path_without_owner_is_lost") {
    on_every_poller([](const std::string& poller) {
        Scratch scratch;
        Reactor reactor({.poller = poller});
        Seen seen, first_seen, second_seen;
        const std::string path = scratch.path("server"), endpoint = "unix-datagram://" + path;
        CHECK(open_datagram<DatagramHandler>(reactor, "unix-datagram://@", {.connect_to = endpoint}).error().os == ENOENT);
        Datagram& first = opened(reactor, endpoint, first_seen);
        CHECK(open_datagram<DatagramHandler>(reactor, endpoint).error().os == EADDRINUSE);
        Datagram& client = opened(reactor, "unix-datagram://@", seen, {.connect_to = endpoint});
        CHECK(client.local().starts_with("unix-datagram://@"));
        first.close();
        REQUIRE(run_until(reactor, [&] { return first_seen.trace.ends_with("close"); }));
        CHECK_FALSE(std::filesystem::exists(path));
        client.write("nobody is there");
        client.write("still nobody");
        REQUIRE(run_until(reactor, [&] { return seen.lost.size() >= 2; }));
        CHECK(seen.lost[0].endpoint == endpoint);
        // The path has a new owner: the connection is made again.
        opened(reactor, endpoint, second_seen);
        client.write("new");
        REQUIRE(run_until(reactor, [&] { return second_seen.octets.size() == 1; }));
        CHECK(second_seen.peers[0] == client.local());
    });
}

TEST_CASE("datagram_unix_file_has_its_mode_and_a_stale_one_is_replaced") {
    Scratch scratch;
    const std::string path = scratch.path("socket");
    CHECK(in_child([&] {
              Reactor reactor;
              return open_datagram<DatagramHandler>(reactor, "unix-datagram://" + path, {.mode = 0600}) ? 0 : 1;
          }) == 0);
    CHECK(in_child([&] {
              auto* left = new Reactor;  // a crash: nobody cleans up
              return open_datagram<DatagramHandler>(*left, "unix-datagram://" + path) ? 0 : 1;
          }) == 0);
    REQUIRE(std::filesystem::exists(path));
    {
        Reactor reactor;
        Seen seen;
        opened(reactor, "unix-datagram://" + path, seen, {.mode = 0600});
        CHECK(std::filesystem::status(path).permissions() == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    }
    CHECK_FALSE(std::filesystem::exists(path));  // with the reactor
}

TEST_CASE("datagram_burst_of_ten_thousand_to_a_unix_socket_loses_nothing") {
    on_every_poller([](const std::string& poller) {
        for (const bool is_connected : {false, true}) {
            Scratch scratch;
            Reactor reactor({.poller = poller});
            Seen seen, sender_seen;
            Datagram& receiver = opened(reactor, "unix-datagram://" + scratch.path("a"), seen);
            Datagram& sender = opened(reactor, "unix-datagram://@", sender_seen,
                                      {.connect_to = is_connected ? std::string_view(receiver.local()) : std::string_view()});
            int next = 0;
            REQUIRE(run_until(reactor, [&] {
                while (next < 10000 && sender.write(std::to_string(next), receiver.local()).is_flowing()) ++next;
                return seen.octets.size() == 10000;
            }));
            CHECK(sender_seen.lost.empty());
            CHECK(sender.dropped() > 0);
            CHECK(sender_seen.trace.find("drain") != std::string::npos);
            bool is_in_order = true;
            for (int i = 0; i < 10000; ++i) is_in_order &= seen.octets[static_cast<std::size_t>(i)] == std::to_string(i);
            CHECK(is_in_order);
        }
    });
}

TEST_CASE("datagram_full_unix_receiver_holds_up_nobody_else") {
    Scratch scratch;
    ManualClock clock;
    Reactor reactor({.clock = &clock});
    Seen stuck_seen, seen, sender_seen;
    Datagram& stuck = opened(reactor, "unix-datagram://" + scratch.path("stuck"), stuck_seen);
    Datagram& receiver = opened(reactor, "unix-datagram://" + scratch.path("good"), seen);
    Datagram& sender = opened(reactor, "unix-datagram://@", sender_seen);
    stuck.pause();
    for (int i = 0; i < 1000; ++i) CHECK(sender.write(std::to_string(i), stuck.local()).is_flowing());
    sender.write("for the other", receiver.local());
    REQUIRE(run_until(reactor, [&] { return seen.octets.size() == 1; }));
    CHECK(sender.pending() > 0);
    clock.advance(2s);
    REQUIRE(run_until(reactor, [&] { return sender.pending() == 0; }));
    REQUIRE(settle(reactor));
    CHECK(sender_seen.lost.at(0).os == EAGAIN);
    stuck.resume();
    REQUIRE(run_until(reactor, [&] { return stuck_seen.octets.size() + sender_seen.lost.size() == 1000; }));
    CHECK(stuck_seen.octets[0] == "0");
}

TEST_CASE("datagram_burst_over_udp_keeps_its_order_and_comes_in_turns") {
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        Seen seen, sender_seen;
        Datagram& receiver = opened(reactor, "udp://127.0.0.1:0", seen, {.receive_buffer = 4 * 1024 * 1024});
        Datagram& sender = opened(reactor, "udp://127.0.0.1:0", sender_seen);
        for (int i = 10000; i < 20000; ++i) sender.write(std::to_string(i), receiver.local());
        CHECK(sender.dropped() == 0);  // what does not fit into the queue is sent meanwhile
        receiver.pause();
        REQUIRE(settle(reactor));
        receiver.resume();
        REQUIRE(reactor.run_once(Duration{0}));
        CHECK(seen.octets.size() <= limits::datagrams_per_turn);
        REQUIRE(settle(reactor));
        CHECK(seen.octets.size() >= 100);  // the rest did not fit into the system's queue
        CHECK(std::is_sorted(seen.octets.begin(), seen.octets.end()));
    });
}

TEST_CASE("datagram_pause_holds_what_came_in_the_same_batch") {
    on_every_kind([](Reactor& reactor, const std::string&, auto fresh) {
        Seen seen, sender_seen;
        Datagram& receiver = opened(reactor, fresh(), seen);
        Datagram& sender = opened(reactor, fresh(), sender_seen);
        seen.on_data = [](Datagram& datagram) { datagram.pause(); };
        for (const char* octets : {"a", "b", "c", "d", "e"}) sender.write(octets, receiver.local());
        for (std::size_t i = 1; i <= 5; ++i) {
            REQUIRE(run_until(reactor, [&] { return seen.octets.size() == i; }));
            REQUIRE(settle(reactor));
            CHECK(seen.octets.size() == i);
            receiver.resume();
        }
        CHECK(seen.octets == std::vector<std::string>{"a", "b", "c", "d", "e"});
    });
}

TEST_CASE("datagram_exceptions_go_to_on_error_then_out_of_run") {
    on_every_kind([](Reactor& reactor, const std::string&, auto fresh) {
        Seen seen, sender_seen;
        Datagram& receiver = opened(reactor, fresh(), seen);
        Datagram& sender = opened(reactor, fresh(), sender_seen);
        seen.takes_errors = true;
        seen.on_data = [](Datagram&) { throw std::runtime_error("boom"); };
        for (const char* octets : {"a", "b"}) sender.write(octets, receiver.local());
        REQUIRE(run_until(reactor, [&] { return seen.octets.size() == 2; }));
        CHECK(seen.trace == "open error error ");
        seen.takes_errors = false;
        for (const char* octets : {"c", "d"}) sender.write(octets, receiver.local());
        CHECK_THROWS_WITH(static_cast<void>(run_until(reactor, [&] { return seen.octets.size() == 4; })), "boom");
        REQUIRE(settle(reactor));
        CHECK(seen.octets.size() == 3);
        CHECK(seen.trace == "open error error error close");
        CHECK(seen.reason.code == ErrorCode::cancelled);
    });
}

TEST_CASE("datagram_close_sends_first_and_abort_does_not") {
    on_every_kind([](Reactor& reactor, const std::string&, auto fresh) {
        Seen seen, closing_seen, aborting_seen;
        Datagram& receiver = opened(reactor, fresh(), seen);
        Datagram& closing = opened(reactor, fresh(), closing_seen);
        Datagram& aborting = opened(reactor, fresh(), aborting_seen);
        const SourceId id = closing.id();
        closing.write("sent", receiver.local());
        closing.close();
        CHECK(closing.state() == Datagram::State::closing);
        CHECK(closing.write("x", receiver.local()).code == ErrorCode::closed);
        aborting.write("not sent", receiver.local());
        aborting.abort();
        CHECK(aborting.state() == Datagram::State::closed);
        CHECK(aborting.pending() == 0);
        REQUIRE(run_until(reactor, [&] { return seen.octets.size() == 1; }));
        REQUIRE(settle(reactor));
        CHECK(seen.octets == std::vector<std::string>{"sent"});
        CHECK(closing_seen.trace == "close");
        CHECK_FALSE(closing_seen.reason.is_set());
        CHECK(aborting_seen.reason.code == ErrorCode::cancelled);
        CHECK(find_datagram(reactor, id) == nullptr);
    });
}

TEST_CASE("datagram_stop_sends_what_the_system_takes_and_tells") {
    on_every_kind([](Reactor& reactor, const std::string& kind, auto fresh) {
        Seen seen, sender_seen;
        Reactor other;
        Datagram& receiver = opened(other, fresh(), seen);
        Datagram& sender = opened(reactor, fresh(), sender_seen);
        for (int i = 0; i < 600; ++i) sender.write(std::string(1000, 'x'), receiver.local());
        reactor.stop();
        REQUIRE(reactor.run());
        CHECK(sender_seen.trace.ends_with("close"));
        CHECK(sender_seen.reason.code == ErrorCode::cancelled);
        REQUIRE(settle(other));
        CHECK(!seen.octets.empty());
        CAPTURE(kind);
    });
}

TEST_CASE("datagram_cut_by_the_receiver_is_told") {
    on_every_poller([](const std::string& poller) {
        Scratch scratch;
        Reactor reactor({.poller = poller});
        Seen seen, sender_seen;
        Datagram& receiver = opened(reactor, "unix-datagram://" + scratch.path("a"), seen);
        Datagram& sender = opened(reactor, "unix-datagram://" + scratch.path("b"), sender_seen);
        // Past the limit of write(): another program may send longer ones.
        Address to;
        REQUIRE(literal_address({Endpoint::Scheme::unix_datagram, scratch.path("a"), 0}, to));
        Result<DatagramSocket> raw = open_datagram_socket(
            [&] {
                Address own;
                REQUIRE(literal_address({Endpoint::Scheme::unix_datagram, scratch.path("c"), 0}, own));
                return own;
            }(),
            {});
        REQUIRE(raw);
        const std::string longer(65537, 'x');
        const DatagramOut out{longer, &to};
        REQUIRE(send_datagrams(raw.value().fd.get(), &out, 1).kind == IoResult::Kind::done);
        raw.value().file.remove();
        sender.write("short", receiver.local());
        REQUIRE(run_until(reactor, [&] { return seen.octets.size() == 1 && seen.lost.size() == 1; }));
        CHECK(seen.octets[0] == "short");
        CHECK(seen.lost[0].code == ErrorCode::limit);
        CHECK(seen.lost[0].operation == "read");
        CHECK(seen.lost[0].endpoint == "unix-datagram://" + scratch.path("c"));
    });
}

TEST_CASE("datagram_multicast_on_loopback") {
    for (const std::string host : {"0.0.0.0", "[::]"}) {
        CAPTURE(host);
        Reactor reactor;
        Seen seen, sender_seen;
        Datagram& receiver = opened(reactor, "udp://" + host + ":0", seen, {.reuse_address = true});
        Datagram& sender = opened(reactor, "udp://" + host + ":0", sender_seen);
        const std::string group = host == "[::]" ? "ff01::1234" : "239.255.12.34";
        const std::string port = receiver.local().substr(receiver.local().rfind(':'));
        const Result<void> joined = receiver.join(group, "lo");
        if (!joined) {
            MESSAGE("skipped: " << joined.error().text());
            continue;
        }
        REQUIRE(sender.set_multicast_interface("lo"));
        CHECK(sender.set_multicast_ttl(0));
        CHECK(sender.set_multicast_loop(true));
        sender.write("to the group", host == "[::]" ? "udp://[" + group + "%lo]" + port : "udp://" + group + port);
        REQUIRE(run_until(reactor, [&] { return !seen.octets.empty() || !sender_seen.lost.empty(); }));
        if (!sender_seen.lost.empty()) {
            MESSAGE("skipped: " << sender_seen.lost[0].text());
            continue;
        }
        CHECK(seen.octets[0] == "to the group");
        CHECK(receiver.leave(group, "lo"));
        CHECK(receiver.leave(group, "lo").error().os == EADDRNOTAVAIL);
    }
}

TEST_CASE("datagram_options_say_what_is_wrong_with_them") {
    Scratch scratch;
    Reactor reactor;
    Seen seen;
    Datagram& datagram = opened(reactor, "udp://127.0.0.1:0", seen);
    CHECK(datagram.join("not an address").error().code == ErrorCode::argument);
    CHECK(datagram.join("ff02::1").error().code == ErrorCode::argument);
    CHECK(datagram.join("127.0.0.1").error().os == EINVAL);
    CHECK(datagram.join("239.1.2.3", "nosuchinterface").error().code == ErrorCode::argument);
    CHECK(datagram.set_multicast_ttl(256).error().code == ErrorCode::argument);
    CHECK(datagram.set_multicast_ttl(-1).error().code == ErrorCode::argument);
    CHECK(open_datagram<DatagramHandler>(reactor, "udp://127.0.0.1:0", {.receive_buffer = -1}).error().code == ErrorCode::argument);
    CHECK(open_datagram<DatagramHandler>(reactor, "unix-datagram://@", {.reuse_port = true}).error().code == ErrorCode::argument);
    Datagram& path = opened(reactor, "unix-datagram://" + scratch.path("a"), seen);
    CHECK(path.join("239.1.2.3").error().code == ErrorCode::argument);
    CHECK(path.set_broadcast(true).error().code == ErrorCode::argument);
    datagram.abort();
    CHECK(datagram.set_broadcast(true).error().code == ErrorCode::closed);
}

TEST_CASE("datagram_broadcast_needs_its_flag") {
    Reactor reactor;
    Seen seen;
    Datagram& datagram = opened(reactor, "udp://127.0.0.1:0", seen);
    const std::string all = "udp://127.255.255.255:9";
    datagram.write("x", all);
    REQUIRE(run_until(reactor, [&] { return !seen.lost.empty(); }));
    CHECK(seen.lost[0].os == EACCES);
    CHECK(seen.lost[0].endpoint == all);
    CHECK(datagram.set_broadcast(true));
    datagram.write("y", all);
    REQUIRE(settle(reactor));
    CHECK(std::none_of(seen.lost.begin() + 1, seen.lost.end(), [](const Error& lost) { return lost.os == EACCES; }));
}

TEST_CASE("datagram_sockets_share_a_port_when_asked") {
    Reactor reactor;
    Seen one, other;
    Datagram& first = opened(reactor, "udp://127.0.0.1:0", one, {.reuse_port = true});
    Datagram& second = opened(reactor, first.local(), other, {.reuse_port = true});
    CHECK(first.local() == second.local());
}

TEST_CASE("datagram_in_a_forked_child_leaves_the_parents_alone") {
    Scratch scratch;
    Seen seen;
    auto reactor = std::make_unique<Reactor>();
    const std::string endpoint = "unix-datagram://" + scratch.path("a");
    Datagram* datagram = &opened(*reactor, endpoint, seen);
    CHECK(in_child([&] {
              const WriteResult written = datagram->write("x", endpoint);
              const bool is_refused = written.code == ErrorCode::state && datagram->write_error(written).code == ErrorCode::state;
              datagram->abort();
              reactor.reset();
              return is_refused && std::filesystem::exists(scratch.path("a")) ? 0 : 1;
          }) == 0);
    datagram->write("mine", endpoint);
    REQUIRE(run_until(*reactor, [&] { return seen.octets.size() == 1; }));
}
