#include "tidemill/proto/websocket_frame.h"

#include <bit>
#include <cstring>

namespace tidemill {

static std::uint64_t read_number(Bytes octets, std::size_t count) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < count; ++i) number = number << 8 | static_cast<std::uint8_t>(octets[i]);
    return number;
}

std::size_t read_websocket_frame(Bytes octets, WebSocketFrame& frame) {
    if (octets.size() < 2) return 0;
    const auto first = static_cast<std::uint8_t>(octets[0]);
    const auto second = static_cast<std::uint8_t>(octets[1]);
    const unsigned short_size = second & 0x7FU;
    frame.is_final = (first & 0x80U) != 0;
    frame.is_compressed = (first & 0x40U) != 0;
    frame.other_reserved = first >> 4U & 3U;
    frame.opcode = static_cast<WebSocketOpcode>(first & 0x0FU);
    frame.is_masked = (second & 0x80U) != 0;
    frame.size = short_size;
    frame.is_minimal = true;
    frame.mask = 0;

    const std::size_t size_octets = short_size < 126 ? 0 : short_size == 126 ? 2 : 8;
    const std::size_t length = 2 + size_octets + (frame.is_masked ? 4 : 0);
    if (octets.size() < length) return length;
    if (size_octets != 0) {
        frame.size = read_number(octets.substr(2), size_octets);
        frame.is_minimal = frame.size > (size_octets == 2 ? 125U : 0xFFFFU);
    }
    if (frame.is_masked) std::memcpy(&frame.mask, octets.data() + length - 4, 4);
    return length;
}

void write_websocket_frame(std::string& output, const WebSocketFrame& frame) {
    char header[14];
    const auto opcode = static_cast<unsigned>(frame.opcode);
    header[0] = static_cast<char>((frame.is_final ? 0x80U : 0U) | (frame.is_compressed ? 0x40U : 0U) | frame.other_reserved << 4U | opcode);
    const std::size_t size_octets = frame.size < 126 ? 0 : frame.size <= 0xFFFF ? 2 : 8;
    const std::uint64_t short_size = size_octets == 0 ? frame.size : size_octets == 2 ? 126 : 127;
    header[1] = static_cast<char>((frame.is_masked ? 0x80U : 0U) | short_size);
    for (std::size_t i = 0; i < size_octets; ++i) header[2 + i] = static_cast<char>(frame.size >> 8 * (size_octets - 1 - i));
    std::size_t length = 2 + size_octets;
    if (frame.is_masked) {
        std::memcpy(header + length, &frame.mask, 4);
        length += 4;
    }
    output.append(header, length);
}

void apply_websocket_mask(char* data, std::size_t size, std::uint32_t mask) {
    const std::uint64_t wide = std::uint64_t{mask} << 32U | mask;
    for (; size >= 8; data += 8, size -= 8) {
        std::uint64_t eight = 0;
        std::memcpy(&eight, data, 8);
        eight ^= wide;
        std::memcpy(data, &eight, 8);
    }
    char octets[8];
    std::memcpy(octets, &wide, 8);
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>(data[i] ^ octets[i]);
}

std::uint32_t rotate_websocket_mask(std::uint32_t mask, std::size_t count) {
    const int bits = static_cast<int>(count % 4) * 8;
    return std::endian::native == std::endian::little ? std::rotr(mask, bits) : std::rotl(mask, bits);
}

}  // namespace tidemill
