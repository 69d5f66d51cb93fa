// HTTP: GET / says hello, POST /echo sends the body back as it comes.   build/examples/http/hello --listen tcp://127.0.0.1:8080
//
//     curl http://127.0.0.1:8080/        curl -T some-file -X POST http://127.0.0.1:8080/echo
#include <tidemill/tidemill.h>

#include <csignal>
#include <cstdio>
#include <string_view>

static tidemill::Reactor reactor;

struct Hello : tidemill::HttpConnection {
    void on_request(tidemill::HttpRequest& request) override {
        if (request.method() == "POST" && request.path() == "/echo") {
            request.start(200, {{"content-type", "application/octet-stream"}});
        } else if (request.path() == "/") {
            request.respond(200, {{"content-type", "text/plain"}}, "hello\n");
        } else {
            request.respond(404, {{"content-type", "text/plain"}}, "not found\n");
        }
    }

    // Of a client that does not read its echo nothing more is read.
    void on_body(tidemill::HttpRequest& request, tidemill::Bytes data) override {
        if (!request.write(data).is_flowing()) request.pause();
    }
    void on_response_drain(tidemill::HttpRequest& request) override { request.resume(); }
    void on_body_end(tidemill::HttpRequest& request) override { request.finish(); }
};

int main(int argc, char** argv) {
    const bool has_endpoint = argc == 3 && std::string_view(argv[1]) == "--listen";
    const auto listener = tidemill::listen<Hello>(reactor, has_endpoint ? argv[2] : "tcp://127.0.0.1:8080");
    if (!listener) {
        std::fprintf(stderr, "%s\n", listener.error().text().c_str());
        return 1;
    }
    std::printf("listening on %s\n", listener.value()->endpoint().c_str());
    std::fflush(stdout);
    std::signal(SIGINT, [](int) { reactor.request_stop(); });
    std::signal(SIGTERM, [](int) { reactor.request_stop(); });
    return reactor.run().ok() ? 0 : 1;
}
