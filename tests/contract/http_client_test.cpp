// HttpClient against servers that say what a test tells them to: the pool, redirects, retries, deadlines, bodies both ways, proxies, limits.
#include <doctest/doctest.h>

#include <deque>
#include <map>

#include "support/world.h"
#include "tidemill/proto/gzip.h"
#include "tidemill/serve/http_client.h"
#include "tidemill/serve/http_connection.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

// A server without rules: it answers the requests in order with the texts it was given, "" for not at all, "close" for closing.
struct Canned {
    std::deque<std::string> answers = {};
    std::vector<std::string> requests = {};  // heads and what came with them
    int connections = 0;
    std::vector<SourceId> open = {};
};

class CannedConnection : public Handler {
public:
    explicit CannedConnection(Canned& server) : server_(server) {}
    void on_open(Connection& connection) override {
        ++server_.connections;
        server_.open.push_back(connection.id());
    }
    void on_data(Connection& connection, Bytes octets) override {
        received_.append(octets);
        for (std::size_t end; (end = received_.find("\r\n\r\n")) != received_.npos;) {
            server_.requests.push_back(received_.substr(0, end));
            received_.erase(0, end + 4);
            if (server_.answers.empty()) return;
            const std::string answer = server_.answers.front();
            server_.answers.pop_front();
            if (answer == "close") return connection.close();
            if (answer == "abort") return connection.abort();
            if (!answer.empty()) connection.write(answer);
        }
        // Of a body only what may be the beginning of the end of a head.
        if (received_.size() > 65536) received_.erase(0, received_.size() - 3);
    }

private:
    Canned& server_;
    std::string received_;
};

std::string ok(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string moved(int status, const std::string& location) {
    return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n";
}

// A client and a canned server; every host leads to it.
struct Site {
    explicit Site(HttpClientOptions options = {}) {
        REQUIRE(listen(reactor, "memory://site", [this] { return HandlerPtr(new CannedConnection(server)); }).ok());
        if (options.connect_to.empty()) options.connect_to = "memory://site";
        client.emplace(reactor, std::move(options));
    }
    ~Site() { client.reset(); }

    // Its outcome goes into `outcomes`, in the order in which they come.
    Deferred<HttpReply> ask(HttpClientRequest request) {
        Deferred<HttpReply> deferred = client->fetch(std::move(request));
        deferred.on_success([this](const HttpReply& reply) {
            last = reply;
            outcomes.push_back(std::to_string(reply.status) + " " + reply.body);
        });
        deferred.on_failure([this](const Error& error) {
            outcomes.push_back(std::string(code_name(error.code)) + " " + error.operation + ": " + error.detail);
        });
        return deferred;
    }
    Deferred<HttpReply> get(const std::string& url) { return ask({.url = url}); }
    std::string outcome() {
        if (outcomes.empty()) return "nothing";
        std::string first = outcomes.front();
        outcomes.erase(outcomes.begin());
        return first;
    }
    std::string after(const std::string& url, std::deque<std::string> answers) {
        server.answers = std::move(answers);
        get(url);
        REQUIRE(settle(reactor));
        return outcome();
    }
    void advance(Duration time) {
        clock.advance(time);
        REQUIRE(settle(reactor));
    }

    ManualClock clock;
    Reactor reactor{{.clock = &clock}};
    Canned server;
    std::optional<HttpClient> client;
    std::vector<std::string> outcomes;
    HttpReply last;
};

// An exchange in pieces, as words.
struct Told {
    std::string trace = {};
    std::string body = {};
    bool pauses = false;
    int drains = 0;
};

class Teller : public HttpExchangeHandler {
public:
    explicit Teller(Told& told) : told_(told) {}
    void on_interim(HttpExchange&, const HttpHead& head) override { told_.trace += "interim:" + std::to_string(head.status) + " "; }
    void on_response(HttpExchange&, const HttpHead& head) override { told_.trace += std::to_string(head.status) + " "; }
    void on_body(HttpExchange& exchange, Bytes data) override {
        told_.body.append(data);
        if (told_.pauses) exchange.pause();
    }
    void on_drain(HttpExchange&) override { ++told_.drains; }
    void on_end(HttpExchange&, HttpFields trailers) override { told_.trace += "end:" + std::to_string(trailers.size()); }
    void on_failure(HttpExchange&, const Error& error) override { told_.trace += std::string(code_name(error.code)); }

private:
    Told& told_;
};

}  // namespace

TEST_CASE("client_get_is_answered_and_says_who_it_is") {
    Site site;
    CHECK(site.after("http://example.org:81/a?b", {ok("hello")}) == "200 hello");
    CHECK(site.server.requests.at(0) == "GET /a?b HTTP/1.1\r\nHost: example.org:81\r\nUser-Agent: tidemill");
    CHECK(site.last.url == "http://example.org:81/a?b");
    CHECK(site.last.reason == "OK");
    CHECK(site.last.header("content-length") == "5");
    CHECK(site.last.header("nothing").empty());
}

TEST_CASE("client_keeps_a_connection_for_the_next_request_of_its_origin") {
    Site site;
    CHECK(site.after("http://a/1", {ok("1")}) == "200 1");
    CHECK(site.after("http://a/2", {ok("2")}) == "200 2");
    CHECK(site.server.connections == 1);
    CHECK(site.after("http://b/3", {ok("3")}) == "200 3");
    CHECK(site.server.connections == 2);
    CHECK(site.client->open() == 2);
    CHECK(site.reactor.metrics().http_client_reuses == 1);
    CHECK(site.reactor.metrics().http_client_requests == 3);
    site.advance(limits::http_client_keeps - 1ms);
    CHECK(site.client->open() == 2);
    site.advance(1ms);
    CHECK(site.client->open() == 0);
}

