#include "tidemill/proto/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>

namespace tidemill {

struct GzipWriter::State {
    z_stream stream{};
};

GzipWriter::GzipWriter() : state_(std::make_unique<State>()) {
    constexpr int window_of_gzip = 15 + 16;
    // 6 is zlib's usual level; 8 its usual share of memory: 256 KiB in all.
    if (deflateInit2(&state_->stream, 6, Z_DEFLATED, window_of_gzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
}

GzipWriter::~GzipWriter() {
    deflateEnd(&state_->stream);
}

void GzipWriter::add(Bytes data, std::string& output, bool is_flushed) {
    if (!data.empty()) run(data, is_flushed ? Z_SYNC_FLUSH : Z_NO_FLUSH, output);
}

void GzipWriter::finish(std::string& output) {
    run({}, Z_FINISH, output);
}

void GzipWriter::run(Bytes data, int how, std::string& output) {
    z_stream& stream = state_->stream;
    std::array<char, 16 * 1024> room;
    do {
        // zlib counts in 32 bits.
        const std::size_t size = std::min<std::size_t>(data.size(), std::size_t{1} << 30);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
        stream.avail_in = static_cast<uInt>(size);
        const bool is_last = size == data.size();
        do {
            stream.next_out = reinterpret_cast<Bytef*>(room.data());
            stream.avail_out = room.size();
            deflate(&stream, is_last ? how : Z_NO_FLUSH);
            output.append(room.data(), room.size() - stream.avail_out);
        } while (stream.avail_out == 0);
        data.remove_prefix(size);
    } while (!data.empty());
}

}  // namespace tidemill
