// Utf8Validator: whether octets that come in pieces are UTF-8, told at the first octet that cannot belong to it.
// Source: RFC 3629 4.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tidemill/base/bytes.h"

namespace tidemill {

class Utf8Validator {
public:
    // False: no more octets could make it UTF-8. After that only reset() makes sense.
    bool feed(Bytes octets);

    // What was fed ends with a whole character, or is nothing.
    bool is_complete() const { return state_ == 0; }
    void reset() { state_ = 0; }

private:
    std::uint8_t state_ = 0;
};

inline bool is_utf8(Bytes octets) {
    Utf8Validator validator;
    return validator.feed(octets) && validator.is_complete();
}

// How long the longest beginning is that is whole characters.
std::size_t whole_utf8(Bytes octets);

// The octets at the end that only begin a character, 0 to 3, of octets that are UTF-8 so far.
std::size_t unfinished_utf8(Bytes octets);

}  // namespace tidemill
