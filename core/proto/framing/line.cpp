#include "tidemill/proto/framing/line.h"

namespace tidemill {

Step LineEngine::next() {
    if (has_failed()) return Step::failed;
    if (is_text_) return next_text();
    const std::size_t ending = find_ending();
    if (ending == Bytes::npos) {
        const Bytes rest = input_.rest();
        // A CR at its end may belong to the ending that is still to come.
        const bool is_too_long = rest.size() > options_.max_line + (rest.ends_with('\r') ? 1 : 0);
        return is_too_long ? refuse_line() : end_or(Step::need_more, "a line without its ending");
    }
    event_ = {Kind::line, line_before(ending)};
    if (event_.octets.size() > options_.max_line) return refuse_line();
    input_.consume(ending + 1);
    scanned_ = 0;
    return Step::event;
}

std::size_t LineEngine::find_ending() {
    const std::size_t ending = input_.rest().find('\n', scanned_);
    if (ending == Bytes::npos) scanned_ = input_.rest().size();
    return ending;
}

Bytes LineEngine::line_before(std::size_t ending) const {
    const Bytes line = input_.rest().substr(0, ending);
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

Step LineEngine::refuse_line() {
    return fail_at(FrameLimit::line, "the peer sent a line of more than " + std::to_string(options_.max_line) + " octets");
}

Step LineEngine::end_or(Step otherwise, std::string_view what) {
    if (!has_input_ended_) return wait(otherwise);
    if (input_.rest().empty() && !is_text_) return wait(Step::ended);
    return fail(ErrorCode::remote_protocol, "the peer ended with " + std::string(what));
}

void LineEngine::set_text(std::size_t octets) {
    is_text_ = true;
    text_ = octets;
    scanned_ = 0;
}

Step LineEngine::next_text() {
    if (text_ > options_.max_text) {
        return fail_at(FrameLimit::text, "the peer announced a text of more than " + std::to_string(options_.max_text) + " octets");
    }
    if (input_.rest().size() < text_) return end_or(Step::need_more, "an incomplete text");
    event_ = {Kind::text, input_.rest().substr(0, text_)};
    input_.consume(text_);
    is_text_ = false;
    return Step::event;
}

std::span<const Bytes> LineEngine::take_lines(std::size_t most) {
    lines_.assign(1, event_.octets);
    line_ = 1;
    told_octets_ = 0;
    while (lines_.size() < most) {
        const std::size_t ending = find_ending();
        if (ending == Bytes::npos) break;
        const Bytes line = line_before(ending);
        if (line.size() > options_.max_line) break;  // next() says so, after these
        lines_.push_back(line);
        input_.consume(ending + 1);
        told_octets_ += ending + 1;
        scanned_ = 0;
    }
    return lines_;
}

void LineEngine::put_back_lines() {
    input_.put_back(told_octets_);
    scanned_ = 0;
}

void LineEngine::take_line() {
    // Behind a line come its ending and then the next.
    const char* const behind = line_ + 1 < lines_.size() ? lines_[line_ + 1].data() : lines_[1].data() + told_octets_;
    input_.consume(static_cast<std::size_t>(behind - lines_[line_].data()));
    ++line_;
}

Result<void> check_line(Bytes line) {
    if (line.find('\n') == Bytes::npos && !line.ends_with('\r')) return {};
    return make_error(ErrorCode::local_protocol, "write_line", {},
                      "a line cannot have a line feed in it, nor a carriage return at its end");
}

}  // namespace tidemill
