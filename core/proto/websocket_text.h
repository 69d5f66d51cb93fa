// Words of HTTP's field values, as the opening handshake reads them.
// Source: RFC 9110 5.6.
#pragma once
#include <cstddef>
#include <string_view>

namespace tidemill {

// How many characters of a token `text` begins with.
std::size_t token_size(std::string_view text);

// Without regard to the case of ASCII letters.
bool equals_ignoring_case(std::string_view one, std::string_view other);

}  // namespace tidemill
