#include "tidemill/sys/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace tidemill {

static_assert(sizeof(Slice) == sizeof(iovec) && offsetof(Slice, size) == offsetof(iovec, iov_len));

static const sockaddr* native(const Address& address) {
    return reinterpret_cast<const sockaddr*>(address.storage);
}

static void set_option(int fd, int level, int name, int value) {
    // Best effort: each option used here is a refinement, and the socket works without it.
    static_cast<void>(setsockopt(fd, level, name, &value, sizeof value));
}

static Fd open_socket(const Address& address) {
    const int family = native(address)->sa_family;
    Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // A turn's writes are gathered by us; Nagle's algorithm (RFC 896) would only add delay to them.
    if (fd.is_open() && family != AF_UNIX) set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
}

IoResult io_trouble(int problem) {
    if (problem == EAGAIN || problem == EWOULDBLOCK) return IoResult::would_block();
    // A shortage of the system passes, and nothing was lost by it.
    if (problem == ENOBUFS || problem == ENOMEM) return IoResult::would_block(problem);
    return IoResult::failed(problem);
}

IoResult receive(int fd, char* data, std::size_t size) {
    for (;;) {
        const ssize_t count = ::recv(fd, data, size, 0);
        if (count > 0) return IoResult::done(static_cast<std::size_t>(count));
        if (count == 0) return IoResult::end();
        if (errno != EINTR) return io_trouble(errno);
    }
}

IoResult send_gathered(int fd, const Slice* slices, std::size_t count) {
    msghdr message{};
    message.msg_iov = reinterpret_cast<iovec*>(const_cast<Slice*>(slices));
    message.msg_iovlen = count;
    for (;;) {
        // One run is the usual case, and send(2) spares the kernel the copying of the message header.
        const ssize_t sent = count == 1 ? ::send(fd, slices->data, slices->size, MSG_NOSIGNAL) : ::sendmsg(fd, &message, MSG_NOSIGNAL);
        if (sent >= 0) return IoResult::done(static_cast<std::size_t>(sent));
        if (errno != EINTR) return io_trouble(errno);
    }
}

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
    struct stat status{};
    if (::stat(path_.c_str(), &status) != 0) path_.clear();
    device_ = status.st_dev;
    inode_ = status.st_ino;
}

void SocketFile::remove() {
    struct stat status{};
    if (path_.empty() || ::stat(path_.c_str(), &status) != 0) return;
    if (status.st_dev == device_ && status.st_ino == inode_) ::unlink(path_.c_str());
    path_.clear();
}

// Whether the file is a socket that nobody serves any more. Asked by connecting, the only way to know; with a datagram socket, because
// a living stream server answers that with EPROTOTYPE and never sees a stranger in its accept queue.
static bool is_stale_socket(const Address& address, const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
    const Fd probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return probe.is_open() && ::connect(probe.get(), native(address), address.size) != 0 && errno == ECONNREFUSED;
}

std::string file_path(const Address& address) {
    if (native(address)->sa_family != AF_UNIX) return {};
    std::string path = address.endpoint().host;
    if (path.starts_with('@')) path.clear();
    return path;
}

int bind_address(int fd, const Address& address) {
    if (::bind(fd, native(address), address.size) == 0) return 0;
    const int problem = errno;
    const std::string path = file_path(address);
    if (problem != EADDRINUSE || path.empty() || !is_stale_socket(address, path)) return problem;
    ::unlink(path.c_str());
    return ::bind(fd, native(address), address.size) == 0 ? 0 : errno;
}

// Not best effort as the others: without it the second of those who share the port would be refused.
static bool share_port(int fd) {
    const int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
}

