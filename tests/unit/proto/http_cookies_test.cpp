// CookieJar and what it reads: RFC 6265 section 5 as tables, the prefixes and the protection of Secure of its revision, limits.
#include <doctest/doctest.h>

#include <string>

#include "tidemill/proto/http_cookies.h"
#include "tidemill/proto/http_set_cookie.h"

using namespace tidemill;

namespace {

constexpr std::time_t now = 1'000'000'000;  // 2001-09-09T01:46:40Z
constexpr std::time_t longest = std::chrono::seconds{limits::cookie_keeps}.count();

Url url(const std::string& text) {
    return parse_url(text, "test").value();
}

struct Jar : CookieJar {
    using CookieJar::CookieJar;
    bool set(const std::string& from, const std::string& field, std::time_t when = now) { return take(field, url(from), when); }
    std::string sent(const std::string& to, std::time_t when = now) { return header(url(to), when); }
};

}  // namespace

TEST_CASE("set_cookie_is_read_as_user_agents_do") {
    struct Line {
        const char* field;
        const char* name;  // nullptr: ignored
        const char* value;
    };
    const Line lines[] = {
        {"a=b", "a", "b"},
        {" a \t=\t b ", "a", "b"},
        {"a=", "a", ""},
        {"a=b=c", "a", "b=c"},
        {"a=\"b c\"", "a", "\"b c\""},
        {"a=b,c=d", "a", "b,c=d"},
        {"a=b;", "a", "b"},
        {"a=b; ;; =x; Unknown=y", "a", "b"},
        {"a b=c", "a b", "c"},
        {"", nullptr, nullptr},
        {"a", nullptr, nullptr},
        {"=b", nullptr, nullptr},
        {" =b", nullptr, nullptr},
        {"; a=b", nullptr, nullptr},
        {"a; Path=/", nullptr, nullptr},
        {"a=b\x01", nullptr, nullptr},
        {"a=b; Path=/\x7f", nullptr, nullptr},
        {"a=\xc3\xa4", "a", "\xc3\xa4"},
    };
    for (const Line& line : lines) {
        CAPTURE(line.field);
        const auto cookie = parse_set_cookie(line.field, now);
        REQUIRE(cookie.has_value() == (line.name != nullptr));
        if (!cookie) continue;
        CHECK(cookie->name == line.name);
        CHECK(cookie->value == line.value);
    }
    CHECK_FALSE(parse_set_cookie(Bytes("a=\0", 3), now));
}

TEST_CASE("set_cookie_attributes_are_found_in_any_case_and_the_last_one_counts") {
    const auto cookie = parse_set_cookie("a=b; PATH = /x ; path=/y; domain=.Example.ORG; SECURE; httponly=no; path=z", now);
    REQUIRE(cookie);
    CHECK(cookie->path.empty());  // one that does not begin with a slash stands for the default
    CHECK(cookie->domain == "Example.ORG");
    CHECK(cookie->is_secure);
    CHECK(cookie->is_http_only);
    CHECK_FALSE(cookie->expires);
    CHECK(parse_set_cookie("a=b; Path=/x; Path=/y", now)->path == "/y");
    CHECK(parse_set_cookie("a=b; Domain=x.y; Domain=", now)->domain.empty());
    const std::string longest_path = "/" + std::string(limits::cookie_attribute - 1, 'p');
    CHECK(parse_set_cookie("a=b; Path=" + longest_path, now)->path == longest_path);
    CHECK(parse_set_cookie("a=b; Path=" + longest_path + "p", now)->path.empty());
}

