#include "tidemill/net/tls_transport.h"

#include <algorithm>

namespace tidemill {

namespace {

// Where cipher text arrives before the filter takes it; nothing stays here between two calls, so one serves a reactor.
struct CipherBuffer {
    explicit CipherBuffer(Reactor&) : octets(new char[limits::receive_buffer]) {}
    std::unique_ptr<char[]> octets;
};

}  // namespace

using Outcome = TlsFilter::Outcome;

TlsTransport::TlsTransport(Reactor& reactor, const Source& owner, std::unique_ptr<Transport> below, std::unique_ptr<TlsFilter> filter,
                           bool is_named_tls)
    : reactor_(reactor), owner_(owner.id()), below_(std::move(below)), filter_(std::move(filter)), is_named_tls_(is_named_tls) {}

Result<void> TlsTransport::attach(const Source& owner) {
    owner_ = owner.id();
    Result<void> attached = below_->attach(owner);
    if (attached && has_more_to_read_) report_readable();
    return attached;
}

void TlsTransport::send_first(Buffer& plain) {
    Slice slices[limits::gather_blocks];
    while (!plain.is_empty()) {
        plain.peek(slices, 1);
        filter_->output().append({slices[0].data, slices[0].size});
        plain.consume(slices[0].size);
    }
}

// ---- octets below ----

// One read below, into the filter.
IoResult TlsTransport::pull() {
    if (read_error_ != 0) return IoResult::failed(read_error_);
    const std::size_t room = std::min(filter_->room(), limits::receive_buffer);
    if (room == 0) return IoResult::would_block();
    char* octets = reactor_.service<CipherBuffer>().octets.get();
    const IoResult read = below_->read(octets, room);
    if (read.kind == IoResult::Kind::done) filter_->feed({octets, read.count});
    if (read.kind == IoResult::Kind::end) filter_->feed_end();
    if (read.kind == IoResult::Kind::error) read_error_ = read.error;
    return read;
}

IoResult TlsTransport::push() {
    Buffer& output = filter_->output();
    while (!output.is_empty()) {
        if (write_error_ != 0) return IoResult::failed(write_error_);
        Slice slices[limits::gather_blocks];
        const IoResult written = below_->write(slices, output.peek(slices, limits::gather_blocks));
        if (written.kind == IoResult::Kind::error) {
            write_error_ = written.error;
            output.clear();
            // A peer that had everything and is gone does not miss the goodbye.
            return is_goodbye_alone_ ? IoResult::done(0) : written;
        }
        if (written.kind == IoResult::Kind::would_block) {
            below_->arm(Direction::write);
            return written;
        }
        output.consume(written.count);
    }
    if (std::exchange(is_reading_held_up_, false)) report_readable();
    return IoResult::done(0);
}

void TlsTransport::report_readable() {
    reactor_.inject({owner_, true, false, false});
}

// ---- the handshake ----

Outcome TlsTransport::shake_hands() {
    for (std::size_t pulled = 0;;) {
        const Outcome outcome = filter_->handshake();
        push();  // also the alert of a failure; an error below is told by reading, maybe with the peer's reason
        if (outcome != Outcome::waiting) return outcome;
        if (pulled > limits::tls_queue) {
            report_readable();
            return Outcome::waiting;
        }
        const IoResult read = pull();
        if (read.kind == IoResult::Kind::error) return Outcome::failed;
        if (read.kind == IoResult::Kind::would_block) {
            below_->arm(Direction::read);
            return Outcome::waiting;
        }
        pulled += read.count;
    }
}

// ---- plain octets ----

IoResult TlsTransport::read(char* data, std::size_t size) {
    if (is_read_as_it_is_) return below_->read(data, size);
    if (!is_established()) return IoResult::would_block();
    // As much as there is: the connection takes a short read for the sign that nothing is left below.
    std::size_t filled = 0;
    std::size_t pulled = 0;
    const auto so_far = [&](IoResult otherwise) {
        has_more_to_read_ = filled != 0 && otherwise.kind != IoResult::Kind::would_block;
        return filled != 0 ? IoResult::done(filled) : otherwise;
    };
    for (;;) {
        const TlsFilter::Transfer got = filter_->read(data + filled, size - filled);
        if (got.outcome == Outcome::done) {
            filled += got.count;
            if (filled == size) return IoResult::done(filled);
            continue;
        }
        if (got.outcome == Outcome::end) return so_far(IoResult::end());
        push();  // what reading brought about: an answer to a new key, an alert
        if (got.outcome == Outcome::failed) return so_far(IoResult::failed(0));
        if (filter_->is_held_up()) {
            is_reading_held_up_ = true;
            return so_far(IoResult::would_block());
        }
        // Records without plain octets could keep us here for ever.
        if (pulled > limits::read_per_turn) {
            report_readable();
            return so_far(IoResult::would_block());
        }
        const IoResult read = pull();
        if (read.kind == IoResult::Kind::would_block) return so_far(read);
        if (read.kind == IoResult::Kind::error) return so_far(read);
        pulled += read.count;
    }
}

IoResult TlsTransport::write(const Slice* slices, std::size_t count) {
    if (write_error_ != 0) return IoResult::failed(write_error_);
    std::size_t written = 0;
    for (std::size_t i = 0; i < count; ++i) {
        for (Bytes left{slices[i].data, slices[i].size}; !left.empty();) {
            const TlsFilter::Transfer taken = filter_->write(left);
            if (taken.outcome == Outcome::failed) return IoResult::failed(0);
            if (taken.outcome == Outcome::done) {
                written += taken.count;
                left.remove_prefix(taken.count);
                continue;
            }
            const IoResult pushed = is_established() ? push() : IoResult::would_block();
            if (pushed.kind != IoResult::Kind::done) return written != 0 ? IoResult::done(written) : pushed;
        }
    }
    const IoResult pushed = push();
    return pushed.kind == IoResult::Kind::error ? pushed : IoResult::done(written);
}

void TlsTransport::arm(Direction direction) {
    if (direction == Direction::read && has_more_to_read_) return report_readable();
    // Before the handshake is done nothing can be written, and its end is noticed by who drives it.
    if (direction == Direction::write && !is_established()) return;
    below_->arm(direction);
}

// ---- the end ----

void TlsTransport::end_write() {
    if (is_reset_) return;
    const bool has_all_left = is_pushed();
    filter_->end_write();
    if (has_all_left && !is_pushed()) is_goodbye_alone_ = true;
}

void TlsTransport::shut_down_writing() {
    end_write();
    push();
    below_->shut_down_writing();
}

void TlsTransport::reset() {
    is_reset_ = true;
    below_->reset();
}

Error TlsTransport::failure(int error, std::string_view operation) const {
    if (error != 0) return os_error(error, operation, peer());
    if (!filter_->error().is_set()) return os_error(read_error_, operation, peer());
    Error reason = filter_->error();
    reason.endpoint = peer();
    return reason;
}

std::string TlsTransport::named(std::string name) const {
    if (is_named_tls_ && name.starts_with("tcp://")) name.replace(0, 3, "tls");
    return name;
}

}  // namespace tidemill
