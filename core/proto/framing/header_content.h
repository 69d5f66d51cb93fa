// Header and content: lines up to an empty one, then as many octets as the header says. The user may know how it says that
// (set_content); otherwise a line Content-Length does, and without one there is no content.
#pragma once
#include <span>
#include <vector>

#include "tidemill/base/limits.h"
#include "tidemill/proto/framing/frame_engine.h"

namespace tidemill {

struct HeaderContentOptions {
    std::size_t max_header = limits::frame_header;  // octets, line endings included
    std::size_t max_lines = limits::frame_header_lines;
    std::size_t max_content = limits::frame_content;
};

class HeaderContentEngine : public FrameEngine {
public:
    enum class Kind : std::uint8_t { header, content };
    struct Event {
        Kind kind;
        std::span<const Bytes> lines;  // of a header, without their endings and the empty one
        Bytes octets;                  // of a content, perhaps none: each header is followed by one
    };

    explicit HeaderContentEngine(HeaderContentOptions options = {}) : options_(options) {}

    Step next();
    const Event& event() const { return event_; }

    // After next() told of a header, before it is called again: the content's length. If it is more than max_content next() fails.
    void set_content(std::size_t octets);

private:
    Step next_header();
    Step next_content();
    // What the lines say of the content, or why they cannot be believed.
    Result<std::size_t> announced_length() const;

    HeaderContentOptions options_;
    Event event_{};
    std::vector<Bytes> lines_;
    Result<std::size_t> content_{std::size_t{0}};
    bool is_content_ = false;
};

// Lines and content as they are sent; a line Content-Length is added unless there is one. Errors: local_protocol (an empty line, one with
// CR or LF in it, a Content-Length of another length).
Result<std::string> encode_header(std::span<const Bytes> lines, std::size_t content);

}  // namespace tidemill
