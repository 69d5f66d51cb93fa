#include "tidemill/proto/http_syntax.h"

#include "tidemill/base/limits.h"

namespace tidemill::http {

Bytes trimmed(Bytes text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

bool is_token(Bytes text) {
    const char* end = text.data() + text.size();
    return !text.empty() && skip(text.data(), end, token_octet) == end;
}

bool is_value(Bytes text) {
    const char* end = text.data() + text.size();
    return skip_value(text.data(), end) == end;
}

static char lower(char octet) {
    return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet | 0x20) : octet;
}

bool equals_in_any_case(Bytes one, Bytes other) {
    if (one.size() != other.size()) return false;
    for (std::size_t i = 0; i < one.size(); ++i) {
        if (lower(one[i]) != lower(other[i])) return false;
    }
    return true;
}

bool parse_length(Bytes text, std::uint64_t& length) {
    if (text.empty()) return false;
    length = 0;
    for (const char octet : text) {
        if (!is_digit(octet)) return false;
        length = length * 10 + static_cast<std::uint64_t>(octet - '0');
        if (length > limits::http_longest_body) return false;
    }
    return true;
}

void ConnectionOptions::add(Bytes value) {
    while (!value.empty()) {
        const std::size_t comma = value.find(',');
        const Bytes option = trimmed(value.substr(0, comma));
        value.remove_prefix(comma == Bytes::npos ? value.size() : comma + 1);
        if (option.empty()) continue;
        if (equals(option, "close"))
            has_close = true;
        else if (equals(option, "keep-alive"))
            has_keep_alive = true;
        else if (equals(option, "upgrade"))
            has_upgrade = true;
        else if (equals(option, "te"))
            has_te = true;
        else
            has_others = true;
    }
}

static bool is_port(Bytes text) {
    for (const char octet : text) {
        if (!is_digit(octet)) return false;
    }
    return text.size() <= 5;
}

// "[" something of an IPv6 or later address "]": whether it is one is for who connects to it.
static bool is_literal(Bytes text) {
    if (text.size() < 4 || text.front() != '[' || text.back() != ']') return false;
    for (const char octet : text.substr(1, text.size() - 2)) {
        if (!is_in(octet, host_octet) && octet != ':') return false;
    }
    return true;
}

static bool is_name(Bytes text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_in(text[i], host_octet)) continue;
        if (text[i] != '%' || text.size() - i < 3 || !is_in(text[i + 1], hex_octet) || !is_in(text[i + 2], hex_octet)) return false;
        i += 2;
    }
    return true;
}

bool is_host(Bytes host) {
    const std::size_t colon = host.rfind(':');
    const bool has_port = colon != Bytes::npos && host.find(']', colon) == Bytes::npos;
    if (has_port && !is_port(host.substr(colon + 1))) return false;
    const Bytes name = host.substr(0, has_port ? colon : host.size());
    if (name.empty()) return host.empty();
    return name.front() == '[' ? is_literal(name) : is_name(name);
}

static bool is_scheme(Bytes text) {
    if (text.empty() || (lower(text.front()) < 'a' || lower(text.front()) > 'z')) return false;
    for (const char octet : text) {
        const bool is_letter = lower(octet) >= 'a' && lower(octet) <= 'z';
        if (!is_letter && !is_digit(octet) && octet != '+' && octet != '-' && octet != '.') return false;
    }
    return true;
}

const char* check_target(Bytes method, Bytes target, Bytes& authority) {
    const char* end = target.data() + target.size();
    if (target.empty() || skip(target.data(), end, target_octet) != end) return "the target has an octet that no target has";
    if (method == "CONNECT") {
        const std::size_t colon = target.rfind(':');
        const bool is_authority = colon != Bytes::npos && colon > 0 && colon + 1 < target.size() && is_host(target);
        return is_authority ? nullptr : "the target of CONNECT is not host:port";
    }
    if (target.front() == '/') return nullptr;
    if (target == "*") return method == "OPTIONS" ? nullptr : "only OPTIONS has the target *";
    const std::size_t colon = target.find("://");
    if (colon == Bytes::npos || !is_scheme(target.substr(0, colon))) return "the target has no form that a target has";
    const Bytes rest = target.substr(colon + 3);
    authority = rest.substr(0, rest.find_first_of("/?"));
    if (authority.empty() || !is_host(authority)) return "the target has no usable host";
    return nullptr;
}

Bytes usual_reason(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 101:
            return "Switching Protocols";
        case 102:
            return "Processing";
        case 103:
            return "Early Hints";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 203:
            return "Non-Authoritative Information";
        case 204:
            return "No Content";
        case 205:
            return "Reset Content";
        case 206:
            return "Partial Content";
        case 207:
            return "Multi-Status";
        case 300:
            return "Multiple Choices";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 402:
            return "Payment Required";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 407:
            return "Proxy Authentication Required";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 411:
            return "Length Required";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 416:
            return "Range Not Satisfiable";
        case 417:
            return "Expectation Failed";
        case 421:
            return "Misdirected Request";
        case 422:
            return "Unprocessable Content";
        case 425:
            return "Too Early";
        case 426:
            return "Upgrade Required";
        case 428:
            return "Precondition Required";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 451:
            return "Unavailable For Legal Reasons";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "";
    }
}

}  // namespace tidemill::http
