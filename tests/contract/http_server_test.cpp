// HttpConnection in every world: order, answers at once and later, pieces and back-pressure, bodies, refusals, deadlines, draining.
#include <doctest/doctest.h>

#include <deque>
#include <stdexcept>

#include "support/world.h"
#include "tidemill/serve/http_connection.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

// What the server's side is told, as words; what it does is up to the hooks.
struct Server {
    std::string trace;
    std::string body;
    std::string refusal;
    Error reason;
    HttpServerOptions options;
    std::function<void(HttpRequest&)> on_request;
    std::function<void(HttpRequest&, Bytes)> on_body;
    std::function<void(HttpRequest&)> on_body_end;
    std::function<void(HttpRequest&)> on_drain;
    bool takes_errors = false;
    std::deque<HttpRequestHandle> handles;
};

class Site : public HttpConnection {
public:
    explicit Site(Server& server) : HttpConnection(server.options), server_(server) {}

    void on_request(HttpRequest& request) override {
        server_.trace.append(request.method()).append(" ").append(request.target()) += ' ';
        server_.handles.push_back(request.handle());
        if (server_.on_request) server_.on_request(request);
    }
    void on_body(HttpRequest& request, Bytes data) override {
        server_.body.append(data);
        if (server_.on_body) server_.on_body(request, data);
    }
    void on_body_end(HttpRequest& request) override {
        server_.trace += "whole ";
        if (server_.on_body_end) server_.on_body_end(request);
    }
    void on_response_drain(HttpRequest& request) override {
        server_.trace += "drain ";
        if (server_.on_drain) server_.on_drain(request);
    }
    void on_response(HttpRequest& request, int status, std::uint64_t octets, Duration) override {
        server_.trace += (request.is_cut() ? "cut:" : "") + std::to_string(status) + ":" + std::to_string(octets) + " ";
    }
    void on_refusal(Connection&, int status, const Error& why) override {
        server_.refusal = std::to_string(status) + " " + std::string(code_name(why.code));
    }
    void on_close(Connection&, const Error& reason) override {
        server_.reason = reason;
        server_.trace += "closed";
    }
    bool on_error(Connection&, const std::exception_ptr&) override { return server_.takes_errors; }

private:
    Server& server_;
};

// A plain client of such a server.
struct Scene {
    explicit Scene(World& in) : world(in) {
        server.options.adds_date = false;
        Result<Listener*> made =
            listen(world.reactor, world.fresh_endpoint(), [this] { return HandlerPtr(new Site(server)); }, world.listen_options());
        REQUIRE(made.ok());
        listener = made.value();
        join();
    }

    void join() {
        client = std::make_shared<Party>();
        Result<Connection*> connection = connect(world.reactor, listener->endpoint(), handler_of(client), world.connect_options());
        REQUIRE(connection.ok());
        client->connection = connection.value();
        REQUIRE(world.until([&] { return client->trace.starts_with("open"); }));
    }

    void send(Bytes octets) { client->connection->write(octets); }
    bool until_answer(Bytes octets) {
        return world.until([&] { return client->received == octets || client->is_closed(); }) && client->received == octets;
    }
    bool until_trace(Bytes trace) {
        return world.until([&] { return server.trace == trace; });
    }

    World& world;
    Server server;
    Listener* listener = nullptr;
    PartyPtr client;
};

constexpr Bytes get_a = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr Bytes get_b = "GET /b?c=d HTTP/1.1\r\nHost: x\r\n\r\n";

std::string answer(Bytes body, Bytes more = {}) {
    return "HTTP/1.1 200 OK\r\n" + std::string(more) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

void say_target(HttpRequest& request) {
    request.respond(200, {}, request.target());
}

}  // namespace

TEST_CASE("http_server_requests_in_a_row_are_answered_in_order_on_one_connection") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_request = say_target;
        scene.send(get_a);
        CHECK(scene.until_answer(answer("/a")));
        scene.send(get_b);
        CHECK(scene.until_answer(answer("/a") + answer("/b?c=d")));
        CHECK(scene.server.trace == "GET /a 200:2 GET /b?c=d 200:6 ");
    });
}

