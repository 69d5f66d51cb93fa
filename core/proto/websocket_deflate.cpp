#include "tidemill/proto/websocket_deflate.h"

#include <zlib.h>

#include <algorithm>

#include "tidemill/base/limits.h"

namespace tidemill {

namespace {

// Every compressed message ended with these, which the sender took away (RFC 7692 7.2.1).
constexpr Bytes tail("\x00\x00\xFF\xFF", 4);

// A stream without a context belongs to nobody between two messages. One of each kind waits in its thread for whoever needs it next, so
// that a thousand quiet connections share it: it takes 40 KiB to inflate and 260 KiB to deflate.
template <class Free>
struct Spare {
    std::unique_ptr<z_stream_s, Free> stream;
    int window_bits = 0;

    std::unique_ptr<z_stream_s, Free> take(int wanted) {
        if (window_bits != wanted) stream.reset();
        return std::move(stream);
    }
    void give(std::unique_ptr<z_stream_s, Free> returned, int bits) {
        stream = std::move(returned);
        window_bits = bits;
    }
};

thread_local Spare<MessageInflater::Free> spare_inflater;
thread_local Spare<MessageDeflater::Free> spare_deflater;

void set_input(z_stream_s& stream, Bytes octets, std::size_t most) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(octets.data()));  // zlib reads only
    stream.avail_in = static_cast<uInt>(std::min(octets.size(), most));
}

void set_output(z_stream_s& stream, char* data, std::size_t size) {
    stream.next_out = reinterpret_cast<Bytef*>(data);
    stream.avail_out = static_cast<uInt>(size);
}

// For inflating, whatever was agreed on: with a smaller one zlib takes a reference that is too far or refuses it depending on how the octets
// came.
constexpr int largest_window = 15;

// A uInt is not always as large as a size_t.
constexpr std::size_t most_at_once = std::size_t{1} << 30U;

}  // namespace

// ---- inflating ----

MessageInflater::MessageInflater(bool keeps_context, Limits limits) : limits_(limits), keeps_context_(keeps_context) {}

MessageInflater::~MessageInflater() = default;

void MessageInflater::Free::operator()(z_stream_s* stream) const {
    inflateEnd(stream);
    delete stream;
}

bool MessageInflater::prepare() {
    if (!keeps_context_) stream_ = spare_inflater.take(largest_window);
    if (stream_) return inflateReset(stream_.get()) == Z_OK;
    auto fresh = std::make_unique<z_stream_s>();
    if (inflateInit2(fresh.get(), -largest_window) != Z_OK) return false;
    stream_.reset(fresh.release());
    return true;
}

// A block that says it is the last one may stand anywhere in a message, and what follows still refers to what was before.
bool MessageInflater::begin_again() {
    Bytef window[32768];
    uInt size = sizeof window;
    return inflateGetDictionary(stream_.get(), window, &size) == Z_OK && inflateReset(stream_.get()) == Z_OK &&
           inflateSetDictionary(stream_.get(), window, size) == Z_OK;
}

// Asked for whenever zlib cannot go on without room for more, which is at the same places however the octets came.
MessageInflater::Outcome MessageInflater::grant() {
    if (made_ == limits_.size) return Outcome::too_large;
    if (limits_.ratio != 0 && made_ >= limits::websocket_ratio_from && made_ / limits_.ratio >= taken_) return Outcome::too_dense;
    granted_ = made_ + std::min(limits::inflate_step, limits_.size - made_);
    return Outcome::more;
}

MessageInflater::Outcome MessageInflater::end() {
    // Between two blocks (128), at an octet's edge (the bits that are left over: 0 to 63).
    const bool is_complete = (stream_->data_type & 128) != 0 && (stream_->data_type & 63) == 0;
    if (!keeps_context_) spare_inflater.give(std::move(stream_), largest_window);
    taken_ = made_ = granted_ = tail_taken_ = final_blocks_ = 0;
    return is_complete ? Outcome::used_up : Outcome::corrupt;
}

MessageInflater::Outcome MessageInflater::step(Bytes& octets, bool is_last, std::string& output) {
    if (!stream_ && !prepare()) return Outcome::corrupt;
    const std::size_t before = output.size();
    char made[limits::inflate_step];
    while (true) {
        const bool is_tail = octets.empty() && is_last;
        const Bytes source = is_tail ? tail.substr(tail_taken_) : octets;
        if (source.empty()) return is_tail ? end() : Outcome::used_up;

        set_input(*stream_, source, most_at_once);
        const std::size_t offered = stream_->avail_in;
        const std::size_t room = granted_ - made_;
        set_output(*stream_, made, room);
        const int result = inflate(stream_.get(), Z_SYNC_FLUSH);
        const std::size_t used = offered - stream_->avail_in;
        const std::size_t count = room - stream_->avail_out;
        output.append(made, count);
        made_ += count;
        taken_ += is_tail ? 0 : used;
        is_tail ? static_cast<void>(tail_taken_ += used) : octets.remove_prefix(used);

        if (result == Z_STREAM_END) {
            // Each costs a copy of the window.
            if (++final_blocks_ > limits::websocket_final_blocks) return Outcome::too_many_blocks;
            if (!begin_again()) return Outcome::corrupt;
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            return Outcome::corrupt;
        } else if (stream_->avail_in > 0) {  // no room
            if (output.size() > before) return Outcome::more;
            if (const Outcome outcome = grant(); outcome != Outcome::more) return outcome;
        }
    }
}

// ---- deflating ----

MessageDeflater::MessageDeflater(int window_bits, bool keeps_context) : window_bits_(window_bits), keeps_context_(keeps_context) {}
MessageDeflater::~MessageDeflater() = default;

void MessageDeflater::Free::operator()(z_stream_s* stream) const {
    deflateEnd(stream);
    delete stream;
}

bool MessageDeflater::prepare() {
    if (window_bits_ < 9) return false;
    if (!keeps_context_) stream_ = spare_deflater.take(window_bits_);
    if (stream_) return keeps_context_ || deflateReset(stream_.get()) == Z_OK;
    auto fresh = std::make_unique<z_stream_s>();
    constexpr int usual_memory = 8;  // zlib's own default
    if (deflateInit2(fresh.get(), Z_DEFAULT_COMPRESSION, Z_DEFLATED, -window_bits_, usual_memory, Z_DEFAULT_STRATEGY) != Z_OK) return false;
    stream_.reset(fresh.release());
    return true;
}

bool MessageDeflater::compress(Bytes message, std::string& output) {
    output.clear();
    if (message.empty() || message.size() > most_at_once || !prepare()) return false;
    set_input(*stream_, message, most_at_once);
    char made[limits::inflate_step];
    do {
        set_output(*stream_, made, sizeof made);
        deflate(stream_.get(), Z_SYNC_FLUSH);
        output.append(made, sizeof made - stream_->avail_out);
    } while (stream_->avail_out == 0);
    output.resize(output.size() - tail.size());
    if (keeps_context_) return true;  // the peer must see it, as later ones may refer to it
    spare_deflater.give(std::move(stream_), window_bits_);
    return output.size() < message.size();
}

}  // namespace tidemill
