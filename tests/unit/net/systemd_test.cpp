// Socket activation and notification, by the variables that a service manager sets; in children, because they concern a whole process.
#include "tidemill/sys/systemd.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "support/child.h"
#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

// In a child: makes these descriptors 3, 4, ... and the variables what systemd would make them.
void pass_on(const std::vector<int>& fds, const std::string& names) {
    std::vector<int> high;
    for (const int fd : fds) high.push_back(::fcntl(fd, F_DUPFD, 500));
    for (std::size_t i = 0; i < high.size(); ++i) ::dup2(high[i], static_cast<int>(3 + i));
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", std::to_string(fds.size()).c_str(), 1);
    ::setenv("LISTEN_FDNAMES", names.c_str(), 1);
}

ListeningSocket open(const std::string& endpoint) {
    Address address;
    literal_address(parse_endpoint(endpoint, "test").value(), address);
    return open_listening_socket(address, 10, -1).value();
}

bool serves(const std::string& name, const std::string& where) {
    Reactor reactor;
    const auto server = std::make_shared<Party>();
    const auto listener = listen(reactor, "systemd://" + name, [&] { return handler_of(server); });
    if (!listener || listener.value()->endpoint() != where) return false;
    if (!connect(reactor, where, handler_of(std::make_shared<Party>())).ok()) return false;
    return run_until(reactor, [&] { return server->is_open(); });
}

ErrorCode refusal(const std::string& name) {
    Reactor reactor;
    const auto refused = listen(reactor, "systemd://" + name, [] { return HandlerPtr{}; });
    return refused.ok() ? ErrorCode::none : refused.error().code;
}

}  // namespace

TEST_CASE("systemd_sockets_are_listened_on_by_name_and_by_place") {
    CHECK(in_child([] {
              const Scratch scratch;
              const ListeningSocket tcp = open("tcp://127.0.0.1:0");
              const ListeningSocket local = open("unix://" + scratch.path("s"));
              const int datagram = ::socket(AF_INET, SOCK_DGRAM, 0);
              const int unbound = ::socket(AF_INET, SOCK_STREAM, 0);
              pass_on({tcp.fd.get(), local.fd.get(), datagram, unbound}, "web:admin:datagram");
              const std::string where = tcp.address.endpoint().text();
              if (!serves("web", where) || !serves("0", where)) return 1;
              if (!serves("admin", "unix://" + scratch.path("s")) || !serves("1", "unix://" + scratch.path("s"))) return 2;
              if (!serves("web", where)) return 3;  // a listener has a copy: the socket can be listened on again
              if (::access(scratch.path("s").c_str(), F_OK) != 0) return 4;  // its file is the service manager's
              for (const char* name : {"datagram", "3", "4", "nobody", "-1"}) {
                  if (refusal(name) != ErrorCode::argument) return 5;
              }
              for (int fd = 3; fd < 7; ++fd) {
                  if (::fcntl(fd, F_GETFD) != FD_CLOEXEC || (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0) return 6;
              }
              // What a child of this process is not told by LISTEN_PID it knows from before the fork.
              return in_child([&] { return serves("web", where) ? 0 : 1; }) == 0 ? 0 : 7;
          }) == 0);
}

TEST_CASE("systemd_sockets_of_another_process_are_not_ours") {
    CHECK(in_child([] {
              const ListeningSocket tcp = open("tcp://127.0.0.1:0");
              pass_on({tcp.fd.get()}, "web");
              for (const char* pid : {"1", "", "x", "99999999999999999999"}) {
                  ::setenv("LISTEN_PID", pid, 1);
                  if (refusal("0") != ErrorCode::argument) return 1;
              }
              ::unsetenv("LISTEN_PID");
              return refusal("0") == ErrorCode::argument ? 0 : 2;
          }) == 0);
}

TEST_CASE("systemd_endpoint_is_for_listening") {
    CHECK(parse_endpoint("systemd://web", "listen").value().text() == "systemd://web");
    CHECK(parse_endpoint("systemd://", "listen").error().code == ErrorCode::argument);
    CHECK(parse_endpoint("systemd://web", "connect").error().code == ErrorCode::argument);
}

TEST_CASE("notify_systemd_sends_a_datagram_to_the_service_manager") {
    const Scratch scratch;
    const std::string names[] = {scratch.path("notify"), "@tidemill-notify-" + std::to_string(::getpid())};
    for (const std::string& name : names) {
        CAPTURE(name);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        if (name[0] == '@') address.sun_path[0] = '\0';
        const Fd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        REQUIRE(::bind(manager.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
        CHECK(in_child([&] {
                  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
                  const Result<bool> sent = notify_systemd("READY=1\nSTATUS=fine");
                  return sent.ok() && sent.value() ? 0 : 1;
              }) == 0);
        char octets[100];
        const ssize_t count = ::recv(manager.get(), octets, sizeof octets, 0);
        CHECK(std::string(octets, count < 0 ? 0 : static_cast<std::size_t>(count)) == "READY=1\nSTATUS=fine");
    }
}

TEST_CASE("notify_systemd_without_a_service_manager_does_nothing") {
    CHECK(in_child([] {
              ::unsetenv("NOTIFY_SOCKET");
              const Result<bool> unsent = notify_systemd("READY=1");
              if (!unsent.ok() || unsent.value()) return 1;
              ::setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
              if (notify_systemd("READY=1").error().os != ENOENT) return 2;
              ::setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
              return notify_systemd("READY=1").error().code == ErrorCode::argument ? 0 : 3;
          }) == 0);
}
