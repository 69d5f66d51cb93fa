// HttpEngine: HTTP/1.1 for one connection, of a server or of a client (RFC 9110, RFC 9112), with HTTP/1.0 for peers that have no more.
//
//     HttpEngine engine(HttpRole::server);
//     engine.feed(octets);
//     while (engine.next() == Step::event) {  // head, data ..., end
//         if (engine.event().kind == HttpEvent::Kind::end) engine.respond({.fields = fields}, "hello");
//     }
//     connection.write(engine.output()); engine.output().clear();
//     if (engine.is_done()) connection.close();
//
// Reading is strict: what two programs could understand differently is refused (400 and the end), and there is no lenient mode. The
// order of the events is head data* end, for a client interim* before it. A server's next() answers paused after end until the response is
// whole, so requests are answered in order, and the answers to pipelined ones gather in output(). A response may begin, and end, before
// the request has ended.
//
// next() answers ended when nothing more will be told, whether finish() was called or not:
//  - is_done(): the last message is over both ways, or the peer has ended between messages. Write output(), then close.
//  - is_switched(): after 101 or 2xx to CONNECT, and the event end. leftover() is the beginning of what follows. The engine is over.
// failed: error() says why, limit() which limit was reached if one was, error_status() and output() what the peer should be answered.
//
// Deadlines need tick(), which counts from its first call: at the connection's beginning, before feed(), when the time that it answered
// has come, and once more when next() has answered anything but event, as what was told changes the deadlines.
//
// Writing: the calls of a role in the order head, data, end. Each checks everything first; with local_protocol it has changed nothing.
// Content-Length, Transfer-Encoding and Connection are the engine's: they may be among the fields if they say the same, or
// `Connection: close`, which is obeyed, and are written once.
#pragma once
#include <cstdint>
#include <string_view>

#include "tidemill/proto/engine.h"
#include "tidemill/proto/http_head.h"
#include "tidemill/proto/http_limits.h"
#include "tidemill/proto/http_message.h"

namespace tidemill {

struct HttpPlan;

class HttpEngine : public EngineBase {
public:
    using Event = HttpEvent;

    explicit HttpEngine(HttpRole role) : HttpEngine(role, HttpLimits(role)) {}
    HttpEngine(HttpRole role, const HttpLimits& limits);

    Step next();
    const HttpEvent& event() const { return event_; }
    TimePoint tick(TimePoint now);

    // The user has paused and nothing is read for a while: it is not the peer that is slow. Until released the deadlines of a body do not run.
    void hold_deadlines(bool is_held);

    bool is_done() const;
    bool is_switched() const;

    // Between messages, nothing half told or half written: a server may close now, a client may send its next request.
    bool is_idle() const;

    // After failed: what to answer, already in output(); 0 if nothing is to be answered, as the peer is gone, has said nothing or has
    // the head of a response already.
    int error_status() const { return error_status_; }
    HttpLimit limit() const { return limit_; }

    // The message that is going on is the last one (or, when idle, there is none any more: is_done()). A response whose head is written
    // already does not say so, but the connection ends all the same.
    void end_keep_alive();

    // ---- Server

    // 100 Continue, for a head with is_continue_expected; otherwise, and to HTTP/1.0, it writes nothing. Without it, and with no octet of
    // the body arrived, a response is the connection's last: nobody knows whether the body will come.
    Result<void> respond_continue();

    // 1xx other than 101. Not written to HTTP/1.0, which knows none.
    Result<void> respond_interim(int status, HttpFields fields = {});

    // 101 needs a head with is_upgrade and the end of the request; Upgrade must be among the fields. A response to HEAD, 204 and 304 has no
    // body whatever framing is given: Content-Length is written all the same where it is allowed.
    Result<void> respond_head(const HttpResponseHead& head);

    // All of a response; its framing is the length of the body.
    Result<void> respond(const HttpResponseHead& head, Bytes body);

    // ---- Client

