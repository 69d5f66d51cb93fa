#include "tidemill/base/error.h"

#include <cstring>

namespace tidemill {

std::string_view code_name(ErrorCode code) {
    switch (code) {
        case ErrorCode::none:
            return "none";
#define TIDEMILL_ERROR(code, exception, text) \
    case ErrorCode::code:                     \
        return #code;
#include "tidemill/base/errors.def"
#undef TIDEMILL_ERROR
    }
    return "none";
}

static std::string_view code_text(ErrorCode code) {
    switch (code) {
        case ErrorCode::none:
            return "no error";
#define TIDEMILL_ERROR(code, exception, text) \
    case ErrorCode::code:                     \
        return text;
#include "tidemill/base/errors.def"
#undef TIDEMILL_ERROR
    }
    return "no error";
}

std::string_view errno_name(int number) {
    const char* name = number == 0 ? nullptr : strerrorname_np(number);
    return name == nullptr ? std::string_view{} : std::string_view{name};
}

std::string Error::text() const {
    std::string line = operation;
    if (!endpoint.empty()) line.append(line.empty() ? "" : " ").append(endpoint);
    if (!line.empty()) line.append(": ");
    if (!detail.empty()) {
        line.append(detail);
    } else if (os != 0) {
        char buffer[128];
        line.append(strerror_r(os, buffer, sizeof buffer));
    } else {
        line.append(code_text(code));
    }
    if (os != 0) line.append(" (").append(errno_name(os)).append(")");
    return line;
}

Error os_error(int number, std::string_view operation, std::string_view endpoint) {
    return Error{ErrorCode::os, number, std::string(operation), std::string(endpoint), {}};
}

Error make_error(ErrorCode code, std::string_view operation, std::string_view endpoint, std::string_view detail) {
    return Error{code, 0, std::string(operation), std::string(endpoint), std::string(detail)};
}

}  // namespace tidemill
