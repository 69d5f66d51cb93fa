// What a WebSocketEngine sends; what it receives is in websocket.cpp.
#include "tidemill/proto/websocket.h"

#include <cstring>

namespace tidemill {

using Opcode = WebSocketOpcode;

namespace {

Error local_fault(std::string_view detail) {
    return make_error(ErrorCode::local_protocol, "send", {}, detail);
}

Error no_random() {
    return make_error(ErrorCode::os, "send", {}, "there are no random octets");
}

}  // namespace

// Codes that may stand in a close frame: those of RFC 6455 7.4.1 and of its registry at IANA, and those for libraries and applications.
bool is_websocket_close_code(std::uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

// ---- frames ----

// False: there are no random octets.
bool WebSocketEngine::draw_mask(WebSocketFrame& frame) {
    frame.is_masked = role_ == WebSocketRole::client;
    if (!frame.is_masked) return true;
    char octets[sizeof frame.mask];
    if (options_.random == nullptr || !options_.random->fill(octets, sizeof octets)) return false;
    std::memcpy(&frame.mask, octets, sizeof octets);
    return true;
}

void WebSocketEngine::append_frame(WebSocketFrame frame, Bytes payload) {
    frame.size = payload.size();
    write_websocket_frame(output_, frame);
    output_.append(payload);
    if (frame.is_masked) apply_websocket_mask(output_.data() + output_.size() - payload.size(), payload.size(), frame.mask);
}

// False, and nothing is written: there are no random octets.
bool WebSocketEngine::write_frame(WebSocketFrame frame, Bytes payload) {
    if (!draw_mask(frame)) return false;
    append_frame(frame, payload);
    return true;
}

// code: 0 for none.
bool WebSocketEngine::write_close(std::uint16_t code, Bytes reason) {
    std::string payload;
    if (code != 0) {
        payload = {static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)};
        payload += reason;
    }
    if (!write_frame({.opcode = Opcode::close}, payload)) return false;
    has_sent_close_ = true;
    closing_since_ = now_;
    return true;
}

Result<void> WebSocketEngine::check_sending(bool is_control) {
    if (has_failed()) return local_fault("the WebSocket has failed");
    if (has_sent_close_) return local_fault("the WebSocket is closing");
    if (!is_control && sending_ != Sending::nothing) return local_fault("in the midst of a fragmented message");
    if (output_.size() > options_.output_limit) return make_error(ErrorCode::limit, "send", {}, "the peer does not read what it was sent");
    return {};
}

// ---- messages ----

Result<void> WebSocketEngine::send_text(Bytes text) {
    if (Result<void> allowed = check_sending(false); !allowed) return allowed;
    if (!is_utf8(text)) return local_fault("text that is not UTF-8");
    return send_message(Opcode::text, text);
}

Result<void> WebSocketEngine::send_binary(Bytes octets) {
    if (Result<void> allowed = check_sending(false); !allowed) return allowed;
    return send_message(Opcode::binary, octets);
}

Result<void> WebSocketEngine::send_message(Opcode opcode, Bytes payload) {
    WebSocketFrame frame{.opcode = opcode};
    // Before the deflater, which could not forget the message again.
    if (!draw_mask(frame)) return no_random();
    if (deflater_ && payload.size() >= options_.compress_from && deflater_->compress(payload, compressed_)) {
        frame.is_compressed = true;
        payload = compressed_;
    }
    append_frame(frame, payload);
    if (compressed_.capacity() > limits::spare_input) compressed_ = std::string();
    return {};
}

Result<void> WebSocketEngine::frame_header(bool is_text, Bytes payload) {
    if (role_ == WebSocketRole::client) return local_fault("a client's payload has to be masked");
    if (Result<void> allowed = check_sending(false); !allowed) return allowed;
    if (is_text && !is_utf8(payload)) return local_fault("text that is not UTF-8");
    write_websocket_frame(output_, {.opcode = is_text ? Opcode::text : Opcode::binary, .size = payload.size()});
    return {};
}

// ---- messages in pieces ----

Result<void> WebSocketEngine::begin_text(Bytes part) {
    return begin(Sending::text, part);
}

Result<void> WebSocketEngine::begin_binary(Bytes part) {
    return begin(Sending::binary, part);
}

Result<void> WebSocketEngine::begin(Sending kind, Bytes part) {
    if (Result<void> allowed = check_sending(false); !allowed) return allowed;
    Utf8Validator utf8;
    if (kind == Sending::text && !utf8.feed(part)) return local_fault("text that is not UTF-8");
    if (!write_frame({.is_final = false, .opcode = kind == Sending::text ? Opcode::text : Opcode::binary}, part)) return no_random();
    sending_ = kind;
    sent_utf8_ = utf8;
    return {};
}

Result<void> WebSocketEngine::continue_message(Bytes part) {
    return go_on_sending(part, false);
}

Result<void> WebSocketEngine::end_message(Bytes part) {
    return go_on_sending(part, true);
}

Result<void> WebSocketEngine::go_on_sending(Bytes part, bool is_last) {
    if (sending_ == Sending::nothing) return local_fault("no message was begun");
    if (Result<void> allowed = check_sending(true); !allowed) return allowed;
    Utf8Validator utf8 = sent_utf8_;
    if (sending_ == Sending::text && !(utf8.feed(part) && (!is_last || utf8.is_complete()))) return local_fault("text that is not UTF-8");
    if (!write_frame({.is_final = is_last, .opcode = Opcode::continuation}, part)) return no_random();
    sent_utf8_ = utf8;
    if (is_last) sending_ = Sending::nothing;
    return {};
}

// ---- control frames ----

Result<void> WebSocketEngine::ping(Bytes payload) {
    Result<void> sent = send_control(Opcode::ping, payload);
    if (sent) ++pongs_expected_;
    return sent;
}

Result<void> WebSocketEngine::pong(Bytes payload) {
    return send_control(Opcode::pong, payload);
}

Result<void> WebSocketEngine::send_control(Opcode opcode, Bytes payload) {
    if (Result<void> allowed = check_sending(true); !allowed) return allowed;
    if (payload.size() > limits::websocket_control) return local_fault("a control frame of more than 125 octets");
    return write_frame({.opcode = opcode}, payload) ? Result<void>() : no_random();
}

Result<void> WebSocketEngine::close(std::uint16_t code, Bytes reason) {
    if (has_failed()) return local_fault("the WebSocket has failed");
    if (has_sent_close_) return local_fault("the WebSocket is closing");
    if (!is_websocket_close_code(code)) return local_fault("a close code that must not be sent");
    if (reason.size() + sizeof code > limits::websocket_control) return local_fault("a reason of more than 123 octets");
    if (!is_utf8(reason)) return local_fault("a reason that is not UTF-8");
    return write_close(code, reason) ? Result<void>() : no_random();
}

}  // namespace tidemill
