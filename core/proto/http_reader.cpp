// HttpEngine's reading: what of the input is told next.
#include <algorithm>

#include "tidemill/base/limits.h"
#include "tidemill/proto/http.h"
#include "tidemill/proto/http_chunk_line.h"

namespace tidemill {

using Outcome = HttpHeadParser::Outcome;

Step HttpEngine::refuse(const HttpFault& fault) {
    const ErrorCode code = fault.limit == HttpLimit::none ? ErrorCode::remote_protocol : ErrorCode::limit;
    return fail_with(code, fault.status, fault.detail, fault.limit);
}

// Nothing can be told before more has come, and perhaps no more comes.
Step HttpEngine::on_exhausted() {
    if (!has_input_ended_) return wait();
    if (reading_ == Reading::head && writing_ == Writing::idle && input_.rest().empty()) {
        has_peer_ended_ = true;
        return tell_ended();
    }
    return fail_with(ErrorCode::remote_protocol, 400, "the peer ended in the middle of a message", HttpLimit::none);
}

Step HttpEngine::read_head() {
    // One empty line more than a body has was sent by old clients after it (RFC 9112 2.2).
    if (role_ == HttpRole::server && !has_skipped_empty_line_ && !input_.rest().empty() && input_.rest().front() == '\r') {
        if (wait_ != Wait::head) await(Wait::head);
        if (input_.rest().size() == 1) return on_exhausted();
        if (input_.rest()[1] != '\n') return refuse({400, "a CR without LF"});
        input_.consume(2);
        has_skipped_empty_line_ = true;
    }
    const Bytes octets = input_.rest();
    if (octets.empty()) return on_exhausted();
    if (role_ == HttpRole::client && writing_ == Writing::idle) return refuse({400, "a response without a request"});
    const Outcome outcome = parser_.parse(octets, limits_);
    if (outcome == Outcome::failed) return refuse(parser_.fault());
    if (outcome == Outcome::complete) return role_ == HttpRole::server ? tell_request(parser_.size()) : tell_response(parser_.size());
    if (wait_ != Wait::head) await(Wait::head);
    return on_exhausted();
}

Step HttpEngine::tell_request(std::size_t size) {
    const HttpHeadParser::Facts& facts = parser_.facts();
    reading_framing_ = facts.is_chunked   ? HttpFraming::chunked()
                       : facts.has_length ? HttpFraming::of_length(facts.length)
                                          : HttpFraming::none();
    if (reading_framing_.length > limits_.body) return refuse({413, "the body is too long", HttpLimit::body});
    const Bytes method = parser_.method();
    is_http10_ = parser_.minor_version() == 0;
    is_head_ = method == "HEAD";
    is_connect_ = method == "CONNECT";
    is_upgrade_ = is_connect_ || (facts.has_upgrade && facts.connection.has_upgrade && !is_http10_);
    is_continue_due_ = facts.is_continue_expected && (facts.is_chunked || facts.length > 0);
    const bool is_keep_alive = !facts.connection.has_close && (!is_http10_ || facts.connection.has_keep_alive);
    if (!is_keep_alive) is_last_ = true;
    if (++requests_ >= limits_.requests && !is_last_) {
        is_last_ = true;
        limit_ = HttpLimit::requests;
    }
    writing_ = Writing::due;
    event_.head.method = method;
    event_.head.target = parser_.target();
    event_.head.is_keep_alive = is_keep_alive;
    event_.head.is_continue_expected = is_continue_due_;
    event_.head.is_upgrade = is_upgrade_;
    return tell_head(HttpEvent::Kind::head, size);
}

// RFC 9112 6.3, from the client's side: some responses have no body whatever the fields say.
HttpFraming HttpEngine::response_framing() const {
    const HttpHeadParser::Facts& facts = parser_.facts();
    const int status = parser_.status();
    if (is_head_ || is_switching_ || status < 200 || status == 204 || status == 304) return HttpFraming::none();
    if (facts.is_chunked) return HttpFraming::chunked();
    return facts.has_length ? HttpFraming::of_length(facts.length) : HttpFraming::until_close();
}

Step HttpEngine::tell_response(std::size_t size) {
    const HttpHeadParser::Facts& facts = parser_.facts();
    const int status = parser_.status();
    const bool is_switch = status == 101 || (is_connect_ && status / 100 == 2);
    is_http10_ = parser_.minor_version() == 0;
    if (status == 101 && !(is_upgrade_ && facts.has_upgrade && !is_http10_))
        return refuse({400, "101 to a request that did not ask for it"});
    event_.head.status = status;
    event_.head.reason = parser_.reason();
    event_.head.is_upgrade = facts.has_upgrade && facts.connection.has_upgrade;
    is_switching_ = is_switch;
    reading_framing_ = response_framing();
    if (status < 200 && !is_switch) {
        if (++interims_ > limits_.interims) return refuse({400, "too many interim responses", HttpLimit::interims});
        event_.head.is_keep_alive = false;
        return tell_head(HttpEvent::Kind::interim, size);
    }
    if (reading_framing_.length > limits_.body) return refuse({413, "the body is too long", HttpLimit::body});
    const bool is_keep_alive = !facts.connection.has_close && (!is_http10_ || facts.connection.has_keep_alive) &&
                               reading_framing_.kind != HttpFraming::Kind::until_close;
    if (!is_keep_alive) is_last_ = true;
    event_.head.is_keep_alive = is_keep_alive;
    return tell_head(HttpEvent::Kind::head, size);
}

Step HttpEngine::tell_head(HttpEvent::Kind kind, std::size_t size) {
    event_.kind = kind;
    event_.head.minor_version = parser_.minor_version();
    event_.head.fields = parser_.fields();
    event_.head.framing = reading_framing_;
    input_.consume(size);
    if (kind == HttpEvent::Kind::interim) {
        parser_.begin_head();
        await(Wait::first_octet);
    } else {
        begin_body();
    }
    return Step::event;
}

void HttpEngine::begin_body() {
    body_octets_ = 0;
    extension_octets_ = 0;
    to_read_ = reading_framing_.length;
    switch (reading_framing_.kind) {
        case HttpFraming::Kind::none:
            reading_ = Reading::end;
            break;
        case HttpFraming::Kind::length:
            reading_ = to_read_ == 0 ? Reading::end : Reading::body;
            break;
        case HttpFraming::Kind::until_close:
            reading_ = Reading::body;
            break;
        case HttpFraming::Kind::chunked:
            reading_ = Reading::chunk_line;
            break;
    }
    await(reading_ == Reading::end || is_continue_due_ ? Wait::nothing : Wait::body);
}

Step HttpEngine::tell_data(std::uint64_t most) {
    const Bytes octets = input_.rest();
    event_.kind = HttpEvent::Kind::data;
    event_.data = octets.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(most, octets.size())));
    input_.consume(event_.data.size());
    on_body_octets(event_.data.size());
    return Step::event;
}

