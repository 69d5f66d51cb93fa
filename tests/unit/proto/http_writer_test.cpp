// What the engine writes, and what it refuses to write.
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "tidemill/proto/http.h"

using namespace tidemill;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string old_get = "GET / HTTP/1.0\r\n\r\n";
const std::string old_keep = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
const std::string head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string upgrade = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
const std::string connect = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n";
const std::string expecting = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

using Fields = std::vector<HttpField>;

struct Asked : HttpEngine {
    explicit Asked(const std::string& request) : HttpEngine(HttpRole::server) {
        feed(request);
        while (next() == Step::event) {
        }
    }
    std::string taken() {
        std::string octets;
        octets.swap(output());
        return octets;
    }
};

// Whether it is refused, with nothing written, and a proper response possible afterwards.
bool is_refused(const std::string& request, const HttpResponseHead& response) {
    Asked engine(request);
    const Result<void> result = engine.respond_head(response);
    if (result.ok()) return false;
    CHECK(result.error().code == ErrorCode::local_protocol);
    CHECK(engine.output() == "");
    CHECK(engine.respond({}, {}).ok());
    return true;
}

std::string whole_response(const std::string& request, const HttpResponseHead& response, Bytes body) {
    Asked engine(request);
    const Result<void> result = engine.respond(response, body);
    return result.ok() ? engine.output() : result.error().detail;
}

std::string streamed_response(const std::string& request, const HttpResponseHead& response, std::initializer_list<Bytes> pieces) {
    Asked engine(request);
    Result<void> result = engine.respond_head(response);
    for (const Bytes piece : pieces) {
        if (result.ok()) result = engine.write_data(piece);
    }
    if (result.ok()) result = engine.write_end();
    return result.ok() ? engine.output() + (engine.is_done() ? "[done]" : "") : result.error().detail;
}

}  // namespace