TEST_CASE("set_cookie_max_age_goes_before_expires") {
    struct Line {
        const char* attributes;
        std::time_t expires;  // 0: at once; -1: none
    };
    const Line lines[] = {
        {"", -1},
        {"; Max-Age=10", now + 10},
        {"; Max-Age=0", 0},
        {"; Max-Age=-1", 0},
        {"; Max-Age=-", 0},
        {"; Max-Age=", -1},
        {"; Max-Age=1.5", -1},
        {"; Max-Age=+1", -1},
        {"; Max-Age=10x", -1},
        {"; Max-Age=99999999999999999999999999999", now + longest},
        {"; Expires=Sun, 09 Sep 2001 01:46:50 GMT", now + 10},
        {"; Expires=Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"; Expires=Fri, 31 Dec 9999 23:59:59 GMT", now + longest},
        {"; Expires=nonsense", -1},
        {"; Max-Age=10; Expires=Sun, 06 Nov 1994 08:49:37 GMT", now + 10},
        {"; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=10", now + 10},
        {"; Max-Age=10; Max-Age=20", now + 20},
    };
    for (const Line& line : lines) {
        CAPTURE(line.attributes);
        CHECK(parse_set_cookie("a=b" + std::string(line.attributes), now)->expires.value_or(-1) == line.expires);
    }
}

TEST_CASE("set_cookie_dates_are_read_in_every_order") {
    struct Line {
        const char* text;
        std::time_t time;  // -1: none
    };
    const Line lines[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"08:49:37 1994 november 6", 784111777},
        {"6/nOv/1994,8:49:37", 784111777},
        {"06th Nov 1994 08:49:37Z", 784111777},
        {"1 Jan 69 00:00:00", 3124224000},
        {"1 Jan 70 00:00:00", 0},
        {"1 Jan 1601 00:00:00", -11644473600},
        {"31 Dec 1600 23:59:59", -1},
        {"29 Feb 2000 0:0:0", 951782400},
        {"29 Feb 1900 0:0:0", -1},
        {"31 Apr 2000 0:0:0", -1},
        {"0 Jan 2000 0:0:0", -1},
        {"1 Jan 2000 24:0:0", -1},
        {"1 Jan 2000 0:60:0", -1},
        {"1 Jan 2000 0:99:0", -1},
        {"1 Jan 2000 0:0:60", -1},
        {"1 Jan 2000 0:0:000", -1},
        {"1 Jan 2000", -1},
        {"1 Jan 0:0:0", -1},
        {"1 2000 0:0:0", -1},
        {"Jan 2000 0:0:0", -1},
        {"", -1},
    };
    for (const Line& line : lines) {
        CAPTURE(line.text);
        CHECK(parse_cookie_date(line.text).value_or(-1) == line.time);
    }
}

