#include "tidemill/sys/address.h"

#include <doctest/doctest.h>

using namespace tidemill;

static Endpoint endpoint_of(std::string_view text) {
    return parse_endpoint(text, "test").value();
}

TEST_CASE("address_of_a_literal_endpoint_gives_the_same_endpoint") {
    for (const std::string text :
         {"tcp://127.0.0.1:80", "tcp://[::1]:65535", "tcp://[fe80::1%1]:1", "unix:///tmp/x", "unix://@hidden", "unix://x"}) {
        CAPTURE(text);
        Address address;
        REQUIRE(literal_address(endpoint_of(text), address));
        CHECK(address.endpoint().text() == text);
    }
}

TEST_CASE("address_of_the_longest_unix_path_keeps_all_of_it") {
    const std::string text = "unix:///" + std::string(106, 'x');
    Address address;
    REQUIRE(literal_address(endpoint_of(text), address));
    CHECK(address.endpoint().text() == text);
}

TEST_CASE("address_packed_and_unpacked_is_the_same") {
    for (const std::string_view text : {"tcp://127.0.0.1:80", "tcp://[::1]:65535", "tcp://[fe80::1%1]:1"}) {
        CAPTURE(text);
        Address address;
        REQUIRE(literal_address(endpoint_of(text), address));
        CHECK_FALSE(PackedAddress(address).is_empty());
        CHECK(PackedAddress(address).unpacked() == address);
    }
    Address path;
    REQUIRE(literal_address(endpoint_of("unix:///tmp/x"), path));
    CHECK(PackedAddress(path).is_empty());
    CHECK(PackedAddress(Address{}).is_empty());
    CHECK(PackedAddress().unpacked().size == 0);
}

TEST_CASE("address_of_a_name_is_not_literal") {
    Address address;
    CHECK_FALSE(literal_address(endpoint_of("tcp://localhost:80"), address));
    CHECK_FALSE(literal_address(endpoint_of("tcp://1.2.3:80"), address));  // inet_pton wants all four
}

TEST_CASE("look_up_localhost_gives_loopback_addresses_with_the_port") {
    const Result<std::vector<Address>> found = look_up(endpoint_of("tcp://localhost:81"), "connect");
    REQUIRE(found.ok());
    REQUIRE_FALSE(found.value().empty());
    for (const Address& address : found.value()) {
        CHECK((address.endpoint().text() == "tcp://127.0.0.1:81" || address.endpoint().text() == "tcp://[::1]:81"));
    }
}

TEST_CASE("look_up_below_invalid_fails_with_resolve") {
    for (const std::string_view text : {"tcp://no.such.host.invalid:1", "tcp://invalid:1", "tcp://a.invalid.:1"}) {
        CAPTURE(text);
        const Result<std::vector<Address>> found = look_up(endpoint_of(text), "connect");
        REQUIRE_FALSE(found.ok());
        CHECK(found.error().code == ErrorCode::resolve);
        CHECK(found.error().operation == "connect");
        CHECK(found.error().endpoint == text);
    }
}
