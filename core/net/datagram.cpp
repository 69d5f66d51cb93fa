#include "tidemill/net/datagram.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "tidemill/sys/type_name.h"

namespace tidemill {

// Room for what one system call receives: one for all datagram sockets of a reactor, as they are served one after another.
struct DatagramPool {
    explicit DatagramPool(Reactor&) {}
    DatagramBatch batch;
};

Datagram::Datagram(Reactor& reactor, DatagramSocket socket, std::unique_ptr<DatagramHandler> handler)
    : reactor_(reactor), socket_(std::move(socket)), handler_(std::move(handler)), local_(socket_.address.datagram_text()) {}

Result<void> Datagram::start() {
    batch_ = &reactor_.service<DatagramPool>().batch;
    if (Result<void> watched = reactor_.watch(*this, socket_.fd.get(), Direction::read); !watched) {
        handler_ = std::make_unique<DatagramHandler>();  // it never opened: nobody is told of its end
        abort();
        return watched;
    }
    call_me();
    return {};
}

// ---- calling the user ----

template <class Call>
void Datagram::deliver(Call call) {
    const DatagramHandler& called = *handler_;
    const std::type_info& type = typeid(called);
    const auto make = [&] {
        try {
            call();
        } catch (...) {
            take_exception(std::current_exception());
        }
    };
    reactor_.call_watch().around(make, [&] { return SlowCallback{"C++", type_name(type)}; });
}

void Datagram::take_exception(const std::exception_ptr& exception) {
    std::exception_ptr unhandled = exception;
    try {
        if (handler_->on_error(*this, exception)) return;
    } catch (...) {
        unhandled = std::current_exception();
    }
    if (!reactor_.take_exception(unhandled)) abort();
}

// Asks the loop for a call of on_ready, which does what is due.
void Datagram::call_me() {
    if (state_ == State::closed || std::exchange(is_call_due_, true)) return;
    reactor_.inject({id(), false, false, false});
}

void Datagram::on_ready(const Ready& ready) {
    if (state_ == State::closed) return;
    if (!ready.readable && !ready.writable) is_call_due_ = false;
    if (ready.readable) can_read_ = true;
    if (ready.writable) can_write_ = true;
    if (ready.writable && !waiting_.empty()) reactor_.flush_later(*this);
    if (ready.ended) is_failure_near_ = true;
    if (reactor_.may_call()) tell();
    if (reactor_.may_call() && is_reading() && held_.empty() && can_read_) read_some();
    if (has_something_to_tell()) call_me();
}

bool Datagram::has_something_to_tell() const {
    if (state_ != State::open) return false;
    return !is_opened_ || !losses_.empty() || is_failure_near_ || is_drain_due_ || (!is_paused_ && (can_read_ || !held_.empty()));
}

void Datagram::tell() {
    const auto may_tell = [this] { return state_ == State::open && reactor_.may_call(); };
    if (may_tell() && !std::exchange(is_opened_, true)) deliver([this] { handler_->on_open(*this); });
    if (state_ != State::closed && std::exchange(is_failure_near_, false)) take_failures();
    while (may_tell() && !losses_.empty()) {
        const Error lost = std::move(losses_.front());
        losses_.pop_front();
        deliver([&] { handler_->on_lost(*this, lost); });
    }
    if (may_tell() && std::exchange(is_drain_due_, false)) deliver([this] { handler_->on_drain(*this); });
    while (may_tell() && !is_paused_ && !held_.empty()) {
        const Held held = std::move(held_.front());
        held_.pop_front();
        deliver([&] { handler_->on_data(*this, held.octets, held.peer); });
    }
}

// ---- receiving ----

void Datagram::read_some() {
    std::size_t allowance = limits::datagrams_per_turn;
    while (can_read_ && is_reading() && reactor_.may_call() && allowance > 0) {
        const IoResult received = batch_->receive(socket_.fd.get());
        allowance -= std::min(allowance, std::max<std::size_t>(received.count, 1));
        if (received.kind == IoResult::Kind::error) {
            on_read_failed(received.error);
            continue;
        }
        if (received.count < limits::datagram_batch) {
            can_read_ = false;
            reactor_.arm(socket_.fd.get(), Direction::read);
        }
        hand_up(*batch_, received.count);
    }
}

void Datagram::hand_up(const DatagramBatch& batch, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (!is_reading() || !reactor_.may_call()) return hold(batch, i, count);
        const std::string_view sender = text_of(batch.sender(i));
        if (batch.is_cut(i)) {
            lose(make_error(ErrorCode::limit, "read", sender, "a datagram of more than 65536 octets came"));
        } else {
            deliver([&] { handler_->on_data(*this, batch.octets(i), sender); });
        }
    }
}

