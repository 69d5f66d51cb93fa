// The trace of a play: what was called back and has not been matched yet, and the matcher. It knows nothing of the library.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>

#include "scenario.h"

namespace conformance {

// The library did not do what the scenario says.
struct Failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Throws Failed unless they are.
void same(const std::string& what, const std::string& expected, const std::string& seen);

class Trace {
public:
    // turn: runs the loop for a moment. limit: how long to wait for a line.
    Trace(std::chrono::nanoseconds limit, std::function<void()> turn) : limit_(limit), turn_(std::move(turn)) {}

    void add(const std::string& name, const std::string& event, std::string_view detail, std::string_view whose = {});

    // Drops what came and what comes. event: "*" for every one.
    void ignore(const std::string& name_or_group, const std::string& event);

    // Throw Failed if the line, or nothing, is not what came.
    void expect(const std::string& name, const Step& line) { match(name, line); }
    void then(const std::string& name, const Step& line);
    void expect_nothing() const;

private:
    struct Line {
        std::uint64_t number;
        std::string event, detail, whose;  // whose: the endpoint of a datagram
    };

    bool is_ignored(const std::string& name, const std::string& event) const;
    std::uint64_t match(const std::string& name, const Step& line);
    std::uint64_t match_octets(const std::string& name, const Step& line);
    Line next_line(const std::string& name, const std::string& event, const std::string& detail);

    const std::chrono::nanoseconds limit_;
    const std::function<void()> turn_;
    std::map<std::string, std::deque<Line>> lines_;          // by name
    std::set<std::pair<std::string, std::string>> ignored_;  // name and event
    std::uint64_t number_ = 0;                               // of the last line that came
    std::uint64_t matched_ = 0;                              // of the last line that was matched
};

}  // namespace conformance
