// Transport: what a connection stands on: a socket or one end of a memory pair. A new transport implements this page;
// tests/contract/transport_test then holds it to it.
//
// Reading and writing never block. A direction that said "would block" is reported to the owner (Source::on_ready) once it is ready
// again, if it was armed. Closing happens by destruction.
#pragma once
#include <cerrno>
#include <cstdint>
#include <string>

#include "tidemill/base/buffer.h"
#include "tidemill/sys/poller.h"
#include "tidemill/sys/socket.h"

namespace tidemill {

class Source;

class Transport {
public:
    virtual ~Transport() = default;

    // The source that on_ready is called on from now on. Arms reading. Errors: os, limit.
    virtual Result<void> attach(const Source& owner) = 0;

    virtual IoResult read(char* data, std::size_t size) = 0;
    virtual IoResult write(const Slice* slices, std::size_t count) = 0;
    virtual void arm(Direction direction) = 0;

    // Writes octets of a file without their passing through this process, as tidemill::send_file. A transport that cannot answers as
    // here, and the file is read and written like other octets.
    virtual IoResult send_file(int /*file*/, std::uint64_t /*offset*/, std::size_t /*size*/) { return IoResult::failed(ENOSYS); }
    // What a failed read or write (its errno) means. operation: "read" or "write".
    virtual Error failure(int error, std::string_view operation) const { return os_error(error, operation, peer()); }

    // Tells the peer that no more comes, after what was written.
    virtual void shut_down_writing() = 0;
    // The same if the peer has ended too and destruction is next, which may tell it as well.
    virtual void shut_down() { shut_down_writing(); }

    // An abortive end: what is queued is discarded and, where the transport can say so, the peer is told.
    virtual void reset() = 0;

    // Whether closing now could destroy octets on their way to the peer, because it may still be sending (limits::linger_time).
    virtual bool wants_linger() const { return false; }

    // The process forked: let go without touching what is shared with the parent.
    virtual void disown() {}

    virtual std::string peer() const = 0;
    virtual std::string local() const = 0;
};

}  // namespace tidemill
