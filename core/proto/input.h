// Input: what an engine was fed and has not used, read where it lies as long as that is possible. Octets are copied only when an event is
// incomplete at the end of what arrived.
#pragma once
#include <cstddef>
#include <string>

#include "tidemill/base/bytes.h"

namespace tidemill {

class Input {
public:
    // Lends; joined to what was kept, if anything was.
    void feed(Bytes octets);

    // All that is there, valid until the next call of another function.
    Bytes rest() const { return rest_; }
    void consume(std::size_t count) { rest_.remove_prefix(count); }
    // The last ones that were consumed, as long as nothing else was called since.
    void put_back(std::size_t count) { rest_ = Bytes(rest_.data() - count, rest_.size() + count); }

    // Takes a copy of what was lent and is still there. Memory of a large one is given back once it is used up.
    void keep();
    void clear();

private:
    Bytes rest_;        // in kept_, or lent
    std::string kept_;  // begins with octets that were consumed
    bool is_lent_ = false;
};

}  // namespace tidemill
