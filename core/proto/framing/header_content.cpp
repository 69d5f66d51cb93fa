#include "tidemill/proto/framing/header_content.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace tidemill {

namespace {

constexpr std::string_view length_name = "content-length:";

Bytes without_ending(Bytes line) {
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool is_length_line(Bytes line) {
    return line.size() >= length_name.size() &&
           std::equal(length_name.begin(), length_name.end(), line.begin(), [](char name, char given) { return name == lower(given); });
}

// Digits and nothing else but blanks around them.
std::optional<std::uint64_t> length_in(Bytes line) {
    Bytes digits = line.substr(length_name.size());
    digits.remove_prefix(std::min(digits.find_first_not_of(" \t"), digits.size()));
    digits = digits.substr(0, digits.find_last_not_of(" \t") + 1);
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || problem != std::errc{} || end != digits.data() + digits.size()) return {};
    return value;
}

}  // namespace

Step HeaderContentEngine::next() {
    if (has_failed()) return Step::failed;
    return is_content_ ? next_content() : next_header();
}

Step HeaderContentEngine::next_header() {
    const Bytes rest = input_.rest();
    // The end is an LF, perhaps a CR, and an LF; or these at the very beginning.
    std::size_t end = Bytes::npos, lines = 0, start = 0;
    for (;;) {
        const std::size_t ending = rest.find('\n', start);
        if (ending == Bytes::npos || ending >= options_.max_header) break;
        if (without_ending(rest.substr(start, ending - start)).empty()) {
            end = ending;
            break;
        }
        if (++lines > options_.max_lines) {
            return fail_at(FrameLimit::header_lines,
                           "the peer sent a header of more than " + std::to_string(options_.max_lines) + " lines");
        }
        start = ending + 1;
    }
    if (end == Bytes::npos) {
        // First: a limit of 0 refuses what came, not that nothing did.
        if (rest.empty()) return wait(has_input_ended_ ? Step::ended : Step::need_more);
        if (rest.size() >= options_.max_header) {
            return fail_at(FrameLimit::header, "the peer sent a header of more than " + std::to_string(options_.max_header) + " octets");
        }
        if (!has_input_ended_) return wait();
        return fail(ErrorCode::remote_protocol, "the peer ended with an incomplete header");
    }
    lines_.clear();
    for (std::size_t at = 0; at < start;) {
        const std::size_t ending = rest.find('\n', at);
        lines_.push_back(without_ending(rest.substr(at, ending - at)));
        at = ending + 1;
    }
    content_ = announced_length();
    event_ = {Kind::header, lines_, {}};
    input_.consume(end + 1);
    is_content_ = true;
    return Step::event;
}

Result<std::size_t> HeaderContentEngine::announced_length() const {
    const auto is_one = [](Bytes line) { return is_length_line(line); };
    const auto found = std::find_if(lines_.begin(), lines_.end(), is_one);
    if (found == lines_.end()) return std::size_t{0};
    const std::optional<std::uint64_t> length = length_in(*found);
    if (!length || std::count_if(lines_.begin(), lines_.end(), is_one) > 1) {
        return make_error(ErrorCode::remote_protocol, "", {}, "the peer sent a Content-Length that is no number, or two of them");
    }
    return static_cast<std::size_t>(std::min<std::uint64_t>(*length, std::numeric_limits<std::size_t>::max()));
}

void HeaderContentEngine::set_content(std::size_t octets) {
    content_ = octets;
}

Step HeaderContentEngine::next_content() {
    if (!content_) return fail(content_.error().code, content_.error().detail);
    const std::size_t length = content_.value();
    if (length > options_.max_content) {
        return fail_at(FrameLimit::content,
                       "the peer announced a content of more than " + std::to_string(options_.max_content) + " octets");
    }
    if (input_.rest().size() < length) {
        return has_input_ended_ ? fail(ErrorCode::remote_protocol, "the peer ended with an incomplete content") : wait();
    }
    event_ = {Kind::content, {}, input_.rest().substr(0, length)};
    input_.consume(length);
    is_content_ = false;
    return Step::event;
}

Result<std::string> encode_header(std::span<const Bytes> lines, std::size_t content) {
    std::string text;
    bool has_length = false;
    const auto refuse = [](std::string_view why) { return make_error(ErrorCode::local_protocol, "write_message", {}, why); };
    for (const Bytes line : lines) {
        if (line.empty() || line.find_first_of("\r\n") != Bytes::npos) return refuse("a line of a header is empty, or has CR or LF in it");
        if (is_length_line(line)) {
            if (std::exchange(has_length, true) || length_in(line) != content) return refuse("Content-Length is not the content's");
        }
        text.append(line).append("\r\n");
    }
    if (!has_length) text.append("Content-Length: ").append(std::to_string(content)).append("\r\n");
    return text += "\r\n";
}

}  // namespace tidemill
