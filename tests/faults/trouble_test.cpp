// What the core does in each kind of trouble, one at a time: what is retried and how often, what is told to whom, what is not lost.
#include <doctest/doctest.h>
#include <netdb.h>
#include <sys/resource.h>

#include <cerrno>
#include <set>

#include "support/faults.h"
#include "support/world.h"
#include "tidemill/sys/random.h"

using namespace tidemill;
using namespace tidemill::test;
using faults::Call;

namespace {

std::chrono::microseconds cpu_time() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto of = [](const timeval& time) { return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec}; };
    return of(used.ru_utime) + of(used.ru_stime);
}

long waits() {
    return faults::calls(Call::epoll_wait_) + faults::calls(Call::poll_);
}

long sends() {
    return faults::calls(Call::send_) + faults::calls(Call::sendmsg_);
}

void fail_sending(int error, long times = faults::for_ever) {
    faults::fail(Call::send_, error, 1, times);
    faults::fail(Call::sendmsg_, error, 1, times);
}

// In every world that makes system calls, with no faults planned.
template <class Body>
void in_every_socket_world(Body body) {
    const faults::Guard guard;
    on_every_poller([&](const std::string& poller) {
        for (const std::string transport : {"tcp4", "unix"}) {
            CAPTURE(transport);
            faults::clear();
            World world(poller, transport);
            body(world);
        }
    });
}

// A client of a listener that may have anything but a connection for it.
PartyPtr knock(Reactor& reactor, const std::string& endpoint) {
    const auto client = std::make_shared<Party>();
    REQUIRE(connect(reactor, endpoint, handler_of(client)));
    return client;
}

}  // namespace

// ---- accepting ----

TEST_CASE("trouble_accept_without_descriptors_costs_nothing_and_recovers") {
    const faults::Guard guard;
    on_every_poller([](const std::string& poller) {
        for (const int error : {EMFILE, ENFILE, ENOMEM}) {
            CAPTURE(errno_name(error));
            Reactor reactor({.poller = poller});
            const auto server = std::make_shared<Party>();
            Result<Listener*> listener = listen(reactor, "tcp://127.0.0.1:0", [&] { return handler_of(server); });
            REQUIRE(listener);
            faults::clear();
            faults::fail(Call::accept4_, error, 1, faults::for_ever);
            const PartyPtr client = knock(reactor, listener.value()->endpoint());
            const auto before = cpu_time();
            bool is_over = false;
            reactor.call_later(1s, [&] { is_over = true; });
            CHECK(run_until(reactor, [&] { return is_over; }));
            // A second of need: a look every 100 ms, not more than a few turns for each, and next to no CPU time (5 % of that second).
            CHECK(faults::calls(Call::accept4_) <= 12);
            CHECK(waits() < 250);
            CHECK(cpu_time() - before < 50ms);
            CHECK(server->trace == "");
            faults::clear();
            CHECK(run_until(reactor, [&] { return server->is_open() && client->is_open(); }));
        }
    });
}

TEST_CASE("trouble_accept_of_connections_that_went_away_goes_on") {
    const faults::Guard guard;
    on_every_poller([](const std::string& poller) {
        for (const int error : {ECONNABORTED, EPROTO, ETIMEDOUT, EHOSTUNREACH}) {
            faults::clear();
            World world(poller, "tcp4");
            faults::fail(Call::accept4_, error, 1, 1000);
            Pair pair;
            CHECK(world.join(pair));
        }
    });
}

TEST_CASE("trouble_accept_that_fails_without_end_leaves_the_turn_to_others") {
    const faults::Guard guard;
    on_every_poller([](const std::string& poller) {
        World world(poller, "tcp4");
        faults::clear();
        faults::fail(Call::accept4_, ECONNABORTED, 1, faults::for_ever);
        Pair pair;
        world.begin_joining(pair);
        int ticks = 0;
        CHECK(world.until([&] {
            world.reactor.next_tick([&] { ++ticks; });
            return faults::calls(Call::accept4_) > 0;
        }));
        const long before = faults::calls(Call::accept4_);
        static_cast<void>(world.reactor.run_once());
        CHECK(faults::calls(Call::accept4_) - before <= limits::accepts_per_turn);
        CHECK(ticks > 0);
    });
}

// ---- writing and reading ----

TEST_CASE("trouble_write_to_a_broken_pipe_is_told_once") {
    in_every_socket_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        fail_sending(EPIPE, 1);
        pair.client->connection->write("lost");
        CHECK(world.until([&] { return !sends() || pair.client->is_closed() || settle(world.reactor); }));
        pair.server->connection->close();
        CHECK(world.until_closed(pair));
        CHECK(pair.client->trace == "open close(EPIPE)");
        CHECK(pair.client->handlers == 0);
    });
}

