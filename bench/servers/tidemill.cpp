// tidemill's server in C++: PROGRAM --case echo|lines|chat|http|websocket --listen ENDPOINT [--spin SECONDS]
#include <tidemill/tidemill.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

static tidemill::Reactor reactor;

struct Echo : tidemill::Handler {
    void on_data(tidemill::Connection& connection, tidemill::Bytes data) override { connection.write(data); }
};

// Cuts what comes into lines, each with its end.
struct Cutter : tidemill::Handler {
    void on_data(tidemill::Connection& connection, tidemill::Bytes data) override {
        for (auto end = data.find('\n'); end != tidemill::Bytes::npos; end = data.find('\n')) {
            const auto line = data.substr(0, end + 1);
            data.remove_prefix(end + 1);
            if (part_.empty()) {
                on_line(connection, line);
            } else {
                on_line(connection, part_ += line);
                part_.clear();
            }
        }
        part_ += data;
    }
    virtual void on_line(tidemill::Connection& connection, tidemill::Bytes line) = 0;

private:
    std::string part_;
};

struct Lines : Cutter {
    void on_line(tidemill::Connection& connection, tidemill::Bytes line) override { connection.write(line); }
};

struct Chat : Cutter {
    static inline std::vector<tidemill::Connection*> everybody;

    void on_open(tidemill::Connection& me) override { everybody.push_back(&me); }
    void on_line(tidemill::Connection&, tidemill::Bytes line) override {
        for (tidemill::Connection* connection : everybody) connection->write(line);
    }
    void on_close(tidemill::Connection& me, const tidemill::Error&) override { std::erase(everybody, &me); }
};

struct Hello : tidemill::HttpConnection {
    void on_request(tidemill::HttpRequest& request) override { request.respond(200, {{"content-type", "text/plain"}}, "hello, world"); }
};

struct Frames : tidemill::WebSocketConnection {
    Frames() : WebSocketConnection({.compresses = false}) {}
    void on_binary(tidemill::Connection& connection, tidemill::Bytes data) override { (void)send_binary(connection, data); }
};

int main(int argc, char** argv) {
    std::map<std::string_view, std::string_view> options;
    for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
    const std::string_view work = options["--case"];
    const std::string_view endpoint = options["--listen"];
    const auto listener = work == "chat"        ? tidemill::listen<Chat>(reactor, endpoint)
                          : work == "websocket" ? tidemill::listen<Frames>(reactor, endpoint)
                          : work == "http"      ? tidemill::listen<Hello>(reactor, endpoint)
                          : work == "lines"     ? tidemill::listen<Lines>(reactor, endpoint)
                                                : tidemill::listen<Echo>(reactor, endpoint);
    if (!listener) {
        std::fprintf(stderr, "%s\n", listener.error().text().c_str());
        return 1;
    }
    std::printf("listening on %s\n", listener.value()->endpoint().c_str());
    std::fflush(stdout);
    const double spin = std::strtod(std::string(options["--spin"]).c_str(), nullptr);
    if (!reactor.set_spin(std::chrono::nanoseconds(static_cast<std::int64_t>(spin * 1e9)))) return 1;
    std::signal(SIGTERM, [](int) { reactor.request_stop(); });
    return reactor.run().ok() ? 0 : 1;
}
