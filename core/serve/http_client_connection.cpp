// HttpClientConnection: what arrives becomes calls of its exchange. The way through a proxy is in http_tunnel.cpp.
#include "tidemill/serve/http_client_connection.h"

#include <algorithm>
#include <utility>

#include "tidemill/serve/http_exchange.h"

namespace tidemill {
namespace {

// It is the pool that ends idle connections.
HttpLimits engine_limits(const HttpClientOptions& options) {
    HttpLimits limits = options.limits;
    limits.idle = limits::longest_time;
    return limits;
}

// The engine names the limit; people want to know what was waited for.
std::string_view words_for(HttpLimit limit) {
    switch (limit) {
        case HttpLimit::first_octet:
            return "no answer began within the deadline";
        case HttpLimit::head:
            return "the answer's head was not whole within the deadline";
        case HttpLimit::body_progress:
            return "nothing of the answer's body came within the deadline";
        default:
            return {};
    }
}

}  // namespace

HttpClientConnection::HttpClientConnection(std::shared_ptr<HttpPool> pool, std::shared_ptr<HttpExchange> exchange, bool is_tunnel)
    : pool_(std::move(pool)), exchange_(std::move(exchange)), origin_(exchange_->url().origin()), is_tunnel_(is_tunnel) {
    engine_.emplace(HttpRole::client, engine_limits(pool_->options()));
}

HttpClientConnection::~HttpClientConnection() = default;

// ---- the connection's calls ----

void HttpClientConnection::receive_open(Connection& connection) {
    began_ = connection.reactor().turn_time();
    if (is_tunnel_)
        ask_for_tunnel();
    else if (exchange_)
        send_request();
    settle();
}

// Behind a tunnel; where TLS was there from the start the request waits in the output already.
void HttpClientConnection::on_tls(Connection&, const TlsInfo&) {
    if (!std::exchange(is_tunnel_, false)) return;
    if (exchange_) send_request();
    settle();
}

void HttpClientConnection::receive(Connection& connection, Bytes octets) {
    has_answer_begun_ = true;
    engine_->tick(connection.reactor().turn_time());
    engine_->feed(octets);
    run();
}

void HttpClientConnection::receive_end(Connection& connection) {
    engine_->tick(connection.reactor().turn_time());
    engine_->finish();
    run();
}

void HttpClientConnection::go_on(Connection& connection) {
    engine_->tick(connection.reactor().turn_time());
    run();
}

void HttpClientConnection::receive_drain(Connection&) {
    tell([&, exchange = exchange_] {
        if (exchange && !is_tunnel_) exchange->take_drain();
    });
    settle();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void HttpClientConnection::receive_shutdown(Connection& connection) {
    if (exchange_) return engine_->end_keep_alive();
    is_over_ = true;
    connection.close();
}

void HttpClientConnection::receive_close(Connection&, const Error& reason) {
    is_over_ = true;
    pool_->on_closed(*this, is_idle_);
    if (const auto exchange = std::exchange(exchange_, nullptr)) {
        const bool may_retry =
            served_ > 0 && !has_answer_begun_ && reason.code != ErrorCode::cancelled && reason.code != ErrorCode::timeout;
        exchange->lose(reason, may_retry);
    }
}

// ---- from octets to calls ----

// What a call of the user raises is kept until this is in order again.
template <class Call>
void HttpClientConnection::tell(Call call) {
    try {
        call();
    } catch (...) {
        if (!failure_) failure_ = std::current_exception();
    }
}

void HttpClientConnection::run() {
    begin_call(*connection_);
    bool is_waiting = false;
    while (!is_waiting && !failure_ && !is_over_ && may_tell(*connection_)) is_waiting = !step();
    engine_->keep();
    if (!is_waiting && !is_over_) tell_later(*connection_);
    settle();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

// False: nothing more for now.
bool HttpClientConnection::step() {
    switch (engine_->next()) {
        case Step::event:
            take(engine_->event());
            return true;
        case Step::need_more:
        case Step::paused:
            return false;
        case Step::ended:
            if (is_tunnel_ && engine_->is_switched()) {
                enter_tunnel();
                return false;
            }
            is_over_ = true;
            connection_->close();
            return false;
        case Step::failed:
            fail();
            return false;
    }
    return false;
}

void HttpClientConnection::take(const HttpEvent& event) {
    if (is_tunnel_) return take_tunnel(event);
    if (!exchange_) return;  // it was given up; the connection goes as well
    switch (event.kind) {
        case HttpEvent::Kind::head:
            return tell([&, exchange = exchange_] { exchange->take_head(event.head); });
        case HttpEvent::Kind::interim:
            return tell([&, exchange = exchange_] { exchange->take_interim(event.head); });
        case HttpEvent::Kind::data:
            return tell([&, exchange = exchange_] { exchange->take_data(event.data); });
        case HttpEvent::Kind::end:
            return take_end(event.trailers);
    }
}

// The connection is free before anybody is told, so that who asks for the next thing can have it.
void HttpClientConnection::take_end(HttpFields trailers) {
    const auto exchange = std::exchange(exchange_, nullptr);
    exchange->keep_trailers(trailers);
    ++served_;
    if (engine_->is_idle() && connection_->state() == Connection::State::open) {
        is_idle_ = true;
        pool_->give_back(*this);
    } else {
        // The last one, or a request whose end the server did not wait for.
        is_over_ = true;
        connection_->close();
    }
    tell([&] { exchange->take_end(); });
}

// The answer broke the protocol, went beyond a limit, took too long or was cut.
void HttpClientConnection::fail() {
    is_over_ = true;
    Error why = engine_->error();
    if (const std::string_view words = words_for(engine_->limit()); !words.empty()) why.detail = words;
    why.endpoint = connection_->peer();
    const bool may_retry = served_ > 0 && !has_answer_begun_ && why.code != ErrorCode::timeout;
    end_for(*connection_, why);
    connection_->abort();
    if (is_tunnel_) why.operation = "connect";
    if (const auto exchange = std::exchange(exchange_, nullptr)) exchange->lose(std::move(why), may_retry);
}

void HttpClientConnection::settle() {
    if (is_over_ || connection_->state() != Connection::State::open) return;
    engine_->hold_deadlines(exchange_ && exchange_->is_paused());
    TimePoint then = engine_->tick(connection_->reactor().turn_time());
    if (engine_->error().is_set()) return connection_->continue_input();
    const Duration patience = pool_->options().connect_timeout;
    if (is_idle_)
        then = TimePoint::max();
    else if (is_tunnel_ && patience.count() > 0)
        then = std::min(then, began_ + patience);
    if (is_tunnel_ && connection_->reactor().turn_time() >= then) return refuse_tunnel("no way through the proxy within the deadline");
    set_deadline(*connection_, then);
}

// ---- the exchange's calls ----

void HttpClientConnection::begin(std::shared_ptr<HttpExchange> exchange) {
    exchange_ = std::move(exchange);
    is_idle_ = false;
    set_background(false);
    ++connection_->reactor().count().http_client_reuses;
    send_request();
    connection_->continue_input();  // for the deadlines
}

void HttpClientConnection::send_request() {
    has_answer_begun_ = false;
    engine_->tick(connection_->reactor().now());
    if (Result<void> sent = engine_->request_head(exchange_->wire_head()); !sent) {
        is_over_ = true;
        connection_->abort();
        return std::exchange(exchange_, nullptr)->lose(sent.error(), false);
    }
    ++connection_->reactor().count().http_client_requests;
    send(*connection_, engine_->output());
    const auto exchange = exchange_;
    exchange->attach(*this);
}

void HttpClientConnection::drop_exchange() {
    exchange_.reset();
    is_over_ = true;
    connection_->abort();
}

void HttpClientConnection::set_paused(bool is_paused) {
    if (is_paused) return connection_->pause();
    connection_->resume();
    connection_->continue_input();
}

Result<WriteResult> HttpClientConnection::write(Bytes data) {
    if (Result<void> done = engine_->write_data(data); !done) return done.error();
    const WriteResult written = connection_->write(engine_->output());
    engine_->output().clear();
    return written;
}

Result<void> HttpClientConnection::finish() {
    engine_->tick(connection_->reactor().now());  // the wait for the answer begins now, and not when something last came
    if (Result<void> done = engine_->write_end(); !done) return done;
    send(*connection_, engine_->output());
    connection_->continue_input();  // from here on the answer is waited for
    return {};
}

}  // namespace tidemill
