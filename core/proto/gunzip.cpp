#include "tidemill/proto/gunzip.h"

#include <zlib.h>

#include <algorithm>

#include "tidemill/base/limits.h"

namespace tidemill {

GunzipReader::GunzipReader() : stream_(std::make_unique<z_stream_s>()) {}

GunzipReader::~GunzipReader() {
    if (has_begun_) inflateEnd(stream_.get());
}

// "deflate" means the zlib format, but some servers send bare DEFLATE. A gzip stream begins with 0x1f; CM 8 in the low bits of the first octet
// is zlib's, and as bare DEFLATE it would be a stored block that is not the last with odd padding, which nobody makes.
bool GunzipReader::begin(unsigned char first) {
    constexpr int largest_window = 15;
    const bool is_gzip = first == 0x1f;
    const bool is_zlib = (first & 0x0fU) == 8;
    const int window = is_gzip ? largest_window + 16 : is_zlib ? largest_window : -largest_window;
    has_begun_ = inflateInit2(stream_.get(), window) == Z_OK;
    return has_begun_;
}

GunzipReader::Outcome GunzipReader::step(Bytes& octets, std::string& output) {
    if (has_ended_) return Outcome::ended;
    if (octets.empty() && !has_begun_) return Outcome::used_up;
    if (!has_begun_ && !begin(static_cast<unsigned char>(octets.front()))) return Outcome::corrupt;
    char made[limits::inflate_step];
    const std::size_t offered = std::min<std::size_t>(octets.size(), std::size_t{1} << 30U);
    stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(octets.data()));  // zlib reads only
    stream_->avail_in = static_cast<uInt>(offered);
    stream_->next_out = reinterpret_cast<Bytef*>(made);
    stream_->avail_out = sizeof made;
    const int result = inflate(stream_.get(), Z_NO_FLUSH);
    const std::size_t count = sizeof made - stream_->avail_out;
    const std::size_t used = offered - stream_->avail_in;
    octets.remove_prefix(used);
    taken_ += used;
    made_ += count;
    if (made_ > limits::http_inflate_ratio_from && made_ / limits::http_inflate_ratio > taken_) return Outcome::too_dense;
    output.append(made, count);
    has_ended_ = result == Z_STREAM_END;
    if (has_ended_) return Outcome::ended;
    if (result != Z_OK && result != Z_BUF_ERROR) return Outcome::corrupt;
    return stream_->avail_out == 0 || !octets.empty() ? Outcome::more : Outcome::used_up;
}

}  // namespace tidemill