void Datagram::hold(const DatagramBatch& batch, std::size_t first, std::size_t count) {
    if (state_ != State::open) return;
    for (std::size_t i = first; i < count; ++i) {
        const std::string_view sender = text_of(batch.sender(i));
        if (batch.is_cut(i)) {
            lose(make_error(ErrorCode::limit, "read", sender, "a datagram of more than 65536 octets came"));
        } else {
            held_.push_back({std::string(batch.octets(i)), std::string(sender)});
        }
    }
}

// Mostly the network's answer to something sent. What can only mean that the socket is broken ends it.
void Datagram::on_read_failed(int error) {
    switch (error) {
        case EBADF:
        case ENOTSOCK:
        case EFAULT:
        case EINVAL:
            return end(os_error(error, "read", local_));
        case ENOMEM:
        case ENOBUFS:
            // What came is still there, and no report will come for it: the clock asks again.
            can_read_ = false;
            is_read_refused_ = true;
            return try_again_soon();
        default:
            if (!take_failures()) lose(os_error(error, "write", peer_));
    }
}

// Most datagrams come from the sender of the one before.
std::string_view Datagram::text_of(const Address& address) {
    if (last_sender_.text.empty() || !(last_sender_.address == address)) last_sender_ = {address.datagram_text(), address};
    return last_sender_.text;
}

// ---- what was lost ----

// Whether the network had reports.
bool Datagram::take_failures() {
    bool has_any = false;
    while (std::optional<SendFailure> failure = next_send_failure(socket_.fd.get())) {
        has_any = true;
        lose(os_error(failure->error, "write", failure->to.datagram_text()));
    }
    return has_any;
}

void Datagram::lose(Error error) {
    if (losses_.size() < limits::losses_queued) losses_.push_back(std::move(error));
    call_me();
}

// ---- pausing and ending ----

void Datagram::pause() {
    if (reactor_.is_usable_here()) is_paused_ = true;
}

void Datagram::resume() {
    if (!reactor_.is_usable_here() || !std::exchange(is_paused_, false)) return;
    if (has_something_to_tell()) call_me();
}

void Datagram::close() {
    if (!reactor_.is_usable_here() || state_ != State::open) return;
    if (waiting_.empty()) return end({});
    state_ = State::closing;
    if (can_write_) reactor_.flush_later(*this);
}

void Datagram::abort() {
    if (!reactor_.is_usable_here() || state_ == State::closed) return;
    end(make_error(ErrorCode::cancelled, "abort", local_, "the datagram socket was aborted"));
}

// The state is closed at once; on_close comes from the loop, by finish().
void Datagram::end(Error reason) {
    if (state_ == State::closed) return;
    state_ = State::closed;
    reason_ = std::move(reason);
    retry_.cancel();
    waiting_.clear();
    octets_.clear();
    pending_ = 0;
    held_.clear();
    losses_.clear();
    reactor_.unwatch(socket_.fd.get());
    socket_.file.remove();
    socket_.fd.reset();
    reactor_.finish_later(*this);
}

void Datagram::finish() {
    deliver([this] { handler_->on_close(*this, reason_); });
    handler_.reset();
}

void Datagram::on_stop() {
    if (state_ == State::closed) return;
    if (can_write_) send_some();  // what the system takes at once; there is no later
    end(make_error(ErrorCode::cancelled, "run", local_, "the reactor stopped"));
}

void Datagram::abandon(bool is_fork) {
    if (state_ != State::closed && !is_fork) {
        reactor_.unwatch(socket_.fd.get());
        socket_.file.remove();
    }
    state_ = State::closed;
    socket_.fd.reset();
    handler_.reset();
}

}  // namespace tidemill
