#include "tidemill/tls/digest.h"

#include <doctest/doctest.h>

#include "tidemill/proto/websocket_handshake.h"

using namespace tidemill;

static std::string hex(const std::string& octets) {
    std::string text;
    for (const char octet : octets) {
        text += "0123456789abcdef"[static_cast<unsigned char>(octet) / 16];
        text += "0123456789abcdef"[static_cast<unsigned char>(octet) % 16];
    }
    return text;
}

TEST_CASE("sha1_of_known_texts") {
    // FIPS 180, and RFC 3174 7.3
    CHECK(hex(sha1("").value()) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    CHECK(hex(sha1("abc").value()) == "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST_CASE("base64_of_the_rfcs_examples_and_of_many_octets") {
    // RFC 4648 10
    CHECK(base64("") == "");
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
    CHECK(base64("foobar") == "Zm9vYmFy");
    const std::string many = base64(std::string(10'000, '\0'));
    CHECK(many == std::string(13'334, 'A') + "==");
}

TEST_CASE("websocket_accept_of_the_rfcs_key") {
    // RFC 6455 1.3
    const Result<std::string> digest = sha1(websocket_accept_input("dGhlIHNhbXBsZSBub25jZQ=="));
    REQUIRE(digest);
    CHECK(base64(digest.value()) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
