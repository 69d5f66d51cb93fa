// HttpClientConnection's way through a proxy: CONNECT (RFC 9110 9.3.6), then TLS with whom was meant.
#include "tidemill/serve/http_client_connection.h"
#include "tidemill/serve/http_exchange.h"

namespace tidemill {

void HttpClientConnection::ask_for_tunnel() {
    const Url& url = exchange_->url();
    // The port always: it is a CONNECT's whole target.
    const std::string target = url.origin().substr(url.origin().find("://") + 3);
    const std::string& authorization = pool_->options().proxy_authorization;
    const HttpField fields[] = {{"Host", target}, {"User-Agent", pool_->options().user_agent}, {"Proxy-Authorization", authorization}};
    engine_->tick(connection_->reactor().now());
    Result<void> sent =
        engine_->request({.method = "CONNECT", .target = target, .fields = HttpFields(fields, authorization.empty() ? 2 : 3)}, {});
    if (!sent) return refuse_tunnel(sent.error().detail);
    send(*connection_, engine_->output());
}

void HttpClientConnection::take_tunnel(const HttpEvent& event) {
    if (event.kind != HttpEvent::Kind::head || event.head.status / 100 == 2) return;
    refuse_tunnel("the proxy answered " + std::to_string(event.head.status) + " " + std::string(event.head.reason));
}

void HttpClientConnection::enter_tunnel() {
    // Nobody but the host behind the proxy has anything to say, and TLS lets the client speak first.
    if (!engine_->leftover().empty()) return refuse_tunnel("the proxy sent something before TLS began");
    HttpLimits limits = pool_->options().limits;
    limits.idle = limits::longest_time;
    engine_.emplace(HttpRole::client, limits);
    std::shared_ptr<TlsContext> context = pool_->options().tls;
    if (!context) {
        Result<std::shared_ptr<TlsContext>> usual = TlsContext::default_client();
        if (!usual) return refuse_tunnel(usual.error().detail);
        context = std::move(usual).value();
    }
    if (!exchange_) return connection_->abort();
    if (Result<void> begun = connection_->start_tls(std::move(context), exchange_->url().host); !begun) refuse_tunnel(begun.error().detail);
}

void HttpClientConnection::refuse_tunnel(std::string_view why) {
    is_over_ = true;
    const std::string endpoint = connection_->peer();
    connection_->abort();
    if (const auto exchange = std::exchange(exchange_, nullptr))
        exchange->lose(make_error(ErrorCode::remote_protocol, "connect", endpoint, why), false);
}

}  // namespace tidemill
