// Bytes: the one word for borrowed octets.
//
// A Bytes passed to a callback is valid until the callback returns; a Bytes passed to a function is read before it returns.
// Whoever wants octets for longer makes a std::string of them.
#pragma once
#include <string_view>

namespace tidemill {

using Bytes = std::string_view;

}  // namespace tidemill
