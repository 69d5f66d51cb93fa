#include "tidemill/sys/socket.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>

#include "support/child.h"
#include "support/scratch.h"

using namespace tidemill;
using tidemill::test::Scratch;

static Address address_of(const std::string& text) {
    Address address;
    REQUIRE(literal_address(parse_endpoint(text, "test").value(), address));
    return address;
}

static bool exists(const std::string& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0;
}

TEST_CASE("fd_moved_from_owns_nothing_and_closes_once") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Fd other(ends[1]);
    {
        Fd first(ends[0]);
        const Fd second(std::move(first));
        CHECK_FALSE(first.is_open());
        CHECK(second.get() == ends[0]);
    }
    CHECK(::fcntl(ends[0], F_GETFD) == -1);
    CHECK(::fcntl(ends[1], F_GETFD) != -1);
}

TEST_CASE("listening_socket_on_port_0_has_a_real_port") {
    const auto socket = open_listening_socket(address_of("tcp://127.0.0.1:0"), 1, -1);
    REQUIRE(socket.ok());
    CHECK(socket.value().address.endpoint().port != 0);
}

TEST_CASE("listening_socket_on_a_used_port_is_eaddrinuse") {
    const auto first = open_listening_socket(address_of("tcp://127.0.0.1:0"), 1, -1);
    REQUIRE(first.ok());
    const auto second = open_listening_socket(first.value().address, 1, -1);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().os == EADDRINUSE);
    CHECK(second.error().endpoint == first.value().address.endpoint().text());
}

TEST_CASE("listening_socket_replaces_a_stale_unix_file") {
    const Scratch scratch;
    const std::string path = scratch.path("x");
    {
        const auto crashed = open_listening_socket(address_of("unix://" + path), 1, -1);
        REQUIRE(crashed.ok());
    }  // only the owner's close() removes the file
    REQUIRE(exists(path));
    CHECK(open_listening_socket(address_of("unix://" + path), 1, -1).ok());
}

TEST_CASE("listening_socket_does_not_replace_a_live_unix_file") {
    const Scratch scratch;
    const std::string path = scratch.path("x");
    const auto live = open_listening_socket(address_of("unix://" + path), 1, -1);
    REQUIRE(live.ok());
    const auto second = open_listening_socket(address_of("unix://" + path), 1, -1);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().os == EADDRINUSE);
    CHECK(start_connecting(address_of("unix://" + path)).kind == ConnectResult::Kind::connected);  // it is served still
}

TEST_CASE("listening_socket_does_not_replace_a_live_unix_file_with_a_full_queue") {
    const Scratch scratch;
    const Address address = address_of("unix://" + scratch.path("x"));
    const auto live = open_listening_socket(address, 0, -1);
    REQUIRE(live.ok());
    std::vector<Fd> waiting;
    for (;;) {
        ConnectResult one = start_connecting(address);
        if (one.kind == ConnectResult::Kind::busy) break;
        REQUIRE(one.kind == ConnectResult::Kind::connected);
        waiting.push_back(std::move(one.fd));
        REQUIRE(waiting.size() < 100);
    }
    CHECK(open_listening_socket(address, 0, -1).error().os == EADDRINUSE);
}

TEST_CASE("listening_socket_does_not_replace_a_plain_file") {
    const Scratch scratch;
    const std::string path = scratch.path("precious");
    std::ofstream(path) << "text";
    const auto socket = open_listening_socket(address_of("unix://" + path), 1, -1);
    REQUIRE_FALSE(socket.ok());
    CHECK(socket.error().os == EADDRINUSE);
    CHECK(exists(path));
}

TEST_CASE("listening_socket_mode_is_that_of_its_file") {
    const Scratch scratch;
    const std::string path = scratch.path("x");
    const auto socket = open_listening_socket(address_of("unix://" + path), 1, 0640);
    REQUIRE(socket.ok());
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("socket_file_removed_only_if_it_is_the_own_one") {
    const Scratch scratch;
    const std::string path = scratch.path("x");
    auto socket = open_listening_socket(address_of("unix://" + path), 1, -1);
    REQUIRE(socket.ok());
    REQUIRE(::unlink(path.c_str()) == 0);
    auto newcomer = open_listening_socket(address_of("unix://" + path), 1, -1);
    REQUIRE(newcomer.ok());
    socket.value().file.remove();
    CHECK(exists(path));
    auto file = std::move(newcomer.value().file);
    file.remove();
    CHECK_FALSE(exists(path));
}

TEST_CASE("send_to_a_gone_peer_fails_without_sigpipe") {
    // In a child with the signal's default action, so that it would be seen.
    CHECK(test::in_child([] {
              ::signal(SIGPIPE, SIG_DFL);
              int ends[2];
              if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) return 1;
              ::close(ends[1]);
              const Slice slices[2] = {{"a", 1}, {"b", 1}};
              if (send_gathered(ends[0], slices, 1).error != EPIPE) return 2;
              return send_gathered(ends[0], slices, 2).error == EPIPE ? 0 : 3;
          }) == 0);
}

TEST_CASE("receive_tells_octets_would_block_and_end_apart") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    const Fd near(ends[0]);
    Fd far(ends[1]);
    char octets[8];
    CHECK(receive(near.get(), octets, sizeof octets).kind == IoResult::Kind::would_block);
    const Slice slices[2] = {{"abc", 3}, {"de", 2}};
    CHECK(send_gathered(far.get(), slices, 2).count == 5);
    far.reset();
    const IoResult read = receive(near.get(), octets, sizeof octets);
    CHECK(read.kind == IoResult::Kind::done);
    CHECK(std::string_view(octets, read.count) == "abcde");
    CHECK(receive(near.get(), octets, sizeof octets).kind == IoResult::Kind::end);
}

TEST_CASE("connect_to_nobody_is_refused") {
    const Scratch scratch;
    CHECK(start_connecting(address_of("unix://" + scratch.path("none"))).error == ENOENT);
    Address address;
    {
        const auto socket = open_listening_socket(address_of("tcp://127.0.0.1:0"), 1, -1);
        REQUIRE(socket.ok());
        address = socket.value().address;
    }
    const ConnectResult attempt = start_connecting(address);
    if (attempt.kind == ConnectResult::Kind::pending) {
        pollfd entry{attempt.fd.get(), POLLOUT, 0};
        REQUIRE(::poll(&entry, 1, 10'000) == 1);
        CHECK(connect_outcome(attempt.fd.get()) == ECONNREFUSED);
    } else {
        CHECK(attempt.error == ECONNREFUSED);
    }
}

TEST_CASE("accept_without_anybody_would_block") {
    const auto socket = open_listening_socket(address_of("tcp://127.0.0.1:0"), 1, -1);
    REQUIRE(socket.ok());
    CHECK(accept_stream(socket.value().fd.get()).kind == AcceptResult::Kind::would_block);
    CHECK(accept_stream(-1).kind == AcceptResult::Kind::error);
}
