// HttpConnection: what users of C++ derive from to serve HTTP.
//
//     struct Hello : HttpConnection {
//         void on_request(HttpRequest& request) override { request.respond(200, {{"content-type", "text/plain"}}, "hello"); }
//     };
//     listen<Hello>(reactor, "tcp://127.0.0.1:8080");
//
// Its callbacks are HttpHandler's (http_session.h), besides on_error of the connection (handler.h). What on_request or another raises is
// answered with 500 if nothing has been answered yet, the connection ends, and the exception goes the way of all (handler.h).
#pragma once
#include <optional>

#include "tidemill/net/net.h"
#include "tidemill/serve/http_request.h"
#include "tidemill/serve/http_session.h"

namespace tidemill {

// For HttpRequestHandle: a handler with a session.
class HttpSessionOwner {
public:
    // nullptr if none is going on.
    virtual HttpRequest* http_request() = 0;

protected:
    ~HttpSessionOwner() = default;
};

class HttpConnection : public Handler, public HttpHandler, public HttpSessionOwner {
public:
    HttpConnection() = default;
    explicit HttpConnection(const HttpServerOptions& options) : options_(options) {}

    void attached(Connection& connection) final { session_.emplace(connection, *this, options_); }
    void on_open(Connection&) final { session_->on_open(); }
    void on_data(Connection&, Bytes octets) final { session_->on_data(octets); }
    void on_drain(Connection&) final { session_->on_drain(); }
    void on_shutdown(Connection&) final { session_->on_shutdown(); }
    void on_end(Connection&) final { session_->on_end(); }
    void on_wake(Connection&) final { session_->on_wake(); }
    void on_close(Connection& connection, const Error& reason) final {
        session_->on_close();
        on_closed(connection, reason);
    }
    HttpRequest* http_request() final { return session_->request(); }

    // The connection is gone: the last call.
    virtual void on_closed(Connection&, const Error& /*reason*/) {}

private:
    HttpServerOptions options_;
    std::optional<HttpSession> session_;
};

}  // namespace tidemill
