// Non-blocking stream sockets, one function a system call. EINTR and EAGAIN are settled here and nowhere else: what comes back is an
// outcome. Every descriptor is opened CLOEXEC.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "tidemill/base/buffer.h"
#include "tidemill/base/error.h"
#include "tidemill/sys/address.h"
#include "tidemill/sys/fd.h"

namespace tidemill {

// What a read or write came to. would_block with an errno (ENOBUFS, ENOMEM): the system is short of memory, and as no poller tells when
// that is over, the caller asks again after a while (limits::io_retry).
struct IoResult {
    enum class Kind : std::uint8_t { done, would_block, end, error };

    Kind kind;
    int error = 0;          // errno, for Kind::error; also for a would_block that nobody will report
    std::size_t count = 0;  // octets, for Kind::done

    static IoResult done(std::size_t count) { return {Kind::done, 0, count}; }
    static IoResult would_block(int shortage = 0) { return {Kind::would_block, shortage, 0}; }
    static IoResult end() { return {Kind::end, 0, 0}; }
    static IoResult failed(int error) { return {Kind::error, error, 0}; }
};

// What an errno of a read or write means, EINTR apart.
IoResult io_trouble(int problem);

// recv(2): end when the peer has half-closed.
IoResult receive(int fd, char* data, std::size_t size);

// sendmsg(2) of all slices at once; never raises SIGPIPE.
IoResult send_gathered(int fd, const Slice* slices, std::size_t count);

// The file of a listening UNIX socket; removed with the listener unless somebody put another there meanwhile.
class SocketFile {
public:
    SocketFile() = default;
    // Remembers which file the path names now.
    explicit SocketFile(std::string path);
    SocketFile(SocketFile&&) = default;
    SocketFile& operator=(SocketFile&&) = default;
    void remove();

private:
    std::string path_;
    std::uint64_t device_ = 0;
    std::uint64_t inode_ = 0;
};

struct ListeningSocket {
    Fd fd;
    Address address;  // with the real port
    SocketFile file;
};

// bind(2); the file of a UNIX socket whose server is gone is replaced. 0 or errno.
int bind_address(int fd, const Address& address);

// The path of a UNIX address that is a file; "" for any other address.
std::string file_path(const Address& address);

// bind(2) and listen(2). A UNIX socket file whose server is gone is replaced; one that is served is EADDRINUSE.
// mode: permission bits of that file, -1 for the umask's. reuse_port: SO_REUSEPORT. Accepted sockets have TCP_NODELAY.
Result<ListeningSocket> open_listening_socket(const Address& address, int backlog, int mode, bool reuse_port = false);

// What accept4(2) came to. aborted: trouble of that one connection, the next may be fine. starved: the process or system is out of
// descriptors or memory; try again later, not now.
struct AcceptResult {
    enum class Kind : std::uint8_t { accepted, aborted, would_block, starved, error };

    Kind kind;
    int error = 0;
    Fd fd{};
    Address peer{};
};
AcceptResult accept_stream(int listening_fd);

// A socket on its way. pending: writability will tell (connect_outcome). busy: a UNIX accept queue is full, try again later.
struct ConnectResult {
    enum class Kind : std::uint8_t { connected, pending, busy, error };

    Kind kind;
    int error = 0;
    Fd fd{};
};
ConnectResult start_connecting(const Address& address);

// How connecting ended, once the socket is writable: 0 or errno (SO_ERROR).
int connect_outcome(int fd);

// Whether connect_outcome() was about an end: false if the report was false and the socket has no peer yet.
bool has_peer(int fd);

Address local_address(int fd);
Address peer_address(int fd);

// Tells the peer that no more comes. What was sent before arrives first.
void shut_down_writing(int fd);

// The next close sends a reset and discards what is queued (SO_LINGER of 0). No effect on UNIX sockets.
void reset_on_close(int fd);

}  // namespace tidemill
