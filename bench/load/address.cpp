#include "address.h"

#include <cstdint>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "failure.h"
#include "settings.h"

namespace {

template <typename SocketAddress>
Address make_address(const SocketAddress& socket_address) {
    Address address;
    std::memcpy(&address.storage, &socket_address, sizeof socket_address);
    address.length = sizeof socket_address;
    return address;
}

Address parse_unix_address(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!path.starts_with('/') || path.size() >= sizeof address.sun_path) {
        refuse("expected unix:///path, shorter than 108 octets");
    }
    path.copy(address.sun_path, path.size());
    return make_address(address);
}

Address parse_tcp_address(std::string_view host_and_port) {
    const auto colon = host_and_port.rfind(':');
    if (colon == std::string_view::npos) refuse("expected tcp://127.0.0.1:PORT");
    const std::string host(host_and_port.substr(0, colon));
    const auto port = static_cast<std::uint16_t>(parse_whole("the port", host_and_port.substr(colon + 1), 1, 65535));
    if (host == "[::1]") {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        address.sin6_addr = in6addr_loopback;
        return make_address(address);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    const bool is_numeric = inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1;
    if (!is_numeric || ntohl(address.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET) {
        refuse("refusing '" + host + "': only 127.0.0.0/8, [::1] and unix:// are loaded");
    }
    return make_address(address);
}

}  // namespace

Address parse_endpoint(std::string_view endpoint) {
    constexpr std::string_view unix_scheme = "unix://";
    constexpr std::string_view tcp_scheme = "tcp://";
    if (endpoint.starts_with(unix_scheme)) return parse_unix_address(endpoint.substr(unix_scheme.size()));
    if (endpoint.starts_with(tcp_scheme)) return parse_tcp_address(endpoint.substr(tcp_scheme.size()));
    refuse("expected tcp://127.0.0.1:PORT or unix:///path, not '" + std::string(endpoint) + "'");
}

Address loopback_source(unsigned number) {
    constexpr std::uint32_t first = (std::uint32_t{IN_LOOPBACKNET} << 24) + 0x0100;  // 127.0.1.0
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(first + number);
    return make_address(address);
}
