// Deadlines, with times that the test says.
#include <doctest/doctest.h>

#include <string>

#include "support/http_cases.h"
#include "tidemill/base/limits.h"
#include "tidemill/proto/http.h"

using namespace tidemill;
using namespace std::chrono_literals;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// An engine and what time it is.
struct Timed {
    explicit Timed(HttpRole role, const HttpLimits& limits) : engine(role, limits) { deadline = engine.tick(now); }
    explicit Timed(HttpRole role = HttpRole::server) : Timed(role, HttpLimits(role)) {}

    Step feed(Bytes octets) {
        engine.tick(now);
        engine.feed(octets);
        return run();
    }
    Step run() {
        Step step = engine.next();
        while (step == Step::event) step = engine.next();
        deadline = engine.tick(now);
        return step;
    }
    void pass(Duration time) {
        now += time;
        deadline = engine.tick(now);
    }
    // The deadline is so far away: a nanosecond before it nothing happens, at it this limit is reached.
    void check(Duration time, HttpLimit limit, int status) {
        CHECK(deadline - now == time);
        pass(time - 1ns);
        CHECK(engine.next() != Step::failed);
        pass(1ns);
        CHECK(engine.next() == Step::failed);
        CHECK(engine.error().code == ErrorCode::timeout);
        CHECK(engine.error().detail == http_limit_name(limit));
        CHECK(engine.limit() == limit);
        CHECK(engine.error_status() == status);
        CHECK(engine.output().empty() == (status == 0));
        CHECK(deadline == TimePoint::max());
    }

    HttpEngine engine;
    TimePoint now{1h};
    TimePoint deadline;
};

}  // namespace

TEST_CASE("http_deadline_of_the_first_octet") {
    Timed().check(limits::http_first_octet, HttpLimit::first_octet, 0);
}

TEST_CASE("http_deadline_of_a_head_runs_from_its_first_octet_however_many_follow") {
    Timed timed;
    timed.pass(19s);
    timed.feed("G");
    for (const char octet : {'E', 'T', ' ', '/'}) {
        timed.pass(4s);
        CHECK(timed.feed({&octet, 1}) == Step::need_more);
    }
    timed.check(limits::http_head - 16s, HttpLimit::head, 408);
}

TEST_CASE("http_deadline_of_a_head_counts_an_empty_line_as_its_beginning") {
    Timed timed;
    timed.feed("\r\n");
    timed.check(limits::http_head, HttpLimit::head, 408);
}

TEST_CASE("http_deadline_while_idle") {
    Timed timed;
    CHECK(timed.feed(get) == Step::paused);
    CHECK(timed.deadline == TimePoint::max());
    timed.pass(1h);
    REQUIRE(timed.engine.respond({}, "x").ok());
    timed.engine.output().clear();
    CHECK(timed.run() == Step::need_more);
    timed.check(limits::http_idle, HttpLimit::idle, 0);
}

TEST_CASE("http_deadline_of_the_second_head") {
    Timed timed;
    CHECK(timed.feed(get) == Step::paused);
    REQUIRE(timed.engine.respond({}, "x").ok());
    timed.engine.output().clear();
    CHECK(timed.run() == Step::need_more);
    timed.pass(59s);
    timed.feed("GET");
    timed.check(limits::http_head, HttpLimit::head, 408);
}

