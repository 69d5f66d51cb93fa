#include "tidemill/base/url.h"

#include <algorithm>
#include <charconv>

namespace tidemill {
namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string lower(std::string_view text) {
    std::string made(text);
    for (char& c : made) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return made;
}

// "http" of "http://..."; empty if the text begins otherwise.
std::string_view scheme_of(std::string_view text) {
    const std::size_t end = text.find(':');
    if (end == text.npos || end == 0 || !is_letter(text[0])) return {};
    const std::string_view scheme = text.substr(0, end);
    const auto may_be_in_it = [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; };
    return std::all_of(scheme.begin(), scheme.end(), may_be_in_it) ? scheme : std::string_view{};
}

// Octets that a target cannot have as they are, though they are meant.
std::string encode(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    static constexpr std::string_view unsafe = " \"<>\\^`{|}";
    std::string made;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet < 0x80 && unsafe.find(c) == unsafe.npos) {
            made += c;
        } else {
            made.append({'%', digits[octet >> 4U], digits[octet & 15U]});
        }
    }
    return made;
}

// RFC 3986 5.2.4, of a path that begins with '/'.
std::string without_dots(std::string_view path) {
    std::string made;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/', 1), path.size());
        const std::string_view segment = path.substr(0, end);
        path.remove_prefix(end);
        const bool is_up = segment == "/..";
        if (is_up) made.erase(made.empty() ? 0 : made.rfind('/'));
        if (is_up || segment == "/.") {
            if (path.empty()) made += '/';
        } else {
            made += segment;
        }
    }
    return made;
}

std::string target_of(std::string_view rest) {
    rest = rest.substr(0, rest.find('#'));
    const std::size_t query = std::min(rest.find('?'), rest.size());
    std::string path(rest.substr(0, query));
    if (path.empty()) path = "/";
    return encode(without_dots(path) + std::string(rest.substr(query)));
}

bool is_name(std::string_view host) {
    return !host.empty() && host.size() <= 255 &&
           std::all_of(host.begin(), host.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_'; });
}

bool is_ipv6(std::string_view host) {
    return host.size() >= 2 && host.find(':') != host.npos && std::all_of(host.begin(), host.end(), [](char c) {
               return std::string_view("0123456789abcdefABCDEF:.").find(c) != std::string_view::npos;
           });
}

// What is wrong with an authority; nullptr if it is good and the URL has it.
const char* take_authority(std::string_view authority, Url& url) {
    if (authority.find('@') != authority.npos) return "a user name does not belong into a URL; send the field Authorization";
    std::string_view host = authority;
    std::string_view port;
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == authority.npos) return "a bracket is not closed";
        host = authority.substr(1, end - 1);
        port = authority.substr(end + 1);
        if (!is_ipv6(host)) return "there is no IPv6 address in the brackets";
    } else {
        const std::size_t colon = std::min(authority.find(':'), authority.size());
        host = authority.substr(0, colon);
        port = authority.substr(colon);
        if (!is_name(host)) return "there is no usable host";
    }
    url.host = lower(host);
    if (port.empty()) return nullptr;
    if (port[0] != ':') return "there is something behind the host";
    port.remove_prefix(1);
    if (port.empty()) return nullptr;
    const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    return problem == std::errc{} && end == port.data() + port.size() && url.port != 0 ? nullptr : "a port is a number from 1 to 65535";
}

}  // namespace

std::string Url::authority() const {
    std::string text = host.find(':') == host.npos ? host : "[" + host + "]";
    if (port != (is_tls ? 443 : 80)) text += ":" + std::to_string(port);
    return text;
}

std::string Url::origin() const {
    const std::string name = host.find(':') == host.npos ? host : "[" + host + "]";
    return (is_tls ? "https://" : "http://") + name + ":" + std::to_string(port);
}

std::string Url::text() const {
    return (is_tls ? "https://" : "http://") + authority() + target;
}

Result<Url> parse_url(std::string_view text, std::string_view operation) {
    const auto refuse = [&, whole = text](std::string_view why) { return make_error(ErrorCode::argument, operation, whole, why); };
    if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
        return make_error(ErrorCode::argument, operation, {}, "a URL has no control characters");
    const std::string scheme = lower(scheme_of(text));
    Url url;
    url.is_tls = scheme == "https";
    if ((!url.is_tls && scheme != "http") || text.substr(scheme.size(), 3) != "://") return refuse("a URL begins with http:// or https://");
    url.port = url.is_tls ? 443 : 80;
    text.remove_prefix(scheme.size() + 3);
    const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
    if (const char* why = take_authority(text.substr(0, end), url)) return refuse(why);
    url.target = target_of(text.substr(end));
    return url;
}

Result<Url> resolve_url(const Url& base, std::string_view reference, std::string_view operation) {
    if (!scheme_of(reference).empty()) return parse_url(reference, operation);
    if (reference.starts_with("//")) return parse_url((base.is_tls ? "https:" : "http:") + std::string(reference), operation);
    const std::string root = (base.is_tls ? "https://" : "http://") + base.authority();
    if (reference.starts_with('/')) return parse_url(root + std::string(reference), operation);
    const std::string_view path = std::string_view(base.target).substr(0, base.target.find('?'));
    if (reference.empty() || reference.starts_with('#')) return parse_url(base.text(), operation);
    const std::string_view folder = reference.starts_with('?') ? path : path.substr(0, path.rfind('/') + 1);
    return parse_url(root + std::string(folder) + std::string(reference), operation);
}

}  // namespace tidemill
