// The TLS side of a connection: how its transport becomes one over TLS, the handshake, and the last octets.
#include "tidemill/net/connection.h"
#include "tidemill/net/tls_transport.h"

namespace tidemill {

// ---- beginning ----

Result<void> Connection::check_tls_possible() {
    if (Result<void> usable = reactor_.check_usable("start_tls", peer()); !usable) return usable;
    if (state_ >= State::closing) return make_error(ErrorCode::closed, "start_tls", peer(), "the connection is closed");
    if (tls_setup_ && tls_setup_->context) return make_error(ErrorCode::state, "start_tls", peer(), "this stream is TLS already");
    if (has_files()) return make_error(ErrorCode::state, "start_tls", peer(), "a file is being sent");
    if (has_peer_ended_ || is_end_write_asked_ || broken_.is_set()) {
        return make_error(ErrorCode::state, "start_tls", peer(), "one side has ended; TLS needs both");
    }
    return {};
}

Result<void> Connection::start_tls(std::shared_ptr<TlsContext> context, std::string_view server_name) {
    if (Result<void> possible = check_tls_possible(); !possible) return possible;
    if (!context) return make_error(ErrorCode::argument, "start_tls", peer(), "a TLS context is needed");
    if (!tls_setup_) tls_setup_ = std::make_unique<TlsSetup>();
    if (!server_name.empty()) tls_setup_->server_name = server_name;
    if (!is_accepted_ && tls_setup_->server_name.empty() && context->verifies_servers()) {
        return make_error(ErrorCode::argument, "start_tls", peer(), "server_name is missing: whose certificate should the peer show?");
    }
    tls_setup_->context = std::move(context);
    if (!transport_) return {};  // start() goes on
    Result<void> begun = begin_tls(Duration{-1});
    if (!begun) {
        tls_setup_->context.reset();
    } else if (is_opened_) {
        begin_tls_in_midstream();
    }
    return begun;
}

// deadline: 0 for none, negative for the context's own.
Result<void> Connection::begin_tls(Duration deadline) {
    TlsContext& context = *tls_setup_->context;
    const TlsRole role = is_accepted_ ? TlsRole::server : TlsRole::client;
    Result<std::unique_ptr<TlsFilter>> filter = TlsFilter::make(context, role, tls_setup_->server_name, reactor_.blocks());
    if (!filter) {
        Error reason = filter.error();
        reason.endpoint = transport_->peer();
        return reason;
    }
    auto secured =
        std::make_unique<TlsTransport>(reactor_, *this, std::move(transport_), std::move(filter).value(), tls_setup_->is_named_tls);
    tls_ = secured.get();
    transport_ = std::move(secured);
    if (deadline.count() < 0) deadline = context.handshake_timeout();
    if (deadline.count() > 0) {
        tls_->deadline = reactor_.call_later(deadline, [this] {
            fail(make_error(ErrorCode::timeout, "TLS handshake", transport_->peer(), "the handshake did not end within the deadline"));
        });
    }
    return {};
}

void Connection::begin_tls_in_midstream() {
    // What the peer sent behind the request for TLS could be anybody's words, to be taken for the peer's own later.
    if (!handler_->hand_over(*this).empty()) {
        ++reactor_.count().protocol_errors;
        transport_->reset();
        return end(make_error(ErrorCode::remote_protocol, "start_tls", peer(), "the peer sent plain text where TLS was to begin"));
    }
    tls_->send_first(output_);
    if (std::exchange(is_above_high_, false)) is_drain_due_ = true;
    call_me();
}

// ---- the loop's calls ----

// Drives the handshake. False: it is not done, and nothing else can be.
bool Connection::serve_tls(const Ready& ready) {
    if (tls_->is_established()) {
        if (ready.writable && !tls_->is_pushed()) reactor_.flush_later(*this);
        return true;
    }
    const TlsFilter::Outcome outcome = tls_->shake_hands();
    if (outcome == TlsFilter::Outcome::waiting) return false;
    if (outcome != TlsFilter::Outcome::done) {
        fail_tls();
        return false;
    }
    tls_->deadline.cancel();
    is_tls_due_ = true;
    // The peer's first octets may have come with the end of its handshake.
    can_read_ = can_write_ = true;
    last_activity_ = reactor_.turn_time();
    if (is_opened_) reactor_.flush_later(*this);
    return true;
}

// After the output went to the filter: whether all of it has left, and the goodbye too if there is one to say.
bool Connection::push_tls() {
    if (state_ == State::closing || is_end_write_asked_) tls_->end_write();
    const IoResult pushed = tls_->push();
    if (pushed.kind == IoResult::Kind::error) on_write_failed(pushed.error);
    return pushed.kind == IoResult::Kind::done;
}

// ---- ending ----

void Connection::fail_tls() {
    // The peer shall read why: an alert is on its way, and what it sent meanwhile must not reset the stream.
    Error reason = transport_->failure(0, "TLS handshake");
    transport_->shut_down_writing();
    tls_->read_as_it_is();
    is_linger_due_ = transport_->wants_linger();
    end(std::move(reason));
}

void Connection::end_tls() {
    tls_->deadline.cancel();
    // Who got everything that was written is told so, whatever ended the stream.
    if (has_output()) return;
    tls_->end_write();
    tls_->push();
}

std::optional<TlsInfo> Connection::tls() const {
    if (tls_ == nullptr || !tls_->is_established()) return std::nullopt;
    return tls_->info();
}

}  // namespace tidemill