TEST_CASE("http_deadline_of_a_bodys_progress") {
    Timed timed;
    timed.feed(HTTP_TEST_POST "Content-Length: 1000000\r\n\r\n" + std::string(50'000, 'x'));
    timed.pass(20s);
    timed.feed("x");
    timed.check(limits::http_body_progress, HttpLimit::body_progress, 408);
}

TEST_CASE("http_deadline_of_a_bodys_progress_counts_octets_of_the_body_only") {
    Timed timed;
    timed.feed(HTTP_TEST_CHUNKED "c350\r\n" + std::string(50'000, 'x') + "\r\n");
    timed.pass(20s);
    timed.feed("5;ext");
    timed.check(limits::http_body_progress - 20s, HttpLimit::body_progress, 408);
}

TEST_CASE("http_deadline_of_a_bodys_rate") {
    Timed timed;
    timed.feed(HTTP_TEST_POST "Content-Length: 1000000\r\n\r\n");
    timed.pass(9s);
    timed.feed(std::string(5'499, 'x'));  // enough for 10 seconds, not for 11
    timed.check(1s, HttpLimit::body_rate, 408);
}

TEST_CASE("http_deadline_of_a_bodys_rate_grows_with_what_arrives") {
    Timed timed;
    timed.feed(HTTP_TEST_POST "Content-Length: 1000000\r\n\r\n");
    timed.pass(9s);
    timed.feed(std::string(6'000, 'x'));
    timed.check(3s, HttpLimit::body_rate, 408);
}

TEST_CASE("http_deadline_of_a_body_does_not_run_while_the_user_has_paused") {
    Timed timed;
    timed.feed(HTTP_TEST_POST "Content-Length: 1000000\r\n\r\n" + std::string(2'000, 'x'));
    timed.pass(5s);
    timed.engine.hold_deadlines(true);
    timed.pass(1h);
    CHECK(timed.deadline == TimePoint::max());
    timed.engine.hold_deadlines(false);
    timed.deadline = timed.engine.tick(timed.now);
    timed.check(5s, HttpLimit::body_rate, 408);  // five of ten seconds have gone
}

TEST_CASE("http_deadline_of_a_body_does_not_run_before_100_was_sent") {
    const std::string head = HTTP_TEST_POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    Timed timed;
    timed.feed(head);
    CHECK(timed.deadline == TimePoint::max());
    timed.pass(1h);
    REQUIRE(timed.engine.respond_continue().ok());
    CHECK(timed.engine.output() == "HTTP/1.1 100 Continue\r\n\r\n");
    timed.run();
    CHECK(timed.deadline - timed.now == limits::http_body_rate_after);

    Timed impatient;
    impatient.feed(head);
    impatient.pass(1h);
    impatient.feed("x");
    CHECK(impatient.deadline - impatient.now == limits::http_body_rate_after);
}

TEST_CASE("http_deadline_of_a_body_under_a_response_has_no_answer") {
    Timed timed;
    timed.feed(HTTP_TEST_POST "Content-Length: 5\r\n\r\n");
    REQUIRE(timed.engine.respond_head({.framing = HttpFraming::chunked()}).ok());
    timed.engine.output().clear();
    timed.check(limits::http_body_rate_after, HttpLimit::body_rate, 0);
}

TEST_CASE("http_deadlines_do_not_run_after_a_switch") {
    Timed timed;
    CHECK(timed.feed("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n") == Step::paused);
    REQUIRE(timed.engine.respond_head({}).ok());
    CHECK(timed.run() == Step::ended);
    CHECK(timed.deadline == TimePoint::max());
}

TEST_CASE("http_deadlines_do_not_run_after_the_last_response") {
    Timed timed;
    CHECK(timed.feed("GET / HTTP/1.0\r\n\r\n") == Step::paused);
    REQUIRE(timed.engine.respond({}, "x").ok());
    CHECK(timed.run() == Step::ended);
    CHECK(timed.deadline == TimePoint::max());
    timed.pass(1h);
    CHECK(timed.engine.next() == Step::ended);
}

TEST_CASE("http_deadlines_of_a_client") {
    const HttpField host{"Host", "a"};
    const HttpRequestHead head{.method = "GET", .target = "/", .fields = {&host, 1}};
    const auto asked = [&] {
        Timed timed(HttpRole::client);
        timed.pass(59s);
        CHECK(timed.engine.request(head, {}).ok());
        timed.engine.output().clear();
        timed.run();
        return timed;
    };
    Timed(HttpRole::client).check(limits::http_idle, HttpLimit::idle, 0);
    asked().check(limits::http_response, HttpLimit::first_octet, 0);

    Timed begun = asked();
    begun.feed("HTTP/1.1 ");
    begun.check(limits::http_head, HttpLimit::head, 0);

    Timed interim = asked();
    interim.pass(59s);
    interim.feed("HTTP/1.1 102 Processing\r\n\r\n");
    interim.check(limits::http_response, HttpLimit::first_octet, 0);

    // No rate: who streams events says little.
    Timed body = asked();
    body.feed("HTTP/1.1 200 OK\r\n\r\nx");
    body.check(limits::http_body_progress, HttpLimit::body_progress, 0);
}
