#include "tidemill/proto/http_chunk_line.h"

#include <algorithm>

#include "tidemill/base/limits.h"
#include "tidemill/proto/http_syntax.h"

namespace tidemill {

using Outcome = HttpHeadParser::Outcome;

static std::uint64_t hex_value(char digit) {
    return static_cast<std::uint64_t>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

static HttpChunkLine failed(const char* detail, HttpLimit limit = HttpLimit::none) {
    return {Outcome::failed, 0, 0, 0, {400, detail, limit}};
}

// As in a head: what is wrong is known at the first octet that shows it.
HttpChunkLine parse_chunk_line(Bytes octets, const HttpLimits& limits, std::size_t extension_octets) {
    HttpChunkLine line;
    const char* const begin = octets.data();
    const char* const end = begin + octets.size();
    const char* octet = begin;
    for (; octet != end && http::is_in(*octet, http::hex_octet); ++octet) {
        if (static_cast<std::size_t>(octet - begin) == limits.chunk_digits)
            return failed("a chunk's size with too many digits", HttpLimit::chunk_digits);
        line.size = line.size * 16 + hex_value(*octet);
        if (line.size > limits::http_longest_body) return failed("a chunk that is too large");
    }
    if (octet == end) return line;
    if (octet == begin) return failed("a chunk without a size");
    if (*octet == ';') {
        const char* extension = octet + 1;
        const bool is_sum_nearer = limits.chunk_extensions - extension_octets < limits.chunk_extension;
        const std::size_t most = is_sum_nearer ? limits.chunk_extensions - extension_octets : limits.chunk_extension;
        const bool is_cut = static_cast<std::size_t>(end - extension) > most;
        const char* last = is_cut ? extension + most + 1 : end;
        if (extension != last && !http::is_in(*extension, http::token_octet)) return failed("an extension of a chunk without a name");
        octet = http::skip_value(extension, last);
        if (octet == last) {
            if (!is_cut) return line;
            return is_sum_nearer ? failed("too long extensions of chunks", HttpLimit::chunk_extensions)
                                 : failed("a too long extension of a chunk", HttpLimit::chunk_extension);
        }
        line.extension_octets = static_cast<std::size_t>(octet - extension);
    }
    if (*octet != '\r') return failed("a chunk's size that is not followed by CR LF or an extension");
    if (end - octet < 2) return line;
    if (octet[1] != '\n') return failed("a CR without LF after a chunk's size");
    line.outcome = Outcome::complete;
    line.octets = static_cast<std::size_t>(octet + 2 - begin);
    return line;
}

}  // namespace tidemill
