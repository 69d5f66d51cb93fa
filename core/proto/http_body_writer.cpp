// HttpEngine's writing of bodies, in pieces that go through the output or past it.
#include <charconv>

#include "tidemill/proto/http.h"
#include "tidemill/proto/http_plan.h"

namespace tidemill {

using Kind = HttpFraming::Kind;

static void put_chunk_size(std::uint64_t size, std::string& output) {
    char digits[16];
    const std::to_chars_result result = std::to_chars(digits, digits + sizeof digits, size, 16);
    output.append(digits, result.ptr).append("\r\n");
}

Result<void> HttpEngine::check_piece(std::uint64_t size) const {
    if (has_failed() || writing_ != Writing::body) return http_misuse("there is no message whose body is being written");
    if (is_piece_open_) return http_misuse("a piece of the body has not ended");
    if (is_discarded_) return {};
    if (writing_framing_.kind == Kind::none && size > 0) return http_misuse("the message has no body");
    if (writing_framing_.kind == Kind::length && size > to_write_) return http_misuse("more than the length that was promised");
    return {};
}

void HttpEngine::put_data(Bytes data) {
    if (data.empty() || is_discarded_) return;
    to_write_ -= data.size();
    if (writing_framing_.kind != Kind::chunked) {
        output_.append(data);
        return;
    }
    put_chunk_size(data.size(), output_);
    output_.append(data).append("\r\n");
}

Result<void> HttpEngine::write_data(Bytes data) {
    if (Result<void> checked = check_piece(data.size()); !checked) return checked;
    put_data(data);
    return {};
}

Result<bool> HttpEngine::begin_data(std::uint64_t size) {
    if (Result<void> checked = check_piece(size); !checked) return checked.error();
    if (is_discarded_ || size == 0) return false;
    to_write_ -= size;
    is_piece_open_ = true;
    if (writing_framing_.kind == Kind::chunked) put_chunk_size(size, output_);
    return true;
}

void HttpEngine::end_data() {
    if (!is_piece_open_) return;
    is_piece_open_ = false;
    if (writing_framing_.kind == Kind::chunked) output_.append("\r\n");
}

void HttpEngine::put_end(HttpFields trailers) {
    if (!is_discarded_ && writing_framing_.kind == Kind::chunked) {
        output_.append("0\r\n");
        for (const HttpField& trailer : trailers) put_field(trailer, output_);
        output_.append("\r\n");
    }
    on_written();
}

Result<void> HttpEngine::write_end(HttpFields trailers) {
    if (Result<void> checked = check_piece(0); !checked) return checked;
    if (!is_discarded_ && writing_framing_.kind == Kind::length && to_write_ > 0)
        return http_misuse("less than the length that was promised");
    if (Result<void> checked = check_trailers(trailers); !checked) return checked;
    const bool has_room =
        is_discarded_ || writing_framing_.kind == Kind::chunked || (writing_framing_.kind == Kind::until_close && is_http10_);
    if (!trailers.empty() && !has_room) return http_misuse("trailers need a chunked body");
    put_end(trailers);
    return {};
}

}  // namespace tidemill
