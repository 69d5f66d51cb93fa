// The load generator: asks a server, checks every octet of its answers, and tells what they cost.
//
// What lives here: which traffic, and the telling. Plain epoll, one thread, no tidemill, so that a fault of the core cannot hide behind
// the same fault in its own judge.
// What must not: starting servers, pinning, comparing contestants (run.py does that).
//
// Exit code 0: every octet came back, in order. 1: wrong, missing or surplus octets, a lost connection.
// 2: wrong arguments.
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include <sys/resource.h>

#include "chat.h"
#include "churn.h"
#include "echo.h"
#include "http.h"
#include "settings.h"
#include "websocket.h"

namespace {

std::string describe(const Report& report, bool as_json) {
    const double per_second = static_cast<double>(report.messages) / report.seconds;
    const auto percentile = [&](double share) { return report.latency.percentile_microseconds(share); };
    char server[128] = "";
    if (report.server_seconds) {
        std::snprintf(server, sizeof server,
                      as_json ? ", \"server_seconds_per_million\": %.6f, \"server_busy\": %.4f"
                              : ", server %.3f CPU s per million messages (%.3f of a core)",
                      *report.server_seconds * 1e6 / static_cast<double>(report.messages), *report.server_seconds / report.seconds);
    }
    char text[512];
    std::snprintf(text, sizeof text,
                  as_json ? "{\"messages\": %llu, \"seconds\": %.6f, \"messages_per_second\": %.1f, "
                            "\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f%s}"
                          : "%llu messages in %.3f s: %.0f msgs/s, p50 %.1f us, p99 %.1f us, p99.9 %.1f us%s",
                  static_cast<unsigned long long>(report.messages), report.seconds, per_second, percentile(0.50), percentile(0.99),
                  percentile(0.999), server);
    return text;
}

// Few connections, then many: what does an idle one cost in memory, and do the others become slower?
template <class Open, class Measure>
void hold(const Settings& settings, const ServerProcess& server, Open open, Measure measure) {
    open(settings.few);
    const Report few = measure();
    const double resident_few = server.resident();
    open(settings.open);
    const double resident_many = server.resident();
    const Report many = measure();
    const double octets = (resident_many - resident_few) / (settings.open - settings.few);
    std::printf(settings.json ? "{\"few\": %s, \"many\": %s, \"octets_per_connection\": %.1f}\n"
                              : "few: %s\nmany: %s\n%.1f octets of memory for each connection\n",
                describe(few, settings.json).c_str(), describe(many, settings.json).c_str(), octets);
}

void allow_many_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

Report run(const Settings& settings, const ServerProcess& server) {
    if (settings.mode == Mode::chat) return std::make_unique<Chat>(settings, server)->measure();
    if (settings.mode == Mode::churn) return std::make_unique<Churn>(settings, server)->measure();
    if (settings.mode == Mode::websocket) return std::make_unique<WebSocket>(settings, server)->measure();
    if (settings.mode == Mode::http) return std::make_unique<Http>(settings, server)->measure(settings.connections);
    const auto echo = std::make_unique<Echo>(settings, server);
    echo->open(settings.connections, false);
    return echo->measure(settings.connections, false);
}

}  // namespace

int main(int argument_count, char** arguments) {
    const Settings settings = parse_arguments(std::span(arguments, static_cast<std::size_t>(argument_count)));
    allow_many_descriptors();
    const ServerProcess server(settings.server_pid);
    if (settings.mode == Mode::hold) {
        const auto echo = std::make_unique<Echo>(settings, server);
        hold(
            settings, server, [&](unsigned count) { echo->open(count, true); },
            [&] { return echo->measure(settings.connections, settings.rotates); });
    } else if (settings.mode == Mode::hold_http) {
        const auto http = std::make_unique<Http>(settings, server);
        hold(settings, server, [&](unsigned count) { http->open(count); }, [&] { return http->measure(settings.connections); });
    } else {
        std::printf("%s\n", describe(run(settings, server), settings.json).c_str());
    }
}
