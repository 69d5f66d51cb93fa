#include "tidemill/net/socket_transport.h"

namespace tidemill {

SocketTransport::SocketTransport(Reactor& reactor, Fd fd, const Address& peer) : reactor_(reactor), fd_(std::move(fd)), peer_(peer) {}

std::string SocketTransport::peer() const {
    return (peer_.is_empty() ? peer_address(fd_.get()) : peer_.unpacked()).endpoint().text();
}

void SocketTransport::set_watched_by(const Source& owner) {
    watched_by_ = owner.id();
}

Result<void> SocketTransport::attach(const Source& owner) {
    if (watched_by_ == owner.id()) {
        reactor_.arm(fd_.get(), Direction::read);
        return {};
    }
    unwatch();
    Result<void> watched = reactor_.watch(owner, fd_.get(), Direction::read);
    if (watched) watched_by_ = owner.id();
    return watched;
}

// A shortage of memory: no poller reports its end, and one that is level-triggered would report that the socket is ready, without end. The
// clock makes the report, a false one if it is still so.
void SocketTransport::arm(Direction direction) {
    const auto bit = static_cast<std::uint8_t>(direction);
    if ((shortages_ & bit) == 0) return reactor_.arm(fd_.get(), direction);
    shortages_ = static_cast<std::uint8_t>(shortages_ & ~bit);
    reactor_.call_later(limits::io_retry, [&reactor = reactor_, owner = watched_by_, direction] {
        reactor.inject({owner, direction == Direction::read, direction == Direction::write, false});
    });
}

void SocketTransport::unwatch() {
    if (std::exchange(watched_by_, 0) != 0) reactor_.unwatch(fd_.get());
}

}  // namespace tidemill
