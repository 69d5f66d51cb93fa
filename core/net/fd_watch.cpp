#include "tidemill/net/fd_watch.h"

#include <cerrno>
#include <string>

#include "tidemill/sys/pipe.h"

namespace tidemill {

Result<void> FdWatch::start() {
    if (!readable_.function && !writable_.function) return make_error(ErrorCode::argument, "watch_fd", {}, "a function is needed");
    Result<Fd> made = duplicate(given_, "watch_fd");
    if (!made) return made.error();
    if (!can_be_watched(made.value().get())) return os_error(EPERM, "watch_fd", std::to_string(given_));
    const Direction first = readable_.function ? Direction::read : Direction::write;
    if (Result<void> watched = reactor_.watch(*this, made.value().get(), first); !watched) return watched;
    fd_ = std::move(made).value();
    readable_.is_on = static_cast<bool>(readable_.function);
    writable_.is_on = static_cast<bool>(writable_.function);
    if (writable_.is_on) reactor_.arm(fd_.get(), Direction::write);
    return {};
}

void FdWatch::let_go(bool is_fork) {
    if (!is_fork && fd_.is_open()) reactor_.unwatch(fd_.get());
    fd_.reset();
}

Result<void> FdWatch::set(Side& side, Direction direction, bool on) {
    if (Result<void> usable = reactor_.check_usable("watch_fd"); !usable) return usable;
    if (on && !side.function) return make_error(ErrorCode::argument, "watch_fd", std::to_string(given_), "there is no function for that");
    if (!is_open() || on == side.is_on) return {};
    side.is_on = on;
    if (on && side.is_ready) call_me();
    if (on && !side.is_ready) reactor_.arm(fd_.get(), direction);
    return {};
}

void FdWatch::call_me() {
    if (std::exchange(is_call_due_, true)) return;
    reactor_.inject({id(), false, false, false});
}

void FdWatch::on_ready(const Ready& ready) {
    if (!is_open()) return;
    readable_.is_ready |= ready.readable;
    writable_.is_ready |= ready.writable;
    if (ready.readable || ready.writable) return call_me();  // served once a turn, however it became known
    is_call_due_ = false;
    serve(readable_, Direction::read);
    serve(writable_, Direction::write);
}

// The poller tells of changes; that the descriptor is still ready is found by looking.
void FdWatch::serve(Side& side, Direction direction) {
    if (!is_open() || !side.is_on || !side.is_ready) return;
    if (!reactor_.may_call()) return call_me();
    const Readiness seen = look_at(fd_.get());
    side.is_ready = direction == Direction::read ? seen.readable : seen.writable;
    if (!side.is_ready) return reactor_.arm(fd_.get(), direction);
    deliver([&side] { side.function(); });
    if (is_open() && side.is_on) call_me();
}

Result<FdWatch*> watch_fd(Reactor& reactor, int fd, FdWatch::Function on_readable, FdWatch::Function on_writable) {
    if (Result<void> usable = reactor.check_usable("watch_fd"); !usable) return usable.error();
    return add_watch(reactor, std::make_unique<FdWatch>(reactor, fd, std::move(on_readable), std::move(on_writable)));
}

}  // namespace tidemill
