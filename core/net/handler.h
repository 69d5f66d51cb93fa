// Handler: what a user is told about a connection. This page is the contract; the conformance suite proves it in every language.
//
//     on_open?  (on_data | on_drain)*  (on_end on_drain*)?  on_close
//         and anywhere between on_open and on_close: on_shutdown once, on_proxy_end
//
//  with on_tls once among them if the stream is TLS: right after on_open where TLS was asked for from the start (tls://, the option tls),
//  because on_open then waits for the handshake; whenever the handshake has succeeded after start_tls().
//
//  - in this order; on_close exactly once and last, also when connecting failed and when the reactor stops;
//  - never from inside a call that the user made: always from the loop;
//  - each of them may call everything on any connection, also close() and abort() on its own, and may stop the reactor;
//  - after close() or abort() only on_close comes; after pause() no on_data and no on_end until resume();
//  - an exception goes to on_error of the same connection (also one of on_close, which is then not quite the last), then to the
//    reactor's error handler; if neither takes it, the connection is aborted, the loop stops and the exception leaves Reactor::run.
#pragma once
#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "tidemill/base/bytes.h"
#include "tidemill/base/error.h"

namespace tidemill {

class Connection;
struct TlsInfo;

class Handler {
public:
    virtual ~Handler() = default;

    // Not a callback for users: the connection that this handler serves from now on, before anything else; release() ends it. The same
    // order of callbacks holds for a handler that Connection::become() gave to an open connection.
    virtual void attached(Connection&) {}

    virtual void on_open(Connection&) {}

    // At least one octet, valid during the call, cut anywhere.
    virtual void on_data(Connection&, Bytes) {}

    // The handshake succeeded: what follows is secret, and its peer is who it should be. info is valid during the call; Connection::tls().
    virtual void on_tls(Connection&, const TlsInfo& /*info*/) {}

    // The output queue fell to the low watermark after it had risen above the high one.
    virtual void on_drain(Connection&) {}

    // The reactor drains (Reactor::drain): finish what is under way and close. Once, and only after on_open; who goes on until the
    // deadline is closed then. The default does nothing.
    virtual void on_shutdown(Connection&) {}

    // Connection::proxy_to() has ended; what arrives is for on_data again. reason: not set when the length it was given is reached,
    // otherwise why the target can be written to no more. What the target had taken and not sent is lost with it. Not after stop_proxy().
    virtual void on_proxy_end(Connection&, const Error& /*reason*/) {}

    // The peer will send no more. The default closes; an override may go on writing.
    virtual void on_end(Connection& connection);

    // reason: not set after an orderly end. The connection can still be asked for its id and endpoints.
    virtual void on_close(Connection&, const Error& /*reason*/) {}

    // True: the exception is dealt with and the connection goes on.
    virtual bool on_error(Connection&, const std::exception_ptr&) { return false; }

    // ---- not callbacks for users: what a handler that puts a protocol on the stream overrides (serve/driver.h) ----

    // What arrives, and that no more will. The defaults are on_data and on_end.
    virtual void receive(Connection& connection, Bytes octets) { on_data(connection, octets); }
    virtual void receive_end(Connection& connection) { on_end(connection); }

    // The same of the callbacks that a protocol and its user both need. The defaults are on_open, on_drain, on_shutdown and on_close.
    virtual void receive_open(Connection& connection) { on_open(connection); }
    virtual void receive_drain(Connection& connection) { on_drain(connection); }
    virtual void receive_shutdown(Connection& connection) { on_shutdown(connection); }
    virtual void receive_close(Connection& connection, const Error& reason) { on_close(connection, reason); }

    // Connection::continue_input() was called: tells what the handler has kept.
    virtual void go_on(Connection&) {}

    // Somebody else gets what follows (Connection::become, proxy_to): gives up the octets that this one was given and has not told. It
    // may still write.
    virtual std::string hand_over(Connection&) { return {}; }

    // The connection lets go of the handler: after on_close, or without it when the reactor is destroyed or after become(). A binding whose object
    // belongs to its language overrides this.
    virtual void release() { delete this; }
};

struct ReleaseHandler {
    void operator()(Handler* handler) const { handler->release(); }
};
using HandlerPtr = std::unique_ptr<Handler, ReleaseHandler>;

// Makes the handler of an accepted connection; nullptr refuses the connection.
using HandlerFactory = std::function<HandlerPtr()>;

}  // namespace tidemill
