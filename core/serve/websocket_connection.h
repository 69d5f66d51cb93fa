// WebSocketConnection: a WebSocket on one connection, as a server or as a client, which users derive from.
//
//     struct Echo : WebSocketConnection {
//         void on_text(Connection& connection, Bytes text) override { send_text(connection, text); }
//     };
//     listen<Echo>(reactor, "tcp://127.0.0.1:8080");                              // nothing but WebSockets
//     connect(reactor, "tcp://127.0.0.1:8080", HandlerPtr(new Echo({.path = "/chat"})));
//     void on_request(HttpRequest& request) override { upgrade_websocket(request, new Echo); }  // of an HttpConnection
//
// The callbacks keep driver.h, in the order on_handshake? on_open (on_text | on_binary | on_ping | on_pong | on_drain)* on_close. on_open comes
// when the opening handshake is done, and on_close alone if it fails. Pings and close frames are answered before they are told.
//
// To close means to say so: close() sends a close frame, and the connection ends once the peer has answered it. Connection::close() ends it
// without. on_close has no reason after an orderly end, whoever began it and whatever code he gave.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "tidemill/net/net.h"
#include "tidemill/serve/driver.h"
#include "tidemill/serve/http_request.h"
#include "tidemill/serve/websocket_session.h"

namespace tidemill {

// What a client asks a server for, during on_handshake. Without a word of the user it is granted, with the first of the client's
// subprotocols that is among the options'.
class WebSocketHandshake {
public:
    WebSocketHandshake(const HttpHead& head, const WebSocketRequest& request, std::string_view protocol)
        : head_(head), request_(request), protocol_(protocol) {}

    Bytes target() const { return head_.target; }
    HttpFields fields() const { return head_.fields; }
    // The first field of that name; empty if there is none.
    Bytes header(Bytes name) const;
    // Of the page that asks; empty: no browser does. Other people's pages can ask too, with the user's cookies.
    Bytes origin() const { return request_.origin; }
    // In the client's order of preference.
    const std::vector<std::string_view>& protocols() const { return request_.protocols; }

    // 400 to 599 instead of a WebSocket: 403 for an origin that is not welcome. Errors: argument.
    Result<void> refuse(int status = 403);
    // One of protocols(), or empty for none. Errors: argument.
    Result<void> choose(std::string_view protocol);

    // One more field of the answer that grants it, such as Set-Cookie. Errors: local_protocol (one that belongs to the handshake, or that no
    // answer can carry).
    Result<void> add_field(std::string_view name, std::string_view value);

    int status() const { return status_; }
    std::string_view protocol() const { return protocol_; }
    const std::vector<std::pair<std::string, std::string>>& added() const { return added_; }

private:
    const HttpHead& head_;
    const WebSocketRequest& request_;
    std::string_view protocol_;
    std::vector<std::pair<std::string, std::string>> added_;
    int status_ = 101;
};

class WebSocketConnection : public Driver<WebSocketSession> {
public:
    explicit WebSocketConnection(WebSocketConnectionOptions options = {});

    // ---- callbacks

    // Of a server, but not behind upgrade_websocket(), whose HttpConnection has seen the request: whether this is granted.
    virtual void on_handshake(Connection&, WebSocketHandshake& /*handshake*/) {}

    // A message; text is valid UTF-8.
    virtual void on_text(Connection&, Bytes /*text*/) {}
    virtual void on_binary(Connection&, Bytes /*data*/) {}

    // With options.frames.streams, instead of the two: some of a message.
    virtual void on_part(Connection&, const WebSocketEvent& /*part*/) {}

    virtual void on_ping(Connection&, Bytes /*payload*/) {}
    virtual void on_pong(Connection&, Bytes /*payload*/) {}

    // The default closes with 1001, going away.
    void on_shutdown(Connection& connection) override;

    // ---- calls, which answer as Connection::write; errors besides: local_protocol (text that is not UTF-8, a payload that is too long),
    // state (before on_open)

    Result<WriteResult> send_text(Connection& connection, Bytes text);
    Result<WriteResult> send_binary(Connection& connection, Bytes data);
    // payload: at most 125 octets.
    Result<WriteResult> ping(Connection& connection, Bytes payload = {});

    // code: 1000 to 1003, 1007 to 1014, 3000 to 4999. reason: UTF-8 of at most 123 octets. Of the peer only its answer is waited for. A
    // handshake that is still going on is broken off. Errors: local_protocol.
    Result<void> close(Connection& connection, std::uint16_t code = 1000, Bytes reason = {});

    // ---- what is known

    // The target of the client's request, with the query.
    const std::string& target() const { return target_; }
    // Which subprotocol was agreed on; empty: none.
    const std::string& subprotocol() const { return protocol_; }
    // What the peer's close frame said: 1005 if it gave no code, 1006 as long as it has sent none.
    int close_code() const { return close_code_; }
    const std::string& close_reason() const { return close_reason_; }
    bool is_open() const { return is_open_; }

    // ---- Handler

    void receive_open(Connection& connection) final;

    // Of upgrade_websocket(): the answer to the request; from 101 on this expects nothing but frames.
    struct Upgrade {
        int status = 101;
        std::string problem;
        WebSocketAcceptance acceptance;
    };
    Upgrade prepare_upgrade(const HttpHead& head);

private:
    void tell(Connection& connection, const WebSocketSessionEvent& event) final;
    void tell_frames(Connection& connection, const WebSocketEvent& event);
    void answer_handshake(Connection& connection, const HttpHead& head, const WebSocketRequest& request);
    Result<void> check_open(Connection& connection, std::string_view operation);
    Result<WriteResult> send_frames(Connection& connection, const Result<void>& done);
    Result<WriteResult> send_message(Connection& connection, bool is_text, Bytes octets);

    WebSocketConnectionOptions options_;
    std::string target_;
    std::string protocol_;
    std::string close_reason_;
    int close_code_ = 1006;
    bool is_upgraded_ = false;
    bool is_open_ = false;
    bool is_closing_ = false;  // asked for by the user: nothing more is told
};

// Answers a request of an HttpConnection that asks for a WebSocket: 101, and the connection is `handler`'s; if it is none, 4xx, and the handler
// is released. In on_request. fields: more of them in the 101, as of WebSocketHandshake::add_field; with one that is refused nothing has been
// answered. What it answers is what HttpRequest::upgrade and respond do.
WriteResult upgrade_websocket(HttpRequest& request, WebSocketConnection* handler, HttpFieldList fields = {});
// The same for a handler that has the WebSocket as a part.
WriteResult upgrade_websocket(HttpRequest& request, WebSocketConnection& socket, HandlerPtr handler, HttpFieldList fields = {});

}  // namespace tidemill
