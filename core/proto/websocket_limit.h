// Which limit or deadline of a WebSocket was reached; their defaults and reasons are in limits.h.
#pragma once
#include <cstdint>

namespace tidemill {

// A metric is counted for each.
enum class WebSocketLimit : std::uint8_t {
    none,
    message,
    fragments,
    control,
    controls_per_second,
    send_queue,
    handshake,
    pong_timeout,
    close_timeout,
    ratio,
    final_blocks,
};

}  // namespace tidemill
