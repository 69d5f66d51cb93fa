#include "tidemill/sys/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "tidemill/sys/fork_guard.h"

namespace tidemill {

namespace {

constexpr int first_inherited = 3;  // SD_LISTEN_FDS_START

struct Inherited {
    int fd;
    std::string name;
};

struct Inheritance {
    std::mutex mutex;
    ForkHold hold{mutex};
    std::vector<Inherited> sockets;  // filled once there are any; a forked child keeps them
};

Inheritance& inheritance() {
    static Inheritance& all = *new Inheritance;
    return all;
}

// The variable as a number; -1 if it is none.
long number_in(const char* variable) {
    const char* text = std::getenv(variable);
    if (text == nullptr) return -1;
    const std::string_view digits = text;
    long number = -1;
    const auto [stop, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return problem == std::errc{} && stop == digits.data() + digits.size() ? number : -1;
}

// The names in LISTEN_FDNAMES are parted by colons.
std::string take_name(std::string_view& names) {
    const std::size_t end = std::min(names.find(':'), names.size());
    std::string name(names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
    return name;
}

bool make_ours(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    return flags >= 0 && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

void look() {
    std::vector<Inherited>& sockets = inheritance().sockets;
    if (!sockets.empty() || number_in("LISTEN_PID") != ::getpid()) return;
    const long count = number_in("LISTEN_FDS");
    const char* text = std::getenv("LISTEN_FDNAMES");
    std::string_view names = text == nullptr ? std::string_view{} : std::string_view{text};
    for (long i = 0; i < count; ++i) {
        const int fd = first_inherited + static_cast<int>(i);
        std::string name = take_name(names);
        if (!make_ours(fd)) return;  // not open: the rest is not true either
        sockets.push_back({fd, std::move(name)});
    }
}

int find(std::string_view name) {
    int place = -1;
    const auto [stop, problem] = std::from_chars(name.data(), name.data() + name.size(), place);
    const bool is_place = problem == std::errc{} && stop == name.data() + name.size();
    const std::vector<Inherited>& sockets = inheritance().sockets;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        if (is_place ? static_cast<int>(i) == place : sockets[i].name == name) return sockets[i].fd;
    }
    return -1;
}

int option(int fd, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

bool is_listening_stream(int fd) {
    const int family = option(fd, SO_DOMAIN);
    const bool is_known = family == AF_INET || family == AF_INET6 || family == AF_UNIX;
    return is_known && option(fd, SO_TYPE) == SOCK_STREAM && option(fd, SO_ACCEPTCONN) == 1;
}

}  // namespace

void inherit_sockets() {
    const std::lock_guard lock(inheritance().mutex);
    look();
}

Result<ListeningSocket> inherited_listening_socket(std::string_view name) {
    const std::string endpoint = "systemd://" + std::string(name);
    const std::lock_guard lock(inheritance().mutex);
    look();
    const int fd = find(name);
    if (fd < 0) {
        return make_error(ErrorCode::argument, "listen", endpoint,
                          "no such socket was passed to this process (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES)");
    }
    if (!is_listening_stream(fd)) return make_error(ErrorCode::argument, "listen", endpoint, "it is no listening stream socket");
    ListeningSocket socket{Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)), local_address(fd), {}};
    if (!socket.fd.is_open()) return os_error(errno, "listen", endpoint);
    return socket;
}

Result<bool> notify_systemd(std::string_view state) {
    const char* variable = std::getenv("NOTIFY_SOCKET");
    if (variable == nullptr || *variable == '\0') return false;
    const std::string path = variable;
    Result<Endpoint> endpoint = parse_endpoint("unix://" + path, "notify_systemd");
    if (!endpoint) return endpoint.error();
    if (path[0] != '/' && path[0] != '@') {
        return make_error(ErrorCode::argument, "notify_systemd", path, "NOTIFY_SOCKET is neither a path nor an abstract name");
    }
    Address address;
    literal_address(endpoint.value(), address);
    const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.is_open()) return os_error(errno, "notify_systemd", path);
    const sockaddr* there = reinterpret_cast<const sockaddr*>(address.storage);
    while (::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, there, address.size) < 0) {
        if (errno != EINTR) return os_error(errno, "notify_systemd", path);
    }
    return true;
}

}  // namespace tidemill
