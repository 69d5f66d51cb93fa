#include "tidemill/base/endpoint.h"

#include <charconv>

namespace tidemill {

// sockaddr_un::sun_path holds 108 octets with its final zero: unix(7).
static constexpr std::size_t longest_path = 107;

// RFC 1035 2.3.4: a name has at most 253 visible characters; anything longer cannot resolve.
static constexpr std::size_t longest_host = 253;

static bool parse_port(std::string_view text, std::uint16_t& port) {
    const char* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, port);
    return problem == std::errc{} && stop == end && !text.empty();
}

static bool has_control_or_space(std::string_view text) {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return true;
    }
    return false;
}

static const char* parse_host_and_port(std::string_view rest, Endpoint& endpoint) {
    std::string_view host;
    std::string_view port;
    if (!rest.empty() && rest.front() == '[') {
        const std::size_t bracket = rest.find(']');
        if (bracket == std::string_view::npos) return "the bracket of the IPv6 address is not closed";
        host = rest.substr(1, bracket - 1);
        rest.remove_prefix(bracket + 1);
        if (host.find(':') == std::string_view::npos) return "brackets are for IPv6 addresses";
        if (rest.empty() || rest.front() != ':') return "the port is missing: //[address]:port";
        port = rest.substr(1);
    } else {
        const std::size_t colon = rest.rfind(':');
        if (colon == std::string_view::npos) return "the port is missing: //host:port";
        host = rest.substr(0, colon);
        port = rest.substr(colon + 1);
        if (host.find(':') != std::string_view::npos) return "an IPv6 address goes in brackets: //[::1]:port";
    }
    if (host.empty()) return "the host is missing: //host:port";
    if (host.size() > longest_host) return "the host name is longer than 253 characters";
    if (has_control_or_space(host)) return "the host contains a space or control character";
    if (!parse_port(port, endpoint.port)) return "the port is not a number from 0 to 65535";
    endpoint.host = host;
    return nullptr;
}

static const char* parse_unix(std::string_view rest, Endpoint& endpoint) {
    const bool is_any_name = rest == "@" && endpoint.is_datagram();
    if (rest.empty() || (rest == "@" && !is_any_name)) return "the path is missing: unix:///path";
    if (rest.size() > longest_path) return "the path is longer than 107 octets, the most that a UNIX socket can have";
    if (rest.find('\0') != std::string_view::npos) return "the path contains a zero octet";
    endpoint.host = rest;
    return nullptr;
}

static const char* parse_rest(std::string_view scheme, std::string_view rest, Endpoint& endpoint) {
    if (scheme == "tcp") return parse_host_and_port(rest, endpoint);
    if (scheme == "tls") {
        endpoint.scheme = Endpoint::Scheme::tls;
        return parse_host_and_port(rest, endpoint);
    }
    if (scheme == "unix") {
        endpoint.scheme = Endpoint::Scheme::unix_;
        return parse_unix(rest, endpoint);
    }
    if (scheme == "udp") {
        endpoint.scheme = Endpoint::Scheme::udp;
        return parse_host_and_port(rest, endpoint);
    }
    if (scheme == "unix-datagram") {
        endpoint.scheme = Endpoint::Scheme::unix_datagram;
        return parse_unix(rest, endpoint);
    }
    if (scheme == "memory") {
        endpoint.scheme = Endpoint::Scheme::memory;
        endpoint.host = rest;
        return rest.empty() ? "the name is missing: memory://name" : nullptr;
    }
    if (scheme == "systemd") {
        endpoint.scheme = Endpoint::Scheme::systemd;
        endpoint.host = rest;
        return rest.empty() ? "the name is missing: systemd://name, or systemd://0 for the first" : nullptr;
    }
    return "the scheme is not known; there are tcp, tls, unix, memory, udp, unix-datagram and systemd";
}

Result<Endpoint> parse_endpoint(std::string_view text, std::string_view operation) {
    Endpoint endpoint;
    const std::size_t separator = text.find("://");
    const char* problem = separator == std::string_view::npos ? "an endpoint looks like tcp://host:port, unix:///path or memory://name"
                                                              : parse_rest(text.substr(0, separator), text.substr(separator + 3), endpoint);
    if (problem == nullptr && endpoint.scheme == Endpoint::Scheme::systemd && operation != "listen")
        problem = "systemd:// is for listening";
    if (problem != nullptr) return make_error(ErrorCode::argument, operation, text, problem);
    return endpoint;
}

std::string Endpoint::text() const {
    switch (scheme) {
        case Scheme::unix_:
            return "unix://" + host;
        case Scheme::unix_datagram:
            return "unix-datagram://" + host;
        case Scheme::memory:
            return "memory://" + host;
        case Scheme::systemd:
            return "systemd://" + host;
        case Scheme::tcp:
        case Scheme::tls:
        case Scheme::udp:
            break;
    }
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return (scheme == Scheme::tcp   ? "tcp://"
            : scheme == Scheme::tls ? "tls://"
                                    : "udp://") +
           (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace tidemill
