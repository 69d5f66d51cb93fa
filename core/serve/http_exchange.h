// HttpExchange: one request of a client and what becomes of it, over redirects and a retry.
//
// Made by HttpClient::request(). It tells its handler, always from the loop, in the order on_interim* on_response (on_body)* on_end, with
// on_drain anywhere before the end, or at any point on_failure; on_end or on_failure comes exactly once and last. What on_failure is told:
// the operation says which phase it was in (connect, send, receive, redirect, request for the whole), the code what happened. A status of
// 400 or more is no failure.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemill/base/url.h"
#include "tidemill/net/connection.h"
#include "tidemill/proto/gunzip.h"
#include "tidemill/proto/http_message.h"
#include "tidemill/serve/http_client_options.h"

namespace tidemill {

class HttpClientConnection;
class HttpExchange;
class HttpPool;

// What a request says. Fields and body are kept: a redirect may need them again.
struct HttpClientRequest {
    std::string method = "GET";
    std::string url = {};
    std::vector<std::pair<std::string, std::string>> fields = {};
    std::string body = {};
    // The body comes by write() and finish(): chunked, unless Content-Length is among the fields. It cannot be sent twice, so a redirect
    // that would need it again fails. With `Expect: 100-continue` among the fields any body waits for the server's 100 (http_continue.cpp).
    bool is_streamed = false;
    Duration total_timeout{-1};  // negative: as the client's
    int redirects = -1;  // negative: as the client's
};

class HttpExchangeHandler {
public:
    virtual ~HttpExchangeHandler() = default;

    // 1xx but 100, as 103 (RFC 8297); of redirects as well.
    virtual void on_interim(HttpExchange&, const HttpHead&) {}
    virtual void on_response(HttpExchange&, const HttpHead&) {}
    // At least one octet, valid during the call.
    virtual void on_body(HttpExchange&, Bytes) {}
    // After a write() that answered wait: go on.
    virtual void on_drain(HttpExchange&) {}
    virtual void on_end(HttpExchange&, HttpFields /*trailers*/) {}
    virtual void on_failure(HttpExchange&, const Error&) {}
};

class HttpExchange : public std::enable_shared_from_this<HttpExchange> {
public:
    // A piece of a streamed body; copied. wait: on_drain will tell when to go on. Fails with state (the body is not streamed, is finished)
    // or closed (it is over); error() says it in words. More than was promised ends the exchange.
    WriteResult write(Bytes data);
    WriteResult finish();

    // Ends it with cancelled; nothing if it is over.
    void cancel();

    // No on_body and no on_end until resume(); the server is slowed down by its connection.
    void pause();
    void resume();

    bool is_over() const { return is_over_; }
    // The one that is asked now, after redirects.
    const Url& url() const { return url_; }
    int redirected() const { return redirected_; }
    const Error& error() const { return error_; }

    // ---- for the client ----

    HttpExchange(std::shared_ptr<HttpPool> pool, HttpClientRequest request, Url url, std::unique_ptr<HttpExchangeHandler> handler);
    ~HttpExchange();
    Result<void> start();
    void fail(Error error);
    // The body is longer than who gathers it can take.
    void fail_for_size();

    // ---- for its connection ----

    // The head as it goes to the server; valid until the next call.
    HttpRequestHead wire_head();
    void attach(HttpClientConnection& connection);
    // What is ready of the body goes to the connection, as far as that takes it.
    void send_body();

    void take_interim(const HttpHead& head);
    void take_head(const HttpHead& head);
    void take_data(Bytes data);
    void keep_trailers(HttpFields trailers);
    void take_end();
    void take_drain();

    // The connection is gone. may_retry: it had served before, and not an octet of an answer came.
    void lose(Error reason, bool may_retry);
    bool is_paused() const { return is_paused_; }

private:
    // http_redirect.cpp
    bool wants_to_follow(const HttpHead& head);
    void follow();
    Result<void> change_request(const Url& next);
    void drop_fields(std::initializer_list<std::string_view> names);

    // http_continue.cpp
    void await_continue();
    void release_body();
    void settle_continue(int status);
    void stop_waiting();

    std::time_t wall_time() const;
    void keep_cookies(const HttpHead& head);
    bool is_passed_over() const { return !location_.empty() || is_to_repeat_; }
    void add_field(std::string_view name, std::string_view value);
    bool has_field(std::string_view name) const;
    HttpFraming framing() const;
    bool is_idempotent() const;
    void inflate(Bytes data);
    void submit_again();
    void send_stream();
    Result<void> check_head();
    void conclude();
    WriteResult refuse(Error error);
    Error make_own_error(ErrorCode code, std::string_view operation, std::string_view why) const;

    std::shared_ptr<HttpPool> pool_;
    Reactor& reactor_;
    std::unique_ptr<HttpExchangeHandler> handler_;
    HttpClientRequest request_;
    Url url_;
    std::vector<HttpField> wire_fields_;
    std::string wire_target_;
    std::string wire_host_;
    std::string wire_cookies_;
    HttpClientConnection* connection_ = nullptr;

    std::size_t sent_ = 0;  // of request_.body, or of backlog_
    std::string backlog_;  // of a streamed body that no connection has yet
    int status_ = 0;
    int redirected_ = 0;
    std::string location_;  // of the redirect that is followed
    std::uint64_t discarded_ = 0;
    std::unique_ptr<GunzipReader> gunzip_;
    std::string compressed_;  // that came while the user had paused
    std::vector<std::pair<std::string, std::string>> trailers_;
    Timer total_;
    Timer patience_;
    HoldId hold_ = 0;
    Error error_;
    bool has_begun_body_ = false;  // octets of a streamed body have left
    bool is_body_whole_ = false;  // finish() was called
    bool is_body_held_ = false;  // until the server says 100
    bool is_to_repeat_ = false;  // once this answer has passed
    bool is_end_sent_ = false;
    bool wants_drain_ = false;
    bool is_paused_ = false;
    bool was_retried_ = false;
    bool is_over_ = false;
};

}  // namespace tidemill