TEST_CASE("http_server_pipelined_requests_wait_for_a_late_answer") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.send(std::string(get_a) + std::string(get_b));
        REQUIRE(scene.until_trace("GET /a whole "));
        REQUIRE(settle(world.reactor));
        CHECK(scene.server.trace == "GET /a whole ");
        HttpRequest* first = scene.server.handles[0].find();
        REQUIRE(first != nullptr);
        CHECK(first->target() == "/a");
        CHECK(first->header("HOST") == "x");
        scene.server.on_request = say_target;
        first->respond(200, {}, "late");
        CHECK(scene.server.trace == "GET /a whole ");  // nothing is called inside a call of the user
        CHECK(scene.until_answer(answer("late") + answer("/b?c=d")));
        CHECK(scene.server.handles[0].find() == nullptr);
        CHECK(scene.server.handles[1].find() == nullptr);
        CHECK(scene.server.trace == "GET /a whole 200:4 GET /b?c=d 200:6 ");
    });
}

TEST_CASE("http_server_handle_of_a_closed_connection_finds_nothing") {
    in_every_world([](World& world) {
        if (world.is("unix")) return;  // there an abort looks like a half-close, whose answer is still wanted
        Scene scene(world);
        scene.send(get_a);
        REQUIRE(scene.until_trace("GET /a whole "));
        scene.client->connection->abort();
        REQUIRE(world.until([&] { return scene.server.trace.ends_with("closed"); }));
        CHECK(scene.server.handles[0].find() == nullptr);
        CHECK(scene.server.trace == "GET /a whole cut:0:0 closed");
    });
}

TEST_CASE("http_server_answer_after_the_answer_is_refused_and_changes_nothing") {
    in_every_world([](World& world) {
        Scene scene(world);
        std::string codes;
        scene.server.on_request = [&](HttpRequest& request) {
            const WriteResult bad = request.respond(200, {{"x", "a\r\nSet-Cookie: b"}});
            codes.append(code_name(bad.code)) += ' ';
            CHECK(request.error().detail.find("control character") != std::string::npos);
            say_target(request);
            codes.append(code_name(request.respond(200).code)) += ' ';
            codes.append(code_name(request.start(200).code)) += ' ';
            codes.append(code_name(request.write("x").code)) += ' ';
            codes.append(code_name(request.finish().code));
        };
        scene.send(get_a);
        CHECK(scene.until_answer(answer("/a")));
        CHECK(codes == "local_protocol local_protocol local_protocol local_protocol local_protocol");
    });
}

TEST_CASE("http_server_answer_in_pieces_is_chunked_and_may_have_trailers") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_request = [](HttpRequest& request) {
            request.start(200);
            request.write("one");
            request.write("");
        };
        scene.send(get_a);
        REQUIRE(scene.until_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"));
        HttpRequest* request = scene.server.handles[0].find();
        REQUIRE(request != nullptr);
        request->write("two");
        request->finish({{"x-sum", "6"}});
        CHECK(scene.until_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\nx-sum: 6\r\n\r\n"));
        CHECK(scene.until_trace("GET /a whole 200:6 "));
    });
}

TEST_CASE("http_server_body_streams_with_back_pressure_both_ways") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_request = [](HttpRequest& request) { request.start(200, {{"content-length", "12000000"}}); };
        scene.server.on_body = [](HttpRequest& request, Bytes data) {
            if (!request.write(data).is_flowing()) request.pause();
        };
        scene.server.on_drain = [](HttpRequest& request) { request.resume(); };
        scene.server.on_body_end = [](HttpRequest& request) { request.finish(); };
        const std::string sent = pattern(12000000);
        REQUIRE(scene.client->connection->set_watermarks(0, sent.size()).ok());
        scene.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 12000000\r\n\r\n" + sent);
        scene.client->connection->pause();
        REQUIRE(settle(world.reactor));
        CHECK(scene.server.body.size() < sent.size());  // the queues are full and nothing more is read
        scene.client->connection->resume();
        REQUIRE(scene.until_answer("HTTP/1.1 200 OK\r\nContent-Length: 12000000\r\n\r\n" + sent));
        CHECK(scene.server.trace.find("drain") != std::string::npos);
        CHECK(scene.until_trace(scene.server.trace));
        CHECK(scene.server.trace.ends_with("whole 200:12000000 "));
    });
}

