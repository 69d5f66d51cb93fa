#include "bindings/websocket.h"

#include <charconv>

#include "bindings/http_fields.h"
#include "tidemill/serve/websocket_connection.h"

namespace tidemill::script {
namespace {

class ScriptWebSocket final : public WebSocketConnection, public Protocol {
public:
    ScriptWebSocket(ScriptHandler& object, WebSocketConnectionOptions options) : WebSocketConnection(std::move(options)), object_(object) {}

    DriverBase& driver() override { return *this; }
    bool tells_open() const override { return true; }
    Result<WriteResult> write_frame(Connection& connection, Bytes text) override { return send_text(connection, text); }

    void on_handshake(Connection&, WebSocketHandshake& handshake) override {
        std::string protocols;
        for (const std::string_view protocol : handshake.protocols()) protocols.append(protocols.empty() ? "" : ",").append(protocol);
        handshake_ = &handshake;
        const bool is_well = object_.offer(Event::_on_handshake,
                                           {Value::words(handshake.target()), Value::words(handshake.origin()), Value::words(protocols)});
        handshake_ = nullptr;
        if (is_well) return;
        static_cast<void>(handshake.refuse(500));
        object_.raised();
    }
    void on_open(Connection& connection) override { object_.on_open(connection); }
    void on_text(Connection&, Bytes text) override { object_.tell(Event::on_text, Value::words(text)); }
    void on_binary(Connection&, Bytes data) override { object_.tell(Event::on_binary, Value::octets(data)); }
    void on_part(Connection&, const WebSocketEvent& part) override {
        const Value data = part.is_text ? Value::words(part.data) : Value::octets(part.data);
        if (!object_.offer(Event::on_part, {data, Value::flag(part.is_text), Value::flag(part.is_first), Value::flag(part.is_last)}))
            object_.raised();
    }
    void on_ping(Connection&, Bytes payload) override { object_.tell(Event::on_ping, Value::octets(payload)); }
    void on_pong(Connection&, Bytes payload) override { object_.tell(Event::on_pong, Value::octets(payload)); }
    // The object's own is the adaptor's, which closes.
    void on_shutdown(Connection&) override {}

    WebSocketHandshake& handshake() const {
        if (handshake_ == nullptr) throw Failure{make_error(ErrorCode::state, "handshake", {}, "the handshake is over")};
        return *handshake_;
    }

private:
    ScriptHandler& object_;
    WebSocketHandshake* handshake_ = nullptr;  // during on_handshake
};

std::string from_hexadecimal(Bytes digits) {
    std::string text;
    for (; digits.size() >= 2; digits.remove_prefix(2)) {
        unsigned octet = 0;
        std::from_chars(digits.data(), digits.data() + 2, octet, 16);
        text += static_cast<char>(octet);
    }
    return text;
}

std::vector<std::string> split(Bytes text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

const ScriptWebSocket* known(ScriptHandler& handler) {
    return dynamic_cast<const ScriptWebSocket*>(handler.protocol());
}

ScriptWebSocket& websocket_in_handshake(ScriptHandler& handler) {
    return protocol_of<ScriptWebSocket>(handler, "handshake").protocol;
}

void check(const Result<void>& done) {
    if (!done) throw Failure{done.error()};
}

}  // namespace

std::unique_ptr<Protocol> make_websocket(ScriptHandler& handler, const ProtocolOptions& options) {
    const auto time = [&](std::string_view name) { return std::chrono::microseconds(options.number(name)); };
    WebSocketConnectionOptions websocket;
    websocket.frames.message_limit = options.number("max_message");
    websocket.frames.fragment_limit = options.number("max_fragments");
    websocket.frames.streams = options.number("streams") != 0;
    websocket.frames.ping_interval = time("ping");
    websocket.frames.pong_timeout = time("pong");
    websocket.handshake_timeout = time("handshake");
    websocket.compresses = options.number("compresses") != 0;
    websocket.protocols = split(from_hexadecimal(options.word("subprotocols")), ',');
    websocket.path = from_hexadecimal(options.word("path"));
    websocket.host = from_hexadecimal(options.word("host"));
    websocket.origin = from_hexadecimal(options.word("origin"));
    const std::string headers = from_hexadecimal(options.word("headers"));
    const Fields fields(headers, static_cast<int>(options.number("header_count")));
    for (const HttpField& field : fields.get()) websocket.fields.emplace_back(field.name, field.value);
    return std::make_unique<ScriptWebSocket>(handler, std::move(websocket));
}

Bytes websocket_fields(ScriptHandler& handler) {
    return as_text(websocket_in_handshake(handler).handshake().fields());
}

void websocket_refuse(ScriptHandler& handler, int status) {
    check(websocket_in_handshake(handler).handshake().refuse(status));
}

void websocket_choose(ScriptHandler& handler, Bytes subprotocol) {
    check(websocket_in_handshake(handler).handshake().choose(subprotocol));
}

void websocket_add_field(ScriptHandler& handler, Bytes name, Bytes value) {
    check(websocket_in_handshake(handler).handshake().add_field(name, value));
}

bool websocket_send_text(ScriptHandler& handler, Bytes text) {
    const auto [connection, protocol] = protocol_of<ScriptWebSocket>(handler, "send_text");
    return is_flowing(handler, protocol.send_text(connection, text));
}

bool websocket_send_binary(ScriptHandler& handler, Octets data) {
    const auto [connection, protocol] = protocol_of<ScriptWebSocket>(handler, "send_binary");
    return is_flowing(handler, protocol.send_binary(connection, data.bytes));
}

bool websocket_ping(ScriptHandler& handler, Octets payload) {
    const auto [connection, protocol] = protocol_of<ScriptWebSocket>(handler, "ping");
    return is_flowing(handler, protocol.ping(connection, payload.bytes));
}

void websocket_close(ScriptHandler& handler, int code, Bytes reason) {
    if (handler.connection() == nullptr && handler.was_attached()) return;
    const auto [connection, protocol] = protocol_of<ScriptWebSocket>(handler, "close");
    // What no code can be is refused as any other that is none.
    check(protocol.close(connection, code < 0 || code > 0xffff ? 0 : static_cast<std::uint16_t>(code), reason));
}

Bytes websocket_target(ScriptHandler& handler) {
    return known(handler) == nullptr ? Bytes() : Bytes(known(handler)->target());
}

Bytes websocket_subprotocol(ScriptHandler& handler) {
    return known(handler) == nullptr ? Bytes() : Bytes(known(handler)->subprotocol());
}

int websocket_close_code(ScriptHandler& handler) {
    return known(handler) == nullptr ? 1006 : known(handler)->close_code();
}

Bytes websocket_close_reason(ScriptHandler& handler) {
    return known(handler) == nullptr ? Bytes() : Bytes(known(handler)->close_reason());
}

}  // namespace tidemill::script
