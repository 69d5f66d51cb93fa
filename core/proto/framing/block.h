// Blocks: all of one size that both sides know.
#pragma once
#include "tidemill/proto/engine.h"

namespace tidemill {

class BlockEngine : public EngineBase {
public:
    struct Event {
        Bytes octets;
    };

    // size: at least 1.
    explicit BlockEngine(std::size_t size) : size_(size) {}

    Step next() {
        if (has_failed()) return Step::failed;
        if (input_.rest().size() < size_) {
            if (!has_input_ended_) return wait();
            if (input_.rest().empty()) return wait(Step::ended);
            return fail(ErrorCode::remote_protocol, "the peer ended with an incomplete block");
        }
        event_.octets = input_.rest().substr(0, size_);
        input_.consume(size_);
        return Step::event;
    }
    const Event& event() const { return event_; }
    std::size_t size() const { return size_; }

private:
    std::size_t size_;
    Event event_{};
};

}  // namespace tidemill
