// The frames of a WebSocket: the header's octets, and masks. What may follow what is websocket.h's.
// Source: RFC 6455 5.2, 5.3.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "tidemill/base/bytes.h"

namespace tidemill {

enum class WebSocketOpcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

struct WebSocketFrame {
    bool is_final = true;
    bool is_compressed = false;  // RSV1, which RFC 7692 6 gives this meaning
    std::uint8_t other_reserved = 0;  // RSV2 and RSV3
    WebSocketOpcode opcode = WebSocketOpcode::binary;  // possibly one that there is not
    bool is_masked = false;
    std::uint32_t mask = 0;  // as its octets lie in memory
    std::uint64_t size = 0;  // of the payload
    bool is_minimal = true;  // the size is written in as few octets as possible

    bool is_control() const { return static_cast<std::uint8_t>(opcode) >= 8; }
};

// What a header that begins with these octets is like. Answers its length, of which less may be there yet: then only what the first two
// octets say is filled in. 0: not even those.
std::size_t read_websocket_frame(Bytes octets, WebSocketFrame& frame);

// Appends the header.
void write_websocket_frame(std::string& output, const WebSocketFrame& frame);

// Masks or unmasks, which is the same, the octets in place.
void apply_websocket_mask(char* data, std::size_t size, std::uint32_t mask);

// The mask for what comes `count` octets later.
std::uint32_t rotate_websocket_mask(std::uint32_t mask, std::size_t count);

}  // namespace tidemill
