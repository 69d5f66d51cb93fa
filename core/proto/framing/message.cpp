#include "tidemill/proto/framing/message.h"

#include <iterator>

namespace tidemill {

namespace {

struct Layout {
    std::string_view name;
    std::size_t size;  // 0: as it comes
    bool is_little;
};

// In the order of LengthPrefix.
constexpr Layout layouts[] = {
    {"uint8", 1, false},   {"uint16", 2, false},  {"uint24", 3, false},  {"uint32", 4, false},
    {"uint16le", 2, true}, {"uint24le", 3, true}, {"uint32le", 4, true}, {"varint", 0, true},
};

constexpr const Layout& layout_of(LengthPrefix prefix) {
    return layouts[static_cast<std::size_t>(prefix)];
}

std::uint64_t octet_at(Bytes octets, std::size_t place) {
    return static_cast<unsigned char>(octets[place]);
}

}  // namespace

std::optional<LengthPrefix> length_prefix_named(std::string_view name) {
    for (std::size_t i = 0; i < std::size(layouts); ++i) {
        if (layouts[i].name == name) return static_cast<LengthPrefix>(i);
    }
    return {};
}

Result<LengthOctets> encode_length(LengthPrefix prefix, std::size_t length) {
    const Layout& layout = layout_of(prefix);
    const std::size_t bits = 8 * (layout.size == 0 ? 4 : layout.size);
    if (std::uint64_t{length} >> bits != 0) {
        return make_error(ErrorCode::local_protocol, "write_message", {},
                          "a message of " + std::to_string(length) + " octets has a length that does not fit " + std::string(layout.name));
    }
    LengthOctets encoded;
    if (layout.size == 0) {
        for (; length >= 0x80; length >>= 7) encoded.octets[encoded.size++] = static_cast<char>(length | 0x80);
        encoded.octets[encoded.size++] = static_cast<char>(length);
        return encoded;
    }
    encoded.size = static_cast<std::uint8_t>(layout.size);
    for (std::size_t i = 0; i < layout.size; ++i) {
        encoded.octets[layout.is_little ? i : layout.size - 1 - i] = static_cast<char>(length >> (8 * i));
    }
    return encoded;
}

MessageEngine::Length MessageEngine::read_length() const {
    const Bytes rest = input_.rest();
    const Layout& layout = layout_of(options_.prefix);
    Length length;
    if (layout.size == 0) {
        for (std::size_t i = 0; i < rest.size() && i < limits::varint_octets; ++i) {
            length.value |= (octet_at(rest, i) & 0x7f) << (7 * i);
            if (octet_at(rest, i) < 0x80) return {length.value, i + 1};
        }
        return {0, 0};
    }
    if (rest.size() < layout.size) return length;
    for (std::size_t i = 0; i < layout.size; ++i) {
        length.value |= octet_at(rest, i) << 8 * (layout.is_little ? i : layout.size - 1 - i);
    }
    length.size = layout.size;
    return length;
}

Step MessageEngine::next() {
    if (has_failed()) return Step::failed;
    const Length length = read_length();
    if (length.size == 0) {
        const bool is_endless = options_.prefix == LengthPrefix::varint && input_.rest().size() >= limits::varint_octets;
        if (!is_endless) return wait_or_end();
        return fail_at(FrameLimit::varint_octets, ErrorCode::remote_protocol,
                       "the peer sent a varint of more than " + std::to_string(limits::varint_octets) + " octets");
    }
    if (length.value > options_.max_message) {
        return fail_at(FrameLimit::message,
                       "the peer announced a message of more than " + std::to_string(options_.max_message) + " octets");
    }
    const auto size = static_cast<std::size_t>(length.value);
    if (input_.rest().size() - length.size < size) return wait_or_end();
    event_.octets = input_.rest().substr(length.size, size);
    input_.consume(length.size + size);
    return Step::event;
}

Step MessageEngine::wait_or_end() {
    if (!has_input_ended_) return wait();
    if (input_.rest().empty()) return wait(Step::ended);
    return fail(ErrorCode::remote_protocol, "the peer ended with an incomplete message");
}

}  // namespace tidemill
