// Messages that are good or bad, whole and cut in every way.
#include <doctest/doctest.h>

#include <string>

#include "support/http.h"
#include "support/http_cases.h"

using namespace tidemill;
using namespace tidemill::test;

TEST_CASE("http_good_requests_are_told_however_they_are_cut") {
    for (const HttpGood& good : http_good_requests) {
        CAPTURE(good.input);
        const Splits<HttpEngine> splits(http_server(), std::string(good.input));
        CHECK(told(splits.replay({good.input.size()}, {})) == good.told);
        CHECK(splits.breach() == "");
    }
}

TEST_CASE("http_bad_requests_are_answered_and_end_the_connection") {
    for (const HttpBad& bad : http_bad_requests) {
        CAPTURE(bad.why);
        HttpEngine engine(HttpRole::server);
        engine.feed(bad.input);
        Step step = engine.next();
        while (step == Step::event) step = engine.next();
        CHECK(step == Step::failed);
        CHECK(engine.error_status() == bad.status);
        CHECK(engine.error().code == ErrorCode::remote_protocol);
        CHECK(engine.output().starts_with("HTTP/1.1 " + std::to_string(bad.status) + " "));
        CHECK(engine.output().find("\r\nConnection: close\r\n") != std::string::npos);
        CHECK(breach_of_contract(http_server(), std::string(bad.input)) == "");
    }
}

TEST_CASE("http_bad_second_request_is_answered_after_the_first") {
    HttpEngine engine(HttpRole::server);
    engine.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    while (engine.next() == Step::event) {
    }
    CHECK(engine.output() == "");
    CHECK(engine.next() == Step::paused);
    REQUIRE(engine.respond({.status = 204}, {}).ok());
    CHECK(engine.next() == Step::failed);
    CHECK(engine.output().starts_with("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 400 Bad Request\r\n"));
}

TEST_CASE("http_body_that_turns_bad_under_a_response_gets_no_second_one") {
    HttpEngine engine(HttpRole::server);
    engine.feed(HTTP_TEST_CHUNKED "1\r\nx\r\n");
    while (engine.next() == Step::event) {
    }
    REQUIRE(engine.respond_head({.framing = HttpFraming::chunked()}).ok());
    const std::string before = engine.output();
    engine.feed("y");
    CHECK(engine.next() == Step::failed);
    CHECK(engine.error_status() == 0);
    CHECK(engine.output() == before);
    CHECK(engine.write_data("z").error().code == ErrorCode::local_protocol);
    CHECK(engine.write_end().error().code == ErrorCode::local_protocol);
}

TEST_CASE("http_good_responses_are_told_however_they_are_cut") {
    for (const HttpGoodResponse& good : http_good_responses) {
        CAPTURE(good.input);
        const Splits<HttpEngine> splits(http_client(std::string(good.method)), std::string(good.input));
        const Replay whole = splits.replay({good.input.size()}, {.finishes = true});
        const std::size_t then = good.told.find("; then ");
        CHECK(told(whole) == good.told.substr(0, then));
        CHECK(whole.last == Step::ended);
        CHECK(splits.breach() == "");
        if (then == Bytes::npos) continue;
        const auto engine = http_client(std::string(good.method)).make();
        engine->feed(good.input);
        while (engine->next() == Step::event) CHECK(!engine->is_done());
        CHECK(engine->is_switched());
        CHECK(engine->leftover() == good.told.substr(then + 7));
    }
}

TEST_CASE("http_bad_responses_fail") {
    for (const HttpBad& bad : http_bad_responses) {
        CAPTURE(bad.why);
        const Splits<HttpEngine> splits(http_client("GET"), std::string(bad.input));
        const Replay whole = splits.replay({bad.input.size()}, {.finishes = true});
        CHECK(whole.last == Step::failed);
        CHECK(whole.error.code == ErrorCode::remote_protocol);
        CHECK(splits.breach() == "");
    }
}

TEST_CASE("http_octets_before_any_request_are_no_response") {
    HttpEngine engine(HttpRole::client);
    engine.feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(engine.next() == Step::failed);
    CHECK(engine.error().code == ErrorCode::remote_protocol);
}
