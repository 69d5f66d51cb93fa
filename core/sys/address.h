// Address: a socket address of the system, opaque to the floors above; and the look-up that turns names into addresses.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/base/endpoint.h"
#include "tidemill/base/error.h"

namespace tidemill {

struct Address {
    alignas(8) unsigned char storage[128];  // a struct sockaddr_storage
    std::uint32_t size = 0;

    // A stream's: tcp or unix.
    Endpoint endpoint() const;

    // A datagram socket's, as text: udp://... or unix-datagram://...
    std::string datagram_text() const;

    bool is_unix() const;
    bool is_ipv6() const;

    // Of an IPv4 or IPv6 address; of any other nothing happens.
    void set_port(std::uint16_t port);

    friend bool operator==(const Address& one, const Address& other) {
        return one.size == other.size && std::memcmp(one.storage, other.storage, one.size) == 0;
    }
};

// An IPv4 or IPv6 address in no more room than it needs; empty for any other. For those who keep one for each of many connections.
class PackedAddress {
public:
    PackedAddress() = default;
    explicit PackedAddress(const Address& address);
    bool is_empty() const { return family_ == 0; }
    Address unpacked() const;

private:
    std::uint8_t family_ = 0;
    unsigned char rest_[26];  // of a sockaddr_in or sockaddr_in6, behind the family
};

// The same addresses, the families by turns, beginning with that of the first; otherwise in their order (RFC 8305 4).
std::vector<Address> by_turns(const std::vector<Address>& addresses);

// For unix endpoints and for literal IPv4/IPv6 hosts; false if the host is a name.
bool literal_address(const Endpoint& endpoint, Address& address);

// The number of a network interface, from its name or its number as text; 0 if there is none of that name.
std::uint32_t interface_index(std::string_view name);

// All addresses of a tcp endpoint's host, each once, in the system's order of preference (RFC 6724). Blocks, perhaps for seconds: call it on a
// worker. Names below .invalid fail at once (RFC 6761 6.4). Errors: resolve.
Result<std::vector<Address>> look_up(const Endpoint& endpoint, std::string_view operation);

}  // namespace tidemill
