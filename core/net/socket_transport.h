// A transport over a connected TCP or UNIX socket.
#pragma once
#include "tidemill/net/transport.h"
#include "tidemill/reactor/reactor.h"
#include "tidemill/sys/file.h"

namespace tidemill {

class SocketTransport final : public Transport {
public:
    // peer: remembered, because a socket that was reset forgets it, and its on_close is where one wants to know.
    SocketTransport(Reactor& reactor, Fd fd, const Address& peer);
    ~SocketTransport() override {
        if (watched_by_ != 0) reactor_.unwatch_closing(fd_.get());
    }

    // The poller reports this socket to that source already (while it was connecting).
    void set_watched_by(const Source& owner);

    Result<void> attach(const Source& owner) override;
    IoResult read(char* data, std::size_t size) override { return noted(receive(fd_.get(), data, size), Direction::read); }
    IoResult write(const Slice* slices, std::size_t count) override {
        return noted(send_gathered(fd_.get(), slices, count), Direction::write);
    }
    IoResult send_file(int file, std::uint64_t offset, std::size_t size) override {
        return noted(tidemill::send_file(fd_.get(), file, offset, size), Direction::write);
    }
    void arm(Direction direction) override;
    void shut_down_writing() override { tidemill::shut_down_writing(fd_.get()); }
    // Closing says it, unless a forked child has the socket as well and keeps it open.
    void shut_down() override {
        if (has_forked()) shut_down_writing();
    }
    void reset() override { reset_on_close(fd_.get()); }
    bool wants_linger() const override { return true; }
    void disown() override { watched_by_ = 0; }
    std::string peer() const override;
    std::string local() const override { return local_address(fd_.get()).endpoint().text(); }

private:
    void unwatch();
    IoResult noted(const IoResult& result, Direction direction) {
        if (result.kind == IoResult::Kind::would_block && result.error != 0) shortages_ |= static_cast<std::uint8_t>(direction);
        return result;
    }

    Reactor& reactor_;
    std::uint64_t watched_by_ = 0;  // the id of the source
    Fd fd_;
    PackedAddress peer_;          // idle connections are counted in ten thousands; a UNIX peer is asked for
    std::uint8_t shortages_ = 0;  // the directions in which the system was last out of memory
};

}  // namespace tidemill
