// Every limit: at it all is well, one more is refused, and limit() says which it was.
#include <doctest/doctest.h>

#include <string>

#include "support/http.h"
#include "support/http_cases.h"
#include "tidemill/base/limits.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

const std::string get = "GET / HTTP/1.1\r\n";
const std::string chunked = HTTP_TEST_CHUNKED;

std::string repeated(std::size_t count, const std::string& text) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += text;
    return all;
}

// Feeds both: the first is good, the second reaches the limit and is answered with the status. Both as a whole and cut.
void check_limit(const std::string& good, const std::string& bad, HttpLimit limit, int status, const HttpLimits& limits = HttpLimits()) {
    HttpEngine engine(HttpRole::server, limits);
    engine.feed(good);
    Step step = engine.next();
    while (step == Step::event) step = engine.next();
    CHECK(step == Step::paused);
    CHECK(engine.limit() == HttpLimit::none);

    HttpEngine other(HttpRole::server, limits);
    other.feed(bad);
    step = other.next();
    while (step == Step::event) step = other.next();
    CHECK(step == Step::failed);
    CHECK(other.error().code == ErrorCode::limit);
    CHECK(other.limit() == limit);
    CHECK(other.error_status() == status);
    CHECK(breach_of_contract(http_server(limits), bad) == "");
}

}  // namespace

TEST_CASE("http_limit_of_the_request_line") {
    const std::string rest = " HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::size_t room = limits::http_start_line - std::string("GET  HTTP/1.1").size();
    check_limit("GET /" + std::string(room - 1, 'x') + rest, "GET /" + std::string(room, 'x') + rest, HttpLimit::start_line, 414);
    // Without an end, and before anything else that is wrong with it.
    check_limit(get + "Host: a\r\n\r\n", std::string(limits::http_start_line + 2, 'x') + "\0", HttpLimit::start_line, 414);
}

TEST_CASE("http_limit_of_the_section") {
    const std::size_t room = limits::http_section - std::string("Host: a\r\nX: \r\n\r\n").size();
    check_limit(get + "Host: a\r\nX: " + std::string(room, 'x') + "\r\n\r\n",
                get + "Host: a\r\nX: " + std::string(room + 1, 'x') + "\r\n\r\n", HttpLimit::section, 431);
}

TEST_CASE("http_limit_of_fields") {
    const std::string some = repeated(limits::http_fields - 1, "X: y\r\n");
    check_limit(get + "Host: a\r\n" + some + "\r\n", get + "Host: a\r\n" + some + "X: y\r\n\r\n", HttpLimit::fields, 431);
}

TEST_CASE("http_limit_of_the_trailer_section") {
    const std::size_t room = limits::http_trailer_section - std::string("X: \r\n\r\n").size();
    check_limit(chunked + "0\r\nX: " + std::string(room, 'x') + "\r\n\r\n", chunked + "0\r\nX: " + std::string(room + 1, 'x') + "\r\n\r\n",
                HttpLimit::trailer_section, 431);
}

TEST_CASE("http_limit_of_trailers") {
    const std::string some = repeated(limits::http_trailers, "X: y\r\n");
    check_limit(chunked + "0\r\n" + some + "\r\n", chunked + "0\r\n" + some + "X: y\r\n\r\n", HttpLimit::trailers, 431);
}

TEST_CASE("http_limit_of_a_chunks_digits") {
    const std::string zeros(limits::http_chunk_digits - 1, '0');
    check_limit(chunked + zeros + "1\r\nx\r\n0\r\n\r\n", chunked + "0" + zeros + "1\r\nx\r\n0\r\n\r\n", HttpLimit::chunk_digits, 400);
}

TEST_CASE("http_limit_of_a_chunks_extension") {
    const std::string most(limits::http_chunk_extension, 'e');
    check_limit(chunked + "1;" + most + "\r\nx\r\n0\r\n\r\n", chunked + "1;" + most + "e\r\nx\r\n0\r\n\r\n", HttpLimit::chunk_extension,
                400);
}

