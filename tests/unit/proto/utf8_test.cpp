#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "tidemill/proto/utf8.h"

using namespace tidemill;

namespace {

// Written from RFC 3629 3 and not as a table: decodes one character; 0 octets: there is none.
std::size_t decoded_size(Bytes octets) {
    const auto octet = [&octets](std::size_t at) { return static_cast<std::uint8_t>(octets[at]); };
    const std::uint8_t first = octet(0);
    const std::size_t size = first < 0x80 ? 1 : (first & 0xE0) == 0xC0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : (first & 0xF8) == 0xF0 ? 4 : 0;
    if (size == 0 || octets.size() < size) return 0;
    std::uint32_t code = size == 1 ? first : first & (0x7F >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((octet(i) & 0xC0) != 0x80) return 0;
        code = code << 6 | (octet(i) & 0x3F);
    }
    const std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < smallest[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return 0;
    return size;
}

bool is_decodable(Bytes octets) {
    while (!octets.empty()) {
        const std::size_t size = decoded_size(octets);
        if (size == 0) return false;
        octets.remove_prefix(size);
    }
    return true;
}

}  // namespace

TEST_CASE("utf8_every_sequence_of_three_octets_and_what_may_begin_four_is_judged_as_by_decoding") {
    std::size_t good = 0;
    std::size_t different = 0;
    const auto compare = [&](Bytes octets) {
        const bool is_good = is_decodable(octets);
        good += is_good ? 1 : 0;
        different += is_utf8(octets) != is_good ? 1 : 0;
    };
    for (int first = 0; first < 256; ++first)
        for (int second = 0; second < 256; ++second)
            for (int third = 0x7E; third < 0xC2; ++third) {
                const std::string three{static_cast<char>(first), static_cast<char>(second), static_cast<char>(third)};
                compare(three);
                compare(Bytes(three).substr(0, 2));
                if (first >= 0xEF) compare(three + '\x80');
                if (first >= 0xEF) compare(three + '\xBF');
            }
    CHECK(different == 0);
    CHECK(good > 100000);
}

TEST_CASE("utf8_broken_octets_are_found_at_once_wherever_they_stand") {
    for (std::size_t before = 0; before < 40; ++before) {
        const std::string begin(before, 'a');
        Utf8Validator validator;
        CHECK(validator.feed(begin + "\xED"));
        CHECK_FALSE(validator.is_complete());
        CHECK_FALSE(validator.feed("\xA0"));
        CHECK_FALSE(is_utf8(begin + "\xFF" + std::string(40, 'a')));
        CHECK(is_utf8(begin + "\xF4\x8F\xBF\xBF" + std::string(before, 'b')));
        CHECK_FALSE(is_utf8(begin + "\xF4\x8F\xBF"));
    }
}

TEST_CASE("utf8_half_a_character_is_not_forgotten_over_ascii") {
    for (std::size_t before = 0; before < 40; ++before) {
        CHECK_FALSE(is_utf8(std::string(before, 'a') + "\xC3" + std::string(40, 'a')));
        Utf8Validator validator;
        CHECK(validator.feed(std::string(before, 'a') + "\xC3"));
        CHECK_FALSE(validator.feed(std::string(40, 'a')));
    }
}

TEST_CASE("utf8_cut_anywhere_is_the_same") {
    const std::string text = "a long beginning in ASCII \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80 and an end";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        Utf8Validator validator;
        CHECK(validator.feed(Bytes(text).substr(0, cut)));
        CHECK(validator.is_complete() == (unfinished_utf8(Bytes(text).substr(0, cut)) == 0));
        CHECK(validator.feed(Bytes(text).substr(cut)));
        CHECK(validator.is_complete());
    }
}

TEST_CASE("utf8_unfinished_octets_are_counted") {
    CHECK(unfinished_utf8("") == 0);
    CHECK(unfinished_utf8("abc") == 0);
    CHECK(unfinished_utf8("a\xC3\xA4") == 0);
    CHECK(unfinished_utf8("a\xC3") == 1);
    CHECK(unfinished_utf8("a\xE2\x82") == 2);
    CHECK(unfinished_utf8("\xF0\x9F\x98") == 3);
    CHECK(unfinished_utf8("\xF0\x9F\x98\x80") == 0);
}

TEST_CASE("utf8_whole_characters_at_the_beginning_are_counted") {
    CHECK(whole_utf8("") == 0);
    CHECK(whole_utf8("abc") == 3);
    CHECK(whole_utf8("a\xE2\x82") == 1);
    CHECK(whole_utf8("a\xE2\x82\xAC\xFF"
                     "b") == 4);
    CHECK(whole_utf8("\xFF") == 0);
}