Result<ListeningSocket> open_listening_socket(const Address& address, int backlog, int mode, bool reuse_port) {
    const std::string endpoint = address.endpoint().text();
    const std::string path = file_path(address);
    ListeningSocket socket{open_socket(address), address, {}};
    if (!socket.fd.is_open()) return os_error(errno, "listen", endpoint);
    const int fd = socket.fd.get();
    // Restarting a server must not wait for old connections in TIME-WAIT (socket(7)).
    if (native(address)->sa_family != AF_UNIX) set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (native(address)->sa_family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (reuse_port && !share_port(fd)) return os_error(errno, "listen", endpoint);
    if (const int problem = bind_address(fd, address); problem != 0) return os_error(problem, "listen", endpoint);
    if (!path.empty()) socket.file = SocketFile(path);
    const bool is_ready = (path.empty() || mode < 0 || ::chmod(path.c_str(), static_cast<mode_t>(mode)) == 0) && ::listen(fd, backlog) == 0;
    // Without its name nobody could be told the port.
    socket.address = is_ready ? local_address(fd) : Address{};
    if (socket.address.size == 0) {
        const int problem = errno;
        socket.file.remove();
        return os_error(problem, "listen", endpoint);
    }
    return socket;
}

AcceptResult accept_stream(int listening_fd) {
    for (;;) {
        Address peer;
        socklen_t size = sizeof peer.storage;
        const int fd = ::accept4(listening_fd, reinterpret_cast<sockaddr*>(peer.storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        peer.size = size;
        if (fd >= 0) return {AcceptResult::Kind::accepted, 0, Fd(fd), peer};
        switch (errno) {
            case EAGAIN:
                return {AcceptResult::Kind::would_block, errno, {}, {}};
            case EBADF:
            case EINVAL:
            case ENOTSOCK:
            case EOPNOTSUPP:
            case EFAULT:
                return {AcceptResult::Kind::error, errno, {}, {}};
            case EINTR:
                break;
            case ECONNABORTED:
            case ENETDOWN:
            case EPROTO:
            case ENOPROTOOPT:
            case EHOSTDOWN:
            case ENONET:
            case EHOSTUNREACH:
            case ENETUNREACH:
            case ETIMEDOUT:
                return {AcceptResult::Kind::aborted, errno, {}, {}};  // accept(2) says to go on
            default:
                // EMFILE, ENFILE, ENOBUFS, ENOMEM; and what may last, such as EPERM from a sandbox: going on at once would spin.
                return {AcceptResult::Kind::starved, errno, {}, {}};
        }
    }
}

ConnectResult start_connecting(const Address& address) {
    Fd fd = open_socket(address);
    if (!fd.is_open()) return {ConnectResult::Kind::error, errno, {}};
    if (::connect(fd.get(), native(address), address.size) == 0) return {ConnectResult::Kind::connected, 0, std::move(fd)};
    switch (errno) {
        case EINPROGRESS:
        case EINTR:  // goes on in the background: connect(2)
            return {ConnectResult::Kind::pending, 0, std::move(fd)};
        case EAGAIN:
            return {ConnectResult::Kind::busy, errno, {}};
        default:
            return {ConnectResult::Kind::error, errno, {}};
    }
}

int connect_outcome(int fd) {
    int problem = 0;
    socklen_t size = sizeof problem;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 ? problem : errno;
}

bool has_peer(int fd) {
    Address address;
    socklen_t size = sizeof address.storage;
    // Any other error says nothing about the peer, and the socket is writable.
    return getpeername(fd, reinterpret_cast<sockaddr*>(address.storage), &size) == 0 || errno != ENOTCONN;
}

template <class Call>
static Address address_from(Call call, int fd) {
    Address address;
    socklen_t size = sizeof address.storage;
    if (call(fd, reinterpret_cast<sockaddr*>(address.storage), &size) == 0) address.size = size;
    return address;
}

Address local_address(int fd) {
    return address_from(::getsockname, fd);
}

Address peer_address(int fd) {
    return address_from(::getpeername, fd);
}

void shut_down_writing(int fd) {
    static_cast<void>(::shutdown(fd, SHUT_WR));  // fails only if the peer is gone, which the next read tells
}

void reset_on_close(int fd) {
    const linger now{1, 0};
    static_cast<void>(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now));
}

}  // namespace tidemill
