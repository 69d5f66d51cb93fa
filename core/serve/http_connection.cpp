// HttpConnection: what arrives becomes callbacks. What they answer is in http_answer.cpp.
#include "tidemill/serve/http_connection.h"

#include <algorithm>
#include <utility>

#include "tidemill/serve/http_rare.h"
#include "tidemill/serve/limit_counters.h"

namespace tidemill {

HttpConnection::HttpConnection(const HttpServerOptions& options)
    : engine_(HttpRole::server, options.limits), requests_allowed_(options.limits.requests), adds_date_(options.adds_date) {}

// ---- the connection's calls ----

void HttpConnection::receive_open(Connection& connection) {
    connection_ = &connection;
    if (adds_date_) date_ = &connection.reactor().service<HttpDate>();
    settle();
    on_open(connection);
}

void HttpConnection::receive(Connection& connection, Bytes octets) {
    engine_.tick(connection.reactor().turn_time());
    engine_.feed(octets);
    run();
}

void HttpConnection::receive_end(Connection&) {
    engine_.finish();
    run();
}

void HttpConnection::go_on(Connection& connection) {
    is_held_ = false;
    engine_.tick(connection.reactor().turn_time());
    run();
}

// Whoever follows gets what has not been told; it is too late for the answer that is going on.
std::string HttpConnection::hand_over(Connection&) {
    is_over_ = true;
    std::string unused(engine_.leftover());
    engine_.drop_leftover();
    return unused;
}

void HttpConnection::receive_drain(Connection& connection) {
    is_output_full_ = false;
    if (request_.is_there_ && request_.is_begun_ && !request_.is_answered_) tell([&] { on_response_drain(request_); });
    run();
    on_drain(connection);
}

void HttpConnection::receive_shutdown(Connection& connection) {
    engine_.end_keep_alive();
    run();
    on_shutdown(connection);
}

void HttpConnection::receive_close(Connection& connection, const Error& reason) {
    is_over_ = true;
    request_.is_cut_ = !request_.is_answered_;
    if (request_.is_there_) tell_response();
    on_close(connection, reason);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

// ---- from octets to calls ----

// One call of the user. What it raises is kept until the session is in order again.
template <class Call>
void HttpConnection::tell(Call call) {
    try {
        call();
    } catch (...) {
        if (!failure_) failure_ = std::current_exception();
        request_.fail();
    }
}

void HttpConnection::run() {
    pump();
    settle();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

// The user has paused, or answers to pipelined requests wait until those before them have left.
bool HttpConnection::is_held_by_user() const {
    return request_.is_there_ ? request_.is_paused_ : is_output_full_;
}

void HttpConnection::pump() {
    begin_call(*connection_);
    is_pumping_ = true;
    is_blocked_ = false;
    complete();
    bool is_waiting = false;  // for the peer or the user; otherwise there is more to tell
    while (!is_waiting && !failure_ && !is_over_ && (is_held_by_user() || may_tell(*connection_)))
        is_waiting = is_held_by_user() || !step();
    engine_.keep();
    is_pumping_ = false;
    if (!is_waiting && !is_over_) tell_later(*connection_);
}

// False: nothing more for now.
bool HttpConnection::step() {
    switch (engine_.next()) {
        case Step::event:
            tell_event(engine_.event());
            return true;
        case Step::need_more:
            return false;
        case Step::paused:
            is_blocked_ = true;
            return false;
        case Step::ended:
            end();
            return false;
        case Step::failed:
            refuse_peer();
            return false;
    }
    return false;
}

void HttpConnection::tell_event(const HttpEvent& event) {
    switch (event.kind) {
        case HttpEvent::Kind::head:
            tell_head(event.head);
            break;
        case HttpEvent::Kind::data:
            tell_data(event.data);
            break;
        case HttpEvent::Kind::end:
            tell_end(event.trailers);
            break;
        case HttpEvent::Kind::interim:
            break;  // a client's
    }
    complete();
}

void HttpConnection::tell_head(const HttpHead& head) {
    Reactor& reactor = connection_->reactor();
    ++reactor.count().http_requests;
    if (++requests_ == requests_allowed_) ++reactor.count().http_requests_hits;
    request_.begin(head, requests_, reactor.turn_time());
    tell([&] { on_request(request_); });
    complete();
    if (!request_.is_told_) request_.retain();
    if (!request_.is_begun_ && !request_.is_paused_ && !is_over_) request_.continue_if_due();
}

void HttpConnection::tell_data(Bytes data) {
    if (request_.is_told_) return discard(data.size());
    if (!request_.is_collecting_) return tell([&] { on_body(request_, data); });
    HttpRequest::Rare& rare = *request_.rare_;
    if (data.size() > rare.collect_limit - rare.collected.size()) return request_.refuse_body();
    rare.collected.append(data);
}

void HttpConnection::tell_end(HttpFields trailers) {
    request_.is_read_ = true;
    if (request_.is_told_) return;
    if (request_.rare_ && request_.rare_->next) return answer_upgrade();
    request_.retain_trailers(trailers);
    if (request_.is_collecting_) return tell_collected();
    tell([&] { on_body_end(request_); });
}

void HttpConnection::tell_collected() {
    request_.is_collecting_ = false;
    const HttpRequest::Collected done = std::exchange(request_.rare_->on_collected, nullptr);
    const std::string body = std::exchange(request_.rare_->collected, {});
    tell([&] { done(request_, body); });
}

// The answer may have become whole, the request may be over. After an exception that is told in receive_close, behind on_error.
void HttpConnection::complete() {
    if (failure_ || !request_.is_there_ || !request_.is_answered_) return;
    if (!request_.is_told_) tell_response();
    if (request_.is_read_) request_.forget();
}

void HttpConnection::tell_response() {
    if (request_.is_told_) return;
    const Duration time = connection_->reactor().turn_time() - request_.began_;
    tell([&] { on_response(request_, request_.status_, request_.octets_, time); });
    request_.is_told_ = true;
}

// A body that nobody wants: a little of it is read, as the connection is worth more; a lot of it is not.
void HttpConnection::discard(std::size_t octets) {
    request_.discarded_ += octets;
    if (request_.discarded_ <= limits::http_discard) return;
    ++connection_->reactor().count().http_discard_hits;
    engine_.end_keep_alive();
}

// The answer to an upgrade, now that the request is whole.
void HttpConnection::answer_upgrade() {
    const HttpRequest::Rare& rare = *request_.rare_;
    if (request_.begin_answer(rare.upgrade_status, rare.upgrade_fields.fields(), HttpFraming::none()).has_failed()) return request_.fail();
    after_answer();
}

// The last message is over.
void HttpConnection::end() {
    is_over_ = true;
    if (engine_.is_switched() && request_.rare_ && request_.rare_->next) {
        if (connection_->become(std::move(request_.rare_->next))) return;
    }
    connection_->close();
}

// The peer broke the protocol or took too long; the engine has written what it is to be told.
void HttpConnection::refuse_peer() {
    is_over_ = true;
    Metrics& metrics = connection_->reactor().count();
    const HttpLimit limit = engine_.limit();
    count_limit(metrics, limit);
    if (engine_.error_status() != 0) ++metrics.http_refusals;
    send_output();
    // Who keeps a connection without a request has done nothing wrong.
    if (limit == HttpLimit::idle || limit == HttpLimit::first_octet) return connection_->close();
    const Error why = engine_.error();
    if (!request_.is_begun_) request_.status_ = engine_.error_status();
    end_for(*connection_, why);
    if (!request_.is_there_) tell([&] { on_refusal(*connection_, engine_.error_status(), why); });
}

// ---- between two calls of the loop ----

// From a call of the user: what follows from it is for the loop.
void HttpConnection::go_on_later() {
    connection_->continue_input();
}

void HttpConnection::settle() {
    if (is_over_ || connection_->state() != Connection::State::open) return;
    const TimePoint now = connection_->reactor().turn_time();
    if (is_output_stuck(now)) {
        ++connection_->reactor().count().http_slow_reader_hits;
        return connection_->abort();
    }
    const bool is_paused = request_.is_there_ && request_.is_paused_;
    engine_.hold_deadlines(is_paused);
    const TimePoint then = engine_.tick(now);
    if (engine_.error().is_set()) return go_on_later();
    set_deadline(*connection_, std::min(then, output_deadline()));
    const bool is_full = is_blocked_ ? engine_.leftover().size() >= limits::http_pipelined : !request_.is_there_ && is_output_full_;
    if (is_paused || is_full) {
        connection_->hold_input();
        is_held_ = true;
    } else if (std::exchange(is_held_, false)) {
        connection_->continue_input();
    }
}

TimePoint HttpConnection::output_deadline() const {
    return output_since_ == TimePoint::max() ? output_since_ : output_since_ + limits::http_body_progress;
}

bool HttpConnection::is_output_stuck(TimePoint now) {
    if (output_since_ == TimePoint::max()) return false;
    const std::uint64_t pending = connection_->pending();
    if (pending == 0) {
        output_since_ = TimePoint::max();
        return false;
    }
    if (std::exchange(sent_, written_ - pending) != written_ - pending) output_since_ = now;
    return now - output_since_ >= limits::http_body_progress;
}

}  // namespace tidemill
