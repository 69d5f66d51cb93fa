#include "tidemill/proto/websocket_frame.h"

#include <doctest/doctest.h>

#include <cstring>

using namespace tidemill;

TEST_CASE("websocket_frame_examples_of_the_rfc_are_written_and_read") {
    // RFC 6455 5.7
    std::string octets;
    write_websocket_frame(octets, {.opcode = WebSocketOpcode::text, .size = 5});
    CHECK(octets == "\x81\x05");
    octets.clear();
    write_websocket_frame(octets, {.opcode = WebSocketOpcode::binary, .size = 256});
    CHECK(octets == std::string("\x82\x7E\x01\x00", 4));
    octets.clear();
    write_websocket_frame(octets, {.opcode = WebSocketOpcode::binary, .size = 65536});
    CHECK(octets == std::string("\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00", 10));

    WebSocketFrame frame;
    std::string masked = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    REQUIRE(read_websocket_frame(masked, frame) == 6);
    CHECK(frame.is_final);
    CHECK(frame.opcode == WebSocketOpcode::text);
    CHECK(frame.size == 5);
    apply_websocket_mask(masked.data() + 6, 5, frame.mask);
    CHECK(masked.substr(6) == "Hello");
}

TEST_CASE("websocket_frame_sizes_in_too_many_octets_are_seen") {
    WebSocketFrame frame;
    for (const auto& [octets, is_minimal] :
         {std::pair{std::string("\x82\x7E\x00\x7D", 4), false}, std::pair{std::string("\x82\x7E\x00\x7E", 4), true},
          std::pair{std::string("\x82\x7F\x00\x00\x00\x00\x00\x00\xFF\xFF", 10), false},
          std::pair{std::string("\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00", 10), true}}) {
        CHECK(read_websocket_frame(octets, frame) == octets.size());
        CHECK(frame.is_minimal == is_minimal);
    }
}

TEST_CASE("websocket_mask_is_the_octet_by_octet_one_at_every_size_and_place") {
    const char key[] = {'\x11', '\xA2', '\x33', '\xF4'};
    std::uint32_t mask = 0;
    std::memcpy(&mask, key, 4);
    std::string plain;
    for (int i = 0; i < 100; ++i) plain += static_cast<char>(i * 7);
    for (std::size_t size = 0; size <= plain.size(); ++size)
        for (std::size_t cut = 0; cut <= size; ++cut) {
            std::string masked = plain.substr(0, size);
            apply_websocket_mask(masked.data(), cut, mask);
            apply_websocket_mask(masked.data() + cut, size - cut, rotate_websocket_mask(mask, cut));
            std::string expected = plain.substr(0, size);
            for (std::size_t i = 0; i < size; ++i) expected[i] = static_cast<char>(expected[i] ^ key[i % 4]);
            REQUIRE(masked == expected);
        }
}
