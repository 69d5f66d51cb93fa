#include "tidemill/sys/datagram.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>  // before linux/errqueue.h, which needs timespec

#include <linux/errqueue.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include "tidemill/base/limits.h"

namespace tidemill {

static sockaddr* native(const Address& address) {
    return reinterpret_cast<sockaddr*>(const_cast<unsigned char*>(address.storage));
}

static int set_option(int fd, int level, int name, int value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

// ---- opening ----

static int prepare(int fd, const Address& address, const DatagramSetup& setup) {
    int problem = 0;
    const auto set = [&](bool is_wanted, int name, int value) {
        if (problem == 0 && is_wanted) problem = set_option(fd, SOL_SOCKET, name, value);
    };
    set(setup.reuse_address, SO_REUSEADDR, 1);
    set(setup.reuse_port, SO_REUSEPORT, 1);
    set(setup.receive_buffer > 0, SO_RCVBUF, setup.receive_buffer);
    set(setup.send_buffer > 0, SO_SNDBUF, setup.send_buffer);
    if (problem != 0 || address.is_unix()) return problem;
    // Best effort: where there are no reports (a sandbox), a connected socket still hears of errors.
    const int level = address.is_ipv6() ? IPPROTO_IPV6 : IPPROTO_IP;
    static_cast<void>(set_option(fd, level, address.is_ipv6() ? IPV6_RECVERR : IP_RECVERR, 1));
    if (address.is_ipv6()) static_cast<void>(set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    return 0;
}

Result<DatagramSocket> open_datagram_socket(const Address& address, const DatagramSetup& setup) {
    const auto refused = [&](int problem) { return os_error(problem, "open_datagram", address.datagram_text()); };
    DatagramSocket socket{Fd(::socket(native(address)->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), address, {}};
    if (!socket.fd.is_open()) return refused(errno);
    const int fd = socket.fd.get();
    if (const int problem = prepare(fd, address, setup); problem != 0) return refused(problem);
    if (const int problem = bind_address(fd, address); problem != 0) return refused(problem);
    const std::string path = file_path(address);
    if (!path.empty()) socket.file = SocketFile(path);
    if (!path.empty() && setup.mode >= 0 && ::chmod(path.c_str(), static_cast<mode_t>(setup.mode)) != 0) {
        const int problem = errno;
        socket.file.remove();
        return refused(problem);
    }
    socket.address = local_address(fd);
    return socket;
}

int connect_datagram(int fd, const Address& peer) {
    return ::connect(fd, native(peer), peer.size) == 0 ? 0 : errno;
}

// ---- sending ----

IoResult send_datagrams(int fd, const DatagramOut* datagrams, std::size_t count) {
    std::array<mmsghdr, limits::datagram_batch> messages;
    std::array<iovec, limits::datagram_batch> slices;
    for (std::size_t i = 0; i < count; ++i) {
        const DatagramOut& datagram = datagrams[i];
        slices[i] = {const_cast<char*>(datagram.octets.data()), datagram.octets.size()};
        messages[i] = {};
        messages[i].msg_hdr.msg_iov = &slices[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        if (datagram.to == nullptr) continue;
        messages[i].msg_hdr.msg_name = native(*datagram.to);
        messages[i].msg_hdr.msg_namelen = datagram.to->size;
    }
    for (;;) {
        const int sent = ::sendmmsg(fd, messages.data(), static_cast<unsigned>(count), MSG_NOSIGNAL);
        if (sent > 0) return IoResult::done(static_cast<std::size_t>(sent));
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return IoResult::would_block();
        if (sent < 0 && errno != EINTR) return IoResult::failed(errno);
    }
}

// ---- receiving ----

struct DatagramBatch::Messages {
    Messages() : room(static_cast<char*>(::operator new(limits::datagram_batch * limits::datagram, alignment))) {
        for (std::size_t i = 0; i < limits::datagram_batch; ++i) {
            slices[i] = {room + i * limits::datagram, limits::datagram};
            headers[i] = {};
            headers[i].msg_hdr.msg_iov = &slices[i];
            headers[i].msg_hdr.msg_iovlen = 1;
            headers[i].msg_hdr.msg_name = senders[i].storage;
        }
    }
    ~Messages() { ::operator delete(room, alignment); }
    Messages(const Messages&) = delete;
    Messages& operator=(const Messages&) = delete;

    static constexpr std::align_val_t alignment{limits::receive_alignment};
    char* const room;  // pages that no datagram has reached yet cost no memory
    std::array<iovec, limits::datagram_batch> slices;
    std::array<mmsghdr, limits::datagram_batch> headers;
    std::array<Address, limits::datagram_batch> senders{};
};

DatagramBatch::DatagramBatch() : messages_(std::make_unique<Messages>()) {}

DatagramBatch::~DatagramBatch() = default;

IoResult DatagramBatch::receive(int fd) {
    for (mmsghdr& header : messages_->headers) header.msg_hdr.msg_namelen = sizeof(Address::storage);
    for (;;) {
        const int count = ::recvmmsg(fd, messages_->headers.data(), limits::datagram_batch, MSG_DONTWAIT, nullptr);
        if (count > 0) {
            for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
                messages_->senders[i].size = messages_->headers[i].msg_hdr.msg_namelen;
            }
            return IoResult::done(static_cast<std::size_t>(count));
        }
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return IoResult::would_block();
        if (count < 0 && errno != EINTR) return IoResult::failed(errno);
    }
}

Bytes DatagramBatch::octets(std::size_t place) const {
    return {static_cast<const char*>(messages_->slices[place].iov_base), messages_->headers[place].msg_len};
}

const Address& DatagramBatch::sender(std::size_t place) const {
    return messages_->senders[place];
}

bool DatagramBatch::is_cut(std::size_t place) const {
    return (messages_->headers[place].msg_hdr.msg_flags & MSG_TRUNC) != 0;
}

// ---- what the network reports ----

static const sock_extended_err* report_in(msghdr& message) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        const bool is_report = (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR) ||
                               (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR);
        if (is_report) return reinterpret_cast<const sock_extended_err*>(CMSG_DATA(part));
    }
    return nullptr;
}

std::optional<SendFailure> next_send_failure(int fd) {
    for (;;) {
        SendFailure failure{};
        alignas(cmsghdr) char control[512];
        msghdr message{};
        message.msg_name = failure.to.storage;
        message.msg_namelen = sizeof failure.to.storage;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        if (::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            if (errno == EINTR) continue;
            return std::nullopt;
        }
        failure.to.size = message.msg_namelen;
        const sock_extended_err* report = report_in(message);
        // What this machine refused itself the call that sent it has said already.
        if (report == nullptr || report->ee_origin == SO_EE_ORIGIN_LOCAL) continue;
        failure.error = static_cast<int>(report->ee_errno);
        return failure;
    }
}

// ---- multicast and broadcast ----

static int change_membership(int fd, int option, const Address& group, std::uint32_t interface) {
    group_req request{};
    request.gr_interface = interface;
    std::memcpy(&request.gr_group, group.storage, group.size);
    const int level = group.is_ipv6() ? IPPROTO_IPV6 : IPPROTO_IP;
    return ::setsockopt(fd, level, option, &request, sizeof request) == 0 ? 0 : errno;
}

int join_group(int fd, const Address& group, std::uint32_t interface) {
    return change_membership(fd, MCAST_JOIN_GROUP, group, interface);
}

int leave_group(int fd, const Address& group, std::uint32_t interface) {
    return change_membership(fd, MCAST_LEAVE_GROUP, group, interface);
}

int set_multicast_hops(int fd, bool is_ipv6, int hops) {
    return is_ipv6 ? set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops) : set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, hops);
}

int set_multicast_loop(int fd, bool is_ipv6, bool is_on) {
    return is_ipv6 ? set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, is_on) : set_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, is_on);
}

int set_multicast_interface(int fd, bool is_ipv6, std::uint32_t interface) {
    if (is_ipv6) return set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(interface));
    ip_mreqn request{};
    request.imr_ifindex = static_cast<int>(interface);
    return ::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request) == 0 ? 0 : errno;
}

int set_broadcast(int fd, bool is_on) {
    return set_option(fd, SOL_SOCKET, SO_BROADCAST, is_on);
}

}  // namespace tidemill
