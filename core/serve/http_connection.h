// HttpConnection: HTTP/1.1 for a server on one connection, which users derive from.
//
//     struct Hello : HttpConnection {
//         void on_request(HttpRequest& request) override { request.respond(200, {{"content-type", "text/plain"}}, "hello"); }
//     };
//     listen<Hello>(reactor, "tcp://127.0.0.1:8080");
//
// The callbacks come from the loop only, in the order on_request (on_body* on_body_end)? on_response for one request after the other, with
// on_response_drain anywhere between an answer's begin and its end, and those of every handler but on_data and on_end; after Connection::pause() none until resume(). on_response comes
// exactly once and last, when the answer is whole or has been cut; a body that is still arriving then is read and told to nobody.
//
// What a callback raises is answered with 500 if nothing has been answered yet, the connection ends, and the exception goes the way of all
// (net/handler.h).
#pragma once
#include <cstdint>
#include <exception>

#include "tidemill/net/net.h"
#include "tidemill/proto/http.h"
#include "tidemill/serve/driver.h"
#include "tidemill/serve/http_date.h"
#include "tidemill/serve/http_options.h"
#include "tidemill/serve/http_request.h"

namespace tidemill {

class HttpConnection : public DriverBase {
public:
    explicit HttpConnection(const HttpServerOptions& options = {});

    // ---- callbacks

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

    // ---- Handler

    void receive_open(Connection& connection) final;
    void receive(Connection& connection, Bytes octets) final;
    void receive_end(Connection& connection) final;
    void go_on(Connection& connection) final;
    std::string hand_over(Connection& connection) final;
    void receive_drain(Connection& connection) final;
    void receive_shutdown(Connection& connection) final;
    void receive_close(Connection& connection, const Error& reason) final;

    // The request that is going on; nullptr if there is none, or if it has been answered.
    HttpRequest* request() { return request_.is_there_ && !request_.is_told_ ? &request_ : nullptr; }
    Connection& connection() { return *connection_; }

private:
    friend class HttpRequest;

    template <class Call>
    void tell(Call call);
    void run();
    void pump();
    bool step();
    bool is_held_by_user() const;
    void tell_event(const HttpEvent& event);
    void tell_head(const HttpHead& head);
    void tell_data(Bytes data);
    void tell_end(HttpFields trailers);
    void tell_collected();
    void tell_response();
    void complete();
    void answer_upgrade();
    void settle();
    void discard(std::size_t octets);
    void end();
    void refuse_peer();
    bool is_output_stuck(TimePoint now);
    TimePoint output_deadline() const;

    // http_answer.cpp: what HttpRequest's calls are made of.
    bool may_answer(const HttpRequest& request);
    WriteResult answer(const Result<void>& done);
    WriteResult refuse_call(Error error);
    WriteResult send_output();
    WriteResult note(WriteResult written);
    void after_answer();
    void go_on_later();

    Connection* connection_ = nullptr;
    HttpEngine engine_;
    HttpRequest request_{*this};
    std::uint64_t requests_ = 0;
    const std::uint64_t requests_allowed_;
    HttpDate* date_ = nullptr;
    std::uint64_t written_ = 0;  // octets handed to the connection
    std::uint64_t sent_ = 0;  // of which had left when that was looked at last
    TimePoint output_since_ = TimePoint::max();  // since when nothing left of what waits; max: nothing has waited
    std::exception_ptr failure_;
    Error error_;
    const bool adds_date_;
    bool is_pumping_ = false;
    bool is_output_full_ = false;
    bool is_blocked_ = false;  // by an answer that is not whole: what arrives waits in the engine
    bool is_held_ = false;  // hold_input()
    bool is_over_ = false;
};

}  // namespace tidemill
