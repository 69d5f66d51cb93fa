// Echo: every octet comes back.   build/examples/echo --listen tcp://127.0.0.1:8080
#include <tidemill/tidemill.h>

#include <csignal>
#include <cstdio>
#include <string_view>

static tidemill::Reactor reactor;

struct Echo : tidemill::Handler {
    void on_data(tidemill::Connection& connection, tidemill::Bytes data) override { connection.write(data); }
};

int main(int argc, char** argv) {
    const bool has_endpoint = argc == 3 && std::string_view(argv[1]) == "--listen";
    const auto listener = tidemill::listen<Echo>(reactor, has_endpoint ? argv[2] : "tcp://127.0.0.1:8080");
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