TEST_CASE("http_limit_of_all_extensions_of_a_body") {
    const std::string one = "1;" + std::string(limits::http_chunk_extension, 'e') + "\r\nx\r\n";
    const std::string all = chunked + repeated(limits::http_chunk_extensions / limits::http_chunk_extension, one);
    check_limit(all + "1\r\nx\r\n0\r\n\r\n", all + "1;e\r\nx\r\n0\r\n\r\n", HttpLimit::chunk_extensions, 400);
    // They begin anew with the next message.
    const std::string whole = all + "0\r\n\r\n";
    HttpEngine engine(HttpRole::server);
    for (int i = 0; i < 2; ++i) {
        engine.feed(whole);
        Step step = engine.next();
        while (step == Step::event) step = engine.next();
        CHECK(step == Step::paused);
        REQUIRE(engine.respond({}, {}).ok());
    }
}

TEST_CASE("http_limit_of_a_body") {
    HttpLimits limits;
    limits.body = 10;
    const std::string head = HTTP_TEST_POST "Content-Length: ";
    check_limit(head + "10\r\n\r\n0123456789", head + "11\r\n\r\n0123456789x", HttpLimit::body, 413, limits);
    check_limit(chunked + "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", chunked + "5\r\n01234\r\n6\r\n56789x\r\n0\r\n\r\n", HttpLimit::body, 413,
                limits);
}

TEST_CASE("http_limit_of_a_response_body") {
    HttpLimits limits(HttpRole::client);
    limits.body = 4;
    for (const std::string head : {"HTTP/1.1 200 OK\r\n\r\nabcd", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n1\r\n"}) {
        const Splits<HttpEngine> splits(http_client("GET", limits), head + "e");
        const Replay replay = splits.replay({head.size() + 1}, {});
        CHECK(replay.last == Step::failed);
        CHECK(replay.error.code == ErrorCode::limit);
        CHECK(splits.breach() == "");
    }
}

TEST_CASE("http_limit_of_interim_responses") {
    const std::string most = repeated(limits::http_interims, "HTTP/1.1 102 Processing\r\n\r\n");
    const auto engine = http_client("GET").make();
    engine->feed(most);
    Step step = engine->next();
    while (step == Step::event) step = engine->next();
    CHECK(step == Step::need_more);
    engine->feed("HTTP/1.1 102 Processing\r\n\r\n");
    CHECK(engine->next() == Step::failed);
    CHECK(engine->limit() == HttpLimit::interims);
}

TEST_CASE("http_limit_of_requests_makes_the_last_response_say_close") {
    HttpLimits limits;
    limits.requests = 3;
    const std::string request = get + "Host: a\r\n\r\n";
    HttpEngine engine(HttpRole::server, limits);
    for (int i = 1; i <= 3; ++i) {
        engine.feed(request);
        while (engine.next() == Step::event) {
        }
        REQUIRE(engine.respond({}, "x").ok());
        CHECK((engine.output().find("Connection: close") != std::string::npos) == (i == 3));
        CHECK(engine.is_done() == (i == 3));
    }
    CHECK(engine.limit() == HttpLimit::requests);
    engine.feed(request);
    CHECK(engine.next() == Step::ended);
}

TEST_CASE("http_limit_of_requests_makes_the_clients_last_request_say_close") {
    HttpLimits limits(HttpRole::client);
    limits.requests = 1;
    HttpEngine engine(HttpRole::client, limits);
    const HttpField host{"Host", "a"};
    REQUIRE(engine.request({.method = "GET", .target = "/", .fields = {&host, 1}}, {}).ok());
    CHECK(engine.output().find("\r\nConnection: close\r\n") != std::string::npos);
    CHECK(engine.limit() == HttpLimit::requests);
}

TEST_CASE("http_limits_have_names") {
    CHECK(http_limit_name(HttpLimit::none) == "none");
    for (int i = 1; i <= static_cast<int>(HttpLimit::body_rate); ++i) {
        CHECK(!http_limit_name(static_cast<HttpLimit>(i)).empty());
        CHECK(http_limit_name(static_cast<HttpLimit>(i)) != "none");
    }
}

// What an idle connection holds does not depend on what it once was sent.
TEST_CASE("http_engine_asks_for_no_memory_once_it_is_warm") {
    HttpEngine engine(HttpRole::server);
    const std::string request = get + "Host: a\r\nAccept: */*\r\nX: y\r\n\r\n";
    const auto serve = [&] {
        engine.feed(request);
        while (engine.next() == Step::event) {
        }
        REQUIRE(engine.respond({}, "hello").ok());
        engine.output().clear();
    };
    serve();
    const char* const place = engine.output().data();
    for (int i = 0; i < 100; ++i) serve();
    CHECK(engine.output().data() == place);
}
