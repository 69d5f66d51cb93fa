#include "tidemill/net/pipe_transport.h"

#include <cerrno>

#include "tidemill/reactor/source.h"

namespace tidemill {

Result<void> PipeTransport::attach(const Source& owner) {
    // A writer is watched for reading as well: what comes then is the news that nobody reads.
    Result<void> watched = reactor_.watch(owner, fd_.get(), Direction::read);
    is_watched_ = watched.ok();
    return watched;
}

IoResult PipeTransport::read(char* data, std::size_t size) {
    if (!is_writer_) return read_fd(fd_.get(), data, size);
    return has_hung_up(fd_.get()) ? IoResult::end() : IoResult::would_block();
}

void PipeTransport::arm(Direction direction) {
    if (is_watched_) reactor_.arm(fd_.get(), direction);
}

void PipeTransport::shut_down_writing() {
    if (!is_writer_) return;
    unwatch();
    fd_.reset();
}

void PipeTransport::unwatch() {
    if (std::exchange(is_watched_, false)) reactor_.unwatch(fd_.get());
}

InputTransport::InputTransport(Reactor& reactor, Fd fd, bool is_raw) : reactor_(reactor), fd_(std::move(fd)) {
    if (is_raw) terminal_.emplace(fd_.get());
}

InputTransport::~InputTransport() {
    if (is_watched_) reactor_.unwatch(fd_.get());
}

Result<void> InputTransport::attach(const Source& owner) {
    owner_ = owner.id();
    Result<void> watched = can_be_watched(fd_.get()) ? reactor_.watch(owner, fd_.get(), Direction::read) : Result<void>{};
    if (!watched && watched.error().os != EPERM) return watched;
    is_watched_ = watched.ok() && can_be_watched(fd_.get());
    if (!is_watched_) arm(Direction::read);
    return {};
}

IoResult InputTransport::read(char* data, std::size_t size) {
    if (is_watched_ && !look_at(fd_.get()).readable) return IoResult::would_block();
    return read_fd(fd_.get(), data, size);
}

IoResult InputTransport::write(const Slice*, std::size_t) {
    return IoResult::failed(EBADF);
}

void InputTransport::arm(Direction direction) {
    if (direction != Direction::read) return;
    is_watched_ ? reactor_.arm(fd_.get(), direction) : reactor_.inject({owner_, true, false, false});
}

void InputTransport::disown() {
    is_watched_ = false;
    if (terminal_) terminal_->disown();
}

}  // namespace tidemill
