// HttpSession: what arrives becomes calls of the handler. What the handler answers is in http_answer.cpp.
#include "tidemill/serve/http_session.h"

#include <algorithm>
#include <utility>

#include "tidemill/serve/http_rare.h"

namespace tidemill {
namespace {

// The counter of a limit.
std::uint64_t* counter_of(Metrics& metrics, HttpLimit limit) {
    switch (limit) {
        case HttpLimit::none:
        case HttpLimit::interims:  // a client's
            return nullptr;
#define TIDEMILL_COUNT(limit) \
    case HttpLimit::limit: return &metrics.http_##limit##_hits;
            TIDEMILL_COUNT(start_line)
            TIDEMILL_COUNT(section)
            TIDEMILL_COUNT(fields)
            TIDEMILL_COUNT(trailer_section)
            TIDEMILL_COUNT(trailers)
            TIDEMILL_COUNT(chunk_digits)
            TIDEMILL_COUNT(chunk_extension)
            TIDEMILL_COUNT(chunk_extensions)
            TIDEMILL_COUNT(body)
            TIDEMILL_COUNT(requests)
            TIDEMILL_COUNT(first_octet)
            TIDEMILL_COUNT(head)
            TIDEMILL_COUNT(body_progress)
            TIDEMILL_COUNT(idle)
            TIDEMILL_COUNT(body_rate)
#undef TIDEMILL_COUNT
    }
    return nullptr;
}

}  // namespace

HttpSession::HttpSession(Connection& connection, HttpHandler& handler, const HttpServerOptions& options)
    : connection_(connection),
      handler_(handler),
      engine_(HttpRole::server, options.limits),
      requests_allowed_(options.limits.requests),
      date_(options.adds_date ? &connection.reactor().service<HttpDate>() : nullptr) {}

HttpSession::~HttpSession() {
    timer_.cancel();
}

// ---- the connection's callbacks ----

void HttpSession::on_open() {
    settle();
}

void HttpSession::on_data(Bytes octets) {
    engine_.tick(connection_.reactor().turn_time());
    engine_.feed(octets);
    go_on();
}

void HttpSession::on_wake() {
    is_wake_due_ = false;
    go_on();
}

void HttpSession::on_drain() {
    is_output_full_ = false;
    if (request_.is_there_ && request_.is_begun_ && !request_.is_answered_) tell([&] { handler_.on_response_drain(request_); });
    go_on();
}

void HttpSession::on_shutdown() {
    engine_.end_keep_alive();
    go_on();
}

void HttpSession::on_end() {
    engine_.finish();
    go_on();
}

void HttpSession::on_close() {
    is_over_ = true;
    timer_.cancel();
    request_.is_cut_ = !request_.is_answered_;
    if (request_.is_there_) tell_response();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

// ---- from octets to calls ----

// One call of the user. What it raises is kept until the session is in order again.
template <class Call>
void HttpSession::tell(Call call) {
    try {
        call();
    } catch (...) {
        if (!failure_) failure_ = std::current_exception();
        request_.fail();
    }
}

void HttpSession::go_on() {
    pump();
    settle();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

bool HttpSession::may_go_on() const {
    if (is_over_ || failure_ || connection_.state() != Connection::State::open) return false;
    // Answers to pipelined requests wait until those before them have left.
    if (request_.is_there_ ? request_.is_paused_ : is_output_full_) return false;
    return connection_.reactor().may_call();
}

void HttpSession::pump() {
    is_pumping_ = true;
    is_blocked_ = false;
    complete();
    while (may_go_on()) {
        const Step step = engine_.next();
        if (step == Step::event) {
            tell_event(engine_.event());
            continue;
        }
        if (step == Step::paused) is_blocked_ = true;
        if (step == Step::ended) end();
        if (step == Step::failed) refuse();
        break;
    }
    engine_.keep();
    is_pumping_ = false;
    if (!is_over_ && !connection_.reactor().may_call()) go_on_later();
}

void HttpSession::tell_event(const HttpEvent& event) {
    switch (event.kind) {
        case HttpEvent::Kind::head: tell_head(event.head); break;
        case HttpEvent::Kind::data: tell_data(event.data); break;
        case HttpEvent::Kind::end: tell_end(event.trailers); break;
        case HttpEvent::Kind::interim: break;  // a client's
    }
    complete();
}

void HttpSession::tell_head(const HttpHead& head) {
    Reactor& reactor = connection_.reactor();
    ++reactor.count().http_requests;
    if (++requests_ == requests_allowed_) ++reactor.count().http_requests_hits;
    request_.begin(head, requests_, reactor.turn_time());
    tell([&] { handler_.on_request(request_); });
    complete();
    if (!request_.is_told_) request_.retain();
    if (!request_.is_begun_ && !request_.is_paused_ && !is_over_) request_.continue_if_due();
}

void HttpSession::tell_data(Bytes data) {
    if (request_.is_told_) return discard(data.size());
    if (!request_.is_collecting_) return tell([&] { handler_.on_body(request_, data); });
    HttpRequest::Rare& rare = *request_.rare_;
    if (data.size() > rare.collect_limit - rare.collected.size()) return request_.refuse_body();
    rare.collected.append(data);
}

void HttpSession::tell_end(HttpFields trailers) {
    request_.is_read_ = true;
    if (request_.is_told_) return;
    if (request_.rare_ && request_.rare_->next) return hand_over();
    request_.retain_trailers(trailers);
    if (request_.is_collecting_) return tell_collected();
    tell([&] { handler_.on_body_end(request_); });
}

void HttpSession::tell_collected() {
    request_.is_collecting_ = false;
    const HttpRequest::Collected done = std::exchange(request_.rare_->on_collected, nullptr);
    const std::string body = std::exchange(request_.rare_->collected, {});
    tell([&] { done(request_, body); });
}

// The answer may have become whole, the request may be over.
void HttpSession::complete() {
    if (!request_.is_there_ || !request_.is_answered_) return;
    if (!request_.is_told_) tell_response();
    if (request_.is_read_) request_.finish();
}

void HttpSession::tell_response() {
    if (std::exchange(request_.is_told_, true)) return;
    const Duration time = connection_.reactor().turn_time() - request_.began_;
    tell([&] { handler_.on_response(request_, request_.status_, request_.octets_, time); });
}

// A body that nobody wants: a little of it is read, as the connection is worth more; a lot of it is not.
void HttpSession::discard(std::size_t octets) {
    request_.discarded_ += octets;
    if (request_.discarded_ <= limits::http_discard) return;
    ++connection_.reactor().count().http_discard_hits;
    engine_.end_keep_alive();
}

// The answer to an upgrade, now that the request is whole.
void HttpSession::hand_over() {
    const HttpRequest::Rare& rare = *request_.rare_;
    if (request_.begin_answer(rare.upgrade_status, rare.upgrade_fields.fields(), HttpFraming::none()).has_failed()) return request_.fail();
    after_answer();
}

// The last message is over.
void HttpSession::end() {
    is_over_ = true;
    if (engine_.is_switched() && request_.rare_ && request_.rare_->next) {
        connection_.resume();
        if (connection_.become(std::move(request_.rare_->next), engine_.leftover())) return;
    }
    connection_.close();
}

// The peer broke the protocol or took too long; the engine has written what it is to be told.
void HttpSession::refuse() {
    is_over_ = true;
    Metrics& metrics = connection_.reactor().count();
    if (std::uint64_t* counter = counter_of(metrics, engine_.limit())) ++*counter;
    const bool is_said = engine_.error_status() != 0;
    if (is_said) ++metrics.http_refusals;
    send();
    connection_.close();
    // An idle connection that is closed is nobody's fault, and an answer that was cut is told in on_close.
    if (!request_.is_there_ && (is_said || engine_.error().code != ErrorCode::timeout)) {
        tell([&] { handler_.on_refusal(connection_, engine_.error_status(), engine_.error()); });
    }
}

// ---- between two calls of the loop ----

// From a call of the user: what follows from it is for the loop.
void HttpSession::go_on_later() {
    if (!std::exchange(is_wake_due_, true)) connection_.wake();
}

void HttpSession::settle() {
    if (is_over_ || connection_.state() != Connection::State::open) return;
    const bool is_paused = request_.is_there_ && request_.is_paused_;
    engine_.hold_deadlines(is_paused);
    const TimePoint now = connection_.reactor().turn_time();
    const TimePoint then = engine_.tick(now);
    if (engine_.error().is_set()) return go_on_later();
    const TimePoint check = output_since_ == TimePoint::max() ? output_since_ : std::max(now, output_since_) + limits::http_body_progress;
    arm(std::min(then, check));
    const bool is_full = is_blocked_ ? engine_.leftover().size() >= limits::http_pipelined : !request_.is_there_ && is_output_full_;
    if (is_paused || is_full) {
        connection_.pause();
    } else {
        connection_.resume();
    }
}

// Deadlines mostly move on before they come: the timer is only set anew when it has to be earlier, and looks again when it fires.
void HttpSession::arm(TimePoint then) {
    if (then >= armed_) return;
    timer_.cancel();
    armed_ = then;
    timer_ = connection_.reactor().call_later(then - connection_.reactor().turn_time(), [this] { on_time(); });
}

void HttpSession::on_time() {
    armed_ = TimePoint::max();
    if (is_over_ || connection_.state() != Connection::State::open) return;
    if (is_output_stuck(connection_.reactor().turn_time())) {
        ++connection_.reactor().count().http_slow_reader_hits;
        return connection_.abort();
    }
    engine_.tick(connection_.reactor().turn_time());
    if (engine_.error().is_set()) return go_on_later();
    settle();
}

bool HttpSession::is_output_stuck(TimePoint now) {
    if (output_since_ == TimePoint::max()) return false;
    const std::uint64_t pending = connection_.pending();
    if (pending == 0) {
        output_since_ = TimePoint::max();
        return false;
    }
    if (std::exchange(sent_, written_ - pending) != written_ - pending) output_since_ = now;
    return now - output_since_ >= limits::http_body_progress;
}

}  // namespace tidemill
