// The grammar of RFC 9110 and RFC 9112 below the level of a line: sets of octets, numbers, hosts, targets. Internal to the HTTP engine and
// to the opening handshake of WebSockets.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tidemill/base/bytes.h"

namespace tidemill::http {

// Sets of octets, one bit each, so that one table answers for all.
enum : std::uint8_t {
    token_octet = 1,  // tchar, RFC 9110 5.6.2
    target_octet = 2,  // visible ASCII but '#': a fragment never goes over the wire
    host_octet = 4,  // of a reg-name: unreserved and sub-delims, RFC 3986 3.2.2
    hex_octet = 8,
    value_octet = 16,  // of a field's value: visible, white space, 0x80 to 0xff (obs-text)
};

consteval std::array<std::uint8_t, 256> make_octet_sets() {
    std::array<std::uint8_t, 256> sets{};
    const auto add = [&sets](std::string_view octets, std::uint8_t set) {
        for (const char octet : octets) sets[static_cast<unsigned char>(octet)] |= set;
    };
    for (unsigned octet = 0x21; octet < 0x7f; ++octet) sets[octet] |= target_octet;
    for (unsigned octet = 0x20; octet < 0x100; ++octet) sets[octet] |= value_octet;
    add("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~", token_octet | host_octet);
    add("!#$%&'*+^`|", token_octet);
    add("!$&'()*+,;=", host_octet);
    add("0123456789abcdefABCDEF", hex_octet);
    add("\t", value_octet);
    sets['#'] &= static_cast<std::uint8_t>(~target_octet);
    sets[0x7f] &= static_cast<std::uint8_t>(~value_octet);
    return sets;
}
inline constexpr std::array<std::uint8_t, 256> octet_sets = make_octet_sets();

inline bool is_in(char octet, std::uint8_t set) {
    return (octet_sets[static_cast<unsigned char>(octet)] & set) != 0;
}

// The first octet that is not in the set, or end.
inline const char* skip(const char* octet, const char* end, std::uint8_t set) {
    while (octet != end && is_in(*octet, set)) ++octet;
    return octet;
}

// The same for value_octet, which most of a head consists of: eight at a time where there is no control character among them.
inline const char* skip_value(const char* octet, const char* end) {
    constexpr std::uint64_t ones = ~std::uint64_t{0} / 255;
    for (;;) {
        while (end - octet >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, octet, 8);
            const std::uint64_t below_space = (word - ones * 0x20) & ~word;
            const std::uint64_t no_delete = word ^ ones * 0x7f;
            const std::uint64_t is_delete = (no_delete - ones) & ~no_delete;
            if (((below_space | is_delete) & ones * 0x80) != 0) break;
            octet += 8;
        }
        const char* stop = end - octet > 8 ? octet + 8 : end;
        octet = skip(octet, stop, value_octet);
        if (octet != stop || octet == end) return octet;  // otherwise it was a tab
    }
}

inline bool is_blank(char octet) {
    return octet == ' ' || octet == '\t';
}
inline bool is_digit(char octet) {
    return octet >= '0' && octet <= '9';
}

// Without spaces and tabs at either end.
Bytes trimmed(Bytes text);

bool is_token(Bytes text);
bool is_value(Bytes text);

// lower is in lower case; text has no control characters.
inline bool equals(Bytes text, Bytes lower) {
    if (text.size() != lower.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((text[i] | 0x20) != lower[i]) return false;
    }
    return true;
}

// Neither is in any particular case.
bool equals_in_any_case(Bytes one, Bytes other);

// The fields that the engine itself obeys.
enum class Known : std::uint8_t { no, host, connection, content_length, transfer_encoding, expect, upgrade, te };

inline Known known_field(Bytes name) {
    const auto check = [name](Bytes lower, Known field) { return equals(name, lower) ? field : Known::no; };
    switch (name.size()) {
        case 2:
            return check("te", Known::te);
        case 4:
            return check("host", Known::host);
        case 6:
            return check("expect", Known::expect);
        case 7:
            return check("upgrade", Known::upgrade);
        case 10:
            return check("connection", Known::connection);
        case 14:
            return check("content-length", Known::content_length);
        case 17:
            return check("transfer-encoding", Known::transfer_encoding);
        default:
            return Known::no;
    }
}

// 1*DIGIT, not above the largest length that is believed (limits.h).
bool parse_length(Bytes text, std::uint64_t& length);

// The options of one Connection field (RFC 9110 7.6.1).
struct ConnectionOptions {
    bool has_close = false;
    bool has_keep_alive = false;
    bool has_upgrade = false;
    bool has_te = false;
    bool has_others = false;

    void add(Bytes value);
};

// uri-host [":" port], also empty.
bool is_host(Bytes host);

// Why this method cannot have this target (RFC 9112 3.2), nullptr if it can. authority: of the absolute form, otherwise left alone.
const char* check_target(Bytes method, Bytes target, Bytes& authority);

// The usual reason for a status, "" for one without.
Bytes usual_reason(int status);

}  // namespace tidemill::http
