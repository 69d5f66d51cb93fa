// Where to connect: this machine only.
#pragma once
#include <string_view>

#include <sys/socket.h>

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    bool is_tcp() const { return storage.ss_family != AF_UNIX; }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address parse_endpoint(std::string_view endpoint);

// The n-th of the many addresses of the loopback network: each has a range of ports of its own, which many short connections need.
Address loopback_source(unsigned number);
