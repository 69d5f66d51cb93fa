#include "tidemill/serve/http_conditions.h"

#include <doctest/doctest.h>

#include <vector>

#include "tidemill/serve/http_date.h"

using namespace tidemill;

namespace {

const HttpVersionOf version{"\"v1\"", 784111777};  // Sun, 06 Nov 1994 08:49:37 GMT

int evaluate(std::vector<HttpField> fields, Bytes method = "GET") {
    return evaluate_conditions(fields, method, version);
}

// "first+length", "all" or "none".
std::string range(Bytes value, std::uint64_t size, std::vector<HttpField> more = {}, Bytes method = "GET") {
    more.push_back({"Range", value});
    const std::optional<HttpRange> found = requested_range(more, method, version, size);
    if (!found) return "all";
    return found->length == 0 ? "none" : std::to_string(found->first) + "+" + std::to_string(found->length);
}

bool is_gzip(Bytes value) {
    const std::vector<HttpField> fields = {{"Accept-Encoding", value}};
    return is_coding_accepted(fields, "gzip");
}

}  // namespace

TEST_CASE("http_date_is_written_and_read_in_one_form") {
    CHECK(http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
    CHECK(parse_http_date("Tue, 29 Feb 2028 23:59:59 GMT") == 1835481599);
    for (const char* bad : {"", "Sun, 06 Nov 1994 08:49:37 UTC", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
                            "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                            "Sun, 06 Nov 1994 08:49:-7 GMT", "Sun, 06 Nov 1994 08:49:37 GMTx"}) {
        CAPTURE(bad);
        CHECK(parse_http_date(bad) == -1);
    }
}

TEST_CASE("http_conditions_lead_to_304_and_412") {
    CHECK(evaluate({}) == 200);
    CHECK(evaluate({{"If-None-Match", "\"v1\""}}) == 304);
    CHECK(evaluate({{"If-None-Match", "\"v1\""}}, "PUT") == 412);
    CHECK(evaluate({{"If-None-Match", "\"v0\", W/\"v1\""}}) == 304);
    CHECK(evaluate({{"If-None-Match", "*"}}, "HEAD") == 304);
    CHECK(evaluate({{"If-None-Match", "\"v0\""}}) == 200);
    CHECK(evaluate({{"If-None-Match", "v1"}}) == 200);
    CHECK(evaluate({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}) == 304);
    CHECK(evaluate({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}) == 200);
    CHECK(evaluate({{"If-Modified-Since", "yesterday"}}) == 200);
    CHECK(evaluate({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}, "POST") == 200);
    // The tag decides where there is one.
    CHECK(evaluate({{"If-None-Match", "\"v0\""}, {"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}) == 200);
    CHECK(evaluate({{"If-Match", "\"v0\""}}) == 412);
    CHECK(evaluate({{"If-Match", "W/\"v1\""}}) == 412);
    CHECK(evaluate({{"If-Match", "\"v1\""}}) == 200);
    CHECK(evaluate({{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}) == 412);
    CHECK(evaluate({{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}) == 200);
}

TEST_CASE("http_range_is_one_part_or_all") {
    CHECK(range("bytes=0-0", 10) == "0+1");
    CHECK(range("bytes=2-5", 10) == "2+4");
    CHECK(range("BYTES=2-", 10) == "2+8");
    CHECK(range("bytes=-3", 10) == "7+3");
    CHECK(range("bytes=-30", 10) == "0+10");
    CHECK(range("bytes=5-99999999999999999999999", 10) == "5+5");
    CHECK(range("bytes=10-", 10) == "none");
    CHECK(range("bytes=99999999999999999999999-", 10) == "none");
    CHECK(range("bytes=-0", 10) == "none");
    CHECK(range("bytes=0-", 0) == "none");
    for (const char* ignored :
         {"bytes=5-2", "bytes=", "bytes=-", "bytes=a-b", "bytes=1-2,4-5", "octets=1-2", "bytes=+1-2", "bytes=1--2", "bytes"}) {
        CAPTURE(ignored);
        CHECK(range(ignored, 10) == "all");
    }
    CHECK(range("bytes=0-0", 10, {}, "HEAD") == "all");
    CHECK(range("bytes=0-0", 10, {{"If-Range", "\"v1\""}}) == "0+1");
    CHECK(range("bytes=0-0", 10, {{"If-Range", "\"v0\""}}) == "all");
    CHECK(range("bytes=0-0", 10, {{"If-Range", "W/\"v1\""}}) == "all");
    CHECK(range("bytes=0-0", 10, {{"If-Range", "Sun, 06 Nov 1994 08:49:37 GMT"}}) == "0+1");
    CHECK(range("bytes=0-0", 10, {{"If-Range", "Sun, 06 Nov 1994 08:49:36 GMT"}}) == "all");
}

TEST_CASE("http_coding_is_accepted_by_its_weight") {
    for (const char* yes :
         {"gzip", "GZIP", "deflate, gzip", "gzip;q=0.001", "gzip ; q=1.000", "*", "identity;q=0, *;q=0.5", "br,gzip;Q=0.5"}) {
        CAPTURE(yes);
        CHECK(is_gzip(yes));
    }
    for (const char* no : {"", "gzip;q=0", "gzip;q=0.000", "br", "x-gzip", "*;q=0", "gzip;q=0, *", "gzip;q=2", "gzip;q=", "gzip;level=1"}) {
        CAPTURE(no);
        CHECK_FALSE(is_gzip(no));
    }
    CHECK_FALSE(is_coding_accepted({}, "gzip"));
}
