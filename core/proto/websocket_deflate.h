// The compression of WebSocket messages: one direction each, message by message, over zlib, whose header only the sources of this floor
// include.
//
// Inflation goes in steps, so that neither memory nor time is spent on more than the limits allow: a kilobyte can stand for a megabyte.
// Source: RFC 7692 7.2, RFC 1951.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "tidemill/base/bytes.h"

struct z_stream_s;

namespace tidemill {

class MessageInflater {
public:
    struct Limits {
        std::size_t size;  // of a message
        std::size_t ratio;  // of its size to what it was made of, beyond limits::websocket_ratio_from
    };
    enum class Outcome : std::uint8_t {
        used_up,  // of the message's last octets: it is complete
        more,  // a step's worth was appended, and there is more
        corrupt,  // or there is no memory
        too_large,
        too_dense,
        too_many_blocks,  // of those that say they are the last
    };

    // keeps_context: a message may refer to those before.
    MessageInflater(bool keeps_context, Limits limits);
    ~MessageInflater();
    MessageInflater(const MessageInflater&) = delete;
    MessageInflater& operator=(const MessageInflater&) = delete;

    // Inflates some of `octets`, removes them from there, and appends at most limits::inflate_step to `output`. is_last: the message ends
    // with them. The outcome does not depend on how a message is cut. After a refusal it is of no more use.
    Outcome step(Bytes& octets, bool is_last, std::string& output);

    struct Free {
        void operator()(z_stream_s* stream) const;
    };

private:
    bool prepare();
    bool begin_again();
    Outcome grant();
    Outcome end();

    std::unique_ptr<z_stream_s, Free> stream_;  // only between two messages if they need it
    Limits limits_;
    bool keeps_context_;
    std::size_t taken_ = 0;  // of this message: octets that went in,
    std::size_t made_ = 0;  // came out,
    std::size_t granted_ = 0;  // and may have come out
    std::size_t tail_taken_ = 0;
    std::size_t final_blocks_ = 0;
};

class MessageDeflater {
public:
    // With a window of 8 bits, which zlib cannot keep to, it compresses nothing.
    MessageDeflater(int window_bits, bool keeps_context);
    ~MessageDeflater();
    MessageDeflater(const MessageDeflater&) = delete;
    MessageDeflater& operator=(const MessageDeflater&) = delete;

    // Makes `output` the message compressed. False: it must go as it is, because that is shorter or compressing is not possible.
    bool compress(Bytes message, std::string& output);

    struct Free {
        void operator()(z_stream_s* stream) const;
    };

private:
    bool prepare();

    std::unique_ptr<z_stream_s, Free> stream_;
    int window_bits_;
    bool keeps_context_;
};

}  // namespace tidemill
