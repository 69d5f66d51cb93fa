// HttpPool: the connections of an HTTP client, and the requests that wait for one. Internal to http_client.h.
//
// Idle ones are taken youngest first, so that the others grow old and go. A connection that would be one too many in all takes the place of
// the oldest idle one of another origin. Idle connections, and the timer that ends them, do not keep run() running.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tidemill/base/url.h"
#include "tidemill/net/connection.h"
#include "tidemill/serve/http_client_options.h"

namespace tidemill {

class HttpClientConnection;
class HttpExchange;

class HttpPool : public std::enable_shared_from_this<HttpPool> {
public:
    HttpPool(Reactor& reactor, HttpClientOptions options) : reactor_(reactor), options_(std::move(options)) {}

    Reactor& reactor() { return reactor_; }
    const HttpClientOptions& options() const { return options_; }
    // Set if there is a proxy.
    const Url* proxy() const { return has_proxy_ ? &proxy_ : nullptr; }
    Result<void> prepare();

    // Gives it a connection, now or later. Errors: limit (the queue), and those of connect().
    Result<void> submit(const std::shared_ptr<HttpExchange>& exchange);
    void withdraw(const HttpExchange& exchange);

    // ---- for its connections ----

    void give_back(HttpClientConnection& connection);
    void on_closed(HttpClientConnection& connection, bool was_idle);

    // The client is gone: what is idle closes, what is under way goes on and is not kept.
    void retire();
    bool is_done() const { return is_retired_ && open_ == 0 && waiting_ == 0; }
    void forget_waiting() { origins_.clear(); }

    std::size_t waiting() const { return waiting_; }
    std::size_t open() const { return open_; }

private:
    struct Idle {
        SourceId connection;
        TimePoint since;
    };
    struct Origin {
        std::size_t open = 0;  // connecting, busy, idle
        std::vector<Idle> idle;  // oldest first
        std::deque<std::shared_ptr<HttpExchange>> waiting;
        bool is_unused() const { return open == 0 && waiting.empty(); }
    };

    HttpClientConnection* take_idle(Origin& origin);
    bool may_open(const Origin& origin);
    bool close_oldest_idle();
    Result<void> open_connection(Origin& origin, const std::shared_ptr<HttpExchange>& exchange);
    void serve(const std::string& key);
    void serve_others();
    void sweep();
    void sweep_later();

    Reactor& reactor_;
    HttpClientOptions options_;
    Url proxy_;
    bool has_proxy_ = false;
    bool is_retired_ = false;
    std::map<std::string, Origin> origins_;
    std::size_t open_ = 0;
    std::size_t waiting_ = 0;
    Timer sweep_;
};

}  // namespace tidemill
