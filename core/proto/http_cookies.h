// CookieJar: the cookies of an HTTP client (RFC 6265 section 5). Pure logic: the time is an argument, in seconds since 1970.
//
// Beyond the RFC, from its revision (draft-ietf-httpbis-rfc6265bis): the prefixes __Host- and __Secure-; what came over http neither sets
// nor replaces a Secure cookie; no cookie is kept longer than 400 days. Secure means https, for localhost as for others.
//
// There is no list of public suffixes: "Domain=com" is refused, as are all domains of a single label, but "Domain=co.uk" is not, so
// that one site below co.uk could set cookies for all of them. Who asks servers that do not trust each other gives each a jar.
#pragma once
#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tidemill/base/bytes.h"
#include "tidemill/base/limits.h"
#include "tidemill/base/url.h"

namespace tidemill {

struct Cookie {
    std::string name;
    std::string value;
    std::string domain;  // in lower case, without a dot before it
    std::string path = "/";
    std::optional<std::time_t> expires = {};  // none: it stays as long as the jar
    bool is_host_only = true;  // not for hosts below the domain
    bool is_secure = false;
    bool is_http_only = false;  // nothing here obeys it; for who hands cookies on

    bool operator==(const Cookie&) const = default;
};

struct CookieLimits {
    std::size_t octets = limits::cookie;  // of name and value
    std::size_t per_domain = limits::cookies_per_domain;  // at least 1
    std::size_t total = limits::cookies;  // at least 1
};

class CookieJar {
public:
    explicit CookieJar(const CookieLimits& limits = {}) : limits_(limits) {}

    // What a field Set-Cookie of an answer from that URL says. false: it was refused or ignored. An expired one removes its namesake.
    bool take(Bytes set_cookie, const Url& url, std::time_t now);

    // The field Cookie for a request: what has the longest path first, then what was there first. Empty for none.
    std::string header(const Url& url, std::time_t now);

    // By domain, then in the order in which they came.
    std::vector<Cookie> cookies(std::time_t now);
    void clear();

    // Cookies that were refused because they are too long, or had to give way to new ones: the least recently used, and those of the
    // domain that are not Secure first.
    std::uint64_t limit_hits() const { return limit_hits_; }

private:
    struct Entry {
        Cookie cookie;
        std::uint64_t created;
        std::uint64_t used;
    };
    using Entries = std::vector<Entry>;

    bool is_shadowed(const Cookie& cookie) const;
    bool store(Cookie cookie, std::time_t now);
    void drop_expired(Entries& entries, std::time_t now);
    void make_room(const std::string& domain, std::time_t now);
    void evict_oldest();

    CookieLimits limits_;
    std::map<std::string, Entries, std::less<>> domains_;
    std::size_t total_ = 0;
    std::uint64_t ticks_ = 0;  // what was created and used when, without a clock
    std::uint64_t limit_hits_ = 0;
};

}  // namespace tidemill
