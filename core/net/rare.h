// Rare: what only few connections have: octets that move without the handler (proxy, files), a handler that was replaced. It hangs on
// one pointer, as connections that have nothing of it are counted in ten thousands.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tidemill/net/connection.h"
#include "tidemill/net/file_queue.h"

namespace tidemill {

struct Connection::Rare {
    static constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

    // proxy_to(): target and source know each other as long as both can go on.
    Connection* target = nullptr;
    Connection* source = nullptr;
    std::uint64_t proxied = 0;
    std::uint64_t left = no_limit;  // until the proxy has moved what it was asked to
    Error proxy_end;
    bool is_proxy_end_due = false;

    FileQueue files;

    // become(): handlers that were replaced, perhaps inside one of their callbacks, and what the new one is to be told first.
    std::vector<HandlerPtr> replaced;
    bool is_open_due = false;
    bool is_end_due = false;
    std::string leftover;
};

}  // namespace tidemill
