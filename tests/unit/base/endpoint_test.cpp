#include "tidemill/base/endpoint.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

using namespace tidemill;

static std::string problem_of(std::string_view text) {
    const Result<Endpoint> parsed = parse_endpoint(text, "listen");
    if (parsed) return "no problem";
    CHECK(parsed.error().code == ErrorCode::argument);
    CHECK(parsed.error().operation == "listen");
    CHECK(parsed.error().endpoint == text);
    return parsed.error().detail;
}

TEST_CASE("endpoint_parsed_and_written_gives_the_same_text") {
    for (const std::string text :
         {"tcp://127.0.0.1:8080", "tcp://[::1]:0", "tcp://example.org:80", "tls://example.org:443", "tcp://[fe80::1%lo]:65535",
          "unix:///run/x.sock", "unix://relative", "unix://@abstract", "memory://name", "udp://127.0.0.1:53", "udp://[::1]:0",
          "unix-datagram:///run/x.sock", "unix-datagram://@abstract", "unix-datagram://@"}) {
        CAPTURE(text);
        const Result<Endpoint> parsed = parse_endpoint(text, "listen");
        REQUIRE(parsed.ok());
        CHECK(parsed.value().text() == text);
    }
}

TEST_CASE("endpoint_parts_are_told_apart") {
    const Endpoint six = parse_endpoint("tcp://[::1]:443", "connect").value();
    CHECK(six.scheme == Endpoint::Scheme::tcp);
    CHECK(six.host == "::1");
    CHECK(six.port == 443);
    const Endpoint path = parse_endpoint("unix:///a:b//c", "connect").value();
    CHECK(path.scheme == Endpoint::Scheme::unix_);
    CHECK(path.host == "/a:b//c");
}

TEST_CASE("endpoint_malformed_is_an_argument_error") {
    for (const std::string_view text : {"",
                                        ":",
                                        "://",
                                        "tcp",
                                        "tcp://",
                                        "tcp://host",
                                        "tcp://:80",
                                        "tcp://host:",
                                        "tcp://host:65536",
                                        "tcp://host:-1",
                                        "tcp://host:+1",
                                        "tcp://host: 1",
                                        "tcp://host:1x",
                                        "tcp://ho st:1",
                                        "tcp://::1:80",
                                        "tcp://[::1]",
                                        "tcp://[::1:80",
                                        "tcp://[::1]80",
                                        "tcp://[host]:80",
                                        "unix://",
                                        "unix://@",
                                        "memory://",
                                        "udp://host",
                                        "unix-datagram://",
                                        "TCP://host:1",
                                        "http://host:1"}) {
        CAPTURE(text);
        CHECK(problem_of(text) != "no problem");
    }
}

TEST_CASE("endpoint_too_long_is_an_argument_error") {
    CHECK(problem_of("unix:///" + std::string(106, 'x')) == "no problem");
    CHECK(problem_of("unix:///" + std::string(107, 'x')) != "no problem");
    CHECK(problem_of("tcp://" + std::string(253, 'x') + ":1") == "no problem");
    CHECK(problem_of("tcp://" + std::string(254, 'x') + ":1") != "no problem");
}

TEST_CASE("endpoint_with_zero_octet_is_an_argument_error") {
    CHECK(problem_of(std::string_view("unix:///a\0b", 11)) != "no problem");
    CHECK(problem_of(std::string_view("tcp://a\0b:1", 11)) != "no problem");
}