Step HttpEngine::read_body() {
    if (is_done()) return tell_ended();
    const bool is_until_close = reading_framing_.kind == HttpFraming::Kind::until_close;
    if (input_.rest().empty()) {
        if (!is_until_close || !has_input_ended_) return on_exhausted();
        reading_ = Reading::end;
        return tell_end();
    }
    if (is_until_close) {
        if (body_octets_ == limits_.body) return refuse({413, "the body is too long", HttpLimit::body});
        return tell_data(limits_.body - body_octets_);
    }
    const Step step = tell_data(to_read_);
    to_read_ -= event_.data.size();
    if (to_read_ == 0) reading_ = reading_ == Reading::chunk_data ? Reading::chunk_end : Reading::end;
    return step;
}

Step HttpEngine::read_chunk_line() {
    if (is_done()) return tell_ended();
    const HttpChunkLine line = parse_chunk_line(input_.rest(), limits_, extension_octets_);
    if (line.outcome == Outcome::failed) return refuse(line.fault);
    if (line.outcome == Outcome::incomplete) return on_exhausted();
    if (line.size > limits_.body - body_octets_) return refuse({413, "the body is too long", HttpLimit::body});
    input_.consume(line.octets);
    extension_octets_ += line.extension_octets;
    to_read_ = line.size;
    if (to_read_ == 0) {
        reading_ = Reading::trailers;
        parser_.begin_trailers();
        return read_trailers();
    }
    reading_ = Reading::chunk_data;
    return read_body();
}

Step HttpEngine::read_chunk_end() {
    if (is_done()) return tell_ended();
    const Bytes octets = input_.rest();
    if (octets.empty()) return on_exhausted();
    if (octets.front() != '\r' || (octets.size() > 1 && octets[1] != '\n')) return refuse({400, "a chunk is not followed by CR LF"});
    if (octets.size() == 1) return on_exhausted();
    input_.consume(2);
    reading_ = Reading::chunk_line;
    return read_chunk_line();
}

Step HttpEngine::read_trailers() {
    if (is_done()) return tell_ended();
    const Outcome outcome = parser_.parse(input_.rest(), limits_);
    if (outcome == Outcome::failed) return refuse(parser_.fault());
    if (outcome == Outcome::incomplete) return on_exhausted();
    input_.consume(parser_.size());
    reading_ = Reading::end;
    return tell_end();
}

Step HttpEngine::tell_end() {
    event_.kind = HttpEvent::Kind::end;
    event_.trailers = reading_framing_.kind == HttpFraming::Kind::chunked ? parser_.fields() : HttpFields();
    reading_ = Reading::complete;
    is_continue_due_ = false;
    await(writing_ == Writing::complete ? Wait::idle : Wait::nothing);
    return Step::event;
}

}  // namespace tidemill