    // One at a time: the next when is_idle(). With `Expect: 100-continue` among the fields the body waits for the event interim with status
    // 100, or for as long as the user likes.
    Result<void> request_head(const HttpRequestHead& head);
    Result<void> request(const HttpRequestHead& head, Bytes body);

    // ---- Both

    // A piece of the body, into output(). No more than the length that was promised. Empty ones write nothing.
    Result<void> write_data(Bytes data);

    // The same without the copy: begin_data writes what stands before a piece of that size into output(), the caller sends output() and then
    // the piece itself, and end_data writes what stands after it. false: there is no body (HEAD), the piece is not to be sent.
    Result<bool> begin_data(std::uint64_t size);
    void end_data();

    // The end of the message; not before the length that was promised. Trailers are only possible in a chunked body and are left out
    // where it could not be chunked (HTTP/1.0).
    Result<void> write_end(HttpFields trailers = {});

private:
    enum class Reading : std::uint8_t { head, body, chunk_line, chunk_data, chunk_end, trailers, end, complete };
    enum class Writing : std::uint8_t { idle, due, body, complete };
    enum class Wait : std::uint8_t { nothing, first_octet, head, body, idle };

    // http_reader.cpp
    Step read_head();
    Step read_body();
    Step read_chunk_line();
    Step read_chunk_end();
    Step read_trailers();
    Step tell_end();
    Step tell_request(std::size_t size);
    Step tell_response(std::size_t size);
    Step tell_head(HttpEvent::Kind kind, std::size_t size);
    Step tell_data(std::uint64_t most);
    Step on_exhausted();
    Step refuse(const HttpFault& fault);
    void begin_body();
    bool is_body_under_way() const { return reading_ > Reading::head && reading_ < Reading::end; }
    HttpFraming response_framing() const;

    // http_engine.cpp
    void begin_next();
    Step tell_ended();
    Step fail_with(ErrorCode code, int status, std::string_view detail, HttpLimit limit);
    void on_written();

    // http_deadlines.cpp
    void await(Wait wait);
    void on_body_octets(std::size_t count);
    TimePoint deadline(HttpLimit& limit) const;

    // http_writer.cpp, http_body_writer.cpp
    Result<void> plan_response(const HttpResponseHead& head, HttpPlan& plan) const;
    Result<void> plan_request(const HttpRequestHead& head, HttpPlan& plan) const;
    bool is_response_last(const HttpPlan& plan) const;
    void begin_writing(const HttpPlan& plan);
    Result<void> check_piece(std::uint64_t size) const;
    void put_data(Bytes data);
    void put_end(HttpFields trailers);

    HttpRole role_;
    Reading reading_ = Reading::head;
    Writing writing_ = Writing::idle;
    Wait wait_ = Wait::first_octet;

    // Of the peer's message.
    bool has_skipped_empty_line_ = false;
    bool is_continue_due_ = false;  // the peer waits for 100
    bool is_http10_ = false;
    bool is_upgrade_ = false;  // server: asked by the peer; client: asked by us
    bool is_head_ = false;  // the request's method
    bool is_connect_ = false;

    // Of ours.
    bool is_discarded_ = false;  // a body to HEAD: taken, not written
    bool is_piece_open_ = false;

    // Of the connection.
    bool is_last_ = false;  // nothing follows the message that is going on
    bool is_switching_ = false;
    bool has_peer_ended_ = false;  // between messages
    bool has_clock_ = false;
    bool is_held_ = false;

    HttpLimit limit_ = HttpLimit::none;
    int error_status_ = 0;
    HttpFraming reading_framing_;
    HttpFraming writing_framing_;
    std::uint64_t to_read_ = 0;  // of the body, or of the chunk
    std::uint64_t to_write_ = 0;
    std::uint64_t body_octets_ = 0;
    std::size_t extension_octets_ = 0;
    std::size_t requests_ = 0;
    std::size_t interims_ = 0;
    TimePoint now_{}, since_{}, progress_{}, held_since_{};
    HttpEvent event_;
    HttpHeadParser parser_;
    HttpLimits limits_;
};

}  // namespace tidemill