TEST_CASE("client_does_not_keep_what_will_be_closed") {
    for (const char* answer :
         {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"}) {
        Site site;
        CHECK(site.after("http://a/", {answer}) == "200 x");
        CHECK(site.client->open() == 0);
    }
    Site site({.keeps = Duration{0}});
    CHECK(site.after("http://a/", {ok("x")}) == "200 x");
    CHECK(site.client->open() == 0);
}

TEST_CASE("client_idle_connections_do_not_keep_run_running") {
    Site site;
    site.server.answers = {ok("x")};
    Listener* listener = listen(site.reactor, "memory://other", [&] { return HandlerPtr(new CannedConnection(site.server)); }).value();
    site.get("http://a/");
    REQUIRE(settle(site.reactor));
    CHECK(site.client->open() == 1);
    listener->close();
    // Of the client's own reactor: a server elsewhere.
    Reactor alone;
    Reactor there;
    Canned server{.answers = {ok("y")}};
    const auto endpoint = listen(there, "tcp://127.0.0.1:0", [&] { return HandlerPtr(new CannedConnection(server)); }).value()->endpoint();
    HttpClient client(alone);
    bool is_answered = false;
    client.get("http://" + endpoint.substr(6)).on_success([&](const HttpReply&) { is_answered = true; });
    REQUIRE(run_until(alone, [&] { return there.run_once().ok() && is_answered; }));
    CHECK(client.open() == 1);
    CHECK(alone.run().ok());  // returns at once, though the connection is there
    CHECK(client.open() == 1);
}

TEST_CASE("client_opens_no_more_than_allowed_and_the_rest_waits_in_order") {
    Site site({.per_origin = 2});
    site.server.answers = {"", "", ok("3"), ok("4")};
    for (int i = 1; i <= 4; ++i) site.get("http://a/" + std::to_string(i));
    REQUIRE(settle(site.reactor));
    CHECK(site.server.connections == 2);
    CHECK(site.client->waiting() == 2);
    for (const SourceId id : site.server.open) find_connection(site.reactor, id)->write(ok("x"));
    REQUIRE(settle(site.reactor));
    CHECK(site.outcomes == std::vector<std::string>{"200 x", "200 x", "200 3", "200 4"});
    CHECK(site.server.connections == 2);
    CHECK(site.client->waiting() == 0);
}

TEST_CASE("client_at_its_limit_of_connections_closes_the_oldest_idle_one") {
    Site site({.connections = 2});
    CHECK(site.after("http://a/", {ok("a")}) == "200 a");
    site.advance(1s);
    CHECK(site.after("http://b/", {ok("b")}) == "200 b");
    CHECK(site.after("http://c/", {ok("c")}) == "200 c");
    CHECK(site.client->open() == 2);
    CHECK(site.after("http://b/", {ok("b")}) == "200 b");
    CHECK(site.server.connections == 3);  // it was a's that went
}

TEST_CASE("client_refuses_a_request_that_is_one_too_many") {
    Site site({.per_origin = 1, .queue = 2});
    for (int i = 0; i < 3; ++i) site.get("http://a/");
    CHECK(site.client->waiting() == 2);
    site.get("http://a/");
    REQUIRE(settle(site.reactor));
    CHECK(site.outcome() == "limit request: too many requests wait for a connection");
    CHECK(site.reactor.metrics().http_client_queue_hits == 1);
}

TEST_CASE("client_sends_an_idempotent_request_again_once_if_the_kept_connection_was_closed") {
    for (const char* how : {"close", "abort"}) {
        Site site;
        CHECK(site.after("http://a/", {ok("1")}) == "200 1");
        CHECK(site.after("http://a/", {how, ok("2")}) == "200 2");
        CHECK(site.server.connections == 2);
        CHECK(site.reactor.metrics().http_client_retries == 1);
        site.server.answers = {how};
        site.ask({.method = "POST", .url = "http://a/", .body = "x"});
        REQUIRE(settle(site.reactor));
        CHECK(site.outcome() != "nothing");
        CHECK(site.reactor.metrics().http_client_retries == 1);
    }
    Site site;  // a fresh connection is no excuse
    CHECK(site.after("http://a/", {"close"}) == "remote_protocol receive: the peer ended in the middle of a message");
    CHECK(site.server.connections == 1);
}

TEST_CASE("client_does_not_send_again_once_an_octet_of_the_answer_is_there") {
    Site site;
    CHECK(site.after("http://a/", {ok("1")}) == "200 1");
    site.server.answers = {"HTTP/1.1 2"};
    site.get("http://a/");
    REQUIRE(settle(site.reactor));
    find_connection(site.reactor, site.server.open.at(0))->close();
    REQUIRE(settle(site.reactor));
    CHECK(site.outcome() == "remote_protocol receive: the peer ended in the middle of a message");
    CHECK(site.server.connections == 1);
}

TEST_CASE("client_follows_redirects_by_the_rules_of_methods") {
    struct Rule {
        int status;
        const char* method;
        const char* then;
    };
    for (const Rule& rule : {Rule{301, "POST", "GET"}, Rule{302, "POST", "GET"}, Rule{303, "POST", "GET"}, Rule{303, "PUT", "GET"},
                             Rule{303, "HEAD", "HEAD"}, Rule{302, "PUT", "PUT"}, Rule{307, "POST", "POST"}, Rule{308, "POST", "POST"}}) {
        CAPTURE(rule.status);
        CAPTURE(rule.method);
        Site site;
        site.server.answers = {moved(rule.status, "/b"), "HTTP/1.1 204 No Content\r\n\r\n"};
        HttpClientRequest request{.method = rule.method, .url = "http://h/a"};
        request.fields.emplace_back("Content-Type", "text/plain");
        site.ask(std::move(request));
        REQUIRE(settle(site.reactor));
        CHECK(site.outcome() == "204 ");
        CHECK(site.server.requests.at(1).starts_with(std::string(rule.then) + " /b HTTP/1.1\r\nHost: h"));
        const bool has_lost_its_body = std::string(rule.method) != rule.then;
        CHECK((site.server.requests.at(1).find("Content-Type") == std::string::npos) == has_lost_its_body);
        CHECK(site.last.redirected == 1);
        CHECK(site.last.url == "http://h/b");
    }
}

TEST_CASE("client_tells_a_redirect_that_it_does_not_follow") {
    Site site;
    CHECK(site.after("http://a/", {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"}) == "302 ");
    CHECK(site.after("http://a/", {moved(304, "/b")}) == "304 ");
    CHECK(site.after("http://a/", {moved(300, "/b")}) == "300 ");
    site.server.answers = {moved(302, "/b")};
    site.ask({.url = "http://a/", .redirects = 0});
    REQUIRE(settle(site.reactor));
    CHECK(site.outcome() == "302 ");
}

TEST_CASE("client_ends_a_chain_of_redirects_one_above_the_limit") {
    Site site({.redirects = 3});
    CHECK(site.after("http://a/", {moved(302, "/1"), moved(302, "/2"), moved(302, "/3"), ok("there")}) == "200 there");
    CHECK(site.after("http://a/", {moved(302, "/1"), moved(302, "/2"), moved(302, "/3"), moved(302, "/4"), ok("never")}) ==
          "limit redirect: there are more redirects than allowed");
    CHECK(site.reactor.metrics().http_client_redirect_hits == 1);
    CHECK(site.server.answers.size() == 1);
}

TEST_CASE("client_carries_no_credentials_to_another_origin") {
    const auto ask = [](Site& site, const std::string& location) {
        site.server.requests.clear();
        site.server.answers = {moved(302, location), ok("x")};
        HttpClientRequest request{.url = "http://a/"};
        request.fields = {{"Authorization", "secret"}, {"COOKIE", "secret"}, {"X-Other", "public"}};
        site.ask(std::move(request));
        REQUIRE(settle(site.reactor));
        REQUIRE(site.server.requests.size() == 2);
        CHECK(site.server.requests[1].find("public") != std::string::npos);
        return site.server.requests[1].find("secret") != std::string::npos;
    };
    Site site;
    CHECK(ask(site, "/same"));
    CHECK(ask(site, "http://a:80/same"));
    CHECK_FALSE(ask(site, "http://b/"));
    CHECK_FALSE(ask(site, "http://a:81/"));
    CHECK_FALSE(ask(site, "//b/"));
}

TEST_CASE("client_does_not_follow_what_is_no_url_of_http") {
    Site site;
    for (const char* location : {"ftp://a/", "http://user:word@b/", "http://a b/", "mailto:x", "https://"}) {
        CAPTURE(location);
        CHECK(site.after("http://a/", {moved(302, location)}).starts_with("remote_protocol redirect: Location: "));
    }
}

TEST_CASE("client_does_not_read_a_redirects_endless_body") {
    Site site;
    const std::string body(limits::http_discard + 1, 'x');
    CHECK(site.after("http://a/", {"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 99999999\r\n\r\n" + body, ok("b")}) == "200 b");
    CHECK(site.server.connections == 2);
    CHECK(site.reactor.metrics().http_discard_hits == 1);
}

TEST_CASE("client_reads_every_kind_of_body") {
    Site site;
    CHECK(site.after("http://a/", {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"}) ==
          "200 abcde");
    CHECK(site.after("http://a/", {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n" + ok("x")}) == "200 x");
    site.server.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"};
    site.ask({.method = "HEAD", .url = "http://a/"});
    REQUIRE(settle(site.reactor));
    CHECK(site.outcome() == "200 ");
    site.server.answers = {"HTTP/1.1 200 OK\r\n\r\nuntil the"};
    site.get("http://a/");
    REQUIRE(settle(site.reactor));
    CHECK(site.outcomes.empty());
    Connection& connection = *find_connection(site.reactor, site.server.open.back());
    connection.write(" end");
    connection.close();
    REQUIRE(settle(site.reactor));
    CHECK(site.outcome() == "200 until the end");
    CHECK(site.server.connections == 1);
}

TEST_CASE("client_refuses_what_is_no_answer") {
    for (const char* answer :
         {"garbage\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"}) {
        CAPTURE(answer);
        Site site;
        CHECK(site.after("http://a/", {answer}).starts_with("remote_protocol receive: "));
        CHECK(site.client->open() == 0);
    }
}

TEST_CASE("client_drops_a_kept_connection_on_which_something_comes_unasked") {
    Site site;
    CHECK(site.after("http://a/", {ok("1") + "HTTP/1.1 200 OK\r\n"}) == "200 1");
    CHECK(site.client->open() == 0);
    CHECK(site.after("http://a/", {ok("2")}) == "200 2");
}

TEST_CASE("client_deadlines_say_which_phase_took_too_long") {
    Site site({.total_timeout = 100s});
    site.server.answers = {""};
    site.get("http://a/");
    REQUIRE(settle(site.reactor));
    site.advance(limits::http_response - 1ms);
    CHECK(site.outcomes.empty());
    site.advance(1ms);
    CHECK(site.outcome() == "timeout receive: no answer began within the deadline");

    site.server.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"};
    site.get("http://a/");
    REQUIRE(settle(site.reactor));
    site.advance(limits::http_body_progress);
    CHECK(site.outcome() == "timeout receive: nothing of the answer's body came within the deadline");

    site.server.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"};
    site.get("http://a/");
    REQUIRE(settle(site.reactor));
    for (int i = 0; i < 4; ++i) {
        find_connection(site.reactor, site.server.open.back())->write("x");
        REQUIRE(settle(site.reactor));
        site.advance(25s);
    }
    CHECK(site.outcome() == "timeout request: it was not answered to the end within the deadline");
    CHECK(site.reactor.metrics().http_client_timeouts == 1);
    CHECK(site.client->open() == 0);
}

TEST_CASE("client_deadline_of_a_request_counts_while_it_waits_for_a_connection") {
    Site site({.per_origin = 1});
    site.get("http://a/1");
    site.ask({.url = "http://a/2", .total_timeout = 5s});
    REQUIRE(settle(site.reactor));
    CHECK(site.client->waiting() == 1);
    site.advance(5s);
    CHECK(site.outcome().starts_with("timeout request"));
    CHECK(site.client->waiting() == 0);
    CHECK(site.outcomes.empty());
}

TEST_CASE("client_connect_that_fails_says_so") {
    Site site({.connect_timeout = 3s, .connect_to = "memory://nobody"});
    site.get("http://a/");
    REQUIRE(settle(site.reactor));
    site.advance(3s);
    CHECK(site.outcome().find(" connect: ") != std::string::npos);
    CHECK(site.client->open() == 0);
}

TEST_CASE("client_cancel_is_told_once_wherever_the_request_is") {
    Site site({.per_origin = 1});
    const Deferred<HttpReply> first = site.get("http://a/1");
    const Deferred<HttpReply> second = site.get("http://a/2");
    const Deferred<HttpReply> third = site.get("http://a/3");
    REQUIRE(settle(site.reactor));
    second.cancel();
    first.cancel();
    CHECK_FALSE(first.cancel());
    site.server.answers = {ok("3")};
    REQUIRE(settle(site.reactor));
    CHECK(site.outcomes.size() == 3);
    CHECK(site.outcomes.at(0).starts_with("cancelled"));
    CHECK(site.outcomes.at(1).starts_with("cancelled"));
    CHECK(site.outcomes.at(2) == "200 3");
}

TEST_CASE("client_streams_an_answer_and_a_pause_holds_it") {
    Site site;
    Told told{.pauses = true};
    site.server.answers = {
        "HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nX: y\r\n\r\n"};
    const auto exchange = site.client->request({.url = "http://a/"}, std::make_unique<Teller>(told)).value();
    REQUIRE(settle(site.reactor));
    CHECK(told.trace == "interim:103 200 ");
    CHECK(told.body == "abc");
    site.advance(10 * limits::http_body_progress);  // it is not the server that is slow
    exchange->resume();
    REQUIRE(settle(site.reactor));
    CHECK(told.body == "abcdef");
    told.pauses = false;
    exchange->resume();
    REQUIRE(settle(site.reactor));
    CHECK(told.trace == "interim:103 200 end:1");
    CHECK(exchange->is_over());
    exchange->cancel();
    REQUIRE(settle(site.reactor));
    CHECK(told.trace == "interim:103 200 end:1");
    CHECK(site.client->open() == 1);
    CHECK(site.after("http://a/", {ok("x")}) == "200 x");  // the pause did not stay with the connection
}

TEST_CASE("client_streams_a_body_and_says_when_to_wait") {
    Site site;
    Told told;
    const auto exchange =
        site.client->request({.method = "PUT", .url = "http://a/", .is_streamed = true}, std::make_unique<Teller>(told)).value();
    const std::string piece(limits::http_client_backlog, 'x');
    CHECK(exchange->write(piece).is_flowing());
    CHECK(exchange->write("y").kind == WriteResult::Kind::wait);
    REQUIRE(settle(site.reactor));
    CHECK(told.drains >= 1);
    CHECK_FALSE(exchange->finish().has_failed());
    CHECK(exchange->finish().code == ErrorCode::state);
    CHECK(exchange->write("z").code == ErrorCode::state);
    REQUIRE(settle(site.reactor));
    CHECK(site.server.requests.at(0).find("Transfer-Encoding: chunked") != std::string::npos);
    find_connection(site.reactor, site.server.open.at(0))->write(ok("thanks"));
    REQUIRE(settle(site.reactor));
    CHECK(told.trace == "200 end:0");
    CHECK(told.body == "thanks");
    CHECK(exchange->write("late").code == ErrorCode::closed);
}

TEST_CASE("client_waits_for_the_answer_from_the_end_of_a_body_that_took_long") {
    Site site;
    Told told;
    site.server.answers = {""};
    HttpClientRequest request{.method = "PUT", .url = "http://a/", .is_streamed = true};
    const auto exchange = site.client->request(std::move(request), std::make_unique<Teller>(told)).value();
    REQUIRE(settle(site.reactor));
    site.advance(limits::http_response - 1s);
    CHECK_FALSE(exchange->finish().has_failed());
    REQUIRE(settle(site.reactor));
    site.advance(limits::http_response - 1ms);
    CHECK(told.trace.empty());
    site.advance(1ms);
    CHECK(told.trace == "timeout");
}

TEST_CASE("client_holds_only_so_much_of_a_body_before_there_is_a_connection") {
    Site site({.per_origin = 1});
    site.get("http://a/");
    Told told;
    const auto exchange =
        site.client->request({.method = "PUT", .url = "http://a/", .is_streamed = true}, std::make_unique<Teller>(told)).value();
    const std::string piece(limits::http_client_backlog_limit, 'x');
    CHECK(exchange->write(piece).kind == WriteResult::Kind::wait);
    CHECK_FALSE(exchange->is_over());
    CHECK(exchange->write("x").kind == WriteResult::Kind::wait);
    REQUIRE(settle(site.reactor));
    CHECK(told.trace == "limit");
    CHECK(site.reactor.metrics().http_client_backlog_hits == 1);
}

TEST_CASE("client_promise_of_a_length_is_kept") {
    Site site;
    Told told;
    HttpClientRequest request{.method = "PUT", .url = "http://a/", .is_streamed = true};
    request.fields = {{"Content-Length", "3"}};
    const auto exchange = site.client->request(std::move(request), std::make_unique<Teller>(told)).value();
    REQUIRE(settle(site.reactor));
    CHECK(exchange->write("abcd").code == ErrorCode::local_protocol);
    CHECK(exchange->write("ab").is_flowing());
    CHECK(exchange->finish().code == ErrorCode::local_protocol);
    CHECK(exchange->write("c").is_flowing());
    CHECK_FALSE(exchange->finish().has_failed());
    CHECK(site.server.requests.at(0).find("Content-Length: 3") != std::string::npos);
}

TEST_CASE("client_sends_a_large_body_without_filling_the_memory") {
    Site site;
    site.server.answers = {""};
    const std::string body(3 * limits::output_limit / 2, 'x');
    site.ask({.method = "POST", .url = "http://a/", .body = body});
    REQUIRE(settle(site.reactor));
    CHECK(site.outcomes.empty());  // else the output limit had ended it
    find_connection(site.reactor, site.server.open.at(0))->write(ok("thanks"));
    REQUIRE(settle(site.reactor));
    CHECK(site.outcome() == "200 thanks");
}

TEST_CASE("client_gathers_up_to_its_limit_and_not_an_octet_more") {
    Site site({.reply = 10});
    CHECK(site.after("http://a/", {ok("0123456789")}) == "200 0123456789");
    CHECK(site.after("http://a/", {ok("0123456789x")}) == "limit receive: the body is longer than what is gathered");
    CHECK(site.reactor.metrics().http_client_reply_hits == 1);
}

TEST_CASE("client_decompresses_only_when_asked_and_within_bounds") {
    const auto zipped = [](const std::string& text) {
        GzipWriter writer;
        std::string made;
        writer.add(text, made);
        writer.finish(made);
        return "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(made.size()) + "\r\n\r\n" + made;
    };
    Site plain;
    CHECK(plain.after("http://a/", {zipped("hello")}) != "200 hello");
    CHECK(plain.server.requests.at(0).find("Accept-Encoding") == std::string::npos);
    Site site({.decompresses = true});
    CHECK(site.after("http://a/", {zipped("hello")}) == "200 hello");
    CHECK(site.server.requests.at(0).find("Accept-Encoding: gzip, deflate") != std::string::npos);
    CHECK(site.after("http://a/", {zipped(std::string(1 << 24, '0'))}) ==
          "limit receive: decompression makes the body too many times larger");
    CHECK(site.reactor.metrics().http_client_inflate_hits == 1);
    CHECK(site.after("http://a/", {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\noops"}) ==
          "remote_protocol receive: the compressed body is damaged");
    const std::string whole = zipped("hello");
    CHECK(site.after("http://a/", {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n" +
                                   whole.substr(whole.find("\r\n\r\n") + 4, 12)}) ==
          "remote_protocol receive: the compressed body was cut");

    Told told{.pauses = true};
    site.server.answers = {zipped(std::string(60000, 'x'))};
    const auto exchange = site.client->request({.url = "http://a/"}, std::make_unique<Teller>(told)).value();
    REQUIRE(settle(site.reactor));
    CHECK(told.body.size() == limits::inflate_step);
    for (int i = 0; i < 10; ++i) {
        exchange->resume();
        REQUIRE(settle(site.reactor));
    }
    CHECK(told.body == std::string(60000, 'x'));
    CHECK(told.trace == "200 end:0");
}

TEST_CASE("client_says_at_once_what_cannot_be_sent") {
    Site site;
    Told told;
    const auto refused = [&](HttpClientRequest request) {
        const auto made = site.client->request(std::move(request), std::make_unique<Teller>(told));
        return made ? "taken" : std::string(code_name(made.error().code));
    };
    CHECK(refused({.url = "ftp://a/"}) == "argument");
    CHECK(refused({.method = "CONNECT", .url = "http://a/"}) == "argument");
    CHECK(refused({.method = "G T", .url = "http://a/"}) == "local_protocol");
    HttpClientRequest request{.url = "http://a/"};
    request.fields = {{"X", "a\r\nHost: b"}};
    CHECK(refused(std::move(request)) == "local_protocol");
    REQUIRE(settle(site.reactor));
    CHECK(told.trace.empty());
    CHECK(site.client->open() == 0);
}

TEST_CASE("client_at_a_stop_tells_everybody") {
    Site site({.per_origin = 1});
    site.get("http://a/1");
    site.get("http://a/2");
    REQUIRE(settle(site.reactor));
    site.reactor.stop();
    REQUIRE(site.reactor.run().ok());
    CHECK(site.outcomes.size() == 2);
    for (const std::string& outcome : site.outcomes) CHECK(outcome.starts_with("cancelled"));
    CHECK(site.client->open() == 0);
}

TEST_CASE("client_that_is_destroyed_lets_its_requests_end") {
    Site site;
    site.server.answers = {""};
    site.get("http://a/");
    REQUIRE(settle(site.reactor));
    site.client.reset();
    find_connection(site.reactor, site.server.open.at(0))->write(ok("x"));
    REQUIRE(settle(site.reactor));
    CHECK(site.outcome() == "200 x");
}

TEST_CASE("client_whose_reactor_goes_first_reaches_nothing") {
    std::optional<Reactor> reactor(std::in_place);
    HttpClient client(*reactor, {.per_origin = 1, .connect_to = "memory://nobody"});
    client.get("http://a/1");
    client.get("http://a/2");
    reactor.reset();
    CHECK_FALSE(client.is_there());
    CHECK(client.open() == 0);
}

// ---- proxies and TLS ----

TEST_CASE("client_through_a_proxy_asks_in_absolute_form") {
    Site site({.proxy = "http://proxy:3128", .proxy_authorization = "Basic secret"});
    CHECK(site.after("http://a/x", {ok("x")}) == "200 x");
    CHECK(site.server.requests.at(0).starts_with("GET http://a/x HTTP/1.1\r\nHost: a\r\n"));
    CHECK(site.server.requests.at(0).find("Proxy-Authorization: Basic secret") != std::string::npos);
}

namespace {

// A proxy that does as CONNECT says, but whatever the host, to that endpoint.
class Tunnel : public Handler {
public:
    Tunnel(std::string to, std::string answer, std::string& asked) : to_(std::move(to)), answer_(std::move(answer)), asked_(asked) {}
    void on_data(Connection& connection, Bytes octets) override {
        asked_.append(octets);
        if (!asked_.ends_with("\r\n\r\n")) return;
        connection.write(answer_);
        if (answer_.find(" 200 ") == answer_.npos) return;
        Connection* there = connect(connection.reactor(), to_, HandlerPtr(new Handler)).value();
        connection.pause();
        there->set_idle_timeout(20s);
        REQUIRE(connection.proxy_to(*there).ok());
        REQUIRE(there->proxy_to(connection).ok());
        connection.resume();
    }

private:
    std::string to_, answer_;
    std::string& asked_;
};

class Hello : public HttpConnection {
    void on_request(HttpRequest& request) override { request.respond(200, {}, "hello"); }
};

std::string fetched(Reactor& reactor, HttpClient& client, const std::string& url) {
    std::string outcome;
    client.get(url)
        .on_success([&](const HttpReply& reply) { outcome = std::to_string(reply.status) + " " + reply.body; })
        .on_failure(
            [&](const Error& error) { outcome = std::string(code_name(error.code)) + " " + error.operation + ": " + error.detail; });
    REQUIRE(run_until(reactor, [&] { return !outcome.empty(); }));
    return outcome;
}

}  // namespace

TEST_CASE("client_verifies_whom_it_talks_to") {
    Reactor reactor;
    const ContextPtr server = context_of(server_options());
    const std::string endpoint = listen<Hello>(reactor, "tls://127.0.0.1:0", {.tls = server}).value()->endpoint();
    const std::string port = endpoint.substr(endpoint.rfind(':'));
    HttpClient trusting(reactor, {.tls = context_of(client_options())});
    CHECK(fetched(reactor, trusting, "https://localhost" + port + "/") == "200 hello");
    HttpClient usual(reactor);
    CHECK(fetched(reactor, usual, "https://localhost" + port + "/").starts_with("tls "));
    HttpClient mistaken(reactor, {.connect_to = "tcp" + endpoint.substr(3), .tls = context_of(client_options())});
    CHECK(fetched(reactor, mistaken, "https://somebody.else/").starts_with("tls "));
    TlsOptions anybody;
    anybody.dangerous_no_verification = true;
    HttpClient careless(reactor, {.connect_to = "tcp" + endpoint.substr(3), .tls = context_of(anybody)});
    CHECK(fetched(reactor, careless, "https://somebody.else/") == "200 hello");
}

TEST_CASE("client_reaches_https_through_a_proxy_and_verifies_the_host") {
    Reactor reactor;
    const std::string there =
        "tcp" + listen<Hello>(reactor, "tls://127.0.0.1:0", {.tls = context_of(server_options())}).value()->endpoint().substr(3);
    std::string asked;
    std::string answer = "HTTP/1.1 200 Connected\r\n\r\n";
    const std::string proxy =
        listen(reactor, "tcp://127.0.0.1:0", [&] { return HandlerPtr(new Tunnel(there, answer, asked)); }).value()->endpoint();
    HttpClient client(reactor, {.proxy = "http" + proxy.substr(3), .proxy_authorization = "Basic x", .tls = context_of(client_options())});
    CHECK(fetched(reactor, client, "https://localhost/") == "200 hello");
    CHECK(asked == "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\nUser-Agent: tidemill\r\nProxy-Authorization: Basic x\r\n\r\n");
    CHECK(fetched(reactor, client, "https://localhost/again") == "200 hello");
    CHECK(asked.size() < 200);  // the same tunnel
    CHECK(fetched(reactor, client, "https://somebody.else/").starts_with("tls "));
    asked.clear();
    answer = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    CHECK(fetched(reactor, client, "https://localhost:444/") ==
          "remote_protocol connect: the proxy answered 407 Proxy Authentication Required");
    asked.clear();
    answer = "HTTP/1.1 200 Connected\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    CHECK(fetched(reactor, client, "https://localhost:445/") == "remote_protocol connect: the proxy sent something before TLS began");
}

TEST_CASE("client_does_not_follow_from_https_to_http_unless_told") {
    Reactor reactor;
    struct Away : HttpConnection {
        void on_request(HttpRequest& request) override { request.respond(302, {{"Location", "http://localhost:1/"}}); }
    };
    const std::string endpoint = listen<Away>(reactor, "tls://127.0.0.1:0", {.tls = context_of(server_options())}).value()->endpoint();
    const std::string url = "https://localhost" + endpoint.substr(endpoint.rfind(':')) + "/";
    HttpClient client(reactor, {.tls = context_of(client_options())});
    CHECK(fetched(reactor, client, url) == "remote_protocol redirect: it leads from https to http");
    HttpClient careless(reactor, {.may_leave_tls = true, .tls = context_of(client_options())});
    CHECK(fetched(reactor, careless, url).starts_with("os connect"));
}

// ---- cookies ----

namespace {

// Of the head that the server got: the field, "" for none.
std::string field_of(const std::string& request, const std::string& name) {
    const std::size_t at = request.find("\r\n" + name + ": ");
    if (at == request.npos) return {};
    const std::size_t from = at + name.size() + 4;
    return request.substr(from, request.find("\r\n", from) - from);
}

std::string setting(const std::string& cookies, const std::string& first_line = "200 OK") {
    return "HTTP/1.1 " + first_line + "\r\n" + cookies + "Content-Length: 0\r\n\r\n";
}

}  // namespace

TEST_CASE("client_without_a_jar_knows_no_cookies") {
    Site site;
    CHECK(site.after("http://a/", {setting("Set-Cookie: a=1\r\n")}) == "200 ");
    CHECK(site.after("http://a/", {ok("x")}) == "200 x");
    CHECK(field_of(site.server.requests.at(1), "Cookie").empty());
}

TEST_CASE("client_keeps_cookies_of_every_answer_and_tells_each_host_its_own") {
    const auto jar = std::make_shared<CookieJar>();
    Site site({.cookies = jar});
    const std::string to_b = setting("Set-Cookie: a=1\r\nset-cookie: b=2\r\n", "302 Found\r\nLocation: http://b/");
    const std::string to_a = setting("Set-Cookie: other=3\r\n", "307 Temporary\r\nLocation: http://a/again");
    CHECK(site.after("http://a/", {to_b, to_a, setting("Set-Cookie: a=4\r\n", "404 Not Found")}) == "404 ");
    CHECK(field_of(site.server.requests.at(0), "Cookie").empty());
    CHECK(field_of(site.server.requests.at(1), "Cookie").empty());
    CHECK(field_of(site.server.requests.at(2), "Cookie") == "a=1; b=2");
    CHECK(site.after("http://a:81/", {ok("x")}) == "200 x");
    CHECK(field_of(site.server.requests.at(3), "Cookie") == "a=4; b=2");  // a host's ports share them
    CHECK(jar->header(parse_url("http://b/", "test").value(), std::time(nullptr)) == "other=3");
}

TEST_CASE("client_takes_no_cookies_from_interim_answers_and_trailers") {
    const auto jar = std::make_shared<CookieJar>();
    Site site({.cookies = jar});
    CHECK(site.after("http://a/", {"HTTP/1.1 103 Hints\r\nSet-Cookie: a=1\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "1\r\nx\r\n0\r\nSet-Cookie: b=1\r\n\r\n"}) == "200 x");
    CHECK(jar->cookies(0).empty());
}

TEST_CASE("client_cookies_expire_by_the_wall_clock") {
    std::time_t now = 1'000'000'000;
    Site site({.cookies = std::make_shared<CookieJar>(), .wall_clock = [&] { return now; }});
    CHECK(site.after("http://a/", {setting("Set-Cookie: a=1; Max-Age=10\r\n")}) == "200 ");
    now += 9;
    CHECK(site.after("http://a/", {ok("x")}) == "200 x");
    CHECK(field_of(site.server.requests.at(1), "Cookie") == "a=1");
    ++now;
    CHECK(site.after("http://a/", {ok("x")}) == "200 x");
    CHECK(field_of(site.server.requests.at(2), "Cookie").empty());
}

TEST_CASE("client_sends_the_cookies_that_its_user_gives_instead_of_the_jars") {
    const auto jar = std::make_shared<CookieJar>();
    Site site({.cookies = jar});
    CHECK(site.after("http://a/", {setting("Set-Cookie: a=1\r\n")}) == "200 ");
    jar->take("b=1", parse_url("http://b/", "test").value(), std::time(nullptr));
    site.server.answers = {setting("Set-Cookie: a=2\r\n", "302 Found\r\nLocation: /same"), moved(302, "http://b/"), ok("x")};
    HttpClientRequest request{.url = "http://a/"};
    request.fields.emplace_back("cookie", "mine=1");
    site.ask(std::move(request));
    REQUIRE(settle(site.reactor));
    CHECK(site.outcome() == "200 x");
    CHECK(field_of(site.server.requests.at(1), "cookie") == "mine=1");
    CHECK(field_of(site.server.requests.at(2), "cookie") == "mine=1");
    for (int i = 1; i < 3; ++i) CHECK(field_of(site.server.requests[i], "Cookie").empty());
    // The user's go to no other origin; there the jar's are in place again.
    CHECK(field_of(site.server.requests.at(3), "cookie").empty());
    CHECK(field_of(site.server.requests.at(3), "Cookie") == "b=1");
    CHECK(jar->header(parse_url("http://a/", "test").value(), std::time(nullptr)) == "a=2");
}

TEST_CASE("client_counts_cookies_that_meet_a_limit") {
    Site site({.cookies = std::make_shared<CookieJar>(CookieLimits{.octets = 8, .per_domain = 2})});
    CHECK(site.after("http://a/", {setting("Set-Cookie: a=12345678\r\n")}) == "200 ");
    CHECK(site.reactor.metrics().http_client_cookie_hits == 1);
    CHECK(site.after("http://a/", {setting("Set-Cookie: a=1\r\nSet-Cookie: b=1\r\nSet-Cookie: c=1\r\n")}) == "200 ");
    CHECK(site.reactor.metrics().http_client_cookie_hits == 2);
}

// ---- Expect: 100-continue ----

namespace {

struct Expecting : Site {
    explicit Expecting(HttpClientOptions options = {}) : Site(std::move(options)) { server.answers = {""}; }
    void post(std::string body) {
        HttpClientRequest request{.method = "POST", .url = "http://a/", .body = std::move(body)};
        request.fields.emplace_back("Expect", "100-continue");
        ask(std::move(request));
        REQUIRE(settle(reactor));
    }
    // What the newest connection is told.
    void say(const std::string& text) {
        find_connection(reactor, server.open.back())->write(text);
        REQUIRE(settle(reactor));
    }
};

// Ends as a head does, so that the server counts it as one.
const std::string body_end = "body\r\n\r\n";

}  // namespace

TEST_CASE("client_holds_a_body_back_until_the_server_says_100") {
    Expecting site;
    site.post(body_end);
    CHECK(site.server.requests.size() == 1);
    CHECK(field_of(site.server.requests[0], "Expect") == "100-continue");
    site.say("HTTP/1.1 103 Hints\r\n\r\n");
    CHECK(site.server.requests.size() == 1);
    site.say("HTTP/1.1 100 Continue\r\n\r\n");
    REQUIRE(site.server.requests.size() == 2);
    CHECK(site.server.requests[1] == "body");
    site.say("HTTP/1.1 100 Continue\r\n\r\n" + ok("x"));
    CHECK(site.outcome() == "200 x");
    CHECK(site.client->open() == 1);
    site.advance(limits::http_continue);
    CHECK(site.reactor.metrics().http_client_continue_timeouts == 0);
}

TEST_CASE("client_sends_a_body_to_a_silent_server_after_a_while") {
    Expecting site;
    site.post(body_end);
    site.advance(limits::http_continue - 1ms);
    CHECK(site.server.requests.size() == 1);
    site.advance(1ms);
    CHECK(site.server.requests.size() == 2);
    CHECK(site.reactor.metrics().http_client_continue_timeouts == 1);
    // Only from here on the answer is waited for.
    site.advance(limits::http_response - 1ms);
    CHECK(site.outcomes.empty());
    site.advance(1ms);
    CHECK(site.outcome() == "timeout receive: no answer began within the deadline");
}

TEST_CASE("client_does_not_send_a_body_that_was_refused") {
    for (const char* status : {"413 Too Large", "401 Unauthorized", "304 Not Modified", "500 Error"}) {
        CAPTURE(status);
        Expecting site;
        site.post(body_end);
        site.say(setting("", status));
        CHECK(site.outcome() == std::string(status).substr(0, 3) + " ");
        CHECK(site.client->open() == 0);  // the server could not tell the body from a request
        site.advance(2 * limits::http_continue);
        CHECK(site.server.requests.size() == 1);
        CHECK(site.reactor.metrics().http_client_continue_timeouts == 0);
    }
}

TEST_CASE("client_sends_a_request_once_more_without_an_expectation_that_is_not_known") {
    Expecting site({.per_origin = 1, .redirects = 0});
    site.post(body_end);
    site.server.answers = {"", setting("", "417 Expectation Failed")};
    site.say(setting("", "417 Expectation Failed"));
    CHECK(site.server.connections == 2);
    REQUIRE(site.server.requests.size() == 3);
    CHECK(field_of(site.server.requests[1], "Expect").empty());
    CHECK(site.server.requests[2] == "body");
    CHECK(site.outcome() == "417 ");
    CHECK(site.outcomes.empty());
}

TEST_CASE("client_sends_the_body_after_a_yes_that_came_early") {
    Expecting site;
    site.post(body_end);
    site.say(ok("x"));
    CHECK(site.outcome() == "200 x");
    CHECK(site.server.requests.size() == 2);
    CHECK(site.client->open() == 1);
}

TEST_CASE("client_holds_a_streamed_body_back_and_may_still_be_redirected") {
    for (const bool is_redirected : {false, true}) {
        CAPTURE(is_redirected);
        Expecting site;
        Told told;
        HttpClientRequest request{.method = "PUT", .url = "http://a/", .is_streamed = true};
        request.fields.emplace_back("Expect", "100-continue");
        const auto exchange = site.client->request(std::move(request), std::make_unique<Teller>(told)).value();
        REQUIRE(settle(site.reactor));
        CHECK(exchange->write(body_end).is_flowing());
        CHECK_FALSE(exchange->write(std::string(limits::http_client_backlog, 'x')).is_flowing());
        REQUIRE(settle(site.reactor));
        CHECK(site.server.requests.size() == 1);
        CHECK(told.drains == 0);
        if (is_redirected) {
            site.server.answers = {""};
            site.say(moved(307, "/there"));
            CHECK(site.server.requests.size() == 2);
            CHECK(site.server.requests.back().starts_with("PUT /there"));
        }
        const std::size_t before = site.server.requests.size();
        site.say("HTTP/1.1 100 Continue\r\n\r\n");
        REQUIRE(site.server.requests.size() == before + 1);
        CHECK(site.server.requests.back().ends_with("body"));
        CHECK(told.drains == 1);
        CHECK_FALSE(exchange->finish().has_failed());
        REQUIRE(settle(site.reactor));
        site.say(ok("y"));
        CHECK(told.trace == "200 end:0");
        CHECK(told.body == "y");
    }
}

TEST_CASE("client_whose_kept_connection_was_closed_waits_for_100_on_the_next_one") {
    Site site;
    CHECK(site.after("http://a/", {ok("1")}) == "200 1");
    site.server.answers = {"close", ""};
    HttpClientRequest request{.method = "PUT", .url = "http://a/", .body = body_end};
    request.fields.emplace_back("Expect", "100-continue");
    site.ask(std::move(request));
    REQUIRE(settle(site.reactor));
    CHECK(site.server.connections == 2);
    CHECK(site.server.requests.size() == 3);
    CHECK(site.reactor.metrics().http_client_retries == 1);
    site.server.answers = {ok("x")};
    site.advance(limits::http_continue);
    CHECK(site.outcome() == "200 x");
    CHECK(site.reactor.metrics().http_client_continue_timeouts == 1);
}

TEST_CASE("client_that_gives_up_while_it_waits_for_100_leaves_nothing_behind") {
    Expecting site;
    HttpClientRequest request{.method = "POST", .url = "http://a/", .body = body_end};
    request.fields.emplace_back("Expect", "100-continue");
    Deferred<HttpReply> deferred = site.ask(std::move(request));
    REQUIRE(settle(site.reactor));
    deferred.cancel();
    REQUIRE(settle(site.reactor));
    site.advance(2 * limits::http_continue);
    CHECK(site.server.requests.size() == 1);
    CHECK(site.reactor.metrics().http_client_continue_timeouts == 0);
    CHECK(site.reactor.metrics().timers == 0);
}

TEST_CASE("client_interim_answers_of_redirects_are_told_and_100_is_not") {
    Site site;
    site.server.answers = {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n" + moved(302, "/b"),
                           "HTTP/1.1 102 Processing\r\n\r\n" + ok("x")};
    Told told;
    REQUIRE(site.client->request({.url = "http://a/"}, std::make_unique<Teller>(told)).ok());
    REQUIRE(settle(site.reactor));
    CHECK(told.trace == "interim:103 interim:102 200 end:0");
}

// ---- Proxy-Authorization ----

TEST_CASE("client_credentials_for_a_proxy_go_to_it_and_to_nobody_behind_it") {
    Reactor reactor;
    struct Keeper : HttpConnection {
        explicit Keeper(std::string& fields) : fields_(fields) {}
        void on_request(HttpRequest& request) override {
            for (const HttpField& field : request.fields()) fields_.append(field.name).append(": ").append(field.value).append("\n");
            request.respond(200, {}, "hello");
        }
        std::string& fields_;
    };
    std::string fields;
    const auto keeper = [&] { return HandlerPtr(new Keeper(fields)); };
    const std::string there =
        "tcp" + listen(reactor, "tls://127.0.0.1:0", keeper, {.tls = context_of(server_options())}).value()->endpoint().substr(3);
    std::string asked;
    const std::string answer = "HTTP/1.1 200 Connected\r\nSet-Cookie: proxy=1\r\n\r\n";
    const std::string proxy =
        listen(reactor, "tcp://127.0.0.1:0", [&] { return HandlerPtr(new Tunnel(there, answer, asked)); }).value()->endpoint();
    const auto jar = std::make_shared<CookieJar>();
    jar->take("a=1", parse_url("https://localhost/", "test").value(), std::time(nullptr));
    HttpClient client(
        reactor,
        {.proxy = "http" + proxy.substr(3), .proxy_authorization = "Basic secret", .tls = context_of(client_options()), .cookies = jar});
    CHECK(fetched(reactor, client, "https://localhost/") == "200 hello");
    CHECK(asked.find("Proxy-Authorization: Basic secret") != asked.npos);
    CHECK(asked.find("Cookie") == asked.npos);
    CHECK(fields.find("Host: localhost\n") != fields.npos);
    CHECK(fields.find("secret") == fields.npos);
    CHECK(fields.find("Cookie: a=1\n") != fields.npos);
    CHECK(jar->cookies(std::time(nullptr)).size() == 1);  // the proxy's is not the host's
}

TEST_CASE("client_without_a_proxy_says_no_credentials_for_one") {
    Site site({.proxy_authorization = "Basic secret"});
    CHECK(site.after("http://a/", {ok("x")}) == "200 x");
    HttpClientRequest request{.url = "http://a/"};
    request.fields.emplace_back("proxy-authorization", "Basic secret");
    site.server.answers = {ok("y")};
    site.ask(std::move(request));
    REQUIRE(settle(site.reactor));
    for (const std::string& asked : site.server.requests) CHECK(asked.find("secret") == std::string::npos);
    CHECK(site.server.requests.size() == 2);
}

TEST_CASE("client_sends_the_credentials_for_a_proxy_that_its_user_gives_instead_of_its_own") {
    Site site({.proxy = "http://proxy:3128", .proxy_authorization = "Basic usual"});
    HttpClientRequest request{.url = "http://a/"};
    request.fields.emplace_back("Proxy-Authorization", "Basic other");
    site.server.answers = {ok("x")};
    site.ask(std::move(request));
    REQUIRE(settle(site.reactor));
    CHECK(site.outcome() == "200 x");
    CHECK(field_of(site.server.requests.at(0), "Proxy-Authorization") == "Basic other");
    CHECK(site.server.requests.at(0).find("usual") == std::string::npos);
}