TEST_CASE("http_response_with_its_body") {
    const Fields fields{{"X", "y"}};
    CHECK(whole_response(get, {.fields = fields}, "hello") == "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\nhello");
    CHECK(whole_response(get, {.status = 404, .date = "today"}, "") ==
          "HTTP/1.1 404 Not Found\r\nDate: today\r\nContent-Length: 0\r\n\r\n");
    CHECK(whole_response(get, {.status = 299, .reason = "Well"}, "") == "HTTP/1.1 299 Well\r\nContent-Length: 0\r\n\r\n");
    CHECK(whole_response(get, {.status = 299}, "") == "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
    CHECK(whole_response(get, {.is_last = true}, "") == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    CHECK(whole_response(old_get, {}, "x") == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
    CHECK(whole_response(old_keep, {}, "x") == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx");
}

TEST_CASE("http_response_without_a_body_by_its_status_or_method") {
    CHECK(whole_response(get, {.status = 204}, "") == "HTTP/1.1 204 No Content\r\n\r\n");
    CHECK(whole_response(get, {.status = 205}, "") == "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n");
    CHECK(whole_response(get, {.status = 304}, "") == "HTTP/1.1 304 Not Modified\r\n\r\n");
    CHECK(whole_response(get, {.status = 304}, "hello") == "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
    CHECK(whole_response(head, {}, "hello") == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    CHECK(whole_response(head, {}, "") == "HTTP/1.1 200 OK\r\n\r\n");
    const Fields length{{"content-length", "7"}};
    CHECK(whole_response(head, {.fields = length}, "") == "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    CHECK(streamed_response(head, {.framing = HttpFraming::chunked()}, {"a"}) == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(streamed_response(head, {.framing = HttpFraming::until_close()}, {"a"}) == "HTTP/1.1 200 OK\r\n\r\n");
    CHECK(streamed_response(head, {.framing = HttpFraming::of_length(9)}, {}) == "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    CHECK(is_refused(get, {.status = 204, .framing = HttpFraming::of_length(1)}));
    CHECK(is_refused(get, {.status = 204, .framing = HttpFraming::chunked()}));
    CHECK(is_refused(get, {.status = 205, .framing = HttpFraming::of_length(1)}));
}

TEST_CASE("http_response_in_pieces") {
    CHECK(streamed_response(get, {.framing = HttpFraming::of_length(5)}, {"he", "", "llo"}) ==
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    CHECK(streamed_response(get, {.framing = HttpFraming::chunked()}, {"hello world, all of it", "", "!"}) ==
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n16\r\nhello world, all of it\r\n1\r\n!\r\n0\r\n\r\n");
    CHECK(streamed_response(get, {.framing = HttpFraming::until_close()}, {"a"}) == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\na[done]");
    CHECK(streamed_response(old_keep, {.framing = HttpFraming::chunked()}, {"a"}) == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\na[done]");
    CHECK(streamed_response(get, {.framing = HttpFraming::of_length(1)}, {"ab"}) == "more than the length that was promised");
    CHECK(streamed_response(get, {.framing = HttpFraming::of_length(3)}, {"ab"}) == "less than the length that was promised");
    CHECK(streamed_response(get, {}, {"a"}) == "the message has no body");
}

TEST_CASE("http_response_whose_payload_goes_past_the_output") {
    Asked engine(get);
    REQUIRE(engine.respond_head({.framing = HttpFraming::chunked()}).ok());
    engine.taken();
    const Result<bool> begun = engine.begin_data(0x10000);
    REQUIRE(begun.ok());
    CHECK(begun.value());
    CHECK(engine.taken() == "10000\r\n");
    CHECK(!engine.begin_data(1).ok());
    CHECK(!engine.write_data("x").ok());
    CHECK(!engine.write_end().ok());
    CHECK(engine.output() == "");
    engine.end_data();
    engine.end_data();
    CHECK(engine.taken() == "\r\n");
    const Result<bool> empty = engine.begin_data(0);
    CHECK((empty.ok() && !empty.value()));
    CHECK(engine.write_end().ok());
    CHECK(engine.taken() == "0\r\n\r\n");

    Asked length(get);
    REQUIRE(length.respond_head({.framing = HttpFraming::of_length(3)}).ok());
    length.taken();
    CHECK(!length.begin_data(4).ok());
    CHECK(length.begin_data(3).value());
    length.end_data();
    CHECK(length.output() == "");
    CHECK(length.write_end().ok());

    Asked bodiless(head);
    REQUIRE(bodiless.respond_head({.framing = HttpFraming::of_length(3)}).ok());
    CHECK(!bodiless.begin_data(3).value());
    CHECK(bodiless.write_end().ok());
}

TEST_CASE("http_response_with_trailers") {
    const Fields trailers{{"Sum", "1"}};
    Asked engine(get);
    REQUIRE(engine.respond_head({.framing = HttpFraming::chunked()}).ok());
    engine.taken();
    for (const Fields& bad : {Fields{{"Content-Length", "1"}}, Fields{{"Host", "a"}}, Fields{{"a b", "1"}}, Fields{{"a", "1\r\n"}}}) {
        CHECK(!engine.write_end(bad).ok());
        CHECK(engine.output() == "");
    }
    CHECK(engine.write_end(trailers).ok());
    CHECK(engine.output() == "0\r\nSum: 1\r\n\r\n");

    Asked length(get);
    REQUIRE(length.respond_head({.framing = HttpFraming::of_length(0)}).ok());
    CHECK(!length.write_end(trailers).ok());

    Asked old(old_get);
    REQUIRE(old.respond_head({.framing = HttpFraming::chunked()}).ok());
    CHECK(old.write_end(trailers).ok());
    CHECK(old.output().find("Sum") == std::string::npos);
}

TEST_CASE("http_response_that_would_be_read_as_something_else_is_refused") {
    const HttpField bad[] = {
        {"", "x"},       {"a b", "x"},  {"a:", "x"},   {"a\r\n", "x"}, {"\xe9", "x"},    {std::string_view("a\0", 2), "x"},
        {"X", "a\r\nb"}, {"X", "a\rb"}, {"X", "a\nb"}, {"X", "\x7f"},  {"X", "\x1b[0m"}, {"X", std::string_view("\0", 1)}};
    for (const HttpField& field : bad) {
        CAPTURE(field.name);
        CAPTURE(field.value);
        CHECK(is_refused(get, {.fields = {&field, 1}}));
        Asked engine(get);
        CHECK(engine.respond_interim(103, {&field, 1}).error().code == ErrorCode::local_protocol);
        CHECK(engine.output() == "");
    }
    CHECK(is_refused(get, {.reason = "a\r\nb"}));
    CHECK(is_refused(get, {.date = "a\r\nb"}));
    for (const int status : {-1, 0, 99, 100, 102, 199, 1000}) CHECK(is_refused(get, {.status = status}));
}

TEST_CASE("http_framing_given_by_hand_is_written_once_if_it_says_the_same") {
    const Fields length{{"Content-Length", "5"}}, zero{{"content-length", "0"}}, coding{{"Transfer-Encoding", "Chunked"}};
    CHECK(whole_response(get, {.fields = length}, "hello") == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    CHECK(whole_response(get, {.fields = zero}, "") == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(streamed_response(get, {.fields = coding, .framing = HttpFraming::chunked()}, {"a"}) ==
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
    CHECK(is_refused(get, {.fields = length}));
    CHECK(is_refused(get, {.fields = length, .framing = HttpFraming::of_length(4)}));
    CHECK(is_refused(get, {.fields = length, .framing = HttpFraming::chunked()}));
    CHECK(is_refused(get, {.fields = length, .framing = HttpFraming::until_close()}));
    CHECK(is_refused(get, {.status = 204, .fields = length}));
    CHECK(is_refused(get, {.fields = coding}));
    CHECK(is_refused(get, {.fields = coding, .framing = HttpFraming::of_length(5)}));
    for (const char* bad : {"", "-1", "5, 5", "0x5", "9007199254740993"}) {
        const HttpField field{"Content-Length", bad};
        CHECK(is_refused(get, {.fields = {&field, 1}, .framing = HttpFraming::of_length(5)}));
    }
    CHECK(is_refused(get, {.fields = Fields{{"Content-Length", "5"}, {"Content-Length", "5"}}, .framing = HttpFraming::of_length(5)}));
    CHECK(is_refused(get, {.fields = Fields{{"Transfer-Encoding", "gzip, chunked"}}, .framing = HttpFraming::chunked()}));
    CHECK(HttpFraming::of_fields(length, HttpFraming::chunked()) == HttpFraming::of_length(5));
    CHECK(HttpFraming::of_fields({}, HttpFraming::chunked()) == HttpFraming::chunked());
}

TEST_CASE("http_connection_given_by_hand_is_obeyed") {
    const Fields close{{"connection", "Close"}}, keep{{"Connection", "keep-alive"}}, other{{"Connection", "X"}};
    CHECK(whole_response(get, {.fields = close}, "") == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    CHECK(whole_response(get, {.fields = keep}, "") == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(whole_response(old_get, {.fields = keep}, "") == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    CHECK(is_refused(get, {.fields = other}));
}

TEST_CASE("http_interim_responses") {
    const Fields link{{"Link", "x"}}, length{{"Content-Length", "0"}};
    Asked engine(get);
    CHECK(engine.respond_continue().ok());
    CHECK(engine.output() == "");
    CHECK(engine.respond_interim(103, link).ok());
    CHECK(engine.taken() == "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    CHECK(!engine.respond_interim(101).ok());
    CHECK(!engine.respond_interim(200).ok());
    CHECK(!engine.respond_interim(103, length).ok());
    CHECK(engine.respond({}, {}).ok());
    CHECK(!engine.respond_interim(103).ok());
    CHECK(!engine.respond_continue().ok());

    Asked old(old_get);
    CHECK(old.respond_interim(103, link).ok());
    CHECK(old.output() == "");
}

TEST_CASE("http_response_instead_of_100_is_the_last") {
    Asked refused(expecting);
    REQUIRE(refused.respond({.status = 401}, {}).ok());
    CHECK(refused.output().find("Connection: close") != std::string::npos);
    CHECK(refused.is_done());
    refused.feed("hello");
    CHECK(refused.next() == Step::ended);

    Asked welcome(expecting);
    REQUIRE(welcome.respond_continue().ok());
    REQUIRE(welcome.respond_continue().ok());
    CHECK(welcome.taken() == "HTTP/1.1 100 Continue\r\n\r\n");
    welcome.feed("hello");
    while (welcome.next() == Step::event) {
    }
    REQUIRE(welcome.respond({}, {}).ok());
    CHECK(!welcome.is_done());
}

TEST_CASE("http_switch_hands_over_what_follows") {
    const Fields fields{{"Upgrade", "x"}};
    Asked engine(upgrade + "more");
    REQUIRE(engine.respond_head({.status = 101, .fields = fields}).ok());
    CHECK(engine.output() == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
    CHECK(engine.is_switched());
    CHECK(engine.next() == Step::ended);
    CHECK(engine.leftover() == "more");
    CHECK(!engine.is_done());
    CHECK(!engine.write_data("x").ok());

    CHECK(is_refused(upgrade, {.status = 101}));
    CHECK(is_refused(get, {.status = 101, .fields = fields}));
    CHECK(is_refused(connect, {.framing = HttpFraming::of_length(1)}));

    Asked tunnel(connect + "more");
    REQUIRE(tunnel.respond_head({}).ok());
    CHECK(tunnel.output() == "HTTP/1.1 200 OK\r\n\r\n");
    CHECK(tunnel.is_switched());

    Asked refused(connect + "more");
    REQUIRE(refused.respond({.status = 403}, {}).ok());
    CHECK(refused.output().find("Connection: close") != std::string::npos);
    CHECK(refused.next() == Step::ended);
}

TEST_CASE("http_switch_may_be_answered_at_the_head") {
    HttpEngine engine(HttpRole::server);
    engine.feed(upgrade);
    REQUIRE(engine.next() == Step::event);
    const HttpField field{"Upgrade", "x"};
    REQUIRE(engine.respond_head({.status = 101, .fields = {&field, 1}}).ok());
    CHECK(!engine.is_switched());
    REQUIRE(engine.next() == Step::event);
    CHECK(engine.event().kind == HttpEvent::Kind::end);
    CHECK(engine.is_switched());
}

TEST_CASE("http_switch_before_the_end_of_the_request_is_refused") {
    Asked engine("POST / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\na");
    const HttpField field{"Upgrade", "x"};
    CHECK(!engine.respond_head({.status = 101, .fields = {&field, 1}}).ok());
    engine.feed("b");
    while (engine.next() == Step::event) {
    }
    CHECK(engine.respond_head({.status = 101, .fields = {&field, 1}}).ok());
}

TEST_CASE("http_server_ends_the_connection_when_it_is_told_to") {
    HttpEngine idle(HttpRole::server);
    CHECK(idle.is_idle());
    idle.end_keep_alive();
    CHECK(idle.is_done());
    CHECK(idle.next() == Step::ended);

    Asked busy(get);
    CHECK(!busy.is_idle());
    busy.end_keep_alive();
    CHECK(!busy.is_done());
    REQUIRE(busy.respond({}, {}).ok());
    CHECK(busy.output().find("Connection: close") != std::string::npos);
    CHECK(busy.is_done());

    Asked late(get);
    REQUIRE(late.respond_head({.framing = HttpFraming::of_length(0)}).ok());
    late.end_keep_alive();
    CHECK(late.output().find("close") == std::string::npos);
    REQUIRE(late.write_end().ok());
    CHECK(late.is_done());
}

TEST_CASE("http_pipelined_answers_gather") {
    HttpEngine engine(HttpRole::server);
    const std::string requests = get + get + get;
    engine.feed(requests);
    int answers = 0;
    for (Step step = engine.next(); step != Step::need_more; step = engine.next()) {
        if (step == Step::paused) break;
        if (engine.event().kind == HttpEvent::Kind::end) REQUIRE(engine.respond({}, std::to_string(++answers)).ok());
    }
    const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
    CHECK(engine.output() == ok + "1" + ok + "2" + ok + "3");
    CHECK(engine.is_idle());
}

TEST_CASE("http_response_may_end_before_the_request") {
    Asked engine("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    REQUIRE(engine.respond({.status = 400}, {}).ok());
    CHECK(!engine.respond({}, {}).ok());
    CHECK(!engine.is_idle());
    const std::string rest = "llo" + get;
    engine.feed(rest);
    std::string told;
    while (engine.next() == Step::event) told += engine.event().kind == HttpEvent::Kind::data ? std::string(engine.event().data) : "|";
    CHECK(told == "llo|||");
    CHECK(engine.next() == Step::paused);
}

// ---- Client

namespace {

std::string asked(const HttpRequestHead& request, Bytes body) {
    HttpEngine engine(HttpRole::client);
    const Result<void> result = engine.request(request, body);
    if (result.ok()) return engine.output();
    CHECK(result.error().code == ErrorCode::local_protocol);
    CHECK(engine.output() == "");
    CHECK(engine.is_idle());
    return "refused";
}

}  // namespace

TEST_CASE("http_request_is_written") {
    const Fields host{{"Host", "a"}};
    CHECK(asked({.method = "GET", .target = "/", .fields = host}, "") == "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(asked({.method = "POST", .target = "/", .fields = host}, "") == "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    CHECK(asked({.method = "POST", .target = "/", .fields = host}, "hi") == "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    CHECK(asked({.method = "GET", .target = "/", .fields = host, .is_last = true}, "") ==
          "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const Fields several{{"Host", "a"}, {"Upgrade", "x"}, {"TE", "trailers"}};
    CHECK(asked({.method = "GET", .target = "/", .fields = several}, "") ==
          "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nTE: trailers\r\nConnection: Upgrade, TE\r\n\r\n");
}

TEST_CASE("http_request_that_a_server_must_refuse_is_refused_here") {
    const Fields host{{"Host", "a"}}, none{}, two{{"Host", "a"}, {"Host", "a"}}, bad{{"Host", "a b"}},
        split{{"Host", "a"}, {"X", "a\r\nY: b"}};
    CHECK(asked({.method = "", .target = "/", .fields = host}, "") == "refused");
    CHECK(asked({.method = "G T", .target = "/", .fields = host}, "") == "refused");
    for (const Bytes target : {"", " ", "/a b", "/\r\n", "a", "/#x", "*", "http:///", "/\xc3\xa9"}) {
        CHECK(asked({.method = "GET", .target = target, .fields = host}, "") == "refused");
    }
    CHECK(asked({.method = "GET", .target = "/", .fields = none}, "") == "refused");
    CHECK(asked({.method = "GET", .target = "/", .fields = two}, "") == "refused");
    CHECK(asked({.method = "GET", .target = "/", .fields = bad}, "") == "refused");
    CHECK(asked({.method = "GET", .target = "/", .fields = split}, "") == "refused");
    CHECK(asked({.method = "GET", .target = "http://b/", .fields = host}, "") == "refused");
    CHECK(asked({.method = "CONNECT", .target = "a:1", .fields = host}, "x") == "refused");
    CHECK(asked({.method = "TRACE", .target = "/", .fields = host}, "x") == "refused");
    CHECK(asked({.method = "POST", .target = "/", .fields = Fields{{"Host", "a"}, {"Expect", "100-continue"}}}, "") == "refused");
    HttpEngine engine(HttpRole::client);
    CHECK(!engine.request_head({.method = "POST", .target = "/", .fields = host, .framing = HttpFraming::until_close()}).ok());
    CHECK(!engine.respond({}, {}).ok());
    CHECK(engine.output() == "");
    CHECK(!HttpEngine(HttpRole::server).request({.method = "GET", .target = "/", .fields = host}, {}).ok());
}

TEST_CASE("http_requests_go_one_at_a_time") {
    const Fields host{{"Host", "a"}};
    const HttpRequestHead request{.method = "GET", .target = "/", .fields = host};
    HttpEngine engine(HttpRole::client);
    REQUIRE(engine.request(request, {}).ok());
    CHECK(!engine.request(request, {}).ok());
    engine.feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na");
    while (engine.next() == Step::event) {
    }
    CHECK(!engine.request(request, {}).ok());
    engine.feed("b");
    while (engine.next() == Step::event) {
    }
    CHECK(engine.is_idle());
    REQUIRE(engine.request(request, {}).ok());
    engine.feed("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    while (engine.next() == Step::event) {
    }
    CHECK(engine.is_done());
    CHECK(!engine.is_idle());
    CHECK(!engine.request(request, {}).ok());
}

TEST_CASE("http_client_may_end_its_request_after_an_early_response") {
    const Fields host{{"Host", "a"}};
    HttpEngine engine(HttpRole::client);
    REQUIRE(engine.request_head({.method = "POST", .target = "/", .fields = host, .framing = HttpFraming::chunked()}).ok());
    engine.feed("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    while (engine.next() == Step::event) {
    }
    CHECK(!engine.is_idle());
    CHECK(!engine.is_done());
    CHECK(engine.write_end().ok());
    CHECK(engine.is_idle());
}

TEST_CASE("http_client_notices_that_an_idle_connection_has_ended") {
    HttpEngine engine(HttpRole::client);
    engine.finish();
    CHECK(engine.next() == Step::ended);
    CHECK(engine.is_done());
    CHECK(!engine.is_idle());
}
