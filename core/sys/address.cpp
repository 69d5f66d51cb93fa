#include "tidemill/sys/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace tidemill {

static_assert(sizeof(Address::storage) >= sizeof(sockaddr_storage));

template <class T>
static void store(Address& address, const T& native, std::size_t size = sizeof(T)) {
    std::memcpy(address.storage, &native, size);
    address.size = static_cast<std::uint32_t>(size);
}

static_assert(sizeof(sockaddr_in6) == offsetof(sockaddr, sa_data) + 26);

static std::size_t size_of_family(int family) {
    return family == AF_INET ? sizeof(sockaddr_in) : family == AF_INET6 ? sizeof(sockaddr_in6) : 0;
}

PackedAddress::PackedAddress(const Address& address) {
    const auto* native = reinterpret_cast<const sockaddr*>(address.storage);
    if (address.size == 0 || address.size != size_of_family(native->sa_family)) return;
    family_ = static_cast<std::uint8_t>(native->sa_family);
    std::memcpy(rest_, native->sa_data, address.size - offsetof(sockaddr, sa_data));
}

Address PackedAddress::unpacked() const {
    Address address;
    auto* native = reinterpret_cast<sockaddr*>(address.storage);
    address.size = static_cast<std::uint32_t>(size_of_family(family_));
    if (address.size == 0) return address;
    native->sa_family = family_;
    std::memcpy(native->sa_data, rest_, address.size - offsetof(sockaddr, sa_data));
    return address;
}

static bool unix_address(const Endpoint& endpoint, Address& address) {
    sockaddr_un native{};
    native.sun_family = AF_UNIX;
    std::memcpy(native.sun_path, endpoint.host.data(), endpoint.host.size());
    std::size_t size = offsetof(sockaddr_un, sun_path) + endpoint.host.size();
    if (endpoint.host == "@") {
        size = offsetof(sockaddr_un, sun_path);  // the system chooses a name: unix(7), "autobind"
    } else if (endpoint.host.front() == '@') {
        native.sun_path[0] = '\0';  // the abstract name space of Linux: unix(7)
    } else {
        ++size;  // a path ends in a zero
    }
    store(address, native, size);
    return true;
}

// As in fe80::1%eth0 (RFC 4007 11.2).
std::uint32_t interface_index(std::string_view name) {
    const std::string scope(name);
    std::uint32_t number = 0;
    const auto [stop, problem] = std::from_chars(scope.data(), scope.data() + scope.size(), number);
    if (problem == std::errc{} && stop == scope.data() + scope.size()) return number;
    return if_nametoindex(scope.c_str());
}

static bool ipv6_address(const Endpoint& endpoint, Address& address) {
    sockaddr_in6 native{};
    native.sin6_family = AF_INET6;
    native.sin6_port = htons(endpoint.port);
    const std::size_t percent = endpoint.host.find('%');
    const std::string host = endpoint.host.substr(0, percent);
    if (inet_pton(AF_INET6, host.c_str(), &native.sin6_addr) != 1) return false;
    if (percent != std::string::npos) native.sin6_scope_id = interface_index(endpoint.host.substr(percent + 1));
    store(address, native);
    return true;
}

bool literal_address(const Endpoint& endpoint, Address& address) {
    if (endpoint.is_unix()) return unix_address(endpoint, address);
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = htons(endpoint.port);
    if (inet_pton(AF_INET, endpoint.host.c_str(), &native.sin_addr) != 1) return ipv6_address(endpoint, address);
    store(address, native);
    return true;
}

static bool is_reserved_as_invalid(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    return host == "invalid" || host.ends_with(".invalid");
}

static Error look_up_error(int problem, const Endpoint& endpoint, std::string_view operation) {
    Error error = make_error(ErrorCode::resolve, operation, endpoint.text(), gai_strerror(problem));
    if (problem == EAI_SYSTEM) error.os = errno;
    return error;
}

