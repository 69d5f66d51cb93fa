#include "tidemill/proto/http_cookies.h"

#include <algorithm>
#include <tuple>

#include "tidemill/proto/http_set_cookie.h"
#include "tidemill/proto/http_syntax.h"

namespace tidemill {
namespace {

std::string lower(Bytes text) {
    std::string made(text);
    for (char& c : made) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return made;
}

// IPv6, or a last label that looks like a number: as URLs are read by browsers, no name ends in one.
bool is_address(Bytes host) {
    const Bytes last = host.substr(host.rfind('.') + 1);
    return host.find(':') != Bytes::npos || (!last.empty() && std::all_of(last.begin(), last.end(), http::is_digit));
}

// RFC 6265 5.1.3.
bool domain_matches(Bytes host, Bytes domain) {
    if (host == domain) return true;
    return host.size() > domain.size() && host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.' && !is_address(host);
}

// Who could not be told from a registry: a single label; and what is no name at all.
bool is_no_site(Bytes domain) {
    return domain.find('.') == Bytes::npos || domain.starts_with('.') || domain.ends_with('.') || is_address(domain);
}

// RFC 6265 5.1.4.
bool path_matches(Bytes path, Bytes of_cookie) {
    return path.starts_with(of_cookie) && (path.size() == of_cookie.size() || of_cookie.ends_with('/') || path[of_cookie.size()] == '/');
}

Bytes path_of(const Url& url) {
    return Bytes(url.target).substr(0, url.target.find('?'));
}

Bytes default_path(const Url& url) {
    const Bytes path = path_of(url);
    const std::size_t last = path.rfind('/');
    return last == 0 || last == Bytes::npos ? Bytes("/") : path.substr(0, last);
}

// A prefix promises what the cookie has (6265bis 4.1.3); in any case of letters, as some servers compare so.
bool keeps_promise(const Cookie& cookie, const SetCookie& said) {
    const auto begins_with = [&](Bytes prefix) { return http::equals_in_any_case(Bytes(cookie.name).substr(0, prefix.size()), prefix); };
    if (begins_with("__host-")) return cookie.is_secure && cookie.is_host_only && said.domain.empty() && said.path == "/";
    return cookie.is_secure || !begins_with("__secure-");
}

bool is_expired(const Cookie& cookie, std::time_t now) {
    return cookie.expires && *cookie.expires <= now;
}

}  // namespace

bool CookieJar::take(Bytes set_cookie, const Url& url, std::time_t now) {
    const std::optional<SetCookie> said = parse_set_cookie(set_cookie, now);
    if (!said) return false;
    if (said->name.size() + said->value.size() > limits_.octets) {
        ++limit_hits_;
        return false;
    }
    Cookie cookie{.name = std::string(said->name), .value = std::string(said->value), .domain = url.host, .expires = said->expires};
    cookie.is_secure = said->is_secure;
    cookie.is_http_only = said->is_http_only;
    cookie.path = said->path.empty() ? default_path(url) : said->path;
    if (!said->domain.empty()) {
        std::string domain = lower(said->domain);
        if (!domain_matches(url.host, domain)) return false;
        if (is_no_site(domain)) {
            if (domain != url.host) return false;
        } else {
            cookie.domain = std::move(domain);
            cookie.is_host_only = false;
        }
    }
    if (!keeps_promise(cookie, *said)) return false;
    if (!url.is_tls && (cookie.is_secure || is_shadowed(cookie))) return false;
    return store(std::move(cookie), now);
}

// Whether there is a Secure cookie that this one, which came over http, would stand before or replace.
bool CookieJar::is_shadowed(const Cookie& cookie) const {
    for (const auto& [domain, entries] : domains_) {
        if (!domain_matches(domain, cookie.domain) && !domain_matches(cookie.domain, domain)) continue;
        for (const Entry& entry : entries) {
            const Cookie& there = entry.cookie;
            if (there.is_secure && there.name == cookie.name && path_matches(cookie.path, there.path)) return true;
        }
    }
    return false;
}

bool CookieJar::store(Cookie cookie, std::time_t now) {
    const std::uint64_t tick = ++ticks_;
    if (const auto here = domains_.find(cookie.domain); here != domains_.end()) {
        Entries& entries = here->second;
        const auto old = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
            return entry.cookie.name == cookie.name && entry.cookie.path == cookie.path;
        });
        if (old != entries.end() && !is_expired(cookie, now)) {
            old->cookie = std::move(cookie);
            old->used = tick;
            return true;
        }
        if (old != entries.end()) {
            entries.erase(old);
            --total_;
            if (entries.empty()) domains_.erase(here);
            return true;
        }
    }
    if (is_expired(cookie, now)) return true;
    make_room(cookie.domain, now);
    Entries& entries = domains_[cookie.domain];
    entries.push_back({std::move(cookie), tick, tick});
    ++total_;
    return true;
}

