// A server of HTTP: GET / says hello, POST /echo sends the body back as it comes. Try it: curl http://127.0.0.1:8080/
#include <tidemill/tidemill.h>

#include <cstdio>
#include <string>

using namespace tidemill;

struct Hello : HttpConnection {
    void on_request(HttpRequest& request) override {
        if (request.path() == "/echo" && request.method() == "POST") {
            request.start(200, {{"content-type", "application/octet-stream"}});
        } else if (request.path() != "/") {
            request.respond(404, {{"content-type", "text/plain"}}, "not found\n");
        } else if (request.method() == "GET" || request.method() == "HEAD") {
            request.respond(200, {{"content-type", "text/plain"}}, "hello\n");
        } else {
            request.respond(405, {{"allow", "GET, HEAD"}});
        }
    }

    // A client that does not read its echo is not read from either.
    void on_body(HttpRequest& request, Bytes data) override {
        if (!request.write(data).is_flowing()) request.pause();
    }
    void on_response_drain(HttpRequest& request) override { request.resume(); }
    void on_body_end(HttpRequest& request) override { request.end(); }
};

int main(int count, char** words) {
    std::string endpoint = "tcp://127.0.0.1:8080";
    for (int i = 1; i + 1 < count; ++i) {
        if (std::string_view(words[i]) == "--listen") endpoint = words[++i];
    }
    Reactor reactor;
    const auto listener = listen<Hello>(reactor, endpoint);
    if (!listener) return std::fprintf(stderr, "hello: %s\n", listener.error().text().c_str()), 1;
    std::printf("listening %s\n", listener.value()->endpoint().c_str());
    std::fflush(stdout);
    if (const Result<void> run = reactor.run(); !run) return std::fprintf(stderr, "hello: %s\n", run.error().text().c_str()), 1;
}
