// A client of HTTP at script size (facade.h): the adaptor's object of each request is under a ticket, by which the calls on the request know
// it as well. Fields cross as in http.h.
#pragma once
#include <unordered_map>

#include "bindings/cookies.h"
#include "bindings/facade.h"
#include "tidemill/serve/http_client.h"

namespace tidemill::script {

class HttpClientCore {
public:
    // options: "name=value" each, with a NUL between them; their names are in http_client.cpp. cookies: nullptr for none. Throws argument.
    HttpClientCore(ReactorCore& core, Bytes options, TlsCore* tls, CookieJarCore* cookies);
    ~HttpClientCore();

    // is_gathered: the object is told _on_reply instead of _on_head, _on_body, _on_body_end. timeout, redirects: negative for the client's.
    // Throws argument, limit, local_protocol, state.
    void request(Bytes method, Bytes url, Bytes fields, int count, Octets body, bool is_streamed, bool is_gathered, double timeout,
                 int redirects, std::int64_t object);

    // Throw closed, local_protocol, state; the others do nothing once the request is over.
    bool write(std::int64_t object, Octets data);
    void finish(std::int64_t object);
    void cancel(std::int64_t object);
    void pause(std::int64_t object);
    void resume(std::int64_t object);
    bool is_over(std::int64_t object);

    std::uint64_t connections();
    std::uint64_t waiting();
    // Its idle connections close, and those that become idle.
    void close();

    using Exchanges = std::unordered_map<Ticket, std::weak_ptr<HttpExchange>>;

private:
    std::shared_ptr<HttpExchange> find(std::int64_t object) const;

    Host& host_;
    std::unique_ptr<HttpClient> client_;
    std::shared_ptr<Exchanges> exchanges_ = std::make_shared<Exchanges>();
};

}  // namespace tidemill::script
