#include "tidemill/serve/websocket_connection.h"

#include <algorithm>
#include <utility>

#include "tidemill/base/endpoint.h"
#include "tidemill/sys/random.h"

namespace tidemill {
namespace {

// One for all masks of a reactor.
struct ReactorRandom {
    explicit ReactorRandom(Reactor&) {}
    SystemRandom source;
};

// What a client's request says whom it means: the name that connect() was given, or the address.
std::string host_of(const Connection& connection) {
    const std::string peer = connection.peer();
    const std::size_t scheme = peer.find("://");
    const bool has_port = peer.starts_with("tcp://") || peer.starts_with("tls://");
    if (scheme == peer.npos || !has_port) return connection.server_name().empty() ? "localhost" : std::string(connection.server_name());
    const std::string address = peer.substr(scheme + 3);
    if (connection.server_name().empty()) return address;
    return std::string(connection.server_name()) + address.substr(address.rfind(':'));
}

}  // namespace

// ---- WebSocketHandshake ----

Bytes WebSocketHandshake::header(Bytes name) const {
    const HttpField* field = head_.find(name);
    return field == nullptr ? Bytes() : field->value;
}

Result<void> WebSocketHandshake::refuse(int status) {
    if (status < 400 || status > 599) return make_error(ErrorCode::argument, "refuse", {}, "the status must be 400 to 599");
    status_ = status;
    return {};
}

Result<void> WebSocketHandshake::choose(std::string_view protocol) {
    const auto& offered = request_.protocols;
    const auto found = std::find(offered.begin(), offered.end(), protocol);
    if (!protocol.empty() && found == offered.end())
        return make_error(ErrorCode::argument, "choose", {}, "the client has not offered this subprotocol");
    protocol_ = protocol.empty() ? std::string_view() : *found;
    return {};
}

Result<void> WebSocketHandshake::add_field(std::string_view name, std::string_view value) {
    if (Result<void> checked = check_websocket_answer_field({name, value}); !checked) return checked;
    added_.emplace_back(name, value);
    return {};
}

// ---- how it begins ----

WebSocketConnection::WebSocketConnection(WebSocketConnectionOptions options) : options_(std::move(options)) {}

void WebSocketConnection::receive_open(Connection& connection) {
    if (is_upgraded_) return go_on(connection);
    if (connection.is_accepted()) {
        engine().listen(options_.handshake_timeout);
    } else {
        target_ = options_.path;
        const std::string host = options_.host.empty() ? host_of(connection) : options_.host;
        RandomSource& random = connection.reactor().service<ReactorRandom>().source;
        if (Result<void> asked = engine().ask(options_, host, random); !asked) return connection.close_for(asked.error());
    }
    go_on(connection);
}

void WebSocketConnection::on_shutdown(Connection& connection) {
    static_cast<void>(close(connection, 1001));
}

void WebSocketConnection::answer_handshake(Connection& connection, const HttpHead& head, const WebSocketRequest& request) {
    WebSocketHandshake handshake(head, request, choose_websocket_protocol(request.protocols, options_.protocols));
    target_ = head.target;
    try {
        on_handshake(connection, handshake);
    } catch (...) {
        engine().reject(500);
        throw;
    }
    if (handshake.status() != 101) return engine().reject(handshake.status());
    Result<WebSocketAcceptance> agreed = WebSocketAcceptance::of(request, handshake.protocol(), options_);
    if (!agreed) return engine().reject(400);
    for (const auto& [name, value] : handshake.added()) static_cast<void>(agreed.value().add_field({name, value}));  // they were checked
    engine().accept(agreed.value(), options_.frames);
}

WebSocketConnection::Upgrade WebSocketConnection::prepare_upgrade(const HttpHead& head) {
    const WebSocketRequest request = read_websocket_request(head.method, head.minor_version, head.fields);
    if (request.status != 101) return {request.status, std::string(request.problem), {}};
    Result<WebSocketAcceptance> agreed =
        WebSocketAcceptance::of(request, choose_websocket_protocol(request.protocols, options_.protocols), options_);
    if (!agreed) return {400, agreed.error().detail, {}};
    target_ = head.target;
    protocol_ = agreed.value().protocol();
    is_upgraded_ = true;
    WebSocketOptions frames = options_.frames;
    frames.deflate = agreed.value().deflate();
    engine().open(WebSocketRole::server, frames);
    return {101, {}, std::move(agreed).value()};
}

// ---- what is told ----

void WebSocketConnection::tell(Connection& connection, const WebSocketSessionEvent& event) {
    switch (event.kind) {
        case WebSocketSessionEvent::Kind::handshake:
            return answer_handshake(connection, *event.head, *event.request);
        case WebSocketSessionEvent::Kind::opened:
            if (!is_upgraded_) protocol_ = engine().protocol();
            is_open_ = true;
            return on_open(connection);
        case WebSocketSessionEvent::Kind::frames:
            return tell_frames(connection, *event.frames);
        case WebSocketSessionEvent::Kind::done:
            send(connection, engine().output());
            return connection.close();
    }
}

void WebSocketConnection::tell_frames(Connection& connection, const WebSocketEvent& event) {
    if (event.kind == WebSocketEvent::Kind::close) {
        close_code_ = event.code;
        close_reason_ = event.data;
        return;
    }
    if (is_closing_) return;
    switch (event.kind) {
        case WebSocketEvent::Kind::message:
            return event.is_text ? on_text(connection, event.data) : on_binary(connection, event.data);
        case WebSocketEvent::Kind::message_part:
            return on_part(connection, event);
        case WebSocketEvent::Kind::ping:
            return on_ping(connection, event.data);
        case WebSocketEvent::Kind::pong:
            return on_pong(connection, event.data);
        case WebSocketEvent::Kind::close:
            return;
    }
}

// ---- what is sent ----

Result<void> WebSocketConnection::check_open(Connection& connection, std::string_view operation) {
    if (Result<void> usable = connection.reactor().check_usable(operation, connection.peer()); !usable) return usable;
    if (connection.state() >= Connection::State::closing) return make_error(ErrorCode::closed, operation, connection.peer());
    if (engine().frames() == nullptr || !is_open_)
        return make_error(ErrorCode::state, operation, connection.peer(), "the opening handshake is not done");
    if (engine().frames()->is_closing()) return make_error(ErrorCode::closed, operation, connection.peer(), "the WebSocket is closed");
    return {};
}

Result<WriteResult> WebSocketConnection::send_frames(Connection& connection, const Result<void>& done) {
    if (!done) {
        if (done.error().code == ErrorCode::limit) count_limit(connection.reactor().count(), WebSocketLimit::send_queue);
        Error error = done.error();
        error.endpoint = connection.peer();
        return error;
    }
    std::string& output = engine().output();
    const WriteResult written = connection.write(output);
    output.clear();
    if (output.capacity() > limits::spare_input) output = std::string();
    return written;
}

Result<WriteResult> WebSocketConnection::send_message(Connection& connection, bool is_text, Bytes octets) {
    if (Result<void> open = check_open(connection, "send"); !open) return open.error();
    WebSocketEngine& frames = *engine().frames();
    if (octets.size() >= limits::http_joined && engine().sends_plain()) {
        if (Result<WriteResult> begun = send_frames(connection, frames.frame_header(is_text, octets)); !begun || begun.value().has_failed())
            return begun;
        return connection.write(octets);
    }
    return send_frames(connection, is_text ? frames.send_text(octets) : frames.send_binary(octets));
}

Result<WriteResult> WebSocketConnection::send_text(Connection& connection, Bytes text) {
    return send_message(connection, true, text);
}

Result<WriteResult> WebSocketConnection::send_binary(Connection& connection, Bytes data) {
    return send_message(connection, false, data);
}

Result<WriteResult> WebSocketConnection::ping(Connection& connection, Bytes payload) {
    if (Result<void> open = check_open(connection, "ping"); !open) return open.error();
    return send_frames(connection, engine().frames()->ping(payload));
}

Result<void> WebSocketConnection::close(Connection& connection, std::uint16_t code, Bytes reason) {
    if (Result<void> usable = connection.reactor().check_usable("close", connection.peer()); !usable) return usable;
    if (connection.state() >= Connection::State::closing) return {};
    if (!is_open_) {
        connection.close();
        return {};
    }
    if (engine().frames()->is_closing()) return {};
    if (Result<void> closed = engine().frames()->close(code, reason); !closed) return closed;
    is_closing_ = true;
    if (connection.is_paused()) connection.resume();  // the answer is to be read
    engine_changed(connection);
    return {};
}

// ---- from HTTP ----

WriteResult upgrade_websocket(HttpRequest& request, WebSocketConnection* handler, HttpFieldList fields) {
    return upgrade_websocket(request, *handler, HandlerPtr(handler), fields);
}

WriteResult upgrade_websocket(HttpRequest& request, WebSocketConnection& socket, HandlerPtr handler, HttpFieldList more) {
    for (const HttpField& field : more.get()) {
        if (Result<void> checked = check_websocket_answer_field(field); !checked) return request.refuse_call(checked.error());
    }
    WebSocketConnection::Upgrade upgrade = socket.prepare_upgrade(request.head());
    for (const HttpField& field : more.get()) static_cast<void>(upgrade.acceptance.add_field(field));
    if (upgrade.status == 101) return request.upgrade(std::move(handler), upgrade.acceptance.fields());
    const std::string body = upgrade.problem + "\n";
    std::vector<HttpField> fields{{"content-type", "text/plain"}};
    if (upgrade.status == 426) fields.push_back({"Sec-WebSocket-Version", "13"});
    if (upgrade.status == 405) fields.push_back({"Allow", "GET"});
    return request.respond(upgrade.status, fields, body);
}

}  // namespace tidemill