TEST_CASE("http_server_paused_request_tells_no_body_until_resume") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_request = [](HttpRequest& request) { request.pause(); };
        scene.server.on_body_end = say_target;
        scene.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
        REQUIRE(scene.until_trace("POST /a "));
        REQUIRE(settle(world.reactor));
        CHECK(scene.server.body.empty());
        world.clock.advance(10min);  // it is not the client that is slow
        REQUIRE(settle(world.reactor));
        scene.server.handles[0].find()->resume();
        CHECK(scene.server.body.empty());
        CHECK(scene.until_answer(answer("/a")));
        CHECK(scene.server.body == "body");
    });
}

TEST_CASE("http_server_answered_while_paused_goes_on_with_the_next_request") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_request = [](HttpRequest& request) { request.pause(); };
        scene.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbodyGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
        REQUIRE(scene.until_trace("POST /a "));
        scene.server.on_request = say_target;
        scene.server.handles[0].find()->respond(200, {}, "early");
        CHECK(scene.until_answer(answer("early") + answer("/b")));
        CHECK(scene.server.body.empty());
    });
}

TEST_CASE("http_server_collected_body_comes_whole_and_beyond_the_limit_as_413") {
    in_every_world([](World& world) {
        Scene scene(world);
        std::string collected;
        scene.server.on_request = [&](HttpRequest& request) {
            request.collect([&](HttpRequest& whole, Bytes body) { collected = body, say_target(whole); }, 4);
        };
        scene.send("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n");
        CHECK(scene.until_answer(answer("/a")));
        CHECK(collected == "body");
        scene.send("POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n3\r\ndy!\r\n0\r\n\r\n");
        REQUIRE(world.until([&] { return scene.client->is_closed(); }));
        CHECK(scene.client->received.find("HTTP/1.1 413 ") != std::string::npos);
        CHECK(scene.client->received.find("Connection: close") != std::string::npos);
        CHECK(world.reactor.count().http_collect_hits == 1);
        scene.join();
        scene.send("POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        REQUIRE(world.until([&] { return scene.client->is_closed(); }));
        CHECK(scene.client->received.starts_with("HTTP/1.1 413 "));  // without a 100 before it
    });
}

TEST_CASE("http_server_expect_is_answered_when_the_body_is_wanted") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_body_end = say_target;
        scene.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        REQUIRE(scene.until_answer("HTTP/1.1 100 Continue\r\n\r\n"));
        scene.send("body");
        CHECK(scene.until_answer("HTTP/1.1 100 Continue\r\n\r\n" + answer("/a")));
    });
}

TEST_CASE("http_server_refusal_answers_400_tells_and_closes") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_request = say_target;
        scene.send(std::string(get_a) + "GET / HTTP/1.1\r\nHost : x\r\n\r\n");
        REQUIRE(world.until([&] { return scene.client->is_closed() && scene.server.trace.ends_with("closed"); }));
        CHECK(scene.client->received.starts_with(answer("/a") + "HTTP/1.1 400 Bad Request\r\n"));
        CHECK(scene.server.refusal == "400 remote_protocol");
        CHECK(scene.server.reason.code == ErrorCode::remote_protocol);
        CHECK(world.reactor.count().http_refusals == 1);
        CHECK(world.reactor.count().http_requests == 1);
    });
}

TEST_CASE("http_server_exception_is_answered_with_500_if_nothing_was") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.takes_errors = true;
        scene.server.on_request = [](HttpRequest&) { throw std::runtime_error("no"); };
        scene.send(std::string(get_a) + std::string(get_b));
        REQUIRE(world.until([&] { return scene.client->is_closed() && scene.server.trace.ends_with("closed"); }));
        CHECK(scene.client->received.starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
        CHECK(scene.client->received.find("Connection: close\r\n") != std::string::npos);
        CHECK(scene.server.trace.starts_with("GET /a 500:"));
        CHECK(scene.server.trace.find("/b") == std::string::npos);
    });
}