TEST_CASE("cookie_domains_are_matched_by_whole_labels") {
    struct Line {
        const char* from;  // host
        const char* domain;  // "" for none
        const char* to;
        bool is_sent;
    };
    const Line lines[] = {
        {"example.org", "", "example.org", true},
        {"example.org", "", "www.example.org", false},  // host-only
        {"example.org", "example.org", "example.org", true},
        {"example.org", "example.org", "www.example.org", true},
        {"example.org", ".EXAMPLE.org", "a.b.example.org", true},
        {"example.org", "example.org", "badexample.org", false},
        {"example.org", "example.org", "example.org.evil.com", false},
        {"www.example.org", "example.org", "example.org", true},
        {"www.example.org", "www.example.org", "example.org", false},
        {"www.example.org", "other.example.org", "other.example.org", false},  // refused: not the host's
        {"example.org", "www.example.org", "www.example.org", false},
        {"example.org", "org", "example.org", false},  // a single label
        {"example.org", ".org", "example.org", false},
        {"example.org", "example.org.", "example.org", false},
        {"example.org", "..example.org", "example.org", false},
        {"a.com.", "com.", "b.com.", false},
        {"localhost", "localhost", "localhost", true},
        {"localhost", "localhost", "www.localhost", false},  // made host-only
        {"localhost", "", "localhost", true},
        {"127.0.0.1", "127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "0.0.1", "127.0.0.1", false},
        {"127.0.0.1", "", "127.0.0.2", false},
        {"[::1]", "", "[::1]", true},
        {"[::1]", "::1", "[::1]", true},
        {"example.org", "\xc3\xa4.example.org", "example.org", false},
    };
    for (const Line& line : lines) {
        CAPTURE(line.from);
        CAPTURE(line.domain);
        CAPTURE(line.to);
        Jar jar;
        jar.set("http://" + std::string(line.from) + "/", "a=b" + (*line.domain ? "; Domain=" + std::string(line.domain) : ""));
        CHECK(jar.sent("http://" + std::string(line.to) + "/") == (line.is_sent ? "a=b" : ""));
    }
}

TEST_CASE("cookie_paths_default_to_the_folder_and_are_matched_by_segments") {
    struct Line {
        const char* from;
        const char* path;  // "" for none
        const char* to;
        bool is_sent;
    };
    const Line lines[] = {
        {"/", "", "/any/thing", true}, {"/a", "", "/b", true},     {"/a/b", "", "/a", true},    {"/a/b", "", "/a/c?d", true},
        {"/a/b", "", "/ab", false},    {"/a/b", "", "/", false},   {"/a/b/", "", "/a/b", true}, {"/a/b/", "", "/a/b/c", true},
        {"/a/b/", "", "/a/", false},   {"/a?b/c", "", "/x", true}, {"/", "/x", "/x", true},     {"/", "/x", "/x/y", true},
        {"/", "/x", "/xy", false},     {"/", "/x", "/x?y", true},  {"/", "/x/", "/x/y", true},  {"/", "/x/", "/x", false},
        {"/a/b", "x", "/a/c", true},   {"/a/b", "/", "/", true},   {"/a/b", "/c", "/c", true},  {"/a/b", "/A", "/a", false},
    };
    for (const Line& line : lines) {
        CAPTURE(line.from);
        CAPTURE(line.path);
        CAPTURE(line.to);
        Jar jar;
        CHECK(jar.set("http://h.org" + std::string(line.from), "a=b" + (*line.path ? "; Path=" + std::string(line.path) : "")));
        CHECK(jar.sent("http://h.org" + std::string(line.to)) == (line.is_sent ? "a=b" : ""));
    }
}

TEST_CASE("cookie_secure_is_for_https_alone") {
    Jar jar;
    CHECK(jar.set("https://h.org/", "s=1; Secure"));
    CHECK(jar.sent("https://h.org/") == "s=1");
    CHECK(jar.sent("https://h.org:8443/") == "s=1");  // ports do not matter
    CHECK(jar.sent("http://h.org/") == "");
    CHECK_FALSE(jar.set("http://h.org/", "t=1; Secure"));
    CHECK_FALSE(jar.set("http://localhost/", "t=1; Secure"));
    // Nor does http stand before it, or take it away.
    CHECK_FALSE(jar.set("http://h.org/", "s=2"));
    CHECK_FALSE(jar.set("http://h.org/", "s=2; Max-Age=0"));
    CHECK_FALSE(jar.set("http://www.h.org/", "s=2; Domain=h.org"));
    CHECK_FALSE(jar.set("http://www.h.org/", "s=2"));
    CHECK_FALSE(jar.set("http://h.org/", "s=2; Path=/deeper"));
    CHECK(jar.set("http://h.org/", "other=2"));
    CHECK(jar.set("http://elsewhere.org/", "s=2"));
    CHECK(jar.sent("https://h.org/") == "s=1; other=2");
    CHECK(jar.set("https://h.org/", "s=3"));  // https may
    CHECK(jar.sent("http://h.org/") == "s=3; other=2");
    CHECK(jar.set("https://h.org/", "deep=1; Secure; Path=/deep"));
    CHECK(jar.set("http://h.org/", "deep=2; Path=/"));  // which does not stand before it
}

TEST_CASE("cookie_prefixes_are_promises") {
    struct Line {
        const char* from;
        const char* field;
        bool is_kept;
    };
    const Line lines[] = {
        {"https://h.org/", "__Secure-a=b; Secure", true},
        {"https://h.org/", "__Secure-a=b; Secure; Domain=h.org; Path=/x", true},
        {"https://h.org/", "__Secure-a=b", false},
        {"https://h.org/", "__SECURE-a=b", false},
        {"http://h.org/", "__Secure-a=b; Secure", false},
        {"https://h.org/", "__Host-a=b; Secure; Path=/", true},
        {"https://h.org/x", "__Host-a=b; Secure; Path=/", true},
        {"https://h.org/", "__Host-a=b; Secure", false},  // the path has to be there
        {"https://h.org/", "__Host-a=b; Path=/", false},
        {"https://h.org/", "__Host-a=b; Secure; Path=/x", false},
        {"https://h.org/", "__Host-a=b; Secure; Path=/; Domain=h.org", false},
        {"https://localhost/", "__host-a=b; Secure; Path=/; Domain=localhost", false},
        {"http://h.org/", "__Host-a=b; Secure; Path=/", false},
        {"https://h.org/", "__Hosta=b", true},
    };
    for (const Line& line : lines) {
        CAPTURE(line.from);
        CAPTURE(line.field);
        Jar jar;
        CHECK(jar.set(line.from, line.field) == line.is_kept);
        CHECK(jar.cookies(now).size() == (line.is_kept ? 1 : 0));
    }
}

TEST_CASE("cookie_header_has_the_longest_path_first_then_the_oldest") {
    Jar jar;
    jar.set("http://h.org/", "one=1");
    jar.set("http://h.org/", "deep=1; Path=/a/b");
    jar.set("http://h.org/", "two=2");
    jar.set("http://h.org/", "middle=1; Path=/a; Domain=h.org");
    jar.set("http://h.org/", "one=3");  // keeps its place
    CHECK(jar.sent("http://h.org/a/b/c") == "deep=1; middle=1; one=3; two=2");
    CHECK(jar.sent("http://www.h.org/a") == "middle=1");
}

TEST_CASE("cookie_is_replaced_by_its_namesake_of_the_same_domain_and_path") {
    Jar jar;
    jar.set("http://h.org/", "a=1");
    jar.set("http://h.org/", "a=2; Path=/x");
    jar.set("http://h.org/", "A=3");
    jar.set("http://h.org/", "a=4; HttpOnly");
    CHECK(jar.sent("http://h.org/x") == "a=2; a=4; A=3");
    CHECK(jar.cookies(now).size() == 3);
    CHECK(jar.cookies(now)[0] == Cookie{.name = "a", .value = "4", .domain = "h.org", .is_http_only = true});
    CHECK(jar.set("http://h.org/", "a=5; Max-Age=0"));
    CHECK(jar.set("http://h.org/", "never=there; Max-Age=0"));
    CHECK(jar.sent("http://h.org/x") == "a=2; A=3");
    jar.clear();
    CHECK(jar.cookies(now).empty());
    CHECK(jar.sent("http://h.org/x") == "");
}

TEST_CASE("cookie_is_gone_when_its_time_has_come") {
    Jar jar;
    jar.set("http://h.org/", "short=1; Max-Age=10");
    jar.set("http://h.org/", "long=1; Max-Age=20");
    jar.set("http://h.org/", "session=1");
    CHECK(jar.sent("http://h.org/", now + 9) == "short=1; long=1; session=1");
    CHECK(jar.sent("http://h.org/", now + 10) == "long=1; session=1");
    CHECK(jar.cookies(now + 20).size() == 1);
    CHECK(jar.sent("http://h.org/", now + 100 * longest) == "session=1");
    CHECK(jar.set("http://h.org/", "short=2; Max-Age=10", now + 30));
    CHECK(jar.cookies(now + 30).back().expires == now + 40);
    CHECK(jar.limit_hits() == 0);
}

TEST_CASE("cookie_that_is_an_octet_too_long_is_refused") {
    Jar jar;
    CHECK(jar.set("http://h.org/", "a=" + std::string(limits::cookie - 1, 'x')));
    CHECK_FALSE(jar.set("http://h.org/", "a=" + std::string(limits::cookie, 'y')));
    CHECK(jar.sent("http://h.org/").ends_with("x"));
    CHECK(jar.limit_hits() == 1);
}

TEST_CASE("cookie_that_is_one_too_many_takes_the_place_of_the_least_recently_used") {
    Jar jar({.per_domain = 3, .total = 5});
    for (const char* name : {"a", "b", "c"}) jar.set("https://h.org/", std::string(name) + "=1; Path=/" + name);
    CHECK(jar.sent("https://h.org/a") == "a=1");
    jar.set("https://h.org/", "d=1; Path=/d");
    CHECK(jar.sent("https://h.org/b") == "");
    CHECK(jar.limit_hits() == 1);
    // Secure ones of the domain last, so that http cannot push them out.
    jar.set("https://h.org/", "a=2; Path=/a; Secure");
    for (int i = 0; i < 4; ++i) jar.set("http://h.org/", "x" + std::to_string(i) + "=1; Path=/x");
    CHECK(jar.sent("https://h.org/a") == "a=2");
    CHECK(jar.sent("https://h.org/x") == "x2=1; x3=1");
    CHECK(jar.cookies(now).size() == 3);
    // In all.
    for (int i = 0; i < 9; ++i) jar.set("http://other" + std::to_string(i) + ".org/", "o=1");
    CHECK(jar.cookies(now).size() == 5);
    CHECK(jar.sent("http://other4.org/") == "o=1");
    CHECK(jar.sent("http://other3.org/") == "");
    CHECK(jar.sent("https://h.org/a") == "");
}

TEST_CASE("cookie_that_has_expired_gives_way_before_others") {
    Jar jar({.per_domain = 2, .total = 3});
    jar.set("http://h.org/", "a=1");
    jar.set("http://h.org/", "b=1; Max-Age=1");
    jar.set("http://h.org/", "c=1", now + 1);
    CHECK(jar.sent("http://h.org/", now + 1) == "a=1; c=1");
    jar.set("http://i.org/", "b=1; Max-Age=1", now + 1);
    jar.set("http://j.org/", "d=1", now + 2);
    CHECK(jar.cookies(now + 2).size() == 3);
    CHECK(jar.limit_hits() == 0);
}

TEST_CASE("cookie_jar_with_the_usual_limits_takes_what_rfc_6265_wants_and_no_more") {
    Jar jar;
    for (std::size_t i = 0; i <= limits::cookies_per_domain; ++i) jar.set("http://h.org/", "a" + std::to_string(i) + "=1");
    CHECK(jar.cookies(now).size() == limits::cookies_per_domain);
    for (std::size_t i = 0; i <= limits::cookies; ++i) jar.set("http://h" + std::to_string(i) + ".org/", "a=1");
    CHECK(jar.cookies(now).size() == limits::cookies);
}
