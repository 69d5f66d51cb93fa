// One field of an HTTP message, a view into memory that is somebody else's.
// Source: RFC 9110 5.
#pragma once
#include <span>

#include "tidemill/base/bytes.h"

namespace tidemill {

struct HttpField {
    Bytes name;  // as the peer wrote it; names are compared without regard to case
    Bytes value;  // without the white space around it
};

using HttpFields = std::span<const HttpField>;

}  // namespace tidemill
