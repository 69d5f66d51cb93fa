// The part of HttpHeadParser that understands fields: those on which the framing of the message and the fate of the connection depend.
#include "tidemill/proto/http_head.h"

namespace tidemill {

using Outcome = HttpHeadParser::Outcome;

Outcome HttpHeadParser::obey(http::Known known, Bytes value) {
    using http::Known;
    if (part_ == Part::trailers)
        return known == Known::te ? Outcome::complete : fail(400, "a field in the trailers that belongs into the head");
    switch (known) {
        case Known::host:
            return role_ == HttpRole::server ? obey_host(value) : Outcome::complete;
        case Known::content_length:
            return obey_length(value);
        case Known::transfer_encoding:
            if (facts_.is_chunked || !http::equals(value, "chunked")) return fail(400, "Transfer-Encoding is not chunked, once");
            facts_.is_chunked = true;
            return Outcome::complete;
        case Known::connection:
            facts_.connection.add(value);
            return Outcome::complete;
        case Known::upgrade:
            facts_.has_upgrade = true;
            return Outcome::complete;
        case Known::expect:
            if (role_ == HttpRole::client || minor_version_ == 0) return Outcome::complete;
            if (!http::equals(value, "100-continue")) return fail(417, "an expectation other than 100-continue");
            facts_.is_continue_expected = true;
            return Outcome::complete;
        case Known::te:
        case Known::no:
            break;
    }
    return Outcome::complete;
}

Outcome HttpHeadParser::obey_host(Bytes value) {
    if (facts_.has_host) return fail(400, "more than one Host");
    if (!http::is_host(value)) return fail(400, "Host is not a host");
    facts_.has_host = true;
    host_ = places_.back().value;
    return Outcome::complete;
}

// Several are refused even if they say the same: who joins them to a list, or takes the first or the last, is not known.
Outcome HttpHeadParser::obey_length(Bytes value) {
    if (facts_.has_length) return fail(400, "more than one Content-Length");
    if (!http::parse_length(value, facts_.length)) return fail(400, "Content-Length is not a number, or one that is too large");
    facts_.has_length = true;
    return Outcome::complete;
}

Outcome HttpHeadParser::check_request() {
    if (!facts_.has_host && minor_version_ == 1) return fail(400, "no Host");
    Bytes authority;
    const char* why = http::check_target(method(), target(), authority);
    if (why != nullptr) return fail(400, why);
    if (authority.empty()) {
        if (method() == "CONNECT" && (facts_.is_chunked || facts_.has_length)) return fail(400, "CONNECT with a body");
        return Outcome::complete;
    }
    // The target counts, not the Host (RFC 9112 3.2.2): if they differ, somebody on the way may have gone by the other one.
    if (facts_.has_host && !http::equals_in_any_case(authority, view(host_))) return fail(400, "Host is not the host of the target");
    return Outcome::complete;
}

}  // namespace tidemill
