// GunzipReader: a body with Content-Encoding gzip or deflate becomes octets, step by step and bounded, with zlib (RFC 1950 to 1952).
//
// Who has compressed it may be hostile: a step makes at most limits::inflate_step octets, so that the user can pause in between, and a
// stream that becomes more than limits::http_inflate_ratio times larger is refused from http_inflate_ratio_from octets on.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "tidemill/base/bytes.h"

struct z_stream_s;

namespace tidemill {

class GunzipReader {
public:
    enum class Outcome : std::uint8_t {
        more,  // call step() again
        used_up,  // more octets are needed
        ended,  // the stream is whole; what follows it is not looked at
        corrupt,
        too_dense,
    };

    GunzipReader();
    ~GunzipReader();

    // Takes octets from the front and appends to output.
    Outcome step(Bytes& octets, std::string& output);

    // Ended, and not in the middle of something; also if nothing came at all, as some servers answer an empty body.
    bool is_whole() const { return has_ended_ || taken_ == 0; }

private:
    bool begin(unsigned char first);

    std::unique_ptr<z_stream_s> stream_;
    bool has_begun_ = false;
    bool has_ended_ = false;
    std::uint64_t taken_ = 0;
    std::uint64_t made_ = 0;
};

}  // namespace tidemill
