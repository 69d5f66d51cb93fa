#include "tidemill/serve/http_client.h"

#include <algorithm>

#include "tidemill/proto/http_syntax.h"
#include "tidemill/serve/http_pool.h"

namespace tidemill {
namespace {

// Of a reactor: the pools of its clients. They go with it, so that a client that is destroyed later reaches nothing.
struct HttpPools {
    explicit HttpPools(Reactor&) {}
    // A request that waits holds its pool, and the pool the request.
    ~HttpPools() {
        for (const auto& pool : all) pool->forget_waiting();
    }
    void add(std::shared_ptr<HttpPool> pool) {
        std::erase_if(all, [](const auto& old) { return old->is_done(); });
        all.push_back(std::move(pool));
    }
    std::vector<std::shared_ptr<HttpPool>> all;
};

}  // namespace

std::string_view HttpReply::header(std::string_view name) const {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return http::equals_in_any_case(field.first, name); });
    return found == fields.end() ? std::string_view{} : found->second;
}

HttpClient::HttpClient(Reactor& reactor, HttpClientOptions options) : reactor_(reactor), reply_limit_(options.reply) {
    const auto pool = std::make_shared<HttpPool>(reactor, std::move(options));
    if (Result<void> prepared = pool->prepare(); !prepared) {
        unusable_ = prepared.error();
        return;
    }
    pool_ = pool;
    reactor.service<HttpPools>().add(pool);
}

HttpClient::~HttpClient() {
    close();
}

void HttpClient::close() {
    const auto pool = pool_.lock();
    if (pool && reactor_.is_usable_here()) pool->retire();
}

Result<std::shared_ptr<HttpExchange>> HttpClient::request(HttpClientRequest request, std::unique_ptr<HttpExchangeHandler> handler) {
    if (unusable_.is_set()) return unusable_;
    const auto pool = pool_.lock();
    if (!pool) return make_error(ErrorCode::state, "request", request.url, "the reactor is gone");
    if (Result<void> usable = reactor_.check_usable("request", request.url); !usable) return usable.error();
    if (reactor_.is_stopping()) return make_error(ErrorCode::state, "request", request.url, "the reactor is stopping");
    Result<Url> url = parse_url(request.url, "request");
    if (!url) return url.error();
    auto exchange = std::make_shared<HttpExchange>(pool, std::move(request), std::move(url).value(), std::move(handler));
    if (Result<void> started = exchange->start(); !started) return started.error();
    return exchange;
}

Deferred<HttpReply> HttpClient::fetch(HttpClientRequest asked) {
    // The canceller needs the exchange, which needs the Deferred.
    const auto under_way = std::make_shared<std::weak_ptr<HttpExchange>>();
    const Deferred<HttpReply> deferred(reactor_, [under_way] {
        if (const auto exchange = under_way->lock()) exchange->cancel();
    });
    const auto done = [deferred](HttpReply* reply, const Error& error) {
        reply != nullptr ? deferred.succeed(std::move(*reply)) : deferred.fail(error);
    };
    Result<std::shared_ptr<HttpExchange>> made = request(std::move(asked), std::make_unique<HttpCollector>(reply_limit_, done));
    if (made)
        *under_way = made.value();
    else
        deferred.fail(made.error());
    return deferred;
}

Deferred<HttpReply> HttpClient::post(std::string_view url, std::string body, std::string_view content_type) {
    HttpClientRequest request{.method = "POST", .url = std::string(url), .body = std::move(body)};
    request.fields.emplace_back("Content-Type", content_type);
    return fetch(std::move(request));
}

std::size_t HttpClient::open() const {
    const auto pool = pool_.lock();
    return pool ? pool->open() : 0;
}

std::size_t HttpClient::waiting() const {
    const auto pool = pool_.lock();
    return pool ? pool->waiting() : 0;
}

// ---- HttpCollector ----

void HttpCollector::on_response(HttpExchange&, const HttpHead& head) {
    reply_.status = head.status;
    reply_.reason = head.reason;
    reply_.minor_version = head.minor_version;
    for (const HttpField& field : head.fields) reply_.fields.emplace_back(field.name, field.value);
    if (head.framing.kind == HttpFraming::Kind::length)
        reply_.body.reserve(std::min<std::uint64_t>(head.framing.length, limits::receive_buffer));
}

void HttpCollector::on_body(HttpExchange& exchange, Bytes data) {
    if (exchange.is_over()) return;
    if (data.size() <= limit_ - reply_.body.size()) {
        reply_.body.append(data);
        return;
    }
    exchange.fail_for_size();
}

void HttpCollector::on_end(HttpExchange& exchange, HttpFields) {
    reply_.url = exchange.url().text();
    reply_.redirected = exchange.redirected();
    done_(&reply_, {});
}

}  // namespace tidemill
