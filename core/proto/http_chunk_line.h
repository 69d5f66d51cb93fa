// The line before a chunk: its size and extensions, which are read over (RFC 9112 7.1). Internal to the HTTP engine.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tidemill/base/bytes.h"
#include "tidemill/proto/http_head.h"

namespace tidemill {

struct HttpChunkLine {
    HttpHeadParser::Outcome outcome = HttpHeadParser::Outcome::incomplete;
    std::size_t octets = 0;  // of the line with its CRLF
    std::uint64_t size = 0;
    std::size_t extension_octets = 0;
    HttpFault fault;
};

// extension_octets: of all the chunks before.
HttpChunkLine parse_chunk_line(Bytes octets, const HttpLimits& limits, std::size_t extension_octets);

}  // namespace tidemill
