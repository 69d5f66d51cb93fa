// Netstrings: the length in decimal digits, a colon, so many octets, a comma: 5:hello,
// https://cr.yp.to/proto/netstrings.txt
#pragma once
#include "tidemill/base/limits.h"
#include "tidemill/proto/framing/frame_engine.h"

namespace tidemill {

struct NetstringOptions {
    std::size_t max_message = limits::frame_message;
};

class NetstringEngine : public FrameEngine {
public:
    struct Event {
        Bytes octets;
    };

    explicit NetstringEngine(NetstringOptions options = {}) : options_(options) {}

    Step next();
    const Event& event() const { return event_; }

private:
    Step wait_or_end();

    NetstringOptions options_;
    Event event_{};
};

// "5:" for 5. Errors: local_protocol (more digits than a netstring may have).
Result<std::string> netstring_head(std::size_t length);

}  // namespace tidemill
