#include "trace.h"

#include <algorithm>

namespace conformance {

static std::string shown(std::string_view octets) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char octet : octets.substr(0, 60)) {
        text += octet;
        if (octet < ' ' || octet > '~') text.replace(text.size() - 1, 1, {'\\', 'x', digits[octet >> 4 & 15], digits[octet & 15]});
    }
    return text;
}

void same(const std::string& what, const std::string& expected, const std::string& seen) {
    if (expected != seen) throw Failed(what + ": expected " + shown(expected) + ", seen " + shown(seen));
}

void Trace::add(const std::string& name, const std::string& event, std::string_view detail, std::string_view whose) {
    if (!is_ignored(name, event)) lines_[name].push_back({++number_, event, std::string(detail), std::string(whose)});
}

void Trace::ignore(const std::string& name_or_group, const std::string& event) {
    ignored_.insert({name_or_group, event});
    for (auto& [name, lines] : lines_) {
        std::erase_if(lines, [&, whose = name](const Line& line) { return is_ignored(whose, line.event); });
    }
}

bool Trace::is_ignored(const std::string& name, const std::string& event) const {
    const auto has = [&](const std::string& whose) { return ignored_.contains({whose, event}) || ignored_.contains({whose, "*"}); };
    return has(name) || has(group_of(name));
}

void Trace::expect_nothing() const {
    std::map<std::uint64_t, std::string> left;
    for (const auto& [name, lines] : lines_) {
        if (!lines.empty()) left[lines[0].number] = name + " " + lines[0].event + " " + shown(lines[0].detail);
    }
    if (!left.empty()) throw Failed("expected nothing, seen " + left.begin()->second);
}

void Trace::then(const std::string& name, const Step& line) {
    const std::uint64_t before = matched_;
    if (match(name, line) < before) throw Failed(name + " " + line.verb + ": expected later than the line before, seen earlier");
}

// Takes a line from the trace; answers the number of its first part, keeps that of its last in matched_.
std::uint64_t Trace::match(const std::string& name, const Step& line) {
    if (line.verb == "on_data") return match_octets(name, line);
    const std::string wanted = line.has("REASON")  ? line["REASON"]
                               : line.has("TEXT")  ? line["TEXT"]
                               : line.has("VALUE") ? line["VALUE"]
                               : line.has("WORD")  ? line["WORD"]
                                                   : "";
    const Line next = next_line(name, line.verb, wanted);
    const bool is_part = line.verb == "on_error" && next.detail.find(wanted) != std::string::npos;
    if (wanted != "*" && !is_part) same(name + " " + line.verb, wanted, next.detail);
    if (line.has("TO")) same(name + " " + line.verb, line["TO"], next.whose);
    return matched_;
}

std::uint64_t Trace::match_octets(const std::string& name, const Step& line) {
    const bool is_total = line.has("COUNT");
    const std::string unit = line.has("OCTETS") ? line["OCTETS"] : "";  // what they repeat; "" for anything
    const std::size_t count = is_total ? static_cast<std::size_t>(line.count("COUNT")) : unit.size();
    std::uint64_t first = 0;
    for (std::size_t taken = 0; taken < count;) {
        const std::string data = next_line(name, "on_data", unit).detail;
        first = first == 0 ? matched_ : first;
        const std::size_t length = std::min(data.size(), count - taken);
        for (std::size_t i = 0; i < length; ++i, ++taken) {
            if (unit.empty() || data[i] == unit[taken % unit.size()]) continue;
            throw Failed("expected " + name + " on_data " + shown(unit) + ", seen at " + std::to_string(taken) + " " +
                         shown(data.substr(i)));
        }
        if (length < data.size()) lines_[name].push_front({matched_, "on_data", data.substr(length), {}});
    }
    const bool is_more = !lines_[name].empty() && lines_[name][0].event == "on_data";
    if (is_total && is_more) throw Failed("expected " + name + " on_data total " + line["COUNT"] + ", seen more");
    return first;
}

Trace::Line Trace::next_line(const std::string& name, const std::string& event, const std::string& detail) {
    const auto deadline = std::chrono::steady_clock::now() + limit_;
    const std::string expected = "expected " + name + " " + event + " " + shown(detail) + ", seen ";
    std::deque<Line>& lines = lines_[name];
    while (lines.empty()) {
        if (std::chrono::steady_clock::now() > deadline) throw Failed(expected + "nothing");
        turn_();
    }
    const Line next = lines.front();
    lines.pop_front();
    if (next.event != event) throw Failed(expected + next.event + " " + shown(next.detail));
    matched_ = next.number;
    return next;
}

}  // namespace conformance
