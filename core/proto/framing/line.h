// Lines: octets up to LF or CRLF, told without that ending; and between them, where the user asks for it, a text of so many octets.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tidemill/base/limits.h"
#include "tidemill/proto/framing/frame_engine.h"

namespace tidemill {

// What is sent behind a line; both are understood.
enum class LineEnding : std::uint8_t { crlf, lf };

struct LineOptions {
    std::size_t max_line = limits::frame_line;  // without its ending
    std::size_t max_text = limits::frame_text;
    LineEnding ending = LineEnding::crlf;
};

class LineEngine : public FrameEngine {
public:
    enum class Kind : std::uint8_t { line, text };
    struct Event {
        Kind kind;
        Bytes octets;
    };

    explicit LineEngine(LineOptions options = {}) : options_(options) {}

    Step next();
    const Event& event() const { return event_; }

    // The next octets, so many, are one text, told when all of it is there; then come lines again. If they are more than max_text next()
    // fails.
    void set_text(std::size_t octets);
    bool is_text_due() const { return is_text_; }

    // After next() told of a line: it and the whole lines that follow, at most so many, which all count as told.
    std::span<const Bytes> take_lines(std::size_t most);
    // Undoes that for all but the first; take_line() then counts the next of them as told.
    void put_back_lines();
    void take_line();

private:
    Step next_text();
    Step end_or(Step otherwise, std::string_view what);
    Step refuse_line();
    // Where LF is; npos if it has not come.
    std::size_t find_ending();
    // The line that ends with the LF at `ending`.
    Bytes line_before(std::size_t ending) const;

    LineOptions options_;
    Event event_{};
    std::vector<Bytes> lines_;  // of take_lines(), one behind the other in what was fed
    std::size_t line_ = 0;  // how many of them are told
    std::size_t scanned_ = 0;  // octets of the rest that have no LF
    std::size_t told_octets_ = 0;  // of the lines from the second on
    std::size_t text_ = 0;
    bool is_text_ = false;
};

// A line that LF or CRLF can end. Errors: local_protocol (LF in it, or CR at its end).
Result<void> check_line(Bytes line);

}  // namespace tidemill
