// HttpHosts: several sites behind one listener, told apart by the host that a request names (RFC 9110 7.2). Called in on_request; what follows
// on the same request (on_body) goes to the connection's handler as ever, so that sites mostly collect() their bodies.
#pragma once
#include <functional>
#include <map>
#include <string>

#include "tidemill/serve/http_request.h"

namespace tidemill {

class HttpHosts {
public:
    using Site = std::function<void(HttpRequest&)>;

    // host: a name without a port, in any case of letters; "*.example.org" for all below example.org; "*" for every other.
    void add(std::string_view host, Site site);

    // Calls the site, or answers 421 if there is none.
    void serve(HttpRequest& request) const;

private:
    const Site* find(std::string_view host) const;

    std::map<std::string, Site, std::less<>> sites_;
};

}  // namespace tidemill
