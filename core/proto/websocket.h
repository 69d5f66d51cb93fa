// WebSocketEngine: one end of a WebSocket after its opening handshake (websocket_handshake.h), as an engine: octets and time in, events and
// octets out. It checks all that the peer sends, answers pings and closes by itself, and puts messages together or tells their parts.
//
//     WebSocketEngine engine(WebSocketRole::server, options);
//     engine.feed(octets);
//     while (engine.next() == Step::event)
//         if (engine.event().kind == WebSocketEvent::Kind::message) engine.send_text(engine.event().data);
//     connection.write(engine.output()); engine.output().clear();
//     if (engine.is_done()) connection.close();
//
//  - A failure leaves the close frame that the protocol wants for it in output() (1002, 1007, 1009, ...). A stream that ends without a
//    close frame is a failure (what browsers call 1006).
//  - After the peer's close frame nothing of it is told any more; after ours only what it had under way until its own.
//  - What is sent is checked as well: code local_protocol, and nothing has happened.
//
// Source: RFC 6455 5 to 8, RFC 7692 (permessage-deflate).
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tidemill/base/limits.h"
#include "tidemill/base/random.h"
#include "tidemill/proto/engine.h"
#include "tidemill/proto/utf8.h"
#include "tidemill/proto/websocket_deflate.h"
#include "tidemill/proto/websocket_extensions.h"
#include "tidemill/proto/websocket_frame.h"
#include "tidemill/proto/websocket_limit.h"

namespace tidemill {

// Whether it may stand in a close frame: 1000 to 1003, 1007 to 1014, 3000 to 4999.
bool is_websocket_close_code(std::uint16_t code);

enum class WebSocketRole : std::uint8_t { server, client };

struct WebSocketOptions {
    // Where a client's masks come from, which must be unpredictable to scripts in a browser and to proxies (RFC 6455 10.3); outlives the
    // engine. A server needs none.
    RandomSource* random = nullptr;
    // What was agreed on for compression, if anything was.
    std::optional<WebSocketDeflate> deflate = {};

    // Octets of a message, after inflation; more of them are answered with 1009.
    std::size_t message_limit = limits::websocket_message;
    // Frames of a message; more are answered with 1008.
    std::size_t fragment_limit = limits::websocket_fragments;
    // Pings and pongs within a second; more are answered with 1008.
    std::size_t control_limit = limits::websocket_controls_per_second;
    // How many times larger a message may become by inflation, once it has limits::websocket_ratio_from octets; more is answered with 1009.
    std::size_t ratio_limit = limits::websocket_ratio;
    // Octets in output() above which sending is refused with the code limit.
    std::size_t output_limit = limits::websocket_send_queue;
    // Messages from this size on are compressed, if that was agreed on.
    std::size_t compress_from = limits::websocket_compress_from;

    // Tells message_part as octets come, instead of message: less memory, and no wait for the end. The message limit holds all the same.
    bool streams = false;

    // A peer that was silent for so long is asked whether it lives; zero for never. It must be heard of within the time for a pong.
    Duration ping_interval = limits::websocket_ping_interval;
    Duration pong_timeout = limits::websocket_pong_timeout;
    // How long we wait for the answer to our close frame, and as a client for the server's end after it.
    Duration close_timeout = limits::websocket_close_timeout;
};

struct WebSocketEvent {
    enum class Kind : std::uint8_t {
        message,  // all of it
        message_part,  // some of it, if options.streams. Of text whole characters; empty only where the message ends
        ping,  // it has been answered
        pong,
        close,  // it has been answered
    };
    Kind kind = Kind::message;
    bool is_text = false;  // of messages and parts: valid UTF-8
    bool is_first = false;  // of parts
    bool is_last = false;
    std::uint16_t code = 0;  // of close: 1000, ...; 1005 if the peer gave none
    Bytes data;  // a message, a part, what a ping or pong carries, the reason of a close (UTF-8)
};

class WebSocketEngine : public EngineBase {
public:
    using Event = WebSocketEvent;

    explicit WebSocketEngine(WebSocketRole role, WebSocketOptions options = {});

    void feed(Bytes octets);
    Step next();
    const Event& event() const { return event_; }
    TimePoint tick(TimePoint now);

    // Behind a failure: the limit or deadline that it was about, if it was one.
    WebSocketLimit limit() const { return limit_; }

    // The stream may be closed: both have sent their close frame, and a client has waited for the server to end it (RFC 6455 7.1.1); or
    // the engine has failed.
    bool is_done() const;

    // ---- sending ----
    // Errors: local_protocol (not UTF-8, in the midst of a fragmented message, after close), limit (output() has too much already),
    // os (no random octets).

