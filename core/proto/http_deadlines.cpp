// HttpEngine's deadlines: what is waited for, since when, and how long that may take.
#include <algorithm>

#include "tidemill/base/limits.h"
#include "tidemill/proto/http.h"

namespace tidemill {

void HttpEngine::await(Wait wait) {
    wait_ = is_switching_ ? Wait::nothing : wait;
    since_ = progress_ = now_;
    held_since_ = now_;
}

void HttpEngine::on_body_octets(std::size_t count) {
    body_octets_ += count;
    progress_ = now_;
    if (!is_continue_due_) return;
    // The peer did not wait for its 100.
    is_continue_due_ = false;
    await(Wait::body);
}

void HttpEngine::hold_deadlines(bool is_held) {
    if (is_held == is_held_) return;
    is_held_ = is_held;
    if (is_held) {
        held_since_ = now_;
    } else if (wait_ == Wait::body) {
        since_ += now_ - held_since_;
        progress_ = now_;
    }
}

// limit: the one that is reached then.
TimePoint HttpEngine::deadline(HttpLimit& limit) const {
    switch (wait_) {
        case Wait::nothing:
            return TimePoint::max();
        case Wait::first_octet:
            limit = HttpLimit::first_octet;
            return since_ + limits_.first_octet;
        case Wait::head:
            limit = HttpLimit::head;
            return since_ + limits_.head;
        case Wait::idle:
            limit = HttpLimit::idle;
            return since_ + limits_.idle;
        case Wait::body:
            break;
    }
    if (is_held_) return TimePoint::max();
    limit = HttpLimit::body_progress;
    const TimePoint progress = progress_ + limits_.body_progress;
    if (limits_.body_rate == 0) return progress;
    // When what has arrived will be too little for the time that has gone.
    const Duration paid = std::chrono::seconds(std::min<std::uint64_t>(body_octets_ / limits_.body_rate, std::uint64_t{1} << 32));
    const TimePoint rate = since_ + std::max(limits_.body_rate_after, paid);
    if (rate < progress) limit = HttpLimit::body_rate;
    return std::min(rate, progress);
}

TimePoint HttpEngine::tick(TimePoint now) {
    now_ = now;
    if (!has_clock_) {
        has_clock_ = true;
        since_ = progress_ = held_since_ = now;
    }
    if (has_failed()) return TimePoint::max();
    HttpLimit limit = HttpLimit::none;
    const TimePoint then = deadline(limit);
    if (now < then) return then;
    const bool has_begun = wait_ == Wait::head || wait_ == Wait::body;
    fail_with(ErrorCode::timeout, has_begun ? 408 : 0, http_limit_name(limit), limit);
    return TimePoint::max();
}

HttpLimits::HttpLimits(HttpRole role)
    : start_line(limits::http_start_line),
      section(limits::http_section),
      fields(limits::http_fields),
      trailer_section(limits::http_trailer_section),
      trailers(limits::http_trailers),
      chunk_digits(limits::http_chunk_digits),
      chunk_extension(limits::http_chunk_extension),
      chunk_extensions(limits::http_chunk_extensions),
      body(limits::http_longest_body),
      interims(limits::http_interims),
      requests(limits::http_requests),
      first_octet(role == HttpRole::server ? limits::http_first_octet : limits::http_response),
      head(limits::http_head),
      body_progress(limits::http_body_progress),
      idle(limits::http_idle),
      body_rate(role == HttpRole::server ? limits::http_body_rate : 0),
      body_rate_after(limits::http_body_rate_after) {}

std::string_view http_limit_name(HttpLimit limit) {
    switch (limit) {
        case HttpLimit::none:
            return "none";
        case HttpLimit::start_line:
            return "start_line";
        case HttpLimit::section:
            return "section";
        case HttpLimit::fields:
            return "fields";
        case HttpLimit::trailer_section:
            return "trailer_section";
        case HttpLimit::trailers:
            return "trailers";
        case HttpLimit::chunk_digits:
            return "chunk_digits";
        case HttpLimit::chunk_extension:
            return "chunk_extension";
        case HttpLimit::chunk_extensions:
            return "chunk_extensions";
        case HttpLimit::body:
            return "body";
        case HttpLimit::interims:
            return "interims";
        case HttpLimit::requests:
            return "requests";
        case HttpLimit::first_octet:
            return "first_octet";
        case HttpLimit::head:
            return "head";
        case HttpLimit::body_progress:
            return "body_progress";
        case HttpLimit::idle:
            return "idle";
        case HttpLimit::body_rate:
            return "body_rate";
    }
    return "none";
}

}  // namespace tidemill
