#include "tidemill/proto/utf8.h"

#include <array>
#include <cstring>

namespace tidemill {

namespace {

// What may come next. The four after `last_three` are those first octets whose second one has a narrower range: it keeps out overlong forms
// (E0, F0), the halves of surrogate pairs (ED) and what lies beyond U+10FFFF (F4).
enum State : std::uint8_t { whole, last_one, last_two, last_three, after_e0, after_ed, after_f0, after_f4, broken };
constexpr int states = 9;

using Table = std::array<std::array<std::uint8_t, 256>, states>;

constexpr void set(Table& table, State from, int first, int last, State to) {
    for (int octet = first; octet <= last; ++octet) table[from][static_cast<std::size_t>(octet)] = to;
}

// The grammar of RFC 3629 4, line by line.
constexpr Table make_table() {
    Table table{};
    for (int state = whole; state <= broken; ++state) set(table, static_cast<State>(state), 0x00, 0xFF, broken);
    set(table, whole, 0x00, 0x7F, whole);
    set(table, whole, 0xC2, 0xDF, last_one);
    set(table, whole, 0xE0, 0xE0, after_e0);
    set(table, whole, 0xE1, 0xEC, last_two);
    set(table, whole, 0xED, 0xED, after_ed);
    set(table, whole, 0xEE, 0xEF, last_two);
    set(table, whole, 0xF0, 0xF0, after_f0);
    set(table, whole, 0xF1, 0xF3, last_three);
    set(table, whole, 0xF4, 0xF4, after_f4);
    set(table, last_one, 0x80, 0xBF, whole);
    set(table, last_two, 0x80, 0xBF, last_one);
    set(table, last_three, 0x80, 0xBF, last_two);
    set(table, after_e0, 0xA0, 0xBF, last_one);
    set(table, after_ed, 0x80, 0x9F, last_one);
    set(table, after_f0, 0x90, 0xBF, last_two);
    set(table, after_f4, 0x80, 0x8F, last_two);
    return table;
}

constexpr Table table = make_table();

std::uint64_t eight_octets(const char* data) {
    std::uint64_t octets = 0;
    std::memcpy(&octets, data, sizeof octets);
    return octets;
}

// How many octets at the beginning are ASCII, in steps of 32, then of eight.
std::size_t leading_ascii(Bytes octets) {
    constexpr std::uint64_t high_bits = 0x8080808080808080U;
    const char* data = octets.data();
    const char* const end = data + octets.size();
    while (end - data >= 32) {
        if (((eight_octets(data) | eight_octets(data + 8) | eight_octets(data + 16) | eight_octets(data + 24)) & high_bits) != 0) break;
        data += 32;
    }
    while (end - data >= 8 && (eight_octets(data) & high_bits) == 0) data += 8;
    return static_cast<std::size_t>(data - octets.data());
}

}  // namespace

bool Utf8Validator::feed(Bytes octets) {
    std::uint8_t state = state_;
    while (!octets.empty()) {
        if (state == whole) octets.remove_prefix(leading_ascii(octets));
        // A run of other characters is not interrupted by looking for eight of ASCII after each of them.
        const std::size_t run = octets.size() < 16 ? octets.size() : 16;
        for (const char octet : octets.substr(0, run)) state = table[state][static_cast<std::uint8_t>(octet)];
        if (state == broken) break;
        octets.remove_prefix(run);
    }
    state_ = state;
    return state != broken;
}

std::size_t whole_utf8(Bytes octets) {
    std::uint8_t state = whole;
    std::size_t size = 0;
    for (std::size_t at = 0; at < octets.size() && state != broken; ++at) {
        state = table[state][static_cast<std::uint8_t>(octets[at])];
        if (state == whole) size = at + 1;
    }
    return size;
}

std::size_t unfinished_utf8(Bytes octets) {
    for (std::size_t count = 1; count <= 3 && count <= octets.size(); ++count) {
        const auto octet = static_cast<std::uint8_t>(octets[octets.size() - count]);
        if (octet < 0x80) return 0;
        if (octet < 0xC0) continue;
        const std::size_t whole_size = octet < 0xE0 ? 2 : octet < 0xF0 ? 3 : 4;
        return count < whole_size ? count : 0;
    }
    return 0;
}

}  // namespace tidemill