    Result<void> send_text(Bytes text);
    Result<void> send_binary(Bytes octets);

    // A message in pieces whose sum is not known yet, each a frame, never compressed. Text may be cut anywhere.
    Result<void> begin_text(Bytes part);
    Result<void> begin_binary(Bytes part);
    Result<void> continue_message(Bytes part);
    Result<void> end_message(Bytes part);

    // payload: at most 125 octets.
    Result<void> ping(Bytes payload = {});
    Result<void> pong(Bytes payload = {});

    // The closing handshake begins: the peer answers, then is_done(). code: 1000 to 1003, 1007 to 1014, 3000 to 4999. reason: UTF-8 of at
    // most 123 octets. Once; after the peer's close frame it is answered already.
    Result<void> close(std::uint16_t code = 1000, Bytes reason = {});
    bool is_closing() const { return has_sent_close_; }

    // For a server's large message: puts only its frame's header into output(); the caller sends output() and then the payload, without a
    // copy of it. Not compressed.
    Result<void> frame_header(bool is_text, Bytes payload);

private:
    // What a function answers that went on without anything to tell.
    static constexpr std::optional<Step> go_on{};

    // A failure that comes after the event.
    struct Refusal {
        WebSocketLimit limit;
        std::uint16_t close_code;
        ErrorCode code;
        std::string_view detail;
    };

    enum class Sending : std::uint8_t { nothing, text, binary };

    void let_go();
    std::optional<Step> receive_header();
    std::optional<Step> receive_data_header();
    std::optional<Step> receive_whole();
    std::optional<Step> receive_payload();
    std::optional<Step> receive_compressed();
    std::optional<Step> take_in(std::size_t before);
    Step tell_and_refuse(Refusal refusal);
    Step tell_part(std::size_t size, bool is_last);
    std::optional<Step> tell(bool is_frame_over);
    std::optional<Step> receive_control();
    Step receive_close(Bytes payload);
    Step end();
    std::string_view header_fault() const;
    bool is_control_too_long() const;
    bool is_flood();
    Step refuse(std::uint16_t close_code, ErrorCode code, std::string_view detail);
    Step refuse_at(WebSocketLimit limit, std::uint16_t close_code, std::string_view detail);
    Step refuse(const Refusal& refusal);

    Result<void> check_sending(bool is_control);
    Result<void> begin(Sending kind, Bytes part);
    Result<void> go_on_sending(Bytes part, bool is_last);
    Result<void> send_message(WebSocketOpcode opcode, Bytes payload);
    Result<void> send_control(WebSocketOpcode opcode, Bytes payload);
    bool draw_mask(WebSocketFrame& frame);
    void append_frame(WebSocketFrame frame, Bytes payload);
    bool write_frame(WebSocketFrame frame, Bytes payload);
    bool write_close(std::uint16_t code, Bytes reason);

    WebSocketRole role_;
    WebSocketOptions options_;
    WebSocketEvent event_;

    // ---- the frame that is arriving ----
    WebSocketFrame frame_;
    std::uint64_t left_ = 0;  // octets of its payload that are still to come; its mask is the one for them
    bool is_in_frame_ = false;
    std::array<char, limits::websocket_control> control_;  // what the last control frame carried

    // ---- the message that is arriving ----
    std::string message_;  // what of it was not told
    std::size_t untold_from_ = 0;  // where in message_ the event ends that was told
    std::size_t size_ = 0;  // of all its frames
    std::size_t fragments_ = 0;  // 0: there is no message
    bool is_text_ = false;
    bool is_compressed_ = false;
    bool has_told_part_ = false;
    Utf8Validator utf8_;
    std::optional<Refusal> refusal_;
    WebSocketLimit limit_ = WebSocketLimit::none;
    std::unique_ptr<MessageInflater> inflater_;

    // ---- the message that is being sent ----
    Sending sending_ = Sending::nothing;
    Utf8Validator sent_utf8_;
    std::unique_ptr<MessageDeflater> deflater_;
    std::string compressed_;

    // ---- the connection ----
    bool has_sent_close_ = false;
    bool has_received_close_ = false;
    bool has_waited_for_end_ = false;
    std::size_t pongs_expected_ = 0;
    std::size_t controls_ = 0;  // in the second that began at controls_since_
    bool is_time_known_ = false;  // by tick()
    bool is_asking_ = false;  // with a ping, whether the peer lives
    TimePoint now_{};
    TimePoint heard_{};  // of the peer; then when it was asked
    TimePoint closing_since_{};
    TimePoint controls_since_{};
};

}  // namespace tidemill
