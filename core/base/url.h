// Url: the address of something that HTTP serves, in parts (RFC 3986, RFC 9110 4.2). Pure functions of text.
//
// Strict where two programs could understand differently: user names are refused, as they give themselves away in logs and hide the host
// from people; so are control octets and hosts that are neither a name nor a literal address. What cannot stand in a target but is meant
// (blanks, octets beyond ASCII) is percent-encoded, as browsers do.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "tidemill/base/error.h"

namespace tidemill {

struct Url {
    bool is_tls = false;  // https
    std::string host;  // lower case; IPv6 without brackets
    std::uint16_t port = 80;
    std::string target = "/";  // path and query, never empty, no fragment

    // "example.org", "[::1]:8080": the port only where it is not the scheme's.
    std::string authority() const;
    // "https://example.org:443": what a connection belongs to.
    std::string origin() const;
    std::string text() const;

    bool operator==(const Url&) const = default;
};

// Errors: argument, with a detail that says what is wrong. operation: repeated in the error.
Result<Url> parse_url(std::string_view text, std::string_view operation);

// What a reference, as in Location, means where it was found (RFC 3986 5.2). Errors as parse_url().
Result<Url> resolve_url(const Url& base, std::string_view reference, std::string_view operation);

}  // namespace tidemill
