// Listeners: refusing, pausing, closing, their files, and survival without descriptors.
#include "tidemill/net/listener.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/child.h"
#include "support/world.h"
#include "tidemill/sys/socket.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

HandlerFactory factory_of(const PartyPtr& party) {
    return [party] { return handler_of(party); };
}

// Clients outside of any reactor, which cost this process one descriptor each and need no loop.
struct RawClients {
    explicit RawClients(const std::string& endpoint) { REQUIRE(literal_address(parse_endpoint(endpoint, "test").value(), address)); }
    bool add() {
        ConnectResult attempt = start_connecting(address);
        if (!attempt.fd.is_open()) return false;
        fds.push_back(std::move(attempt.fd));
        return true;
    }
    Address address;
    std::vector<Fd> fds;
};

void set_descriptor_limit(rlim_t most) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = most;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

int lowest_free_descriptor() {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(fd);
    return fd;
}

// Leaves room for one descriptor. (A gap would be filled first, and there may be inherited descriptors above it.)
void leave_room_for_one() {
    set_descriptor_limit(10'000);
    set_descriptor_limit(static_cast<rlim_t>(lowest_free_descriptor() + 1));
}

std::set<int> open_descriptors() {
    std::set<int> found;
    for (int fd = 0; fd < 1024; ++fd) {
        if (::fcntl(fd, F_GETFD) != -1) found.insert(fd);
    }
    return found;
}

}  // namespace

TEST_CASE("listener_endpoint_has_the_real_port") {
    Reactor reactor;
    const auto listener = listen(reactor, "tcp://127.0.0.1:0", factory_of(std::make_shared<Party>()));
    REQUIRE(listener.ok());
    CHECK(listener.value()->endpoint() != "tcp://127.0.0.1:0");
    CHECK(listener.value()->endpoint().starts_with("tcp://127.0.0.1:"));
    CHECK(listener.value()->is_open());
    CHECK(find_listener(reactor, listener.value()->id()) == listener.value());
}

TEST_CASE("listener_on_a_name_is_resolved") {
    Reactor reactor;
    CHECK(listen(reactor, "tcp://localhost:0", factory_of(std::make_shared<Party>())).ok());
    CHECK(listen(reactor, "tcp://no.such.invalid:0", factory_of(std::make_shared<Party>())).error().code == ErrorCode::resolve);
}

TEST_CASE("listener_on_a_used_endpoint_is_eaddrinuse") {
    for (const std::string& transport : transports) {
        CAPTURE(transport);
        World world("epoll", transport);
        const auto party = std::make_shared<Party>();
        const auto first = listen(world.reactor, world.fresh_endpoint(), factory_of(party), world.listen_options());
        REQUIRE(first.ok());
        const auto second = listen(world.reactor, first.value()->endpoint(), factory_of(party), world.listen_options());
        REQUIRE_FALSE(second.ok());
        CHECK(second.error().os == EADDRINUSE);
        CHECK(second.error().text().find(first.value()->endpoint()) != std::string::npos);
    }
}

TEST_CASE("listener_in_a_missing_folder_is_an_os_error") {
    Reactor reactor;
    const auto listener = listen(reactor, "unix:///no/such/folder/x", factory_of(std::make_shared<Party>()));
    REQUIRE_FALSE(listener.ok());
    CHECK(listener.error().os == ENOENT);
}

TEST_CASE("listener_closed_refuses_and_frees_its_endpoint") {
    in_every_world([](World& world) {
        const auto party = std::make_shared<Party>();
        auto listener = listen(world.reactor, world.fresh_endpoint(), factory_of(party), world.listen_options());
        REQUIRE(listener.ok());
        const std::string endpoint = listener.value()->endpoint();
        const SourceId id = listener.value()->id();
        listener.value()->close();
        listener.value()->close();
        CHECK_FALSE(listener.value()->is_open());
        REQUIRE(settle(world.reactor));
        CHECK(find_listener(world.reactor, id) == nullptr);
        const auto client = std::make_shared<Party>();
        REQUIRE(connect(world.reactor, endpoint, handler_of(client), world.connect_options()).ok());
        REQUIRE(world.until([&] { return client->is_closed(); }));
        CHECK(client->trace == (world.is("unix") ? "close(ENOENT)" : "close(ECONNREFUSED)"));
        CHECK(listen(world.reactor, endpoint, factory_of(party), world.listen_options()).ok());
    });
}

TEST_CASE("listener_closed_by_its_own_factory_serves_that_one") {
    in_every_world([](World& world) {
        Listener* listener = nullptr;
        const auto server = std::make_shared<Party>();
        auto made = listen(
            world.reactor, world.fresh_endpoint(),
            [&] {
                listener->close();
                return handler_of(server);
            },
            world.listen_options());
        REQUIRE(made.ok());
        listener = made.value();
        const auto client = std::make_shared<Party>();
        REQUIRE(connect(world.reactor, listener->endpoint(), handler_of(client), world.connect_options()).ok());
        CHECK(world.until([&] { return client->is_open() && server->is_open(); }));
    });
}

