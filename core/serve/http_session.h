// HttpSession: HTTP/1.1 for a server on one connection: an HttpEngine between a Connection and an HttpHandler. HttpConnection and the objects
// of the scripts each own one and pass their connection's callbacks on to it.
//
// The handler is called from the loop only, in the order on_request (on_body* on_body_end)? on_response for one request after the other,
// with on_response_drain anywhere between the answer's begin and its end. on_response comes exactly once and last, when the answer is
// whole or has been cut; a body that is still arriving then is read and told to nobody.
#pragma once
#include <cstdint>
#include <exception>

#include "tidemill/net/connection.h"
#include "tidemill/proto/http.h"
#include "tidemill/serve/http_date.h"
#include "tidemill/serve/http_options.h"
#include "tidemill/serve/http_request.h"

namespace tidemill {

class HttpHandler {
public:
    // The head is there, the body follows; HttpRequest says what can be done. The default answers 404.
    virtual void on_request(HttpRequest& request) { request.respond(404); }

    // Octets of the body, at least one, decoded, valid during the call. Not after the answer is whole.
    virtual void on_body(HttpRequest& /*request*/, Bytes /*data*/) {}

    // The request is whole; also for one without a body, unless it has been answered. request.trailers() is there.
    virtual void on_body_end(HttpRequest& /*request*/) {}

    // The output fell to the low watermark after a write() that answered wait, or a file has left.
    virtual void on_response_drain(HttpRequest& /*request*/) {}

    // For an access log. octets: of the answer's body; time: since the request's head. What was cut may have the status 0 for none.
    virtual void on_response(HttpRequest& /*request*/, int /*status*/, std::uint64_t /*octets*/, Duration /*time*/) {}

    // The peer broke the protocol or reached a limit: there is no request, status is what it was answered (0: nothing).
    virtual void on_refusal(Connection& /*connection*/, int /*status*/, const Error& /*why*/) {}

protected:
    ~HttpHandler() = default;
};

class HttpSession {
public:
    HttpSession(Connection& connection, HttpHandler& handler, const HttpServerOptions& options);
    ~HttpSession();
    HttpSession(const HttpSession&) = delete;
    HttpSession& operator=(const HttpSession&) = delete;

    // The connection's callbacks. They raise what the handler raised, after the peer has been answered as far as that is possible.
    void on_open();
    void on_data(Bytes octets);
    void on_wake();  // Connection::wake()
    void on_drain();
    void on_shutdown();
    void on_end();
    void on_close();

    // The request that is going on; nullptr if there is none.
    HttpRequest* request() { return request_.is_there_ ? &request_ : nullptr; }
    Connection& connection() { return connection_; }

private:
    friend class HttpRequest;

    template <class Call>
    void tell(Call call);
    void go_on();
    void pump();
    void tell_event(const HttpEvent& event);
    void tell_head(const HttpHead& head);
    void tell_data(Bytes data);
    void tell_end(HttpFields trailers);
    void tell_collected();
    void tell_response();
    void complete();
    void hand_over();
    void settle();
    void discard(std::size_t octets);
    void end();
    void refuse();
    void on_time();
    void arm(TimePoint then);
    bool is_output_stuck(TimePoint now);
    bool may_go_on() const;

    // http_answer.cpp: what HttpRequest's calls are made of.
    bool may_answer(const HttpRequest& request);
    WriteResult answer(const Result<void>& done);
    WriteResult refuse_call(Error error);
    WriteResult send();
    WriteResult note(WriteResult written);
    void after_answer();
    void go_on_later();

    Connection& connection_;
    HttpHandler& handler_;
    HttpEngine engine_;
    HttpRequest request_{*this};
    std::uint64_t requests_ = 0;
    const std::uint64_t requests_allowed_;
    HttpDate* const date_;  // nullptr: the answers have none
    std::uint64_t written_ = 0;  // octets handed to the connection
    std::uint64_t sent_ = 0;  // of which had left when that was looked at last
    TimePoint output_since_ = TimePoint::max();  // since when nothing left of what waits; max: nothing has waited
    TimePoint armed_ = TimePoint::max();
    Timer timer_;
    std::exception_ptr failure_;
    Error error_;
    bool is_pumping_ = false;
    bool is_wake_due_ = false;
    bool is_output_full_ = false;
    bool is_blocked_ = false;  // by an answer that is not whole: what arrives waits in the engine
    bool is_over_ = false;
};

}  // namespace tidemill
