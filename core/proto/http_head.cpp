#include "tidemill/proto/http_head.h"

#include <algorithm>
#include <cstring>

namespace tidemill {

using Outcome = HttpHeadParser::Outcome;

void HttpHeadParser::begin_head() {
    part_ = role_ == HttpRole::server ? Part::request_line : Part::status_line;
    position_ = section_ = 0;
    places_.clear();
    facts_ = {};
    host_ = {};
}

void HttpHeadParser::begin_trailers() {
    part_ = Part::trailers;
    position_ = section_ = 0;
    places_.clear();
}

HttpHeadParser::Place HttpHeadParser::place(const char* begin, const char* end) const {
    return {static_cast<std::uint32_t>(begin - octets_), static_cast<std::uint32_t>(end - begin)};
}

Outcome HttpHeadParser::fail(int status, const char* detail, HttpLimit limit) {
    fault_ = {status, detail, limit};
    return Outcome::failed;
}

Outcome HttpHeadParser::parse(Bytes octets, const HttpLimits& limits) {
    octets_ = octets.data();
    const char* end = octets.data() + octets.size();
    if (part_ == Part::request_line || part_ == Part::status_line) {
        const Outcome outcome = parse_start_line(end, limits);
        if (outcome != Outcome::complete) return outcome;
        part_ = Part::fields;
        section_ = position_;
    }
    const Outcome outcome = parse_fields(end, limits);
    return outcome == Outcome::complete ? complete() : outcome;
}

// A line is looked at up to the octet that would be too much; who comes that far without its end has reached the limit.
Outcome HttpHeadParser::parse_start_line(const char* end, const HttpLimits& limits) {
    const char* line = octets_ + position_;
    const std::size_t most = limits.start_line + 2;
    const bool is_cut = static_cast<std::size_t>(end - line) >= most;
    if (is_cut) end = line + most;
    const Outcome outcome = part_ == Part::request_line ? parse_request_line(line, end) : parse_status_line(line, end);
    if (outcome == Outcome::incomplete && is_cut) return fail(414, "the first line is too long", HttpLimit::start_line);
    return outcome;
}

Outcome HttpHeadParser::parse_request_line(const char* line, const char* end) {
    using namespace http;
    const char* method_end = skip(line, end, token_octet);
    if (method_end == end) return Outcome::incomplete;
    if (*method_end != ' ' || method_end == line) return fail(400, "the request line does not begin with a method and a space");
    const char* target = method_end + 1;
    const char* target_end = skip(target, end, target_octet);
    if (target_end == end) return Outcome::incomplete;
    if (*target_end != ' ' || target_end == target) return fail(400, "the target is empty or has an octet that no target has");
    method_ = place(line, method_end);
    target_ = place(target, target_end);
    return parse_version(target_end + 1, end, "\r\n", 2);
}

// "HTTP/1.1" and what follows it; any mistake is one at the first octet that shows it.
Outcome HttpHeadParser::parse_version(const char* octet, const char* end, const char* what_follows, std::size_t size) {
    const std::size_t whole = 8 + size;
    const std::size_t count = std::min(whole, static_cast<std::size_t>(end - octet));
    if (count == whole && std::memcmp(octet, "HTTP/1.1", 8) == 0 && std::memcmp(octet + 8, what_follows, size) == 0) {
        minor_version_ = 1;
    } else {
        for (std::size_t i = 0; i < count; ++i) {
            const bool is_right = i == 5 || i == 7 ? http::is_digit(octet[i]) : octet[i] == (i < 8 ? "HTTP/0.0"[i] : what_follows[i - 8]);
            if (!is_right) return fail(400, i < 8 ? "no HTTP version where it should be" : "what follows the HTTP version is wrong");
        }
        if (count < whole) return Outcome::incomplete;
        if (octet[5] != '1' || octet[7] > '1') return fail(505, "the HTTP version is neither 1.0 nor 1.1");
        minor_version_ = static_cast<std::uint8_t>(octet[7] - '0');
    }
    position_ = static_cast<std::size_t>(octet + whole - octets_);
    return Outcome::complete;
}

Outcome HttpHeadParser::parse_status_line(const char* line, const char* end) {
    using namespace http;
    const Outcome outcome = parse_version(line, end, " ", 1);
    if (outcome != Outcome::complete) return outcome;
    const char* octet = octets_ + position_;
    position_ = static_cast<std::size_t>(line - octets_);  // until all of the line is there
    status_ = 0;
    for (int i = 0; i < 3; ++i, ++octet) {
        if (octet == end) return Outcome::incomplete;
        if (!is_digit(*octet) || (i == 0 && *octet == '0')) return fail(400, "the status is not a number of three digits");
        status_ = status_ * 10 + (*octet - '0');
    }
    if (octet == end) return Outcome::incomplete;
    // The space before an empty reason is left out by many.
    if (*octet == '\n') return fail(400, "a LF without CR");
    if (*octet != ' ' && *octet != '\r') return fail(400, "the status is not followed by a space");
    const char* reason = *octet == ' ' ? octet + 1 : octet;
    const char* reason_end = skip_value(reason, end);
    if (reason_end == end) return Outcome::incomplete;
    if (*reason_end != '\r') return fail(400, *reason_end == '\n' ? "a LF without CR" : "a control character in the reason");
    if (end - reason_end < 2) return Outcome::incomplete;
    if (reason_end[1] != '\n') return fail(400, "a CR without LF");
    target_ = place(reason, reason_end);
    position_ = static_cast<std::size_t>(reason_end + 2 - octets_);
    return Outcome::complete;
}

Outcome HttpHeadParser::parse_fields(const char* end, const HttpLimits& limits) {
    const bool is_trailer = part_ == Part::trailers;
    const std::size_t most = is_trailer ? limits.trailer_section : limits.section;
    const std::size_t most_fields = is_trailer ? limits.trailers : limits.fields;
    const char* section = octets_ + section_;
    const bool is_cut = static_cast<std::size_t>(end - section) >= most;
    if (is_cut) end = section + most;
    Outcome outcome = Outcome::incomplete;
    for (const char* octet = octets_ + position_; octet != end;) {
        if (*octet == '\r') {
            if (end - octet < 2) break;
            if (octet[1] != '\n') return fail(400, "a CR without LF");
            position_ = static_cast<std::size_t>(octet + 2 - octets_);
            return Outcome::complete;
        }
        if (places_.size() == most_fields) return fail(431, "too many fields", is_trailer ? HttpLimit::trailers : HttpLimit::fields);
        outcome = parse_field(octet, end);
        if (outcome == Outcome::failed) return outcome;
        if (outcome == Outcome::incomplete) break;
        position_ = static_cast<std::size_t>(octet - octets_);
    }
    if (is_cut) return fail(431, "the fields are too long", is_trailer ? HttpLimit::trailer_section : HttpLimit::section);
    return Outcome::incomplete;
}

Outcome HttpHeadParser::parse_field(const char*& octet, const char* end) {
    using namespace http;
    const char* name = octet;
    const char* name_end = skip(name, end, token_octet);
    if (name_end == end) return Outcome::incomplete;
    if (*name_end != ':' || name_end == name) {
        if (name_end == name && is_blank(*name)) return fail(400, "a folded line");
        if (*name_end == '\n') return fail(400, "a LF without CR");
        if (is_blank(*name_end)) return fail(400, "white space in or after the name of a field");
        return fail(400, "the name of a field is empty or has an octet that no name has");
    }
    const char* value = name_end + 1;
    while (value != end && is_blank(*value)) ++value;
    const char* line_end = skip_value(value, end);
    if (line_end == end) return Outcome::incomplete;
    if (*line_end != '\r') return fail(400, *line_end == '\n' ? "a LF without CR" : "a control character in a field");
    if (end - line_end < 2) return Outcome::incomplete;
    if (line_end[1] != '\n') return fail(400, "a CR without LF");
    const char* value_end = line_end;
    while (value_end != value && is_blank(value_end[-1])) --value_end;
    const FieldPlace& field = places_.emplace_back(FieldPlace{place(name, name_end), place(value, value_end)});
    octet = line_end + 2;
    const Known known = known_field(view(field.name));
    return known == Known::no ? Outcome::complete : obey(known, view(field.value));
}

Outcome HttpHeadParser::complete() {
    fields_.clear();
    fields_.reserve(places_.size());
    for (const FieldPlace& field : places_) fields_.push_back({view(field.name), view(field.value)});
    if (part_ == Part::trailers) return Outcome::complete;
    if (facts_.is_chunked && facts_.has_length) return fail(400, "Transfer-Encoding and Content-Length");
    if (facts_.is_chunked && minor_version_ == 0) return fail(400, "Transfer-Encoding in HTTP/1.0");
    return role_ == HttpRole::server ? check_request() : Outcome::complete;
}

}  // namespace tidemill
