// What framings with limits have in common: which of them was reached. Their defaults and reasons are in limits.h.
#pragma once
#include "tidemill/proto/engine.h"

namespace tidemill {

// A metric is counted for each.
enum class FrameLimit : std::uint8_t {
    none,
    line,
    text,
    message,
    content,
    header,
    header_lines,
    netstring_digits,
    varint_octets,
};

class FrameEngine : public EngineBase {
public:
    // Behind a failure: the limit that it was about, if it was one.
    FrameLimit limit() const { return limit_; }

protected:
    Step fail_at(FrameLimit limit, ErrorCode code, std::string_view detail) {
        limit_ = limit;
        return fail(code, detail);
    }
    Step fail_at(FrameLimit limit, std::string_view detail) { return fail_at(limit, ErrorCode::limit, detail); }

private:
    FrameLimit limit_ = FrameLimit::none;
};

}  // namespace tidemill
