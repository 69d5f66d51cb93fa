// What a WebSocket on a connection can be told, as a server and as a client.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "tidemill/proto/websocket.h"

namespace tidemill {

struct WebSocketConnectionOptions {
    // Limits and times; its members random and deflate are set by the connection.
    WebSocketOptions frames = {};

    // permessage-deflate, if the peer has it as well: server and client may each offer less.
    bool compresses = true;
    WebSocketDeflate deflate = {};

    // Subprotocols. A client's in the order of preference; a server takes the first of the client's that is among them.
    std::vector<std::string> protocols = {};

    // From the connection's beginning to the end of the opening handshake.
    Duration handshake_timeout = limits::websocket_handshake;

    // ---- of a client

    std::string path = "/";  // with the query, if there is one
    std::string host = {};  // of the field Host; empty: what connect() was given
    std::string origin = {};
    std::vector<std::pair<std::string, std::string>> fields = {};  // more of them, such as Authorization
};

}  // namespace tidemill