TEST_CASE("listener_paused_accepts_after_resume") {
    in_every_world([](World& world) {
        const auto server = std::make_shared<Party>();
        auto listener = listen(world.reactor, world.fresh_endpoint(), factory_of(server), world.listen_options());
        REQUIRE(listener.ok());
        listener.value()->pause();
        REQUIRE(connect(world.reactor, listener.value()->endpoint(), handler_of(std::make_shared<Party>()), world.connect_options()).ok());
        REQUIRE(settle(world.reactor));
        CHECK(server->trace.empty());
        listener.value()->resume();
        CHECK(world.until([&] { return server->trace == "open"; }));
    });
}

TEST_CASE("listener_factory_that_gives_nothing_refuses") {
    in_every_world([](World& world) {
        auto listener = listen(world.reactor, world.fresh_endpoint(), [] { return HandlerPtr{}; }, world.listen_options());
        REQUIRE(listener.ok());
        const auto client = std::make_shared<Party>();
        REQUIRE(connect(world.reactor, listener.value()->endpoint(), handler_of(client), world.connect_options()).ok());
        REQUIRE(world.until([&] { return client->is_closed(); }));
        CHECK(client->received.empty());
    });
}

TEST_CASE("listener_factory_that_raises_goes_to_the_error_handler_and_goes_on") {
    in_every_world([](World& world) {
        int raised = 0;
        world.reactor.set_error_handler([&](const std::exception_ptr&) { ++raised; });
        const auto server = std::make_shared<Party>();
        auto listener = listen(
            world.reactor, world.fresh_endpoint(),
            [&] {
                if (raised == 0) throw std::runtime_error("boom");
                return handler_of(server);
            },
            world.listen_options());
        REQUIRE(listener.ok());
        for (int i = 0; i < 2; ++i)
            REQUIRE(
                connect(world.reactor, listener.value()->endpoint(), handler_of(std::make_shared<Party>()), world.connect_options()).ok());
        REQUIRE(world.until([&] { return server->trace == "open"; }));
        CHECK(raised == 1);
    });
}

