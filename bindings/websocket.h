// A WebSocket at script size: a WebSocketConnection that tells a script's object. Fields cross as in http.h.
#pragma once
#include "bindings/protocol.h"

namespace tidemill::script {

// For the table of protocol.cpp: max_message, max_fragments, compresses and streams (0 or 1), handshake, ping and pong (microseconds); and in hexadecimal,
// as they may hold anything: subprotocols (with commas between them), path, host, origin, headers (with their count in header_count).
std::unique_ptr<Protocol> make_websocket(ScriptHandler& handler, const ProtocolOptions& options);

// ---- Inside _on_handshake. Throw state at any other time, argument and local_protocol.

Bytes websocket_fields(ScriptHandler& handler);
void websocket_refuse(ScriptHandler& handler, int status);
void websocket_choose(ScriptHandler& handler, Bytes subprotocol);
void websocket_add_field(ScriptHandler& handler, Bytes name, Bytes value);

// ---- Answer whether to go on sending. Throw local_protocol, state before on_open, and what write() does.

bool websocket_send_text(ScriptHandler& handler, Bytes text);
bool websocket_send_binary(ScriptHandler& handler, Octets data);
bool websocket_ping(ScriptHandler& handler, Octets payload);

// Throws local_protocol. Does nothing once it is closed, as close() does.
void websocket_close(ScriptHandler& handler, int code, Bytes reason);

// ---- What is known; also behind on_close.

Bytes websocket_target(ScriptHandler& handler);
Bytes websocket_subprotocol(ScriptHandler& handler);
int websocket_close_code(ScriptHandler& handler);
Bytes websocket_close_reason(ScriptHandler& handler);

}  // namespace tidemill::script
