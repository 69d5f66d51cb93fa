// Source: epoll(7), socket(7), ip(7).
#include "socket.h"

#include <algorithm>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <unistd.h>

#include "failure.h"

namespace {

timeval to_timeval(Clock::duration duration) {
    const auto microseconds = std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count(), 1);
    timeval result{};
    result.tv_sec = microseconds / 1'000'000;
    result.tv_usec = microseconds % 1'000'000;
    return result;
}

}  // namespace

FileDescriptor::~FileDescriptor() {
    if (value_ >= 0) ::close(value_);
}

FileDescriptor connect_socket(const std::string& endpoint, const Address& address, Clock::time_point deadline, const Address* source) {
    FileDescriptor socket(::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) fail_system("socket");
    const timeval patience = to_timeval(deadline - Clock::now());
    const int one = 1;
    // SO_SNDTIMEO also bounds connect(2), see socket(7).
    if (setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0) fail_system("SO_SNDTIMEO");
    if (source != nullptr) {
        // The port is chosen by connect(2), which knows the other end: the same one may then go to several.
        setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (::bind(socket.get(), source->get(), source->length) != 0) fail_system("bind to a source address");
    }
    if (::connect(socket.get(), address.get(), address.length) != 0) fail_system("connect to " + endpoint);
    if (address.is_tcp() && setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) fail_system("TCP_NODELAY");
    if (fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0) fail_system("O_NONBLOCK");
    return socket;
}

bool is_transient(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_.get() < 0) fail_system("epoll_create1");
}

void Poller::control(int operation, int socket, void* owner) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = owner;
    if (epoll_ctl(epoll_.get(), operation, socket, &event) != 0) fail_system("epoll_ctl");
}

std::size_t Poller::poll() {
    const int count = epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), 0);
    if (count < 0 && errno != EINTR) fail_system("epoll_wait");
    return static_cast<std::size_t>(std::max(count, 0));
}
