#include "settings.h"

#include <charconv>
#include <cstdio>
#include <system_error>

#include "failure.h"
#include "stream.h"

namespace {

constexpr std::string_view usage =
    "usage: load --connect tcp://127.0.0.1:PORT|unix:///path [--mode echo|chat|churn|http|websocket|hold|hold-http]\n"
    "            [--connections 64] [--size 64] [--depth 1] [--lines COUNT]\n"
    "            [--few 100] [--open 10100] [--rotate]\n"
    "            [--seconds 3] [--warmup 0.5] [--server-pid PID] [--json]";

template <typename Number>
Number parse_number(std::string_view name, std::string_view text, Number least, Number most) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // Written so that a NaN is refused too.
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most)) {
        refuse(std::string(name) + " must be a number from " + std::to_string(least) + " to " + std::to_string(most) + ", not '" +
               std::string(text) + "'");
    }
    return value;
}

Mode parse_mode(std::string_view text) {
    if (text == "echo") return Mode::echo;
    if (text == "chat") return Mode::chat;
    if (text == "churn") return Mode::churn;
    if (text == "http") return Mode::http;
    if (text == "websocket") return Mode::websocket;
    if (text == "hold") return Mode::hold;
    if (text == "hold-http") return Mode::hold_http;
    refuse("--mode must be echo, chat, churn, http, websocket, hold or hold-http, not '" + std::string(text) + "'");
}

void set_option(Settings& settings, std::string_view name, std::string_view value) {
    const auto whole = [&](std::uint64_t least, std::uint64_t most) {
        return static_cast<unsigned>(parse_whole(name, value, least, most));
    };
    if (name == "--connect") {
        settings.endpoint = value;
    } else if (name == "--mode") {
        settings.mode = parse_mode(value);
    } else if (name == "--connections") {
        settings.connections = whole(1, 100'000);
    } else if (name == "--size") {
        // Below 8 octets a message could not carry a whole sequence number.
        settings.size = whole(8, 16 * 1024 * 1024);
    } else if (name == "--depth") {
        settings.depth = whole(1, 4096);
    } else if (name == "--lines") {
        settings.lines = whole(1, 4096);
    } else if (name == "--few") {
        settings.few = whole(1, 100'000);
    } else if (name == "--open") {
        settings.open = whole(1, 100'000);
    } else if (name == "--seconds") {
        settings.seconds = parse_number<double>(name, value, 0.01, 600);
    } else if (name == "--warmup") {
        settings.warmup = parse_number<double>(name, value, 0, 60);
    } else if (name == "--server-pid") {
        settings.server_pid = parse_number<pid_t>(name, value, 1, 1 << 30);
    } else {
        refuse("unknown option '" + std::string(name) + "'\n" + std::string(usage));
    }
}

}  // namespace

std::uint64_t parse_whole(std::string_view name, std::string_view text, std::uint64_t least, std::uint64_t most) {
    return parse_number<std::uint64_t>(name, text, least, most);
}

Settings parse_arguments(std::span<char*> arguments) {
    Settings settings;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view name = arguments[i];
        if (name == "--help") {
            std::printf("%s\n", usage.data());
            std::exit(0);
        } else if (name == "--json") {
            settings.json = true;
        } else if (name == "--rotate") {
            settings.rotates = true;
        } else if (i + 1 == arguments.size()) {
            refuse("'" + std::string(name) + "' needs a value\n" + std::string(usage));
        } else {
            set_option(settings, name, arguments[++i]);
        }
    }
    if (settings.endpoint.empty()) refuse(std::string(usage));
    if (settings.lines > 0) settings.size = settings.lines * line_size;
    if (settings.mode == Mode::hold || settings.mode == Mode::hold_http) {
        if (settings.open <= settings.few) refuse("--open must be more than --few");
        if (settings.connections > settings.few) refuse("--connections, the busy ones, cannot be more than --few");
        if (settings.rotates && settings.depth != 1) refuse("--rotate takes one message at a time: --depth 1");
    }
    return settings;
}
