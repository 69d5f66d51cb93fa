#include "tidemill/proto/input.h"

#include "tidemill/base/limits.h"

namespace tidemill {

void Input::feed(Bytes octets) {
    if (rest_.empty()) {
        rest_ = octets;
        is_lent_ = true;
        return;
    }
    keep();
    const std::size_t used = kept_.size() - rest_.size();
    // Only as often as half of it is unused: dripping octets must not cost a move each.
    if (used >= rest_.size()) {
        kept_.erase(0, used);
        kept_.append(octets);
        rest_ = kept_;
    } else {
        kept_.append(octets);
        rest_ = Bytes(kept_).substr(used);
    }
}

void Input::keep() {
    if (is_lent_) {
        is_lent_ = false;
        kept_.assign(rest_);
        rest_ = kept_;
    }
    if (!rest_.empty()) return;
    if (kept_.capacity() > limits::spare_input) kept_ = std::string();
    kept_.clear();
    rest_ = {};
}

void Input::clear() {
    rest_ = {};
    keep();
}

}  // namespace tidemill
