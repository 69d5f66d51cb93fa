// Echo: every octet comes back.   build/examples/echo --listen tcp://127.0.0.1:8080
//
// As many --listen as you like; tls:// needs --certificate FILE and --key FILE. --idle SECONDS lets go of whoever is silent for so long.
#include <tidemill/tidemill.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

static tidemill::Reactor reactor;

struct Options {
    std::vector<std::string_view> endpoints;
    tidemill::TlsOptions tls;
    tidemill::Duration idle{};
};

struct Echo : tidemill::Handler {
    explicit Echo(tidemill::Duration idle) : idle(idle) {}
    void on_open(tidemill::Connection& connection) override { connection.set_idle_timeout(idle); }
    void on_data(tidemill::Connection& connection, tidemill::Bytes data) override { connection.write(data); }
    tidemill::Duration idle;
};

static Options read_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i], value = argv[i + 1];
        if (name == "--listen") options.endpoints.push_back(value);
        if (name == "--certificate") options.tls.certificate = value;
        if (name == "--key") options.tls.private_key = value;
        if (name == "--idle") options.idle = std::chrono::milliseconds(static_cast<long>(std::atof(argv[i + 1]) * 1000));
    }
    if (options.endpoints.empty()) options.endpoints.push_back("tcp://127.0.0.1:8080");
    return options;
}

static tidemill::Result<void> listen(const Options& options) {
    std::shared_ptr<tidemill::TlsContext> context;
    if (!options.tls.certificate.empty()) {
        const auto made = tidemill::TlsContext::make(options.tls);
        if (!made) return made.error();
        context = made.value();
    }
    for (const std::string_view endpoint : options.endpoints) {
        const auto make_echo = [idle = options.idle] { return tidemill::HandlerPtr(new Echo(idle)); };
        const bool is_tls = endpoint.starts_with("tls:");
        const auto listener = tidemill::listen(reactor, endpoint, make_echo, {.tls = is_tls ? context : nullptr});
        if (!listener) return listener.error();
        std::printf("listening on %s\n", listener.value()->endpoint().c_str());
        std::fflush(stdout);
    }
    return {};
}

int main(int argc, char** argv) {
    const Options options = read_options(argc, argv);
    if (const auto listening = listen(options); !listening) {
        std::fprintf(stderr, "%s\n", listening.error().text().c_str());
        return 1;
    }
    std::signal(SIGINT, [](int) { reactor.request_stop(); });
    std::signal(SIGTERM, [](int) { reactor.request_stop(); });
    return reactor.run().ok() ? 0 : 1;
}
