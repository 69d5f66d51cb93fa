// libFuzzer: what a client of HTTP reads beside the messages. A URL parses to one whose text parses to the same, whatever it is resolved against;
// a compressed body gives the same octets however it is cut, and keeps to its bounds; a cookie jar keeps to its limits and tells nothing that
// could not stand in a field, nothing Secure over http, nothing that has expired.
//
// The first octet says which of the three, and where the octets are cut.
#include <tidemill/base/limits.h>
#include <tidemill/base/url.h>
#include <tidemill/proto/gunzip.h>
#include <tidemill/proto/http_cookies.h>
#include <tidemill/proto/http_syntax.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

using namespace tidemill;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

void try_url(std::string_view text) {
    const Url base{.is_tls = true, .host = "example.org", .port = 443, .target = "/a/b?c"};
    for (const Result<Url>& url : {parse_url(text, "fuzz"), resolve_url(base, text, "fuzz")}) {
        if (!url) {
            require(url.error().code == ErrorCode::argument && !url.error().text().empty());
            continue;
        }
        require(!url.value().host.empty() && url.value().target.starts_with('/'));
        const Result<Url> again = parse_url(url.value().text(), "fuzz");
        require(again.ok() && again.value() == url.value());
    }
}

struct Inflated {
    std::string octets;
    GunzipReader::Outcome outcome = GunzipReader::Outcome::used_up;
};

Inflated inflate_cut(Bytes octets, std::size_t cut) {
    GunzipReader reader;
    Inflated result;
    for (Bytes piece : {octets.substr(0, cut), octets.substr(cut)}) {
        do {
            const std::size_t before = result.octets.size();
            result.outcome = reader.step(piece, result.octets);
            require(result.octets.size() - before <= limits::inflate_step);
        } while (result.outcome == GunzipReader::Outcome::more);
        if (result.outcome != GunzipReader::Outcome::used_up) break;
    }
    return result;
}

void check_jar(CookieJar& jar, const CookieLimits& bounds, std::time_t now) {
    const std::vector<Cookie> all = jar.cookies(now);
    std::map<std::string, std::size_t> of_domain;
    for (const Cookie& cookie : all) {
        require(!cookie.name.empty() && cookie.name.size() + cookie.value.size() <= bounds.octets);
        require(cookie.path.starts_with('/') && (!cookie.expires || *cookie.expires > now));
        require(++of_domain[cookie.domain] <= bounds.per_domain);
    }
    require(all.size() <= bounds.total);
}

// A line each: its first octet says from which URL, and how much time has passed.
void try_cookies(Bytes lines) {
    const CookieLimits bounds{.octets = 20, .per_domain = 3, .total = 5};
    const Url urls[] = {{.is_tls = true, .host = "www.example.org", .port = 443, .target = "/a/b?c"},
                        {.host = "www.example.org", .target = "/a/b"},
                        {.host = "example.org"},
                        {.host = "127.0.0.1"}};
    CookieJar jar(bounds);
    std::time_t now = 1'000'000'000;
    while (!lines.empty()) {
        const Bytes line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
        if (line.empty()) continue;
        const auto how = static_cast<unsigned char>(line[0]);
        now += how / 4;
        jar.take(line.substr(1), urls[how % 4], now);
        for (const Url& url : urls) {
            const std::string header = jar.header(url, now);
            require(http::is_value(header));
            const auto sent = header.empty() ? 0 : 1 + std::count(header.begin(), header.end(), ';');
            const std::vector<Cookie> all = jar.cookies(now);
            require(sent <= std::count_if(all.begin(), all.end(), [&](const Cookie& cookie) { return url.is_tls || !cookie.is_secure; }));
        }
        check_jar(jar, bounds, now);
    }
    jar.clear();
    require(jar.cookies(now).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const Bytes octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] & 1) {
        try_url(octets);
        return 0;
    }
    if (data[0] & 2) {
        try_cookies(octets);
        return 0;
    }
    const Inflated whole = inflate_cut(octets, octets.size());
    const Inflated cut = inflate_cut(octets, octets.empty() ? 0 : data[0] % octets.size());
    require(whole.outcome == cut.outcome);
    require(whole.outcome == GunzipReader::Outcome::too_dense || whole.octets == cut.octets);
    return 0;
}
