// HttpClient: requests of HTTP/1.1 to any server, over connections that are kept for the next ones.
//
//     HttpClient client(reactor);
//     client.get("https://example.org/").on_success([](const HttpReply& reply) { use(reply.status, reply.body); });
//     client.request({.url = "https://example.org/large"}, std::make_unique<Download>());  // an HttpExchangeHandler: piece by piece
//
// What goes on the way is in http_exchange.h, connections in http_pool.h, limits in http_client_options.h. A client belongs to its reactor's
// thread. When it is destroyed, requests that are under way go on; idle connections close.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemill/reactor/deferred.h"
#include "tidemill/serve/http_exchange.h"

namespace tidemill {

// A whole answer.
struct HttpReply {
    int status = 0;
    std::string reason;
    int minor_version = 1;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
    std::string url;  // the last one, after redirects
    int redirected = 0;

    // The first field of that name; empty if there is none.
    std::string_view header(std::string_view name) const;
};

class HttpClient {
public:
    explicit HttpClient(Reactor& reactor, HttpClientOptions options = {});
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    // Begins a request; the handler is told from the loop. Errors: argument (the URL, the options), local_protocol (method or fields that
    // cannot be sent), limit (the queue), state.
    Result<std::shared_ptr<HttpExchange>> request(HttpClientRequest request, std::unique_ptr<HttpExchangeHandler> handler);

    // The whole answer; cancelling the Deferred cancels the request. Every error goes to the Deferred.
    Deferred<HttpReply> fetch(HttpClientRequest request);
    Deferred<HttpReply> get(std::string_view url) { return fetch({.url = std::string(url)}); }
    Deferred<HttpReply> head(std::string_view url) { return fetch({.method = "HEAD", .url = std::string(url)}); }
    Deferred<HttpReply> post(std::string_view url, std::string body, std::string_view content_type = "application/octet-stream");

    // Connections that are open, and requests that wait for one.
    std::size_t open() const;
    std::size_t waiting() const;

    // Idle connections close, and from now on none is kept. Requests go on.
    void close();

    // Why every request fails: the options; not set if they are good. False: its reactor is gone.
    const Error& unusable() const { return unusable_; }
    bool is_there() const { return !pool_.expired(); }

    // Of the options: for a collector of one's own.
    std::size_t reply_limit() const { return reply_limit_; }

private:
    Reactor& reactor_;
    // The reactor keeps the pool, as it may be destroyed before this is.
    std::weak_ptr<HttpPool> pool_;
    std::size_t reply_limit_;
    Error unusable_;
};

// Gathers an answer. done is called with it, or with nullptr and the error. HttpClient::fetch is made of it.
class HttpCollector final : public HttpExchangeHandler {
public:
    using Done = std::function<void(HttpReply*, const Error&)>;

    HttpCollector(std::size_t limit, Done done) : limit_(limit), done_(std::move(done)) {}

    void on_response(HttpExchange& exchange, const HttpHead& head) override;
    void on_body(HttpExchange& exchange, Bytes data) override;
    void on_end(HttpExchange& exchange, HttpFields trailers) override;
    void on_failure(HttpExchange&, const Error& error) override { done_(nullptr, error); }

private:
    std::size_t limit_;
    Done done_;
    HttpReply reply_;
};

}  // namespace tidemill
