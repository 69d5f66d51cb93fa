// A WebSocket at script size; bindings/websocket.h says what each does.
namespace tidemill {
namespace script {

Bytes websocket_fields(ScriptHandler& handler);
void websocket_refuse(ScriptHandler& handler, int status);
void websocket_choose(ScriptHandler& handler, Bytes subprotocol);
void websocket_add_field(ScriptHandler& handler, Bytes name, Bytes value);
bool websocket_send_text(ScriptHandler& handler, Bytes text);
bool websocket_send_binary(ScriptHandler& handler, Octets data);
bool websocket_ping(ScriptHandler& handler, Octets payload);
void websocket_close(ScriptHandler& handler, int code, Bytes reason);
Bytes websocket_target(ScriptHandler& handler);
Bytes websocket_subprotocol(ScriptHandler& handler);
int websocket_close_code(ScriptHandler& handler);
Bytes websocket_close_reason(ScriptHandler& handler);

}
}
