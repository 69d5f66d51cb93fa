// WebSocketSession: a WebSocket from its first octet on, as an engine: the opening handshake by HttpEngine, then WebSocketEngine. Whoever has
// had the handshake already begins with open().
//
//     session.listen(options) or session.ask(options, host)
//     events: handshake (server: answer with accept() or reject() before next()), opened, those of the frames, done (nothing follows: close)
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tidemill/proto/http.h"
#include "tidemill/proto/websocket.h"
#include "tidemill/proto/websocket_handshake.h"
#include "tidemill/serve/websocket_options.h"

namespace tidemill {

struct WebSocketSessionEvent {
    enum class Kind : std::uint8_t { handshake, opened, frames, done };
    Kind kind = Kind::opened;
    const HttpHead* head = nullptr;  // handshake: the request
    const WebSocketRequest* request = nullptr;
    const WebSocketEvent* frames = nullptr;
};

// What a server answers to a client's request: the agreed options, and the fields of the answer.
class WebSocketAcceptance {
public:
    // protocol: of those offered; empty for none. Errors: remote_protocol (extensions that cannot be read), tls.
    static Result<WebSocketAcceptance> of(const WebSocketRequest& request, std::string_view protocol,
                                          const WebSocketConnectionOptions& options);

    // One more field of the answer. Errors: local_protocol (check_websocket_answer_field).
    Result<void> add_field(const HttpField& field);

    std::vector<HttpField> fields() const;
    const std::string& protocol() const { return protocol_; }
    const std::optional<WebSocketDeflate>& deflate() const { return deflate_; }

private:
    std::string accept_;
    std::string protocol_;
    std::string extensions_;
    std::vector<std::pair<std::string, std::string>> more_;
    std::optional<WebSocketDeflate> deflate_;
};

class WebSocketSession {
public:
    using Event = WebSocketSessionEvent;

    // ---- how it begins; once, before anything else

    void listen(Duration timeout);
    // host: of the field Host. random: outlives this. Errors: local_protocol (options that no request can carry), os.
    Result<void> ask(const WebSocketConnectionOptions& options, std::string_view host, RandomSource& random);
    void open(WebSocketRole role, const WebSocketOptions& options);

    // ---- the answer to the event handshake

    void accept(const WebSocketAcceptance& acceptance, const WebSocketOptions& options);
    // 4xx or 5xx, and the end.
    void reject(int status);

    // What a client has got, after opened.
    const std::string& protocol() const { return protocol_; }

    // A large message may go without a copy (WebSocketEngine::frame_header).
    bool sends_plain() const { return role_ == WebSocketRole::server && !options_.deflate; }

    // nullptr before opened.
    WebSocketEngine* frames() { return frames_.get(); }

    // ---- Engine

    void feed(Bytes octets);
    void keep();
    void finish();
    Step next();
    const Event& event() const { return event_; }
    // Behind a failure: the limit or deadline that it was about, if it was one; and that of the handshake's HTTP, of a server.
    WebSocketLimit limit() const { return frames_ ? frames_->limit() : limit_; }
    HttpLimit http_limit() const { return http_ && role_ == WebSocketRole::server ? http_->limit() : HttpLimit::none; }
    const Error& error() const { return frames_ ? frames_->error() : error_; }
    std::string& output() { return frames_ ? frames_->output() : http_ ? http_->output() : output_; }
    TimePoint tick(TimePoint now);
    Bytes leftover() const;
    void drop_leftover();

private:
    struct Asked {  // by a client
        std::string accept;
        std::vector<std::string> protocols;
        std::optional<WebSocketDeflate> deflate;
        WebSocketOptions options;
    };

    Step next_of_handshake();
    std::optional<Step> take(const HttpEvent& event);
    Step take_request(const HttpHead& head);
    std::optional<Step> take_answer(const HttpHead& head);
    std::optional<Step> take_end();
    Step begin_frames();
    Step tell_done(Step otherwise);
    Step fail(ErrorCode code, std::string_view detail);
    Step refuse_request(int status, std::string_view why);
    void respond(int status, std::string_view body);

    WebSocketRole role_ = WebSocketRole::server;
    std::unique_ptr<HttpEngine> http_;  // during the handshake
    std::unique_ptr<WebSocketEngine> frames_;  // after it
    std::unique_ptr<Asked> asked_;
    std::optional<WebSocketAcceptance> acceptance_;
    WebSocketOptions options_;
    WebSocketRequest request_;
    std::string protocol_;
    std::string output_;
    Error error_;
    WebSocketLimit limit_ = WebSocketLimit::none;
    WebSocketSessionEvent event_;
    Duration timeout_{};
    TimePoint since_ = TimePoint::max();
    TimePoint now_{};
    bool is_opened_due_ = false;
    bool is_rejected_ = false;
    bool is_done_ = false;
};

}  // namespace tidemill
