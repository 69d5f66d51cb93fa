// The opening handshake of a WebSocket, as checks of HTTP fields and as fields to send. Pure functions: the HTTP engines carry the
// messages, core/tls/digest.h has the hash, the driver puts them together:
//
//     accept = base64(sha1(websocket_accept_input(key)))
//
// Source: RFC 6455 4.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/base/error.h"
#include "tidemill/proto/http_message.h"

namespace tidemill {

// Whether the fields ask for a WebSocket at all; if not, it is some other request.
bool is_websocket_request(HttpFields fields);

// What a client asks for. The views are into the fields.
struct WebSocketRequest {
    // 101 if it may be granted; otherwise the status to answer with, and why: 400; 405 (the method must be GET); 426, with the field
    // Sec-WebSocket-Version: 13.
    int status = 101;
    std::string_view problem;

    std::string_view key;
    std::string_view origin;  // empty: not a browser. Whether it is welcome is the user's to say (403)
    std::vector<std::string_view> protocols;  // in the client's order of preference
    std::string extensions;  // for parse_websocket_extensions()
};
// minor: of the HTTP version, 1.minor.
WebSocketRequest read_websocket_request(std::string_view method, int minor, HttpFields fields);

// The first of the client's protocols that is among ours; empty for none.
std::string_view choose_websocket_protocol(const std::vector<std::string_view>& offered, const std::vector<std::string>& ours);

// The fields of the answer 101. protocol, extensions: empty for none. The views are into the arguments.
std::vector<HttpField> websocket_answer_fields(std::string_view accept, std::string_view protocol, std::string_view extensions);

// What a user adds to that answer: not the handshake's own fields, nor any that would say the response has a body. Errors: local_protocol.
Result<void> check_websocket_answer_field(const HttpField& field);

// What has to be hashed for a key.
std::string websocket_accept_input(std::string_view key);

// The fields of a client's request, besides Host. key: 16 random octets in base64. protocols: with ", " between them. origin, protocols,
// extensions: empty for none. The views are into the arguments.
std::vector<HttpField> websocket_request_fields(std::string_view key, std::string_view protocols, std::string_view extensions,
                                                std::string_view origin);

// What a server granted.
struct WebSocketGrant {
    std::string_view protocol;  // empty: none
    std::string extensions;  // for check_websocket_extensions()
};
// accept: what the hash of our key must be. offered: our protocols. Errors: remote_protocol.
Result<WebSocketGrant> read_websocket_answer(int status, HttpFields fields, std::string_view accept,
                                             const std::vector<std::string>& offered);

}  // namespace tidemill
