// What the command line asks for.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

enum class Mode : std::uint8_t {
    echo,   // messages go out and come back on the same connection
    chat,   // every line comes back on every connection
    churn,  // connect, one message, close
    websocket,  // messages in frames
    http,   // requests and answers of HTTP/1.1
    hold,   // echo among few open connections, then among many
    hold_http,  // the same with requests of HTTP, on connections that are kept alive
};

struct Settings {
    std::string endpoint;
    Mode mode = Mode::echo;
    unsigned connections = 64;
    std::size_t size = 64;
    unsigned depth = 1;
    unsigned lines = 0;        // in a message, instead of octets without form
    unsigned open = 10'100;    // hold: how many in the end
    unsigned few = 100;        // hold: how many at first
    bool rotates = false;      // hold: every message on another of the open connections
    double seconds = 3;
    double warmup = 0.5;
    std::optional<pid_t> server_pid;
    bool json = false;
};

Settings parse_arguments(std::span<char*> arguments);

// Refuses what is no number, or not from least to most.
std::uint64_t parse_whole(std::string_view name, std::string_view text, std::uint64_t least, std::uint64_t most);
