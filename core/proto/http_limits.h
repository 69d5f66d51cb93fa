// The limits of an HTTP/1.1 engine; their defaults and reasons are in limits.h.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tidemill/base/clock.h"
#include "tidemill/proto/http_message.h"

namespace tidemill {

struct HttpLimits {
    // A client waits for more patiently and holds nobody to a rate: what it reads, it has asked for.
    explicit HttpLimits(HttpRole role = HttpRole::server);

    std::size_t start_line;  // octets, without the CRLF
    std::size_t section;  // octets of the header section, with every CRLF
    std::size_t fields;
    std::size_t trailer_section;
    std::size_t trailers;
    std::size_t chunk_digits;
    std::size_t chunk_extension;  // octets of one chunk's
    std::size_t chunk_extensions;  // octets of all in a message
    std::uint64_t body;  // octets, decoded
    std::size_t interims;  // 1xx before one response
    std::size_t requests;  // on one connection; the answer to the last says Connection: close

    Duration first_octet;  // server: from the first tick to the first request; client: from the whole request to the response
    Duration head;  // from the first octet of a head to its end, however many reads that takes
    Duration body_progress;  // without an octet of the body
    Duration idle;  // between two requests
    std::uint64_t body_rate;  // octets a second on average; 0 for none
    Duration body_rate_after;  // from the body's beginning, until when the rate does not matter
};

// The limit that was reached; a metric is counted for each.
enum class HttpLimit : std::uint8_t {
    none,
    start_line,
    section,
    fields,
    trailer_section,
    trailers,
    chunk_digits,
    chunk_extension,
    chunk_extensions,
    body,
    interims,
    requests,
    first_octet,
    head,
    body_progress,
    idle,
    body_rate,
};

// "start_line", ...; "none".
std::string_view http_limit_name(HttpLimit limit);

}  // namespace tidemill
