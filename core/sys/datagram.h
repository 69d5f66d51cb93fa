// Non-blocking datagram sockets, UDP and UNIX: batches both ways, what the network reports about what was sent, and multicast. EINTR and
// EAGAIN are settled here, as in socket.h.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "tidemill/base/bytes.h"
#include "tidemill/base/error.h"
#include "tidemill/sys/address.h"
#include "tidemill/sys/fd.h"
#include "tidemill/sys/socket.h"

namespace tidemill {

struct DatagramSetup {
    bool reuse_address = false;
    bool reuse_port = false;
    int receive_buffer = 0;  // octets, 0 for the system's
    int send_buffer = 0;
    int mode = -1;           // permission bits of a UNIX socket's file, -1 for the umask's
};

struct DatagramSocket {
    Fd fd;
    Address address;  // with the real port or name
    SocketFile file;
};

// socket(2) and bind(2). A UNIX socket file whose owner is gone is replaced. The network's error reports are asked for (IP_RECVERR, ip(7)).
Result<DatagramSocket> open_datagram_socket(const Address& address, const DatagramSetup& setup);

// connect(2) of a datagram socket: 0 or errno.
int connect_datagram(int fd, const Address& peer);

struct DatagramOut {
    Bytes octets;
    const Address* to;  // nullptr: the peer that the socket is connected to
};

// sendmmsg(2), at most limits::datagram_batch. done: so many of the first; error: what became of the first.
IoResult send_datagrams(int fd, const DatagramOut* datagrams, std::size_t count);

// Room for one batch of datagrams of any length.
class DatagramBatch {
public:
    DatagramBatch();
    ~DatagramBatch();

    // recvmmsg(2). done: how many; fewer than a batch have emptied the socket.
    IoResult receive(int fd);

    // Of the last receive(). Valid until the next one.
    Bytes octets(std::size_t place) const;
    const Address& sender(std::size_t place) const;
    bool is_cut(std::size_t place) const;  // it was longer than limits::datagram

private:
    struct Messages;
    std::unique_ptr<Messages> messages_;
};

struct SendFailure {
    int error;
    Address to;
};

// The next report of the network about a datagram that was sent, if there is one.
std::optional<SendFailure> next_send_failure(int fd);

// 0 or errno. group: any port. interface: its index, 0 for the system's choice.
int join_group(int fd, const Address& group, std::uint32_t interface);
int leave_group(int fd, const Address& group, std::uint32_t interface);
int set_multicast_hops(int fd, bool is_ipv6, int hops);
int set_multicast_loop(int fd, bool is_ipv6, bool is_on);
int set_multicast_interface(int fd, bool is_ipv6, std::uint32_t interface);
int set_broadcast(int fd, bool is_on);

}  // namespace tidemill