std::string CookieJar::header(const Url& url, std::time_t now) {
    std::vector<Entry*> found;
    const bool has_parents = !is_address(url.host);
    for (Bytes domain = url.host;;) {
        const auto here = domains_.find(domain);
        if (here != domains_.end()) {
            drop_expired(here->second, now);
            for (Entry& entry : here->second) {
                const Cookie& cookie = entry.cookie;
                const bool is_for_host = !cookie.is_host_only || domain.size() == url.host.size();
                if (is_for_host && (url.is_tls || !cookie.is_secure) && path_matches(path_of(url), cookie.path)) found.push_back(&entry);
            }
            if (here->second.empty()) domains_.erase(here);
        }
        const std::size_t dot = domain.find('.');
        if (!has_parents || dot == Bytes::npos) break;
        domain.remove_prefix(dot + 1);
    }
    std::sort(found.begin(), found.end(), [](const Entry* one, const Entry* other) {
        const std::size_t size = one->cookie.path.size(), other_size = other->cookie.path.size();
        return size != other_size ? size > other_size : one->created < other->created;
    });
    std::string text;
    if (!found.empty()) ++ticks_;
    for (Entry* entry : found) {
        entry->used = ticks_;
        text.append(text.empty() ? "" : "; ").append(entry->cookie.name).append("=").append(entry->cookie.value);
    }
    return text;
}

std::vector<Cookie> CookieJar::cookies(std::time_t now) {
    std::vector<Cookie> all;
    for (auto& [domain, entries] : domains_) drop_expired(entries, now);
    std::erase_if(domains_, [](const auto& domain) { return domain.second.empty(); });
    for (const auto& [domain, entries] : domains_) {
        for (const Entry& entry : entries) all.push_back(entry.cookie);
    }
    return all;
}

void CookieJar::clear() {
    domains_.clear();
    total_ = 0;
}

// ---- room ----

void CookieJar::drop_expired(Entries& entries, std::time_t now) {
    total_ -= std::erase_if(entries, [&](const Entry& entry) { return is_expired(entry.cookie, now); });
}

// For one more of the domain.
void CookieJar::make_room(const std::string& domain, std::time_t now) {
    const auto here = domains_.find(domain);
    if (here != domains_.end() && here->second.size() >= limits_.per_domain) {
        Entries& entries = here->second;
        drop_expired(entries, now);
        while (entries.size() >= limits_.per_domain) {
            entries.erase(std::min_element(entries.begin(), entries.end(), [](const Entry& one, const Entry& other) {
                return std::tuple(one.cookie.is_secure, one.used) < std::tuple(other.cookie.is_secure, other.used);
            }));
            --total_;
            ++limit_hits_;
        }
    }
    if (total_ < limits_.total) return;
    for (auto& [name, entries] : domains_) drop_expired(entries, now);
    while (total_ >= limits_.total) evict_oldest();
    std::erase_if(domains_, [](const auto& old) { return old.second.empty(); });
}

void CookieJar::evict_oldest() {
    Entries* where = nullptr;
    Entries::iterator oldest;
    for (auto& [domain, entries] : domains_) {
        for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
            if (where == nullptr || entry->used < oldest->used) where = &entries, oldest = entry;
        }
    }
    if (where == nullptr) return;
    where->erase(oldest);
    --total_;
    ++limit_hits_;
}

}  // namespace tidemill
