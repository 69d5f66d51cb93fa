// Address: a socket address of the system, opaque to the floors above; and the look-up that turns names into addresses.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tidemill/base/endpoint.h"
#include "tidemill/base/error.h"

namespace tidemill {

struct Address {
    alignas(8) unsigned char storage[128];  // a struct sockaddr_storage
    std::uint32_t size = 0;

    Endpoint endpoint() const;
};

// For unix endpoints and for literal IPv4/IPv6 hosts; false if the host is a name.
bool literal_address(const Endpoint& endpoint, Address& address);

// All addresses of a tcp endpoint's host, in the system's order of preference (RFC 6724). Blocks, perhaps for seconds: call it on a
// worker. Names below .invalid fail at once (RFC 6761 6.4). Errors: resolve.
Result<std::vector<Address>> look_up(const Endpoint& endpoint, std::string_view operation);

}  // namespace tidemill