TEST_CASE("http_server_exception_in_a_begun_answer_cuts_it") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.takes_errors = true;
        scene.server.on_request = [](HttpRequest& request) {
            request.start(200);
            request.write("half");
            throw std::runtime_error("no");
        };
        scene.send(get_a);
        REQUIRE(world.until([&] { return scene.client->is_closed() && scene.server.trace.ends_with("closed"); }));
        CHECK(scene.client->received.find("0\r\n\r\n") == std::string::npos);
        CHECK(scene.server.trace == "GET /a cut:200:4 closed");
    });
}

TEST_CASE("http_server_unhandled_exception_leaves_run") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_request = [](HttpRequest&) { throw std::runtime_error("no"); };
        scene.send(get_a);
        CHECK_THROWS_AS(world.until([] { return false; }), std::runtime_error);
        CHECK(world.until([&] { return scene.server.trace.ends_with("closed"); }));
    });
}

TEST_CASE("http_server_deadlines_close_idle_and_answer_slow_heads") {
    in_every_world([](World& world) {
        Scene scene(world);
        REQUIRE(settle(world.reactor));
        world.clock.advance(limits::http_first_octet);
        REQUIRE(world.until([&] { return scene.client->is_closed() && scene.server.trace == "closed"; }));
        CHECK(scene.client->received.empty());
        CHECK_FALSE(scene.server.reason.is_set());
        CHECK(world.reactor.count().http_first_octet_hits == 1);

        scene.join();
        scene.send("GET / HT");
        REQUIRE(settle(world.reactor));
        world.clock.advance(limits::http_head);
        REQUIRE(world.until([&] { return scene.client->is_closed(); }));
        CHECK(scene.client->received.starts_with("HTTP/1.1 408 "));
        CHECK(world.reactor.count().http_head_hits == 1);

        scene.join();
        scene.server.on_request = say_target;
        scene.send(get_a);
        REQUIRE(scene.until_answer(answer("/a")));
        REQUIRE(settle(world.reactor));
        world.clock.advance(limits::http_idle - 1s);
        REQUIRE(settle(world.reactor));
        CHECK_FALSE(scene.client->is_closed());
        world.clock.advance(1s);
        REQUIRE(world.until([&] { return scene.client->is_closed(); }));
        CHECK(world.reactor.count().http_idle_hits == 1);

        scene.join();
        scene.server.on_request = nullptr;
        scene.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nb");
        REQUIRE(world.until([&] { return scene.server.body == "b"; }));
        REQUIRE(settle(world.reactor));
        world.clock.advance(limits::http_body_progress);
        REQUIRE(world.until([&] { return scene.client->is_closed() && scene.server.trace.ends_with("closed"); }));
        CHECK(scene.client->received.starts_with("HTTP/1.1 408 "));
        CHECK(scene.server.trace.ends_with("POST /b cut:408:0 closed"));
    });
}

TEST_CASE("http_server_reader_that_takes_nothing_is_aborted") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_request = [](HttpRequest& request) { request.respond(200, {}, pattern(8000000)); };
        scene.send(get_a);
        scene.client->connection->pause();
        REQUIRE(world.until([&] { return scene.server.trace.find("200:8000000") != std::string::npos; }));
        for (int i = 0; i < 3 && !scene.server.trace.ends_with("closed"); ++i) {
            REQUIRE(settle(world.reactor));
            world.clock.advance(limits::http_body_progress);
            REQUIRE(settle(world.reactor));
        }
        CHECK(scene.server.trace.ends_with("closed"));
        CHECK(world.reactor.count().http_slow_reader_hits == 1);
    });
}

TEST_CASE("http_server_drain_closes_the_idle_and_lets_the_others_finish") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.send(get_a);
        REQUIRE(scene.until_trace("GET /a whole "));
        const PartyPtr busy = scene.client;
        scene.join();
        const PartyPtr idle = scene.client;
        REQUIRE(world.reactor.drain().ok());
        REQUIRE(world.until([&] { return idle->is_closed(); }));
        CHECK_FALSE(busy->is_closed());
        HttpRequest* request = scene.server.handles[0].find();
        REQUIRE(request != nullptr);
        request->respond(200, {}, "bye");
        REQUIRE(world.until([&] { return busy->is_closed(); }));
        CHECK(busy->received == "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbye");
    });
}

