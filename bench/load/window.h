// The measured window: warm up, then count between two readings of the server's clock.
#pragma once
#include <cstdint>
#include <optional>

#include "failure.h"
#include "histogram.h"
#include "server_process.h"
#include "socket.h"

struct Report {
    std::uint64_t messages = 0;
    double seconds = 0;
    std::optional<double> server_seconds;
    Histogram latency;
};

class Window {
public:
    explicit Window(const ServerProcess& server) : server_(server) {}

    bool is_open() const { return is_open_; }
    void count(std::uint64_t messages) { report_.messages += messages; }
    void add_latency(Clock::duration duration) { report_.latency.add(duration); }

    // Calls turn() for so long. The traffic counts what comes back while the window is open.
    template <class Turn>
    Report measure(double warmup, double seconds, Turn turn) {
        report_ = Report{};
        for (const auto end = Clock::now() + to_duration(warmup); Clock::now() < end;) turn();
        is_open_ = true;
        const auto begin = Clock::now();
        const double server_begin = server_.seconds();
        for (const auto end = begin + to_duration(seconds); Clock::now() < end;) turn();
        const double server_end = server_.seconds();
        is_open_ = false;
        report_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        if (server_.is_known()) report_.server_seconds = server_end - server_begin;
        if (report_.messages == 0) fail("not one message came back within the measured time");
        return report_;
    }

private:
    const ServerProcess& server_;
    Report report_;
    bool is_open_ = false;
};
