// What a WebSocketEngine receives, and time; what it sends is in websocket_send.cpp.
#include "tidemill/proto/websocket.h"

#include <algorithm>

namespace tidemill {

using Opcode = WebSocketOpcode;
using Kind = WebSocketEvent::Kind;
using Limit = WebSocketLimit;

namespace {

constexpr std::string_view not_utf8 = "text that is not UTF-8";
constexpr std::string_view half_utf8 = "text that ends in the midst of a character";

// Octets unmasked before they are given to the inflater, which may take few of them at a time.
constexpr std::size_t unmasked_at_once = 4096;

// What a message of so many octets may have become by compression that did not succeed: zlib's deflateBound(), rounded up.
constexpr std::size_t compressed_bound(std::size_t size) {
    return size + size / 8 + size / 64 + 64;
}

bool is_known(Opcode opcode) {
    const auto number = static_cast<unsigned>(opcode);
    return number <= 2 || (number >= 8 && number <= 10);
}

}  // namespace

WebSocketEngine::WebSocketEngine(WebSocketRole role, WebSocketOptions options) : role_(role), options_(options) {
    if (!options_.deflate) return;
    const WebSocketDeflate& agreed = *options_.deflate;
    const bool is_server = role == WebSocketRole::server;
    const int our_bits = is_server ? agreed.server_max_window_bits : agreed.client_max_window_bits;
    const bool they_forget = is_server ? agreed.client_no_context_takeover : agreed.server_no_context_takeover;
    const bool we_forget = is_server ? agreed.server_no_context_takeover : agreed.client_no_context_takeover;
    inflater_ = std::make_unique<MessageInflater>(!they_forget, MessageInflater::Limits{options_.message_limit, options_.ratio_limit});
    deflater_ = std::make_unique<MessageDeflater>(our_bits, !we_forget);
}

void WebSocketEngine::feed(Bytes octets) {
    if (octets.empty()) return;
    heard_ = now_;
    is_asking_ = false;
    // What follows a close frame or a failure is nobody's.
    if (!has_received_close_ && !has_failed()) EngineBase::feed(octets);
}

bool WebSocketEngine::is_done() const {
    if (has_failed()) return true;
    if (!has_sent_close_ || !has_received_close_) return false;
    return role_ == WebSocketRole::server || has_input_ended_ || has_waited_for_end_;
}

Step WebSocketEngine::next() {
    if (has_failed()) return Step::failed;
    let_go();
    if (refusal_) return refuse(Refusal(*refusal_));
    if (has_received_close_) return end();
    while (true) {
        const std::optional<Step> step = !is_in_frame_         ? receive_header()
                                         : frame_.is_control() ? receive_control()
                                         : is_compressed_      ? receive_compressed()
                                                               : receive_payload();
        if (!step) continue;
        return *step == Step::need_more ? end() : *step;
    }
}

// The event is over.
void WebSocketEngine::let_go() {
    if (untold_from_ == 0) return;
    message_.erase(0, untold_from_);
    untold_from_ = 0;
    if (message_.empty() && message_.capacity() > limits::spare_input) message_ = std::string();
}

// There is nothing to tell for now.
Step WebSocketEngine::end() {
    if (!has_input_ended_) return wait();
    if (has_received_close_) return wait(Step::ended);
    return refuse(0, ErrorCode::remote_protocol, "the stream ended without a close frame");
}

// close_code: what the peer is told; 0 for nothing.
Step WebSocketEngine::refuse(std::uint16_t close_code, ErrorCode code, std::string_view detail) {
    return refuse({Limit::none, close_code, code, detail});
}

// One that is the protocol's own is no limit to the peer, but a rule that it broke (1002); a deadline has passed.
Step WebSocketEngine::refuse_at(WebSocketLimit limit, std::uint16_t close_code, std::string_view detail) {
    const bool is_deadline = limit == Limit::pong_timeout || limit == Limit::close_timeout;
    const ErrorCode code = is_deadline ? ErrorCode::timeout : limit == Limit::control ? ErrorCode::remote_protocol : ErrorCode::limit;
    return refuse({limit, close_code, code, detail});
}

Step WebSocketEngine::refuse(const Refusal& refusal) {
    limit_ = refusal.limit;
    if (refusal.close_code != 0 && !has_sent_close_) write_close(refusal.close_code, {});
    message_ = std::string();
    return fail(refusal.code, refusal.detail);
}

// ---- headers ----

// What is wrong with the frame whatever came before it; only the first two octets of it are needed, but for its size.
std::string_view WebSocketEngine::header_fault() const {
    if (frame_.other_reserved != 0) return "a frame with reserved bits";
    if (!is_known(frame_.opcode)) return "a frame with a reserved opcode";
    if (frame_.is_masked != (role_ == WebSocketRole::server))
        return frame_.is_masked ? "a server's frame that is masked" : "a client's frame that is not masked";
    if (frame_.is_control()) {
        if (frame_.is_compressed) return "a control frame with reserved bits";
        if (!frame_.is_final) return "a control frame in fragments";
        return {};
    }
    if (frame_.is_compressed && (!inflater_ || frame_.opcode == Opcode::continuation)) return "a frame with reserved bits";
    if (frame_.opcode == Opcode::continuation && fragments_ == 0) return "a continuation of no message";
    if (frame_.opcode != Opcode::continuation && fragments_ != 0) return "a new message inside another one";
    return {};
}

// Already by the first two octets.
bool WebSocketEngine::is_control_too_long() const {
    return frame_.is_control() && (frame_.size > limits::websocket_control || !frame_.is_minimal);
}

std::optional<Step> WebSocketEngine::receive_header() {
    const std::size_t length = read_websocket_frame(input_.rest(), frame_);
    if (length == 0) return Step::need_more;
    if (const std::string_view fault = header_fault(); !fault.empty()) return refuse(1002, ErrorCode::remote_protocol, fault);
    if (is_control_too_long()) return refuse_at(Limit::control, 1002, "a control frame of more than 125 octets");
    if (input_.rest().size() < length) return Step::need_more;
    if (!frame_.is_minimal) return refuse(1002, ErrorCode::remote_protocol, "a size in more octets than it needs");
    if (frame_.size >> 63U != 0) return refuse(1002, ErrorCode::remote_protocol, "a size of more than 63 bits");
    input_.consume(length);
    left_ = frame_.size;
    is_in_frame_ = true;
    return frame_.is_control() ? go_on : receive_data_header();
}

std::optional<Step> WebSocketEngine::receive_data_header() {
    if (frame_.opcode != Opcode::continuation) {
        is_text_ = frame_.opcode == Opcode::text;
        is_compressed_ = frame_.is_compressed;
        has_told_part_ = false;
        size_ = 0;
        utf8_.reset();
    }
    if (++fragments_ > options_.fragment_limit) return refuse_at(Limit::fragments, 1008, "a message of too many fragments");
    const std::size_t most = is_compressed_ ? compressed_bound(options_.message_limit) : options_.message_limit;
    if (frame_.size > most - size_) return refuse_at(Limit::message, 1009, "a message that is too large");
    size_ += frame_.size;
    return go_on;
}

// ---- data ----

// A message that is there as a whole and needs no change is told where it lies.
std::optional<Step> WebSocketEngine::receive_whole() {
    const Bytes payload = input_.rest().substr(0, left_);
    input_.consume(left_);
    is_in_frame_ = false;
    fragments_ = 0;
    if (is_text_ && !utf8_.feed(payload)) return refuse(1007, ErrorCode::remote_protocol, not_utf8);
    if (is_text_ && !utf8_.is_complete()) return refuse(1007, ErrorCode::remote_protocol, half_utf8);
    event_ = {.kind = Kind::message, .is_text = is_text_, .data = payload};
    return Step::event;
}

std::optional<Step> WebSocketEngine::receive_payload() {
    if (!frame_.is_masked && frame_.is_final && fragments_ == 1 && !options_.streams && left_ == frame_.size &&
        left_ <= input_.rest().size())
        return receive_whole();
    const std::size_t count = std::min<std::uint64_t>(left_, input_.rest().size());
    if (count < left_ && count == 0) return Step::need_more;
    const std::size_t before = message_.size();
    message_.append(input_.rest().substr(0, count));
    input_.consume(count);
    left_ -= count;
    if (frame_.is_masked) {
        apply_websocket_mask(message_.data() + before, count, frame_.mask);
        frame_.mask = rotate_websocket_mask(frame_.mask, count);
    }
    if (const std::optional<Step> step = take_in(before)) return step;
    return tell(left_ == 0);
}

std::optional<Step> WebSocketEngine::receive_compressed() {
    const std::size_t count = std::min<std::uint64_t>({left_, input_.rest().size(), unmasked_at_once});
    if (count < left_ && count == 0) return Step::need_more;
    char unmasked[unmasked_at_once];
    std::copy_n(input_.rest().data(), count, unmasked);
    if (frame_.is_masked) apply_websocket_mask(unmasked, count, frame_.mask);

    const std::size_t before = message_.size();
    Bytes compressed(unmasked, count);
    const auto outcome = inflater_->step(compressed, frame_.is_final && count == left_, message_);
    const std::size_t used = count - compressed.size();
    input_.consume(used);
    left_ -= used;
    frame_.mask = rotate_websocket_mask(frame_.mask, used);

    if (const std::optional<Step> step = take_in(before)) return step;
    switch (outcome) {
        case MessageInflater::Outcome::used_up:
            return tell(left_ == 0);
        case MessageInflater::Outcome::more:
            return tell(false);
        case MessageInflater::Outcome::too_large:
            return tell_and_refuse({Limit::message, 1009, ErrorCode::limit, "a message that is too large once it is inflated"});
        case MessageInflater::Outcome::too_dense:
            return tell_and_refuse({Limit::ratio, 1009, ErrorCode::limit, "a message that grows too much by inflation"});
        case MessageInflater::Outcome::too_many_blocks:
            return tell_and_refuse({Limit::final_blocks, 1008, ErrorCode::limit, "a compressed message of too many final blocks"});
        case MessageInflater::Outcome::corrupt:
            break;
    }
    return tell_and_refuse({Limit::none, 1007, ErrorCode::remote_protocol, "a compressed message that cannot be inflated"});
}

// before: the size of message_ before the new octets.
std::optional<Step> WebSocketEngine::take_in(std::size_t before) {
    if (is_text_ && !utf8_.feed(Bytes(message_).substr(before)))
        return tell_and_refuse({Limit::none, 1007, ErrorCode::remote_protocol, not_utf8});
    return go_on;
}

// What came before the fault is told in parts however the octets were cut, if parts are told at all.
Step WebSocketEngine::tell_and_refuse(Refusal refusal) {
    const std::size_t whole = !options_.streams ? 0 : is_text_ ? whole_utf8(message_) : message_.size();
    if (whole == 0) return refuse(refusal);
    refusal_ = refusal;
    return tell_part(whole, false);
}

Step WebSocketEngine::tell_part(std::size_t size, bool is_last) {
    untold_from_ = size;
    event_ = {.kind = Kind::message_part,
              .is_text = is_text_,
              .is_first = !has_told_part_,
              .is_last = is_last,
              .data = Bytes(message_).substr(0, size)};
    has_told_part_ = true;
    return Step::event;
}

// The message, or a part of it, if there is one.
std::optional<Step> WebSocketEngine::tell(bool is_frame_over) {
    if (is_frame_over) is_in_frame_ = false;
    const bool is_last = is_frame_over && frame_.is_final;
    if (is_last) fragments_ = 0;
    if (is_last && is_text_ && !utf8_.is_complete()) return tell_and_refuse({Limit::none, 1007, ErrorCode::remote_protocol, half_utf8});
    if (!is_last && !options_.streams) return go_on;

    if (options_.streams) {
        const std::size_t size = message_.size() - (is_text_ && !is_last ? unfinished_utf8(message_) : 0);
        return size > 0 || is_last ? std::optional(tell_part(size, is_last)) : go_on;
    }
    untold_from_ = message_.size();
    event_ = {.kind = Kind::message, .is_text = is_text_, .data = message_};
    return Step::event;
}

// ---- control frames ----

std::optional<Step> WebSocketEngine::receive_control() {
    if (input_.rest().size() < left_) return Step::need_more;
    // Unmasked in a place of its own, as part of a message may lie in message_.
    std::copy_n(input_.rest().data(), left_, control_.data());
    const Bytes payload(control_.data(), left_);
    if (frame_.is_masked) apply_websocket_mask(control_.data(), left_, frame_.mask);
    input_.consume(left_);
    is_in_frame_ = false;
    if (frame_.opcode == Opcode::close) return receive_close(payload);
    if (is_flood()) return refuse_at(Limit::controls_per_second, 1008, "too many pings or pongs");
    event_ = {.kind = frame_.opcode == Opcode::ping ? Kind::ping : Kind::pong, .data = payload};
    if (frame_.opcode == Opcode::ping && !has_sent_close_) {
        // A peer that asks and does not read the answers.
        if (output_.size() > options_.output_limit) return refuse_at(Limit::send_queue, 1008, "too many answers to pings are waiting");
        if (!write_frame({.opcode = Opcode::pong}, payload)) return refuse(0, ErrorCode::os, "there are no random octets");
    }
    return Step::event;
}

bool WebSocketEngine::is_flood() {
    if (frame_.opcode == Opcode::pong && pongs_expected_ > 0) {
        --pongs_expected_;
        return false;
    }
    if (now_ - controls_since_ >= std::chrono::seconds(1)) {
        controls_since_ = now_;
        controls_ = 0;
    }
    return ++controls_ > options_.control_limit;
}

Step WebSocketEngine::receive_close(Bytes payload) {
    constexpr std::uint16_t no_code = 1005;
    std::uint16_t code = no_code;
    if (payload.size() == 1) return refuse(1002, ErrorCode::remote_protocol, "a close frame with half a code");
    if (payload.size() >= 2) {
        code = static_cast<std::uint16_t>(static_cast<std::uint8_t>(payload[0]) << 8U | static_cast<std::uint8_t>(payload[1]));
        payload.remove_prefix(2);
        if (!is_websocket_close_code(code))
            return refuse(1002, ErrorCode::remote_protocol, "a close frame with a code that must not be sent");
        if (!is_utf8(payload)) return refuse(1007, ErrorCode::remote_protocol, "a close frame whose reason is not UTF-8");
    }
    if (!has_sent_close_ && !write_close(code == no_code ? 0 : code, {})) return refuse(0, ErrorCode::os, "there are no random octets");
    has_received_close_ = true;
    closing_since_ = now_;
    input_.clear();
    message_ = std::string();
    event_ = {.kind = Kind::close, .code = code, .data = payload};
    return Step::event;
}

// ---- time ----

TimePoint WebSocketEngine::tick(TimePoint now) {
    if (!is_time_known_) heard_ = closing_since_ = controls_since_ = now;
    is_time_known_ = true;
    now_ = now;
    if (has_failed() || is_done()) return TimePoint::max();
    if (has_sent_close_) {
        const TimePoint deadline = closing_since_ + options_.close_timeout;
        if (now < deadline) return deadline;
        if (has_received_close_) {
            has_waited_for_end_ = true;
        } else {
            refuse_at(Limit::close_timeout, 0, "no answer to the close frame");
        }
        return TimePoint::max();
    }
    if (options_.ping_interval == Duration::zero()) return TimePoint::max();
    const TimePoint deadline = heard_ + (is_asking_ ? options_.pong_timeout : options_.ping_interval);
    if (now < deadline) return deadline;
    if (is_asking_) {
        refuse_at(Limit::pong_timeout, 1011, "no answer to a ping");
        return TimePoint::max();
    }
    if (!write_frame({.opcode = Opcode::ping}, {})) {
        refuse(0, ErrorCode::os, "there are no random octets");
        return TimePoint::max();
    }
    ++pongs_expected_;
    is_asking_ = true;
    heard_ = now;
    return now + options_.pong_timeout;
}

}  // namespace tidemill