Result<std::vector<Address>> look_up(const Endpoint& endpoint, std::string_view operation) {
    if (is_reserved_as_invalid(endpoint.host)) return look_up_error(EAI_NONAME, endpoint, operation);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(endpoint.port);
    const int problem = getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found);
    if (problem != 0) return look_up_error(problem, endpoint, operation);
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
    std::vector<Address> addresses;
    for (const addrinfo* item = found; item != nullptr; item = item->ai_next) {
        Address address;
        std::memcpy(address.storage, item->ai_addr, item->ai_addrlen);
        address.size = item->ai_addrlen;
        // /etc/hosts may say the same twice.
        if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(address);
    }
    return addresses;
}

void Address::set_port(std::uint16_t port) {
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    sockaddr native;
    std::memcpy(&native, storage, sizeof native);
    if (native.sa_family != AF_INET && native.sa_family != AF_INET6) return;
    const std::uint16_t in_order = htons(port);
    std::memcpy(storage + offsetof(sockaddr_in, sin_port), &in_order, sizeof in_order);
}

std::vector<Address> by_turns(const std::vector<Address>& addresses) {
    std::vector<Address> first, second, mixed;
    for (const Address& address : addresses) (address.is_ipv6() == addresses[0].is_ipv6() ? first : second).push_back(address);
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) mixed.push_back(first[i]);
        if (i < second.size()) mixed.push_back(second[i]);
    }
    return mixed;
}

static std::string ipv6_text(const sockaddr_in6& native) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(AF_INET6, &native.sin6_addr, text, sizeof text);
    std::string host = text;
    if (native.sin6_scope_id != 0) host.append("%").append(std::to_string(native.sin6_scope_id));
    return host;
}

static Endpoint unix_endpoint(const Address& address) {
    Endpoint endpoint{Endpoint::Scheme::unix_, {}, 0};
    constexpr std::size_t head = offsetof(sockaddr_un, sun_path);
    if (address.size <= head) return endpoint;  // an unnamed socket
    const char* path = reinterpret_cast<const char*>(address.storage) + head;
    if (path[0] == '\0') {
        endpoint.host = "@" + std::string(path + 1, address.size - head - 1);
    } else {
        endpoint.host.assign(path, strnlen(path, address.size - head));
    }
    return endpoint;
}

Endpoint Address::endpoint() const {
    sockaddr_storage native{};
    std::memcpy(&native, storage, size);
    if (native.ss_family == AF_UNIX) return unix_endpoint(*this);
    if (native.ss_family == AF_INET6) {
        sockaddr_in6 six;
        std::memcpy(&six, storage, sizeof six);
        return {Endpoint::Scheme::tcp, ipv6_text(six), ntohs(six.sin6_port)};
    }
    sockaddr_in four;
    std::memcpy(&four, storage, sizeof four);
    char text[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    return {Endpoint::Scheme::tcp, text, ntohs(four.sin_port)};
}

static sa_family_t family_of(const Address& address) {
    sa_family_t family = AF_UNSPEC;
    std::memcpy(&family, address.storage + offsetof(sockaddr, sa_family), sizeof family);
    return family;
}

bool Address::is_unix() const {
    return family_of(*this) == AF_UNIX;
}

bool Address::is_ipv6() const {
    return family_of(*this) == AF_INET6;
}

// A server may hear of a new peer with every datagram: IPv4, the usual case, is written here without a detour.
static std::string udp4_text(const sockaddr_in& native) {
    unsigned char octets[4];
    std::memcpy(octets, &native.sin_addr, sizeof octets);
    std::string text;
    text.reserve(32);
    text = "udp://";
    for (int i = 0; i < 4; ++i) text.append(std::to_string(octets[i])).push_back(i < 3 ? '.' : ':');
    return text.append(std::to_string(ntohs(native.sin_port)));
}

std::string Address::datagram_text() const {
    if (family_of(*this) == AF_INET) {
        sockaddr_in four;
        std::memcpy(&four, storage, sizeof four);
        return udp4_text(four);
    }
    Endpoint found = size < offsetof(sockaddr, sa_data) ? Endpoint{Endpoint::Scheme::unix_, {}, 0} : endpoint();
    found.scheme = found.is_unix() ? Endpoint::Scheme::unix_datagram : Endpoint::Scheme::udp;
    return found.text();
}

}  // namespace tidemill
