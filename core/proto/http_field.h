// One field of an HTTP message, as it lies in memory that is somebody else's. Names compare without regard to case.
// Source: RFC 9110 5.
#pragma once
#include <string_view>

namespace tidemill {

struct HttpField {
    std::string_view name, value;
};

}  // namespace tidemill