TEST_CASE("trouble_write_without_memory_is_tried_again_by_the_clock_and_loses_nothing") {
    for (const int error : {ENOBUFS, ENOMEM}) {
        in_every_socket_world([error](World& world) {
            Pair pair;
            REQUIRE(world.join(pair));
            fail_sending(error);
            const std::string text = pattern(300'000);
            pair.client->connection->write(text);
            CHECK(settle(world.reactor));
            const long once = sends();
            CHECK(once == 1);
            CHECK(settle(world.reactor));
            CHECK(sends() == once);  // the clock stands still: it is not asked again, so nothing spins
            for (int i = 0; i < 5; ++i) {
                world.clock.advance(limits::io_retry);
                CHECK(settle(world.reactor));
            }
            CHECK(sends() == once + 5);
            CHECK(pair.client->is_open());
            CHECK(pair.client->connection->pending() == text.size());
            faults::clear();
            world.clock.advance(limits::io_retry);
            CHECK(world.until([&] { return pair.server->received.size() == text.size(); }));
            CHECK(pair.server->received == text);
        });
    }
}

TEST_CASE("trouble_read_without_memory_is_tried_again_by_the_clock_and_loses_nothing") {
    for (const int error : {ENOBUFS, ENOMEM}) {
        in_every_socket_world([error](World& world) {
            Pair pair;
            REQUIRE(world.join(pair));
            CHECK(settle(world.reactor));
            faults::clear();
            faults::fail(Call::recv_, error, 1, faults::for_ever);
            pair.client->connection->write("words");
            CHECK(world.until([] { return faults::failed(Call::recv_) > 0; }));
            CHECK(settle(world.reactor));
            const long calls = faults::calls(Call::recv_);
            CHECK(settle(world.reactor));
            CHECK(faults::calls(Call::recv_) == calls);
            faults::clear();
            world.clock.advance(limits::io_retry);
            CHECK(world.until([&] { return pair.server->received == "words"; }));
        });
    }
}

TEST_CASE("trouble_peer_that_resets_in_mid_write_ends_it_once") {
    in_every_socket_world([](World& world) {
        Pair pair;
        pair.server->on_open = [](Connection& connection) { connection.pause(); };
        REQUIRE(world.join(pair));
        pair.client->connection->write(pattern(5'000'000));
        CHECK(settle(world.reactor));
        CHECK(pair.client->connection->pending() > 0);
        pair.server->connection->abort();
        CHECK(world.until_closed(pair));
        const std::set<std::string> reset{"open close(ECONNRESET)", "open close(EPIPE)"};
        CAPTURE(pair.client->trace);
        CHECK(reset.contains(pair.client->trace));
        CHECK(pair.client->handlers + pair.server->handlers == 0);
    });
}

// The queue of cipher text is full when the error comes, so that not one plain octet more is taken: the error must not be lost in that.
TEST_CASE("trouble_write_over_tls_to_a_lost_peer_is_told_to_who_reads_nothing") {
    const faults::Guard guard;
    on_every_poller([](const std::string& poller) {
        faults::clear();
        World world(poller, "tls");
        Pair pair;
        pair.client->on_open = [](Connection& connection) { connection.pause(); };
        REQUIRE(world.join(pair));
        pair.server->on_drain = [](Connection& connection) { connection.resume(); };
        pair.server->connection->pause();
        pair.server->connection->write(pattern(20'000'000));
        REQUIRE(settle(world.reactor));
        REQUIRE(pair.server->connection->pending() > 0);
        fail_sending(EPIPE);
        pair.client->connection->resume();
        REQUIRE(world.until([&] { return pair.server->trace == "open drain"; }));  // so that it goes on reading
        pair.client->connection->abort();
        CHECK(world.until_closed(pair));
        CHECK(pair.server->trace == "open drain close(EPIPE)");
    });
}

TEST_CASE("trouble_full_pipe_waits_without_a_call") {
    in_every_socket_world([](World& world) {
        Pair pair;
        pair.server->on_open = [](Connection& connection) { connection.pause(); };
        REQUIRE(world.join(pair));
        const std::string text = pattern(8'000'000);
        pair.client->connection->write(text);
        CHECK(settle(world.reactor));
        const long calls = sends();
        CHECK(settle(world.reactor));
        CHECK(sends() == calls);
        pair.server->connection->resume();
        CHECK(world.until([&] { return pair.server->received.size() == text.size(); }));
        CHECK(pair.server->received == text);
        CHECK(pair.client->trace == "open drain");
    });
}

// ---- connecting ----

TEST_CASE("trouble_connect_is_told_as_the_system_says_it") {
    in_every_socket_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        for (const int error : {EADDRNOTAVAIL, ENETUNREACH, EHOSTUNREACH, EPERM, ENOBUFS}) {
            faults::fail(Call::connect_, error);
            const PartyPtr client = knock(world.reactor, "tcp://127.0.0.1:9");
            CHECK(world.until([&] { return client->is_closed(); }));
            CHECK(client->trace == "close(" + std::string(errno_name(error)) + ")");
            CHECK(client->reason.operation == "connect");
            CHECK(client->reason.endpoint == "tcp://127.0.0.1:9");
        }
        faults::fail(Call::socket_, EMFILE);
        const PartyPtr client = knock(world.reactor, "tcp://127.0.0.1:9");
        CHECK(world.until([&] { return client->is_closed(); }));
        CHECK(client->trace == "close(EMFILE)");
    });
}

