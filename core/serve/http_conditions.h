// The conditions of a request on what it asks for, and the part of it that it wants. Pure functions.
// Source: RFC 9110 13 and 14.
#pragma once
#include <cstdint>
#include <ctime>
#include <optional>

#include "tidemill/proto/http_message.h"

namespace tidemill {

// What is there.
struct HttpVersionOf {
    Bytes etag;  // with its quotes; strong
    std::time_t modified = 0;
};

// The status that the conditions lead to: 200, 304 or 412.
int evaluate_conditions(HttpFields fields, Bytes method, const HttpVersionOf& version);

struct HttpRange {
    std::uint64_t first = 0;
    std::uint64_t length = 0;
};

// The part to send: nothing is all of it, because no part is asked for or more than one, or the whole has changed since (If-Range).
// A length of 0: no octet of it is there (416).
std::optional<HttpRange> requested_range(HttpFields fields, Bytes method, const HttpVersionOf& version, std::uint64_t size);

// Whether Accept-Encoding lets the coding be used: named with a weight above 0, or by *. Without that field: no.
bool is_coding_accepted(HttpFields fields, Bytes coding);

}  // namespace tidemill
