// What the HTTP/1.1 engine tells and is told: fields, heads, events (RFC 9110, RFC 9112). Everything here is a view: in an event valid as
// long as the event, in a call read before it returns.
#pragma once
#include <cstdint>
#include <span>

#include "tidemill/base/bytes.h"

namespace tidemill {

enum class HttpRole : std::uint8_t { server, client };

struct HttpField {
    Bytes name;  // as the peer wrote it; names are compared without regard to case
    Bytes value;  // without the white space around it
};

using HttpFields = std::span<const HttpField>;

// The first field of that name; nullptr if there is none.
const HttpField* find_field(HttpFields fields, Bytes name);

// How the end of a body is found (RFC 9112 6.3).
struct HttpFraming {
    enum class Kind : std::uint8_t {
        none,  // no body, not even an empty one
        length,
        chunked,
        until_close,  // responses only
    };

    Kind kind = Kind::none;
    std::uint64_t length = 0;

    static constexpr HttpFraming none() { return {}; }
    static constexpr HttpFraming of_length(std::uint64_t length) { return {Kind::length, length}; }
    static constexpr HttpFraming chunked() { return {Kind::chunked, 0}; }
    static constexpr HttpFraming until_close() { return {Kind::until_close, 0}; }

    // For who passes on fields that somebody else made: what their Content-Length says, `otherwise` if there is none or an unusable one.
    static HttpFraming of_fields(HttpFields fields, HttpFraming otherwise);

    bool operator==(const HttpFraming&) const = default;
};

// The head of a message of the peer's.
struct HttpHead {
    Bytes method;  // to a server
    Bytes target;
    int status = 0;  // to a client
    Bytes reason;
    int minor_version = 1;  // HTTP/1.0 or HTTP/1.1
    HttpFields fields;  // in the order of arrival, repeated ones apart
    HttpFraming framing;  // of the body that follows
    bool is_keep_alive = false;  // the peer's wish, and possible
    bool is_continue_expected = false;  // to a server: it sends the body once respond_continue() was called
    bool is_upgrade = false;  // Upgrade and Connection: upgrade are there, or this is CONNECT

    const HttpField* find(Bytes name) const { return find_field(fields, name); }
};

struct HttpEvent {
    enum class Kind : std::uint8_t {
        head,
        interim,  // to a client: an answer 1xx other than 101; the head follows
        data,
        end,  // of the message; comes after every head
    };

    Kind kind = Kind::head;
    HttpHead head;  // head, interim
    Bytes data;  // data: never empty
    HttpFields trailers;  // end
};

// What a client's request begins with.
struct HttpRequestHead {
    Bytes method;
    Bytes target;
    HttpFields fields = {};  // Host must be among them
    HttpFraming framing = {};  // none, length or chunked
    bool is_last = false;  // Connection: close
};

// What a server's response begins with.
struct HttpResponseHead {
    int status = 200;
    Bytes reason = {};  // empty: the usual one
    HttpFields fields = {};
    HttpFraming framing = {};  // chunked becomes until_close for a peer with HTTP/1.0
    Bytes date = {};  // of the field Date; empty: none is added
    bool is_last = false;  // Connection: close
};

}  // namespace tidemill