TEST_CASE("trouble_connect_that_must_wait_is_tried_again") {
    in_every_socket_world([](World& world) {
        faults::fail(Call::connect_, EAGAIN, 1, 3);
        Pair pair;
        world.begin_joining(pair);
        for (int i = 0; i < 4; ++i) {
            CHECK(settle(world.reactor));
            world.clock.advance(limits::connect_retry);
        }
        CHECK(world.until([&] { return pair.client->is_open() && pair.server->is_open(); }));
        CHECK(faults::calls(Call::connect_) == 4);
    });
}

TEST_CASE("trouble_connect_interrupted_by_a_signal_goes_on") {
    in_every_socket_world([](World& world) {
        faults::fail(Call::connect_, EINTR);
        Pair pair;
        CHECK(world.join(pair));
    });
}

TEST_CASE("trouble_connected_socket_whose_peer_cannot_be_asked_for_is_open") {
    in_every_socket_world([](World& world) {
        faults::fail(Call::getpeername_, ENOBUFS, 1, faults::for_ever);
        Pair pair;
        CHECK(world.join(pair));
    });
}

TEST_CASE("trouble_look_up_is_told_with_its_reason") {
    const faults::Guard guard;
    for (const int error : {EAI_AGAIN, EAI_MEMORY, EAI_FAIL, EAI_SYSTEM}) {
        Reactor reactor;
        faults::clear();
        faults::fail(Call::getaddrinfo_, error);
        const PartyPtr client = knock(reactor, "tcp://localhost:9");
        CHECK(run_until(reactor, [&] { return client->is_closed(); }));
        CHECK(client->reason.code == ErrorCode::resolve);
        CHECK(client->reason.os == (error == EAI_SYSTEM ? EMFILE : 0));
    }
}

// ---- the poller ----

TEST_CASE("trouble_out_of_watches_ends_that_connection_and_fails_that_listener") {
    const faults::Guard guard;
    for (const int error : {ENOSPC, ENOMEM}) {
        World world("epoll", "tcp4");
        Pair pair;
        REQUIRE(world.join(pair));
        faults::clear();
        faults::fail(Call::epoll_ctl_, error);
        const Result<Listener*> second = listen(world.reactor, "tcp://127.0.0.1:0", [] { return HandlerPtr(new Handler); });
        REQUIRE(!second);
        CHECK(second.error().os == error);
        faults::fail(Call::epoll_ctl_, error);
        const PartyPtr client = knock(world.reactor, "tcp://127.0.0.1:9");
        CHECK(world.until([&] { return client->is_closed(); }));
        CHECK(client->reason.os == error);
        CHECK(pair.client->is_open());
    }
}

TEST_CASE("trouble_arming_without_memory_is_made_up_for") {
    const faults::Guard guard;
    World world("epoll", "tcp4");
    Pair pair;
    pair.client->on_open = [](Connection& connection) { connection.pause(); };
    REQUIRE(world.join(pair));
    CHECK(settle(world.reactor));
    faults::clear();
    faults::fail(Call::epoll_ctl_, ENOMEM, 1, 3);
    const std::string text = pattern(8'000'000);
    pair.server->connection->write(text);  // an accepted socket is not watched for writing before it is full
    CHECK(world.until([] { return faults::failed(Call::epoll_ctl_) == 3; }));
    pair.client->connection->resume();
    CHECK(world.until([&] { return pair.client->received.size() == text.size(); }));
    CHECK(pair.client->received == text);
}