TEST_CASE("listener_closed_removes_its_unix_file_but_no_foreign_one") {
    const Scratch scratch;
    const std::string path = scratch.path("x");
    Reactor reactor;
    auto first = listen(reactor, "unix://" + path, factory_of(std::make_shared<Party>()), {.mode = 0600});
    REQUIRE(first.ok());
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    first.value()->close();
    CHECK_FALSE(std::filesystem::exists(path));

    auto second = listen(reactor, "unix://" + path, factory_of(std::make_shared<Party>()));
    REQUIRE(second.ok());
    std::filesystem::remove(path);
    auto newcomer = listen(reactor, "unix://" + path, factory_of(std::make_shared<Party>()));
    REQUIRE(newcomer.ok());
    second.value()->close();
    CHECK(std::filesystem::exists(path));
    reactor.stop();
    REQUIRE(reactor.run().ok());
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("listener_destroyed_with_its_reactor_removes_its_unix_file") {
    const Scratch scratch;
    {
        Reactor reactor;
        REQUIRE(listen(reactor, "unix://" + scratch.path("x"), factory_of(std::make_shared<Party>())).ok());
    }
    CHECK_FALSE(std::filesystem::exists(scratch.path("x")));
}

// What the child below does; answers 0 or the number of the claim that failed.
static int starve_and_recover(const std::string& poller) {
    ManualClock clock;
    Reactor reactor({.poller = poller, .clock = &clock});
    int accepted = 0;
    auto listener = listen(reactor, "tcp://127.0.0.1:0", [&] {
        ++accepted;
        return HandlerPtr(new Handler);
    });
    RawClients clients(listener.value()->endpoint());
    for (int i = 0; i < 8; ++i) {
        leave_room_for_one();
        if (!clients.add()) return 1;
    }
    // Without descriptors the loop comes to rest at once, and stays so: a turn without a timeout finds nothing, and one with a
    // timeout sleeps instead of using the processor.
    if (!settle(reactor) || accepted != 0) return 2;
    for (int i = 0; i < 50; ++i) {
        if (reactor.run_once(Duration{0}).value()) return 3;
    }
    rusage before{};
    rusage after{};
    ::getrusage(RUSAGE_SELF, &before);
    if (reactor.run_once(100ms).value()) return 4;
    ::getrusage(RUSAGE_SELF, &after);
    const auto used = (after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1'000'000 +
                      after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    if (used > 50'000) return 5;
    // Trying again in vain is one attempt a period, however many came meanwhile.
    clock.advance(limits::accept_retry);
    int busy_turns = 0;
    for (int i = 0; i < 50; ++i) busy_turns += reactor.run_once(Duration{0}).value() ? 1 : 0;
    if (busy_turns > 2 || accepted != 0) return 6;
    // Once there is room again, all that wait are accepted.
    const std::size_t waiting = clients.fds.size();
    set_descriptor_limit(10'000);
    clock.advance(limits::accept_retry);
    if (!run_until(reactor, [&] { return accepted == static_cast<int>(waiting); })) return 7;
    // And the listener is whole again.
    if (!clients.add()) return 8;
    return run_until(reactor, [&] { return accepted == static_cast<int>(waiting) + 1; }) ? 0 : 9;
}

TEST_CASE("listener_without_descriptors_rests_without_spinning_and_recovers") {
    on_every_poller([](const std::string& poller) { CHECK(in_child([&] { return starve_and_recover(poller); }) == 0); });
}

// Newcomers that are reported while the listener rests must not each start a clock of their own: closing cancels only one.
static int starve_and_close(const std::string& poller) {
    ManualClock clock;
    Reactor reactor({.poller = poller, .clock = &clock});
    int accepted = 0;
    auto listener = listen(reactor, "tcp://127.0.0.1:0", [&] {
        ++accepted;
        return HandlerPtr(new Handler);
    });
    RawClients clients(listener.value()->endpoint());
    for (int i = 0; i < 10; ++i) {
        leave_room_for_one();  // which the client takes; none is left for accepting it
        if (!clients.add()) return 1;
        if (!settle(reactor) || accepted != 0) return 2;
    }
    listener.value()->close();
    if (!settle(reactor)) return 3;
    clock.advance(limits::accept_retry);
    if (reactor.run_once(Duration{0}).value()) return 4;  // nobody asks again for a listener that is gone
    return settle(reactor) && accepted == 0 ? 0 : 5;
}

TEST_CASE("listener_closed_while_it_rests_is_not_called_again") {
    on_every_poller([](const std::string& poller) { CHECK(in_child([&] { return starve_and_close(poller); }) == 0); });
}

TEST_CASE("every_descriptor_is_closed_on_exec") {
    on_every_poller([](const std::string& poller) {
        for (const std::string& transport : transports) {
            CAPTURE(transport);
            const std::set<int> before = open_descriptors();
            World world(poller, transport);
            Pair pair;
            REQUIRE(world.join(pair));
            REQUIRE(world.reactor.wake_fd().ok());
            if (poller == "epoll") REQUIRE(world.reactor.fd().ok());
            int found = 0;
            for (const int fd : open_descriptors()) {
                if (before.contains(fd)) continue;
                ++found;
                CAPTURE(fd);
                CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
            }
            CHECK(found >= 3);
        }
    });
}

TEST_CASE("descriptors_are_all_given_back") {
    const std::set<int> before = open_descriptors();
    in_every_world([](World& world) {
        Pair closed;
        Pair open;
        REQUIRE(world.join(closed));
        REQUIRE(world.join(open));
        closed.client->connection->close();
        REQUIRE(world.until_closed(closed));
    });
    CHECK((open_descriptors() == before));
}

TEST_CASE("writing_to_a_gone_peer_raises_no_sigpipe") {
    CHECK(in_child([] {
              ::signal(SIGPIPE, SIG_DFL);
              for (const std::string transport : {"tcp4", "unix"}) {
                  World world("epoll", transport);
                  Pair pair;
                  if (!world.join(pair)) return 1;
                  pair.client->connection->pause();  // it does not notice the end by reading
                  pair.server->connection->abort();
                  if (!world.until([&] { return pair.server->is_closed(); })) return 2;
                  for (int i = 0; i < 5 && pair.client->connection; ++i) {
                      pair.client->connection->write("x");
                      if (!settle(world.reactor)) return 3;
                  }
                  if (pair.client->connection) pair.client->connection->resume();
                  if (!world.until([&] { return pair.client->is_closed(); })) return 4;
                  if (pair.client->reason.os == 0) return 5;
              }
              return 0;
          }) == 0);
}

TEST_CASE("listeners_that_reuse_a_port_share_it") {
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        for (const std::string host : {"127.0.0.1", "[::1]"}) {
            const auto party = std::make_shared<Party>();
            const auto first = listen(reactor, "tcp://" + host + ":0", factory_of(party), {.reuse_port = true});
            REQUIRE(first.ok());
            const std::string endpoint = first.value()->endpoint();
            const auto second = listen(reactor, endpoint, factory_of(party), {.reuse_port = true});
            REQUIRE(second.ok());
            CHECK(second.value()->endpoint() == endpoint);
            // All of them must want it.
            const auto third = listen(reactor, endpoint, factory_of(party));
            REQUIRE_FALSE(third.ok());
            CHECK(third.error().os == EADDRINUSE);
        }
    });
}

TEST_CASE("reuse_port_is_for_tcp") {
    Reactor reactor;
    for (const char* endpoint : {"unix://@tidemill-reuse-port", "memory://x"}) {
        const auto refused = listen(reactor, endpoint, factory_of(std::make_shared<Party>()), {.reuse_port = true});
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().code == ErrorCode::argument);
    }
}
