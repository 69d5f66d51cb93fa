// Messages behind their length: an integer of 1 to 4 octets, or a varint (LEB128). The length counts the message and not itself.
#pragma once
#include <optional>

#include "tidemill/base/limits.h"
#include "tidemill/proto/framing/frame_engine.h"

namespace tidemill {

// The integers are big-endian (network order), those with "le" little-endian.
enum class LengthPrefix : std::uint8_t { uint8, uint16, uint24, uint32, uint16le, uint24le, uint32le, varint };

// By the names above.
std::optional<LengthPrefix> length_prefix_named(std::string_view name);

// A length as it is sent.
struct LengthOctets {
    char octets[limits::varint_octets];
    std::uint8_t size = 0;
    Bytes bytes() const { return {octets, size}; }
};

// Errors: local_protocol (more than the prefix can say).
Result<LengthOctets> encode_length(LengthPrefix prefix, std::size_t length);

struct MessageOptions {
    LengthPrefix prefix = LengthPrefix::uint32;
    std::size_t max_message = limits::frame_message;
};

class MessageEngine : public FrameEngine {
public:
    struct Event {
        Bytes octets;
    };

    explicit MessageEngine(MessageOptions options = {}) : options_(options) {}

    Step next();
    const Event& event() const { return event_; }

private:
    struct Length {
        std::uint64_t value = 0;
        std::size_t size = 0;  // of the prefix; 0: not all of it is there
    };

    Length read_length() const;
    Step wait_or_end();

    MessageOptions options_;
    Event event_{};
};

}  // namespace tidemill
