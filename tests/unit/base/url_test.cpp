#include "tidemill/base/url.h"

#include <doctest/doctest.h>

using namespace tidemill;

namespace {

std::string parsed(std::string_view text) {
    const Result<Url> url = parse_url(text, "test");
    return url ? url.value().text() : std::string(code_name(url.error().code)) + ": " + url.error().detail;
}

std::string resolved(std::string_view reference) {
    const Url base = parse_url("http://a/b/c/d;p?q", "test").value();
    const Result<Url> url = resolve_url(base, reference, "test");
    return url ? url.value().text() : "refused";
}

}  // namespace

TEST_CASE("url_parts_are_found_and_made_canonical") {
    CHECK(parsed("http://example.org") == "http://example.org/");
    CHECK(parsed("HTTP://EXAMPLE.org:80/Path?Query#fragment") == "http://example.org/Path?Query");
    CHECK(parsed("https://example.org:443") == "https://example.org/");
    CHECK(parsed("https://example.org:80") == "https://example.org:80/");
    CHECK(parsed("http://[::1]:8080/x") == "http://[::1]:8080/x");
    CHECK(parsed("http://a?b") == "http://a/?b");
    CHECK(parsed("http://a:/") == "http://a/");
    CHECK(parsed("http://a/b c/\xc3\xa9?\"") == "http://a/b%20c/%C3%A9?%22");
    CHECK(parsed("http://a/%41") == "http://a/%41");
    const Url url = parse_url("https://[::1]/a?b", "test").value();
    CHECK(url.is_tls);
    CHECK(url.host == "::1");
    CHECK(url.port == 443);
    CHECK(url.target == "/a?b");
    CHECK(url.authority() == "[::1]");
    CHECK(url.origin() == "https://[::1]:443");
}

TEST_CASE("url_that_is_none_is_refused_with_the_reason") {
    for (const char* text : {"", "example.org", "/path", "ftp://a/", "http:/a", "http:a", "://a", "1http://a"}) {
        CAPTURE(text);
        CHECK(parsed(text) == "argument: a URL begins with http:// or https://");
    }
    for (const char* text : {"http://", "http:///a", "http://a b/", "http://a\\b/", "http://a%20b/", "http://:80/", "http://\xc3\xa9/"}) {
        CAPTURE(text);
        CHECK(parsed(text) == "argument: there is no usable host");
    }
    for (const char* text : {"http://a:0/", "http://a:65536/", "http://a:x/", "http://a:1:2/", "http://a:-1/", "http://a: 1/"}) {
        CAPTURE(text);
        CHECK(parsed(text) == "argument: a port is a number from 1 to 65535");
    }
    CHECK(parsed("http://user@a/").starts_with("argument: a user name"));
    CHECK(parsed("http://user:secret@a/").starts_with("argument: a user name"));
    CHECK(parsed("http://[::1/") == "argument: a bracket is not closed");
    CHECK(parsed("http://[a.b]/") == "argument: there is no IPv6 address in the brackets");
    CHECK(parsed("http://[::1]x/") == "argument: there is something behind the host");
    CHECK(parsed("http://a/\r\nHost: b") == "argument: a URL has no control characters");
    CHECK(parsed(std::string_view("http://a/\0b", 11)) == "argument: a URL has no control characters");
    CHECK(parsed("http://" + std::string(255, 'a')) == "http://" + std::string(255, 'a') + "/");
    CHECK(parsed("http://" + std::string(256, 'a')) == "argument: there is no usable host");
}

// RFC 3986 5.4, without fragments and schemes that are not ours.
TEST_CASE("url_references_mean_what_the_rfc_says") {
    const std::pair<const char*, const char*> cases[] = {
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g/"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"https://x:1/y", "https://x:1/y"},
        {"mailto:x", "refused"},
        {"//u@h/", "refused"},
    };
    for (const auto& [reference, url] : cases) {
        CAPTURE(reference);
        CHECK(resolved(reference) == url);
    }
}
