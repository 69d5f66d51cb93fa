// HttpExchange from its start to its end. Where it goes when it is redirected is in http_redirect.cpp, how it waits for 100 in
// http_continue.cpp.
#include "tidemill/serve/http_exchange.h"

#include <algorithm>

#include "tidemill/proto/http.h"
#include "tidemill/proto/http_syntax.h"
#include "tidemill/serve/http_client_connection.h"
#include "tidemill/serve/http_pool.h"

namespace tidemill {
namespace {

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

HttpExchange::HttpExchange(std::shared_ptr<HttpPool> pool, HttpClientRequest request, Url url, std::unique_ptr<HttpExchangeHandler> handler)
    : pool_(std::move(pool)),
      reactor_(pool_->reactor()),
      handler_(std::move(handler)),
      request_(std::move(request)),
      url_(std::move(url)) {}

HttpExchange::~HttpExchange() = default;

// ---- the beginning ----

Result<void> HttpExchange::start() {
    if (request_.method == "CONNECT")
        return make_error(ErrorCode::argument, "request", url_.text(), "CONNECT is for proxies; the client's option proxy uses it");
    if (pool_->options().decompresses && !has_field("Accept-Encoding")) add_field("Accept-Encoding", "gzip, deflate");
    if (!pool_->options().user_agent.empty() && !has_field("User-Agent")) add_field("User-Agent", pool_->options().user_agent);
    if (Result<void> checked = check_head(); !checked) return checked;
    const auto self = shared_from_this();
    if (Result<void> submitted = pool_->submit(self); !submitted) return submitted;
    hold_ = reactor_.hold([self] { self->fail(self->make_own_error(ErrorCode::cancelled, "run", "the reactor stopped")); });
    const Duration total = request_.total_timeout.count() < 0 ? pool_->options().total_timeout : request_.total_timeout;
    if (total.count() <= 0) return {};
    total_ = reactor_.call_later(total, [self] {
        ++self->reactor_.count().http_client_timeouts;
        self->fail(self->make_own_error(ErrorCode::timeout, "request", "it was not answered to the end within the deadline"));
    });
    return {};
}

// What the engine will say to the head, said to who made it.
Result<void> HttpExchange::check_head() {
    HttpEngine engine(HttpRole::client);
    Result<void> written = engine.request_head(wire_head());
    if (written) return written;
    Error error = written.error();
    error.operation = "request";
    error.endpoint = url_.text();
    return error;
}

HttpRequestHead HttpExchange::wire_head() {
    const bool is_through_proxy = pool_->proxy() != nullptr && !url_.is_tls;
    wire_target_ = is_through_proxy ? url_.text() : url_.target;
    wire_host_ = url_.authority();
    wire_fields_.clear();
    if (!has_field("Host")) wire_fields_.push_back({"Host", wire_host_});
    for (const auto& [name, value] : request_.fields) {
        // Of no host's business, neither directly nor behind CONNECT.
        if (is_through_proxy || !http::equals_in_any_case(name, "Proxy-Authorization")) wire_fields_.push_back({name, value});
    }
    if (const auto& jar = pool_->options().cookies; jar && !has_field("Cookie")) {
        wire_cookies_ = jar->header(url_, wall_time());
        if (!wire_cookies_.empty()) wire_fields_.push_back({"Cookie", wire_cookies_});
    }
    const std::string& authorization = pool_->options().proxy_authorization;
    if (is_through_proxy && !authorization.empty() && !has_field("Proxy-Authorization"))
        wire_fields_.push_back({"Proxy-Authorization", authorization});
    return {.method = request_.method, .target = wire_target_, .fields = wire_fields_, .framing = framing()};
}

HttpFraming HttpExchange::framing() const {
    if (request_.is_streamed) {
        std::vector<HttpField> fields;
        for (const auto& [name, value] : request_.fields) fields.push_back({name, value});
        return HttpFraming::of_fields(fields, HttpFraming::chunked());
    }
    // A server may wait for the length of what could have a body (RFC 9110 8.6).
    const bool has_body = !request_.body.empty() || is_one_of(request_.method, {"POST", "PUT", "PATCH"});
    return has_body ? HttpFraming::of_length(request_.body.size()) : HttpFraming::none();
}

bool HttpExchange::has_field(std::string_view name) const {
    return std::any_of(request_.fields.begin(), request_.fields.end(),
                       [&](const auto& field) { return http::equals_in_any_case(field.first, name); });
}

void HttpExchange::add_field(std::string_view name, std::string_view value) {
    request_.fields.emplace_back(name, value);
}

void HttpExchange::attach(HttpClientConnection& connection) {
    connection_ = &connection;
    if (is_paused_) connection.set_paused(true);
    has_field("Expect") ? await_continue() : send_body();
}

// ---- the request's body ----

void HttpExchange::send_body() {
    if (request_.is_streamed) return send_stream();
    while (sent_ < request_.body.size()) {
        const Bytes next = Bytes(request_.body).substr(sent_, limits::high_watermark);
        const Result<WriteResult> written = connection_->write(next);
        if (!written || written.value().has_failed()) return;  // its end will be told
        sent_ += next.size();
        if (!written.value().is_flowing()) return;
    }
    if (!std::exchange(is_end_sent_, true)) static_cast<void>(connection_->finish());
}

void HttpExchange::send_stream() {
    if (!backlog_.empty()) {
        has_begun_body_ = true;
        const Result<WriteResult> written = connection_->write(std::exchange(backlog_, {}));
        if (!written) return fail(written.error());
        if (!written.value().is_flowing())
            wants_drain_ = true;
        else if (std::exchange(wants_drain_, false)) {
            reactor_.deliver([self = shared_from_this()] {
                if (!self->is_over_) self->handler_->on_drain(*self);
            });
        }
    }
    if (!is_body_whole_ || std::exchange(is_end_sent_, true)) return;
    has_begun_body_ = true;
    if (Result<void> finished = connection_->finish(); !finished) fail(finished.error());
}

WriteResult HttpExchange::write(Bytes data) {
    if (is_over_) return refuse(make_own_error(ErrorCode::closed, "write", "the request is over"));
    if (!request_.is_streamed || is_body_whole_)
        return refuse(make_own_error(ErrorCode::state, "write", "the body was given already, or is finished"));
    if (connection_ == nullptr || is_body_held_) {
        if (backlog_.size() + data.size() > limits::http_client_backlog_limit) {
            ++reactor_.count().http_client_backlog_hits;
            fail(make_own_error(ErrorCode::limit, "write", "too much was written before it could be sent"));
            return {WriteResult::Kind::wait};
        }
        backlog_.append(data);
        wants_drain_ = wants_drain_ || backlog_.size() > limits::http_client_backlog;
        return {wants_drain_ ? WriteResult::Kind::wait : WriteResult::Kind::flowing};
    }
    has_begun_body_ = true;
    const Result<WriteResult> written = connection_->write(data);
    if (!written) return refuse(written.error());
    if (written.value().has_failed()) return refuse(make_own_error(written.value().code, "write", "the connection is closed"));
    if (!written.value().is_flowing()) wants_drain_ = true;
    return written.value();
}

WriteResult HttpExchange::finish() {
    if (is_over_) return refuse(make_own_error(ErrorCode::closed, "finish", "the request is over"));
    if (!request_.is_streamed || is_body_whole_)
        return refuse(make_own_error(ErrorCode::state, "finish", "the body was given already, or is finished"));
    if (connection_ != nullptr && !is_body_held_) {
        has_begun_body_ = true;
        if (Result<void> finished = connection_->finish(); !finished) return refuse(finished.error());
        is_end_sent_ = true;
    }
    is_body_whole_ = true;
    return {WriteResult::Kind::flowing};
}

void HttpExchange::take_drain() {
    if (is_over_ || is_body_held_) return;
    if (!request_.is_streamed) return send_body();
    if (std::exchange(wants_drain_, false)) handler_->on_drain(*this);
}

WriteResult HttpExchange::refuse(Error error) {
    error_ = std::move(error);
    return {WriteResult::Kind::failed, error_.code};
}

// ---- the answer ----

void HttpExchange::take_interim(const HttpHead& head) {
    if (is_over_) return;
    head.status == 100 ? release_body() : handler_->on_interim(*this, head);
}

void HttpExchange::take_head(const HttpHead& head) {
    if (is_over_) return;
    status_ = head.status;
    keep_cookies(head);
    settle_continue(head.status);
    if (is_over_ || is_to_repeat_ || wants_to_follow(head)) return;
    const HttpField* encoding = head.find("Content-Encoding");
    if (pool_->options().decompresses && encoding != nullptr &&
        (http::equals_in_any_case(encoding->value, "gzip") || http::equals_in_any_case(encoding->value, "x-gzip") ||
         http::equals_in_any_case(encoding->value, "deflate")))
        gunzip_ = std::make_unique<GunzipReader>();
    handler_->on_response(*this, head);
}

std::time_t HttpExchange::wall_time() const {
    const auto& clock = pool_->options().wall_clock;
    return clock ? clock() : std::time(nullptr);
}

// Those of every answer on the way: each for the URL that was asked.
void HttpExchange::keep_cookies(const HttpHead& head) {
    const auto& jar = pool_->options().cookies;
    if (!jar) return;
    const std::uint64_t before = jar->limit_hits();
    for (const HttpField& field : head.fields) {
        if (http::equals_in_any_case(field.name, "Set-Cookie")) jar->take(field.value, url_, wall_time());
    }
    reactor_.count().http_client_cookie_hits += jar->limit_hits() - before;
}

void HttpExchange::take_data(Bytes data) {
    if (is_over_) return;
    if (is_passed_over()) {
        discarded_ += data.size();
        if (discarded_ <= limits::http_discard) return;
        ++reactor_.count().http_discard_hits;
        std::exchange(connection_, nullptr)->drop_exchange();
        return follow();
    }
    gunzip_ ? inflate(data) : handler_->on_body(*this, data);
}

void HttpExchange::inflate(Bytes data) {
    std::string kept = std::exchange(compressed_, {});
    if (!kept.empty()) data = kept.append(data);
    std::string made;
    for (auto outcome = GunzipReader::Outcome::more; outcome == GunzipReader::Outcome::more && !is_over_;) {
        if (is_paused_) {
            compressed_ = data;
            return;
        }
        made.clear();
        outcome = gunzip_->step(data, made);
        if (outcome == GunzipReader::Outcome::corrupt)
            return fail(make_own_error(ErrorCode::remote_protocol, "receive", "the compressed body is damaged"));
        if (outcome == GunzipReader::Outcome::too_dense) {
            ++reactor_.count().http_client_inflate_hits;
            return fail(make_own_error(ErrorCode::limit, "receive", "decompression makes the body too many times larger"));
        }
        if (made.empty()) continue;
        try {
            handler_->on_body(*this, made);
        } catch (...) {
            compressed_ = data;  // if the exception is taken, it goes on here
            throw;
        }
    }
}

void HttpExchange::keep_trailers(HttpFields trailers) {
    connection_ = nullptr;
    for (const HttpField& field : trailers) trailers_.emplace_back(field.name, field.value);
}

void HttpExchange::take_end() {
    if (is_over_) return;
    if (is_passed_over()) return follow();
    if (!compressed_.empty()) inflate({});
    if (gunzip_ && !gunzip_->is_whole()) return fail(make_own_error(ErrorCode::remote_protocol, "receive", "the compressed body was cut"));
    if (is_over_) return;
    conclude();
    reactor_.deliver([self = shared_from_this()] {
        std::vector<HttpField> fields;
        for (const auto& [name, value] : self->trailers_) fields.push_back({name, value});
        const auto handler = std::move(self->handler_);
        handler->on_end(*self, fields);
    });
}

// ---- the end ----

void HttpExchange::lose(Error reason, bool may_retry) {
    connection_ = nullptr;
    if (is_over_) return;
    if (is_passed_over()) return follow();
    const bool may_send_again = !request_.is_streamed || !has_begun_body_;
    if (may_retry && may_send_again && is_idempotent() && !std::exchange(was_retried_, true)) {
        ++reactor_.count().http_client_retries;
        return submit_again();
    }
    if (!reason.is_set()) reason = make_own_error(ErrorCode::closed, "receive", "the connection was closed");
    fail(std::move(reason));
}

bool HttpExchange::is_idempotent() const {
    return is_one_of(request_.method, {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"});
}

void HttpExchange::submit_again() {
    sent_ = 0;
    is_end_sent_ = false;
    stop_waiting();
    if (Result<void> submitted = pool_->submit(shared_from_this()); !submitted) fail(submitted.error());
}

void HttpExchange::cancel() {
    fail(make_own_error(ErrorCode::cancelled, "cancel", "the answer was not wanted any more"));
}

void HttpExchange::fail(Error error) {
    if (is_over_) return;
    const auto self = shared_from_this();
    conclude();
    // At a stop everything ends, and who ends first makes others fail in ways that nobody needs to know.
    error_ = reactor_.is_stopping() ? make_own_error(ErrorCode::cancelled, "run", "the reactor stopped") : std::move(error);
    pool_->withdraw(*this);
    if (HttpClientConnection* connection = std::exchange(connection_, nullptr)) connection->drop_exchange();
    reactor_.deliver([self] {
        const auto handler = std::move(self->handler_);
        handler->on_failure(*self, self->error_);
    });
}

void HttpExchange::fail_for_size() {
    ++reactor_.count().http_client_reply_hits;
    fail(make_own_error(ErrorCode::limit, "receive", "the body is longer than what is gathered"));
}

void HttpExchange::conclude() {
    is_over_ = true;
    total_.cancel();
    stop_waiting();
    if (hold_ != 0) reactor_.release(std::exchange(hold_, 0));
}

Error HttpExchange::make_own_error(ErrorCode code, std::string_view operation, std::string_view why) const {
    return make_error(code, operation, url_.text(), why);
}

void HttpExchange::pause() {
    if (is_over_ || std::exchange(is_paused_, true)) return;
    if (connection_ != nullptr) connection_->set_paused(true);
}

void HttpExchange::resume() {
    if (is_over_ || !std::exchange(is_paused_, false)) return;
    if (compressed_.empty()) {
        if (connection_ != nullptr) connection_->set_paused(false);
        return;
    }
    reactor_.deliver([self = shared_from_this()] {
        if (self->is_over_) return;
        self->inflate({});
        if (self->connection_ != nullptr && !self->is_paused_) self->connection_->set_paused(false);
    });
}

}  // namespace tidemill
