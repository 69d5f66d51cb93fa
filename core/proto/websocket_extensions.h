// What two WebSocket peers agree on before the first frame: the header Sec-WebSocket-Extensions, of which permessage-deflate is known. Pure
// functions over text; the frames are websocket.h's.
// Source: RFC 6455 9.1, RFC 7692 5 to 7.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/base/error.h"

namespace tidemill {

// One extension as offered or answered. value: of a parameter without one it is not set; a quoted one comes without its quotes.
struct WebSocketExtension {
    struct Parameter {
        std::string name;
        std::optional<std::string> value;
    };
    std::string name;
    std::vector<Parameter> parameters;
};

// header: the field's value; of several fields, their values with ", " between them. Errors: remote_protocol.
Result<std::vector<WebSocketExtension>> parse_websocket_extensions(std::string_view header);

// How messages are compressed, and what a side asks for. Without a context every message is compressed for itself: larger, but nothing
// stays in memory between two of them, which for a server with many clients is 300 KiB each. Windows are 2^bits octets, bits 8 to 15.
struct WebSocketDeflate {
    bool server_no_context_takeover = true;
    bool client_no_context_takeover = true;
    int server_max_window_bits = 15;
    int client_max_window_bits = 15;

    friend bool operator==(const WebSocketDeflate&, const WebSocketDeflate&) = default;
};

// A server's choice: of several offers of permessage-deflate the first that can be taken, never with more than `most` allows. header: for
// the answer, empty if it takes none. Offers of extensions that nobody knows are passed over, as the protocol has it.
struct WebSocketAnswer {
    std::optional<WebSocketDeflate> deflate;
    std::string header;
};
WebSocketAnswer answer_websocket_extensions(const std::vector<WebSocketExtension>& offers, const WebSocketDeflate& most);

// A client's offer of `wanted`, and what the server's answer to it means; `answer`: empty if it had no such field. Errors:
// remote_protocol (it answers what was not offered).
std::string offer_websocket_deflate(const WebSocketDeflate& wanted);
Result<std::optional<WebSocketDeflate>> check_websocket_extensions(std::string_view answer, const std::optional<WebSocketDeflate>& offered);

}  // namespace tidemill