TEST_CASE("trouble_wait_refused_is_an_error_of_run_and_can_be_tried_again") {
    const faults::Guard guard;
    for (const int error : {ENOMEM, EINVAL}) {
        faults::clear();
        Reactor reactor({.poller = "poll"});
        bool is_fired = false;
        reactor.call_later(1ms, [&] { is_fired = true; });
        faults::fail(Call::poll_, error);
        const Result<void> refused = reactor.run();
        REQUIRE(!refused);
        CHECK(refused.error().code == ErrorCode::os);
        CHECK(refused.error().os == error);
        CHECK(reactor.run());
        CHECK(is_fired);
    }
}

TEST_CASE("trouble_wait_ended_by_signals_is_no_error") {
    const faults::Guard guard;
    on_every_poller([](const std::string& poller) {
        faults::clear();
        faults::fail(Call::epoll_wait_, EINTR, 1, 20);
        faults::fail(Call::poll_, EINTR, 1, 20);
        Reactor reactor({.poller = poller});
        bool is_fired = false;
        reactor.call_later(1ms, [&] { is_fired = true; });
        CHECK(reactor.run());
        CHECK(is_fired);
    });
}

// ---- starting ----

TEST_CASE("trouble_at_the_start_is_a_startup_error_and_every_call_says_so") {
    const faults::Guard guard;
    for (const Call call : {Call::epoll_create1_, Call::eventfd_, Call::epoll_ctl_}) {
        for (const int error : {EMFILE, ENFILE, ENOMEM}) {
            faults::clear();
            faults::fail(call, error);
            Reactor reactor({.poller = "epoll"});
            CHECK(reactor.startup_error().os == error);
            CHECK(reactor.startup_error().operation == faults::name_of(call));
            CHECK(reactor.run().error().os == error);
            CHECK(reactor.run_once().error().os == error);
            CHECK(reactor.fd().error().os == error);
            CHECK(listen(reactor, "tcp://127.0.0.1:0", [] { return HandlerPtr(new Handler); }).error().os == error);
            CHECK(connect(reactor, "tcp://127.0.0.1:9", HandlerPtr(new Handler)).error().os == error);
        }
    }
}

TEST_CASE("trouble_with_the_descriptors_for_hosts_is_an_error_of_that_call") {
    const faults::Guard guard;
    Reactor reactor({.poller = "epoll"});
    faults::fail(Call::timerfd_create_, EMFILE);
    CHECK(reactor.fd().error().os == EMFILE);
    CHECK(reactor.fd().ok());
    faults::fail(Call::pipe2_, ENFILE);
    CHECK(reactor.wake_fd().error().os == ENFILE);
    CHECK(reactor.wake_fd().ok());
}

TEST_CASE("trouble_with_the_descriptors_for_hosts_while_they_are_watched_is_an_error_each_time") {
    const faults::Guard guard;
    Reactor reactor({.poller = "epoll"});
    faults::fail(Call::epoll_ctl_, ENOSPC, 1, 2);
    CHECK(reactor.fd().error().os == ENOSPC);
    CHECK(reactor.fd().error().os == ENOSPC);
    CHECK(reactor.fd().ok());
    faults::fail(Call::epoll_ctl_, ENOSPC, 1, 2);
    CHECK(reactor.wake_fd().error().os == ENOSPC);
    CHECK(reactor.wake_fd().error().os == ENOSPC);
    CHECK(reactor.wake_fd().ok());
}

TEST_CASE("trouble_listener_that_cannot_be_named_is_an_error_and_leaves_no_file") {
    in_every_socket_world([](World& world) {
        faults::fail(Call::getsockname_, ENOBUFS);
        const Result<Listener*> listener = listen(world.reactor, world.fresh_endpoint(), [] { return HandlerPtr(new Handler); });
        REQUIRE(!listener);
        CHECK(listener.error().os == ENOBUFS);
    });
}

TEST_CASE("trouble_waking_interrupted_by_a_signal_wakes") {
    const faults::Guard guard;
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        for (int i = 0; i < 3; ++i) {
            faults::clear();
            faults::fail(Call::write_, EINTR);
            bool is_done = false;
            reactor.call_later(20s, [] {});  // something to sleep for
            reactor.post([&] { is_done = true; });
            CHECK(run_until(reactor, [&] { return is_done; }));
            CHECK(faults::calls(Call::write_) == 2);
        }
    });
}

TEST_CASE("trouble_with_random_octets_is_told_and_an_interruption_is_not") {
    const faults::Guard guard;
    SystemRandom random;
    char octets[300];
    faults::fail(Call::getrandom_, EINTR, 1, 3);
    CHECK(random.fill(octets, sizeof octets));
    CHECK(faults::calls(Call::getrandom_) == 5);
    faults::clear();
    faults::fail(Call::getrandom_, ENOSYS);
    CHECK_FALSE(random.fill(octets, sizeof octets));
    CHECK(random.fill(octets, sizeof octets));
}
