// One AccessLog for reactors in several threads, reopened meanwhile: every line arrives, once and whole.
#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/party.h"
#include "support/scratch.h"
#include "tidemill/serve/access_log.h"
#include "tidemill/serve/http_connection.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

struct Site : HttpConnection {
    explicit Site(AccessLog& log) : log_(log) {}
    void on_request(HttpRequest& request) override { request.respond(204); }
    void on_response(HttpRequest& request, int status, std::uint64_t octets, Duration) override { log_.add(request, status, octets); }

private:
    AccessLog& log_;
};

// A reactor with a server and a client, until the last of the requests is answered.
void serve(AccessLog& log, int requests) {
    Reactor reactor;
    Result<Listener*> listener = listen(reactor, "tcp://127.0.0.1:0", [&log] { return HandlerPtr(new Site(log)); });
    REQUIRE(listener.ok());
    const PartyPtr client = std::make_shared<Party>();
    Result<Connection*> connection = connect(reactor, listener.value()->endpoint(), handler_of(client));
    REQUIRE(connection.ok());
    for (int i = 1; i <= requests; ++i)
        connection.value()->write("GET / HTTP/1.1\r\nHost: x\r\n" + std::string(i == requests ? "Connection: close\r\n" : "") + "\r\n");
    while (!client->is_closed()) REQUIRE(reactor.run_once(std::chrono::milliseconds(100)).ok());
    listener.value()->close();
    CHECK(reactor.run().ok());  // which writes what has been added
}

}  // namespace

TEST_CASE("access_log_takes_lines_of_several_threads") {
    constexpr int threads = 3, requests = 400;
    Scratch scratch;
    Result<AccessLog> opened = AccessLog::open(scratch.path("log"));
    REQUIRE(opened.ok());
    AccessLog log = std::move(opened).value();
    std::atomic<int> left = threads;
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i) {
        running.emplace_back([&] {
            serve(log, requests);
            --left;
        });
    }
    while (left > 0) {
        CHECK(log.reopen().ok());
        std::this_thread::yield();
    }
    for (std::thread& thread : running) thread.join();
    log.close();

    std::ifstream file(scratch.path("log"));
    int count = 0;
    for (std::string line; std::getline(file, line); ++count) {
        CHECK(line.starts_with("127.0.0.1 - - ["));
        CHECK(line.ends_with("] \"GET / HTTP/1.1\" 204 0 \"-\" \"-\""));
    }
    CHECK(count == threads * requests);
}
