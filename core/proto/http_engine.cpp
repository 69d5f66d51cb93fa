// HttpEngine from message to message: where both directions meet.
#include <utility>

#include "tidemill/proto/http.h"

namespace tidemill {

HttpEngine::HttpEngine(HttpRole role, const HttpLimits& limits) : role_(role), parser_(role), limits_(limits) {
    parser_.begin_head();
    if (role == HttpRole::client) wait_ = Wait::idle;
}

Step HttpEngine::next() {
    if (has_failed()) return Step::failed;
    switch (reading_) {
        case Reading::head:
            return is_done() ? tell_ended() : read_head();
        case Reading::body:
        case Reading::chunk_data:
            return read_body();
        case Reading::chunk_line:
            return read_chunk_line();
        case Reading::chunk_end:
            return read_chunk_end();
        case Reading::trailers:
            return read_trailers();
        case Reading::end:
            return tell_end();
        case Reading::complete:
            break;
    }
    if (is_switching_ || is_done()) return tell_ended();
    if (writing_ == Writing::complete) {
        begin_next();
        return read_head();
    }
    // A client's peer has answered before it knew the whole request, which may go on all the same.
    return wait(role_ == HttpRole::server ? Step::paused : Step::need_more);
}

// For good: nothing is waited for any more.
Step HttpEngine::tell_ended() {
    await(Wait::nothing);
    return wait(Step::ended);
}

// Both directions of the message are over.
void HttpEngine::begin_next() {
    reading_ = Reading::head;
    writing_ = Writing::idle;
    parser_.begin_head();
    has_skipped_empty_line_ = false;
    interims_ = 0;
    await(Wait::idle);
}

bool HttpEngine::is_done() const {
    if (is_switching_ || has_failed()) return false;
    if (has_peer_ended_) return true;
    if (!is_last_) return false;
    if (role_ == HttpRole::client) return reading_ == Reading::complete || (reading_ == Reading::head && writing_ == Writing::idle);
    // A server has answered; what is left of the request does not matter any more.
    return writing_ == Writing::complete || (writing_ == Writing::idle && reading_ == Reading::head);
}

bool HttpEngine::is_switched() const {
    return is_switching_ && reading_ == Reading::complete && !has_failed();
}

bool HttpEngine::is_idle() const {
    if (has_failed() || is_switching_ || has_peer_ended_ || is_last_) return false;
    if (reading_ == Reading::complete && writing_ == Writing::complete) return input_.rest().empty();
    return reading_ == Reading::head && writing_ == Writing::idle && input_.rest().empty();
}

void HttpEngine::end_keep_alive() {
    is_last_ = true;
}

// A response's end: the server may read the next request, whose octets may be there already.
void HttpEngine::on_written() {
    writing_ = Writing::complete;
    if (role_ == HttpRole::client) {
        if (reading_ == Reading::head && wait_ != Wait::head) await(Wait::first_octet);
    } else if (reading_ == Reading::complete) {
        await(Wait::idle);
    }
}

Step HttpEngine::fail_with(ErrorCode code, int status, std::string_view detail, HttpLimit limit) {
    limit_ = limit;
    const bool can_answer = role_ == HttpRole::server && status != 0 && (writing_ == Writing::idle || writing_ == Writing::due);
    if (can_answer) {
        error_status_ = status;
        const Bytes reason = http::usual_reason(status);
        const std::string number = std::to_string(status);
        const std::string body = number + " " + std::string(reason) + ": " + std::string(detail) + "\n";
        output_.append("HTTP/1.1 ").append(number).append(" ").append(reason);
        output_.append("\r\nContent-Type: text/plain\r\nContent-Length: ").append(std::to_string(body.size()));
        output_.append("\r\nConnection: close\r\n\r\n").append(body);
    }
    return fail(code, detail);
}

}  // namespace tidemill