TEST_CASE("http_server_unwanted_body_is_read_a_little_and_then_the_connection_closed") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_request = say_target;
        scene.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x') + std::string(get_b));
        CHECK(scene.until_answer(answer("/a") + answer("/b?c=d")));
        CHECK(scene.server.body.empty());
        scene.send("POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n" + std::string(limits::http_discard + 1, 'x'));
        REQUIRE(world.until([&] { return scene.client->is_closed(); }));
        CHECK(world.reactor.count().http_discard_hits == 1);
    });
}

TEST_CASE("http_server_flood_of_pipelined_requests_is_not_read_without_end") {
    in_every_world([](World& world) {
        Scene scene(world);
        std::string flood;
        while (flood.size() < 4000000) flood.append(get_a);
        REQUIRE(scene.client->connection->set_watermarks(0, flood.size()).ok());
        scene.send(flood);
        REQUIRE(scene.until_trace("GET /a whole "));
        REQUIRE(settle(world.reactor));
        CHECK(scene.client->connection->pending() > 0);
        CHECK(world.reactor.count().received_bytes < 2 * limits::http_pipelined + limits::receive_buffer);
    });
}

TEST_CASE("http_server_upgrade_gives_the_connection_to_another_handler") {
    in_every_world([](World& world) {
        struct Echo : Handler {
            void on_data(Connection& connection, Bytes octets) override { connection.write(octets); }
        };
        Scene scene(world);
        scene.server.on_request = [](HttpRequest& request) { request.upgrade(HandlerPtr(new Echo), {{"upgrade", "echo"}}); };
        scene.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nmore");
        CHECK(scene.until_answer("HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nConnection: Upgrade\r\n\r\nmore"));
        CHECK(scene.server.trace == "GET /a 101:0 ");
    });
}

TEST_CASE("http_server_events_are_split_at_line_feeds") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_request = [](HttpRequest& request) {
            request.start_events();
            request.send_event({.data = "one\ntwo\r\nthree", .event = "news", .id = "7", .retry = 1500ms});
            request.send_event({.data = ""});
            CHECK(request.send_event({.data = "x", .event = "a\ndata: b"}).code == ErrorCode::local_protocol);
            request.ping();
            request.finish();
        };
        scene.send("GET /a HTTP/1.0\r\n\r\n");
        REQUIRE(world.until([&] { return scene.client->is_closed(); }));
        const std::string& received = scene.client->received;
        CHECK(received.find("content-type: text/event-stream\r\n") != std::string::npos);
        CHECK(received.ends_with("\r\n\r\nevent: news\nid: 7\nretry: 1500\ndata: one\ndata: two\ndata: three\n\ndata: \n\n:\n\n"));
    });
}

TEST_CASE("http_server_half_closed_client_gets_its_answer") {
    in_every_world([](World& world) {
        if (world.is("tls")) return;
        Scene scene(world);
        scene.send(get_a);
        scene.client->connection->end_write();
        REQUIRE(scene.until_trace("GET /a whole "));
        REQUIRE(settle(world.reactor));
        HttpRequest* request = scene.server.handles[0].find();
        REQUIRE(request != nullptr);
        request->respond(200, {}, "late");
        REQUIRE(world.until([&] { return scene.client->is_closed(); }));
        CHECK(scene.client->received.ends_with("\r\n\r\nlate"));
    });
}

TEST_CASE("http_server_stop_in_a_callback_calls_nothing_else") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_request = [&](HttpRequest& request) {
            say_target(request);
            world.reactor.halt();
        };
        scene.send(std::string(get_a) + std::string(get_b));
        REQUIRE(world.until([&] { return !scene.server.trace.empty(); }));
        CHECK(scene.server.trace == "GET /a 200:2 ");
        CHECK(scene.until_answer(answer("/a") + answer("/b?c=d")));
    });
}
