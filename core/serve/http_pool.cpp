#include "tidemill/serve/http_pool.h"

#include <algorithm>

#include "tidemill/net/net.h"
#include "tidemill/serve/http_client_connection.h"
#include "tidemill/serve/http_exchange.h"

namespace tidemill {
namespace {

std::string tcp_endpoint(const Url& url, bool is_tls) {
    const std::string origin = url.origin();
    return (is_tls ? "tls://" : "tcp://") + origin.substr(origin.find("://") + 3);
}

}  // namespace

Result<void> HttpPool::prepare() {
    if (options_.per_origin == 0 || options_.connections == 0)
        return make_error(ErrorCode::argument, "make an HTTP client", {}, "at least one connection is needed");
    if (!options_.connect_to.empty()) {
        if (Result<Endpoint> endpoint = parse_endpoint(options_.connect_to, "make an HTTP client"); !endpoint) return endpoint.error();
    }
    if (options_.proxy.empty()) return {};
    Result<Url> proxy = parse_url(options_.proxy, "make an HTTP client");
    if (!proxy) return proxy.error();
    proxy_ = std::move(proxy).value();
    if (proxy_.is_tls) return make_error(ErrorCode::argument, "make an HTTP client", options_.proxy, "a proxy's URL begins with http://");
    has_proxy_ = true;
    return {};
}

// ---- requests ----

Result<void> HttpPool::submit(const std::shared_ptr<HttpExchange>& exchange) {
    Origin& origin = origins_[exchange->url().origin()];
    // Nobody overtakes those who wait.
    if (origin.waiting.empty()) {
        if (HttpClientConnection* idle = take_idle(origin)) {
            idle->begin(exchange);
            return {};
        }
        if (may_open(origin)) {
            Result<void> opened = open_connection(origin, exchange);
            if (origin.is_unused()) origins_.erase(exchange->url().origin());
            return opened;
        }
    }
    if (waiting_ >= options_.queue) {
        ++reactor_.count().http_client_queue_hits;
        if (origin.is_unused()) origins_.erase(exchange->url().origin());
        return make_error(ErrorCode::limit, "request", exchange->url().text(), "too many requests wait for a connection");
    }
    origin.waiting.push_back(exchange);
    ++waiting_;
    return {};
}

void HttpPool::withdraw(const HttpExchange& exchange) {
    const auto found = origins_.find(exchange.url().origin());
    if (found == origins_.end()) return;
    waiting_ -= std::erase_if(found->second.waiting, [&](const auto& waiting) { return waiting.get() == &exchange; });
    if (found->second.is_unused()) origins_.erase(found);
}

HttpClientConnection* HttpPool::take_idle(Origin& origin) {
    while (!origin.idle.empty()) {
        Connection* connection = find_connection(reactor_, origin.idle.back().connection);
        origin.idle.pop_back();
        if (connection == nullptr || connection->state() != Connection::State::open) continue;
        return static_cast<HttpClientConnection*>(&connection->handler());
    }
    return nullptr;
}

bool HttpPool::may_open(const Origin& origin) {
    if (origin.open >= options_.per_origin) return false;
    if (open_ < options_.connections) return true;
    close_oldest_idle();  // its place is free once it is gone
    return false;
}

bool HttpPool::close_oldest_idle() {
    Origin* where = nullptr;
    for (auto& [key, origin] : origins_) {
        if (!origin.idle.empty() && (where == nullptr || origin.idle.front().since < where->idle.front().since)) where = &origin;
    }
    if (where == nullptr) return false;
    const SourceId oldest = where->idle.front().connection;
    where->idle.erase(where->idle.begin());
    if (Connection* connection = find_connection(reactor_, oldest)) connection->abort();
    return true;
}

Result<void> HttpPool::open_connection(Origin& origin, const std::shared_ptr<HttpExchange>& exchange) {
    const Url& url = exchange->url();
    const bool is_tunnel = has_proxy_ && url.is_tls;
    const bool is_tls = url.is_tls && !is_tunnel;
    const std::string endpoint = !options_.connect_to.empty() ? options_.connect_to
                                 : has_proxy_                 ? tcp_endpoint(proxy_, false)
                                                              : tcp_endpoint(url, is_tls);
    ConnectOptions how{.timeout = options_.connect_timeout};
    if (is_tls) how.server_name = url.host;
    if (is_tls || endpoint.starts_with("tls:")) how.tls = options_.tls;
    if (is_tls && !how.tls && !endpoint.starts_with("tls:")) {
        Result<std::shared_ptr<TlsContext>> usual = TlsContext::default_client();
        if (!usual) return usual.error();
        how.tls = std::move(usual).value();
    }
    HandlerPtr handler(new HttpClientConnection(shared_from_this(), exchange, is_tunnel));
    Result<Connection*> connection = connect(reactor_, endpoint, std::move(handler), std::move(how));
    if (!connection) return connection.error();
    ++origin.open;
    ++open_;
    return {};
}

// ---- connections ----

void HttpPool::give_back(HttpClientConnection& connection) {
    Origin& origin = origins_[connection.origin()];
    if (is_retired_ || options_.keeps.count() <= 0 || reactor_.is_draining()) return connection.connection().close();
    if (!origin.waiting.empty()) {
        const auto next = origin.waiting.front();
        origin.waiting.pop_front();
        --waiting_;
        return connection.begin(next);
    }
    origin.idle.push_back({connection.connection().id(), reactor_.now()});
    connection.set_background(true);
    sweep_later();
    // Those for other origins may be waiting for a connection to go.
    if (waiting_ > 0 && open_ >= options_.connections) close_oldest_idle();
}

void HttpPool::on_closed(HttpClientConnection& connection, bool was_idle) {
    const std::string key = connection.origin();
    Origin& origin = origins_[key];
    if (was_idle) std::erase_if(origin.idle, [&](const Idle& idle) { return idle.connection == connection.connection().id(); });
    --origin.open;
    --open_;
    const bool was_full = open_ + 1 >= options_.connections;
    serve(key);
    if (was_full && waiting_ > 0) serve_others();
}

// Who waits here gets a connection, if there may be one.
void HttpPool::serve(const std::string& key) {
    // Looked up each time: a request that fails takes its origin away if it was the last one there.
    for (auto found = origins_.find(key); found != origins_.end(); found = origins_.find(key)) {
        Origin& origin = found->second;
        if (origin.waiting.empty() || !may_open(origin)) {
            if (origin.is_unused()) origins_.erase(found);
            return;
        }
        const auto next = origin.waiting.front();
        origin.waiting.pop_front();
        --waiting_;
        if (Result<void> opened = open_connection(origin, next); !opened) next->fail(opened.error());
    }
}

void HttpPool::serve_others() {
    std::vector<std::string> keys;
    for (const auto& [key, origin] : origins_) {
        if (!origin.waiting.empty()) keys.push_back(key);
    }
    for (const std::string& key : keys) serve(key);
}

// ---- age ----

void HttpPool::sweep_later() {
    if (sweep_.is_active()) return;
    TimePoint oldest = TimePoint::max();
    for (const auto& [key, origin] : origins_) {
        if (!origin.idle.empty()) oldest = std::min(oldest, origin.idle.front().since);
    }
    if (oldest == TimePoint::max()) return;
    sweep_ = reactor_.call_later_in_background(oldest + options_.keeps - reactor_.now(), [self = weak_from_this()] {
        if (const auto pool = self.lock()) pool->sweep();
    });
}

void HttpPool::sweep() {
    const TimePoint now = reactor_.now();
    for (auto& [key, origin] : origins_) {
        while (!origin.idle.empty() && origin.idle.front().since + options_.keeps <= now) {
            const SourceId old = origin.idle.front().connection;
            origin.idle.erase(origin.idle.begin());
            if (Connection* connection = find_connection(reactor_, old)) connection->close();
        }
    }
    sweep_later();
}

void HttpPool::retire() {
    is_retired_ = true;
    sweep_.cancel();
    for (auto& [key, origin] : origins_) {
        for (const Idle& idle : std::exchange(origin.idle, {})) {
            if (Connection* connection = find_connection(reactor_, idle.connection)) connection->close();
        }
    }
}

}  // namespace tidemill
