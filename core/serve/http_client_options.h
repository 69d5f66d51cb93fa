// What a client of HTTP can be told once for all its requests.
#pragma once
#include <cstddef>
#include <ctime>
#include <functional>
#include <memory>
#include <string>

#include "tidemill/base/limits.h"
#include "tidemill/proto/http_cookies.h"
#include "tidemill/proto/http_limits.h"
#include "tidemill/tls/context.h"

namespace tidemill {

struct HttpClientOptions {
    // first_octet: from the whole request to the response; head; body_progress: without an octet of the body.
    HttpLimits limits{HttpRole::client};
    Duration connect_timeout = limits::connect_timeout;  // with the name's look-up, the proxy's answer and TLS; 0 for none
    Duration total_timeout{0};  // one request with its redirects and its wait for a connection; 0 for none

    std::size_t per_origin = limits::http_client_per_origin;  // connections to one origin; at least 1
    std::size_t connections = limits::http_client_connections;  // in all; at least 1
    std::size_t queue = limits::http_client_queue;  // requests that wait for one
    Duration keeps = limits::http_client_keeps;  // an idle connection; 0: none is kept

    int redirects = limits::http_redirects;  // 0: a redirect is an answer as any other
    bool may_leave_tls = false;  // a redirect may lead from https to http

    bool decompresses = false;  // asks for gzip, and tells the body as it was before
    std::size_t reply = limits::http_reply;  // the longest body that is gathered, decompressed

    std::string proxy = {};  // "http://host:port"
    std::string proxy_authorization = {};  // the value of Proxy-Authorization
    std::string connect_to = {};  // an endpoint that all connections go to, whatever host a URL names: "unix:///run/app.sock"

    std::shared_ptr<TlsContext> tls = {};  // for https; none: verified against the system's trust store
    std::string user_agent = "tidemill";

    // Where the cookies of answers go, and those of requests come from; of other clients too, on the same thread. None: there are no cookies.
    std::shared_ptr<CookieJar> cookies = {};
    std::function<std::time_t()> wall_clock = {};  // by which they expire; none: the system's
};

}  // namespace tidemill
