// The field Set-Cookie as user agents read it (RFC 6265 5.1.1 and 5.2): every octet sequence means something or nothing, none is an error.
// Pure functions of text; what becomes of a cookie is in http_cookies.h.
#pragma once
#include <ctime>
#include <optional>

#include "tidemill/base/bytes.h"

namespace tidemill {

// Views of the field. Of an attribute that comes twice the last one counts.
struct SetCookie {
    Bytes name;
    Bytes value;
    std::optional<std::time_t> expires;  // of Max-Age, which goes before Expires; longest_cookie_time at most
    Bytes domain;  // without the dot before it, in the server's letters; empty for none
    Bytes path;  // empty for none that counts
    bool is_secure = false;
    bool is_http_only = false;
};

// Nothing for what is to be ignored: no name, or a control character in it (6265bis 5.6).
std::optional<SetCookie> parse_set_cookie(Bytes field, std::time_t now);

// "Sun, 06 Nov 1994 08:49:37 GMT", and what else servers take for a date.
std::optional<std::time_t> parse_cookie_date(Bytes text);

}  // namespace tidemill
