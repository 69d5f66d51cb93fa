#include <doctest/doctest.h>

#include <string>

#include "tidemill/proto/http_syntax.h"

using namespace tidemill;

// Octet by octet, and in words of eight wherever they begin.
TEST_CASE("http_syntax_value_ends_at_every_control_character_wherever_it_stands") {
    for (int octet = 0; octet < 256; ++octet) {
        const bool belongs = octet == '\t' || (octet >= 0x20 && octet != 0x7f);
        for (std::size_t place = 0; place < 20; ++place) {
            std::string text(20, 'x');
            text[place] = static_cast<char>(octet);
            const char* end = text.data() + text.size();
            const char* found = http::skip_value(text.data(), end);
            CHECK(found == (belongs ? end : text.data() + place));
        }
    }
    for (std::size_t size = 0; size < 40; ++size) CHECK(http::is_value(std::string(size, '\t')));
}

TEST_CASE("http_syntax_token_has_the_octets_of_rfc_9110") {
    const std::string all = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (int octet = 0; octet < 256; ++octet) {
        const std::string text(1, static_cast<char>(octet));
        CHECK(http::is_token(text) == (octet != 0 && all.find(text) != std::string::npos));
    }
    CHECK(!http::is_token(""));
}

TEST_CASE("http_syntax_length_is_digits_up_to_two_to_the_53") {
    std::uint64_t length = 1;
    CHECK((http::parse_length("0", length) && length == 0));
    CHECK((http::parse_length("9007199254740992", length) && length == std::uint64_t{1} << 53));
    for (const char* bad : {"", "-1", "+1", " 1", "1 ", "1,1", "0x1", "1e3", "9007199254740993", "99999999999999999999999"}) {
        CAPTURE(bad);
        CHECK(!http::parse_length(bad, length));
    }
}

TEST_CASE("http_syntax_known_fields_are_known_in_any_case_and_nothing_else_is") {
    CHECK(http::known_field("CONTENT-length") == http::Known::content_length);
    CHECK(http::known_field("Transfer-Encoding") == http::Known::transfer_encoding);
    CHECK(http::known_field("hOST") == http::Known::host);
    CHECK(http::known_field("content_length") == http::Known::no);
    CHECK(http::known_field("transfer-encodinG2") == http::Known::no);
}
