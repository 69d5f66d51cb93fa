// HttpRequest: a request that a server is answering, and the way to answer it: at once, later, or in pieces.
//
// There is one at a time on a connection; it is over when it has been read and answered to the end. A reference to it is good until then:
// who answers later takes a handle() with him, and asks it whether the request is still there.
//
// The views that it answers are valid until it is over. Calls that fail change nothing and answer failed; error() says why. The codes:
// local_protocol (fields with a line feed, two answers to one request, more octets than were promised), closed, state.
#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/net/connection.h"
#include "tidemill/proto/http_message.h"
#include "tidemill/serve/http_field_copy.h"

namespace tidemill {

class HttpRequest;
class HttpConnection;
struct File;

// Fields as an argument: {{"content-type", "text/plain"}}, or a span of them.
class HttpFieldList {
public:
    HttpFieldList() = default;
    HttpFieldList(std::initializer_list<HttpField> fields) : fields_(fields.begin(), fields.size()) {}
    HttpFieldList(HttpFields fields) : fields_(fields) {}
    HttpFieldList(const std::vector<HttpField>& fields) : fields_(fields) {}
    HttpFields get() const { return fields_; }

private:
    HttpFields fields_;
};

// One request for longer than a callback. Copies mean the same one; usable while the reactor lives.
class HttpRequestHandle {
public:
    HttpRequestHandle() = default;
    HttpRequestHandle(Reactor& reactor, SourceId connection, std::uint64_t number)
        : reactor_(&reactor), connection_(connection), number_(number) {}

    // nullptr if it is over or its connection is gone.
    HttpRequest* find() const;

private:
    Reactor* reactor_ = nullptr;
    SourceId connection_ = 0;
    std::uint64_t number_ = 0;
};

// A server-sent event (WHATWG HTML 9.2). Line feeds in data make several lines of it; in event and id they are refused, as is a zero
// octet in id.
struct HttpServerSentEvent {
    Bytes data = {};
    Bytes event = {};  // empty: "message"
    Bytes id = {};
    Duration retry = Duration{-1};  // how long the browser waits before it connects again; negative: not said
};

class HttpRequest {
public:
    using Collected = std::function<void(HttpRequest&, Bytes body)>;

    // ---- What was asked

    Bytes method() const { return head_.method; }
    Bytes target() const { return head_.target; }
    // The target up to '?' and behind it, as they were sent, that is percent-encoded; of the absolute form without the authority.
    Bytes path() const;
    Bytes query() const;
    int minor_version() const { return head_.minor_version; }
    HttpFields fields() const { return head_.fields; }
    // The first field of that name; empty if there is none.
    Bytes header(Bytes name) const;
    // Host or the target's authority.
    Bytes authority() const;
    const HttpHead& head() const { return head_; }
    bool has_body() const;
    // In on_body_end, and until it is over.
    HttpFields trailers() const { return trailers_; }

    // On its connection, from 1 on.
    std::uint64_t number() const { return number_; }
    Connection& connection() const;
    HttpRequestHandle handle() const;

    // ---- Its body

    // No on_body until resume().
    void pause();
    void resume();

    // In on_request: gathers the body and calls `done` from the loop once it is whole, instead of on_body and on_body_end. One with more
    // octets than `limit` is answered with 413 and nothing is called.
    void collect(Collected done, std::size_t limit = limits::http_collect);

    // Happens by itself when on_request returns without an answer and without pause(), if the client waits for it.
    WriteResult respond_continue();

    // ---- The answer

    // All of it.
    WriteResult respond(int status, HttpFieldList fields = {}, Bytes body = {});

    // In pieces: chunked, unless Content-Length is among the fields. wait, from write(): HttpConnection::on_response_drain tells when to go on.
    WriteResult start(int status, HttpFieldList fields = {});
    WriteResult write(Bytes data);
    WriteResult finish(HttpFieldList trailers = {});

    // All of an answer whose body is a part of an open file. name: for errors.
    WriteResult respond_file(int status, HttpFieldList fields, File file, std::string_view name, std::uint64_t offset,
                             std::uint64_t length);

    // The body of this answer goes as gzip, if the client accepts that and there is no Content-Encoding among the fields; not with respond_file().
    // Before respond() or start(). An answer with secrets in it beside what a peer has chosen gives them away by its length (BREACH).
    void compress();

    // A stream of events; finish() ends it. ping() keeps proxies from thinking that it is dead.
    WriteResult start_events(HttpFieldList fields = {});
    WriteResult send_event(const HttpServerSentEvent& event);
    WriteResult ping();

    // 101, or 2xx to CONNECT, and then the connection is another handler's, which gets what the client has sent behind its request. At the
    // request's end, so it may be called in on_request.
    WriteResult upgrade(HandlerPtr next, HttpFieldList fields, int status = 101);

    // 500 if nothing has been said yet, and the end of the connection. What an exception of a callback does.
    void fail();

    bool is_answer_begun() const { return is_begun_; }
    bool is_answered() const { return is_answered_; }
    // The connection ended before the answer was whole.
    bool is_cut() const { return is_cut_; }
    int status() const { return status_; }
    // Why the last call that failed did.
    const Error& error() const;
    // For who adds calls of this kind: one that failed so, and has answered nothing.
    WriteResult refuse_call(Error error);

    explicit HttpRequest(HttpConnection& owner);
    ~HttpRequest();
    HttpRequest(const HttpRequest&) = delete;
    HttpRequest& operator=(const HttpRequest&) = delete;

private:
    friend class HttpConnection;

    struct Rare;  // what few requests have: http_rare.h

    void begin(const HttpHead& head, std::uint64_t number, TimePoint now);
    void retain();
    void retain_trailers(HttpFields trailers);
    void forget();
    Rare& rare();
    void continue_if_due();
    void refuse_body();
    HttpResponseHead plan(int status, HttpFields fields, HttpFraming framing) const;
    WriteResult begin_answer(int status, HttpFields fields, HttpFraming framing);
    WriteResult respond_in_pieces(const HttpResponseHead& head, Bytes body);
    WriteResult write_piece(Bytes data);
    // The answer to HEAD has none, whatever the program gives.
    void count_octets(std::uint64_t octets) { octets_ += head_.method == "HEAD" ? 0 : octets; }
    // http_gzip.cpp
    bool begin_gzip(int status, HttpFields fields, std::vector<HttpField>& with);
    WriteResult write_gzip(Bytes data);
    WriteResult finish_gzip();

    HttpConnection& owner_;
    std::uint64_t number_ = 0;
    HttpHead head_;
    HttpFields trailers_;
    HttpFieldCopy kept_;  // the head, once the engine's is gone
    std::unique_ptr<Rare> rare_;
    std::uint64_t octets_ = 0;  // of the answer's body
    std::uint64_t discarded_ = 0;  // of a body that nobody wants
    TimePoint began_;
    int status_ = 0;
    bool is_there_ = false;
    bool is_read_ = false;  // to its end
    bool is_begun_ = false;
    bool is_answered_ = false;
    bool is_told_ = false;  // on_response
    bool is_paused_ = false;
    bool is_continue_due_ = false;
    bool is_collecting_ = false;
    bool is_cut_ = false;
    bool is_compress_asked_ = false;
};

}  // namespace tidemill
