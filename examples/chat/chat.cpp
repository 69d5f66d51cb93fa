// Chat: the first data is your name, all data goes to everybody.   build/examples/chat --listen tcp://127.0.0.1:8081
#include <tidemill/tidemill.h>

#include <csignal>
#include <cstdio>
#include <set>
#include <string>
#include <string_view>

static tidemill::Reactor reactor;
static std::set<tidemill::Connection*> everybody;

static std::string stripped(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    const auto last = text.find_last_not_of(" \t\r\n");
    return first == std::string_view::npos ? std::string{} : std::string(text.substr(first, last - first + 1));
}

struct Chat : tidemill::Handler {
    std::string name;

    void on_open(tidemill::Connection& me) override {
        everybody.insert(&me);
        me.write("Please enter your name: ");
    }
    void on_data(tidemill::Connection&, tidemill::Bytes data) override {
        if (name.empty()) name = stripped(data);
        const std::string line = name + " says: " + std::string(data);
        for (tidemill::Connection* connection : everybody) connection->write(line);
    }
    void on_close(tidemill::Connection& me, const tidemill::Error&) override { everybody.erase(&me); }
};

int main(int argc, char** argv) {
    const bool has_endpoint = argc == 3 && std::string_view(argv[1]) == "--listen";
    const auto listener = tidemill::listen<Chat>(reactor, has_endpoint ? argv[2] : "tcp://127.0.0.1:8081");
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
