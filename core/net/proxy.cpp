// Connection::proxy_to: octets that go from one connection's transport to another's, past the handlers. They pass through the reactor's
// receive buffer and, where the target takes them at once, through nothing else (docs/notes/0010).
#include <algorithm>
#include <utility>

#include "tidemill/net/rare.h"

namespace tidemill {

Connection::Rare& Connection::rare() {
    if (rare_ == nullptr) rare_ = std::make_unique<Rare>();
    return *rare_;
}

std::uint64_t Connection::proxied() const {
    return rare_ == nullptr ? 0 : rare_->proxied;
}

// ---- beginning and ending ----

Result<void> Connection::check_proxy(const Connection& target, std::int64_t length) const {
    constexpr std::string_view operation = "proxy_to";
    if (Result<void> usable = reactor_.check_usable(operation, peer()); !usable) return usable;
    if (state_ >= State::closing) return make_error(ErrorCode::closed, operation, peer(), "the connection is closed");
    const auto refuse = [&](ErrorCode code, std::string_view why) { return make_error(code, operation, peer(), why); };
    if (length == 0 || length < -1) return refuse(ErrorCode::argument, "a length must be 1 or more octets, or -1 for all");
    if (&target == this) return refuse(ErrorCode::state, "a connection cannot be its own target");
    if (&target.reactor_ != &reactor_) return refuse(ErrorCode::state, "the target belongs to another reactor");
    if (target.state_ >= State::closing || target.broken_.is_set()) return refuse(ErrorCode::state, "the target is closed");
    if (target.is_end_write_asked_) return refuse(ErrorCode::state, "end_write() was called on the target before");
    const bool is_busy = target.rare_ != nullptr && target.rare_->source != nullptr && target.rare_->source != this;
    if (is_busy) return refuse(ErrorCode::state, "the target has another source already");
    return {};
}

Result<void> Connection::proxy_to(Connection& target, std::int64_t length) {
    if (Result<void> checked = check_proxy(target, length); !checked) return checked;
    leave_target();
    Rare& mine = rare();
    mine.is_proxy_end_due = false;
    mine.target = &target;
    mine.proxied = 0;
    mine.left = length < 0 ? Rare::no_limit : static_cast<std::uint64_t>(length);
    target.rare().source = this;
    is_held_ = target.output_.size() > target.high_watermark_;
    if (const std::string unused = handler_->hand_over(*this); !unused.empty()) {
        mine.leftover.insert(0, unused);
        tell_rare_later();
    }
    return {};
}

void Connection::stop_proxy() {
    if (!is_usable() || rare_ == nullptr) return;
    leave_target();
    rare_->is_proxy_end_due = false;
}

void Connection::leave_target() {
    if (rare_ == nullptr || rare_->target == nullptr) return;
    std::exchange(rare_->target, nullptr)->rare_->source = nullptr;
    let_go();
}

// The proxy to this connection ends. reason: why it can take no more.
void Connection::lose_source(const Error& reason) {
    Connection* source = std::exchange(rare_->source, nullptr);
    if (source == nullptr) return;
    source->rare_->target = nullptr;
    source->tell_proxy_end(reason.is_set() ? reason : make_error(ErrorCode::closed, "proxy_to", peer(), "the target was closed"));
    source->let_go();
}

void Connection::tell_proxy_end(Error reason) {
    rare_->proxy_end = std::move(reason);
    rare_->is_proxy_end_due = true;
    tell_rare_later();
}

// ---- moving ----

// As much as the proxy may still move: what comes after it is for the handler and stays in the transport till then.
std::size_t Connection::read_size() const {
    if (rare_->target == nullptr) return limits::receive_buffer;
    return static_cast<std::size_t>(std::min<std::uint64_t>(rare_->left, limits::receive_buffer));
}

// octets: no more than rare_->left.
void Connection::forward(Bytes octets) {
    Connection& target = *rare_->target;
    rare_->proxied += octets.size();
    if (rare_->left != Rare::no_limit) rare_->left -= octets.size();
    target.pass_on(octets);
    if (rare_->target == nullptr) return;  // it broke
    if (rare_->left == 0) {
        leave_target();
        tell_proxy_end({});
    } else {
        is_held_ = target.output_.size() > target.high_watermark_;
    }
}

// In the target: what its transport takes at once need not be copied; the rest waits in its turn.
void Connection::pass_on(Bytes octets) {
    if (is_opened_ && can_write_ && !has_output()) {
        const Slice slice{octets.data(), octets.size()};
        const IoResult written = transport_->write(&slice, 1);
        if (!has_taken(written)) {
            if (broken_.is_set()) return;
        } else {
            octets.remove_prefix(written.count);
        }
    }
    output_.append(octets);
    if (is_opened_ && can_write_ && !octets.empty()) reactor_.flush_later(*this);
}

// In the target, when its queue is low: the source may read again.
void Connection::ease_source() {
    if (rare_->source != nullptr && output_.size() <= low_watermark_) rare_->source->let_go();
}

void Connection::let_go() {
    if (std::exchange(is_held_, false) && is_opened_ && (can_read_ || is_rare_due_)) call_me();
}

}  // namespace tidemill
