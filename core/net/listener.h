// Listener: accepts streams and gives each a connection with a handler from the factory.
//
// Owned by its reactor: valid until close(), or until the reactor stops.
#pragma once
#include <deque>
#include <memory>
#include <string>

#include "tidemill/base/endpoint.h"
#include "tidemill/net/handler.h"
#include "tidemill/net/transport.h"
#include "tidemill/reactor/reactor.h"
#include "tidemill/tls/context.h"

namespace tidemill {

class Listener : public Source {
public:
    // Endpoint text, with the real port.
    const std::string& endpoint() const { return endpoint_; }
    bool is_open() const { return is_open_; }

    // Accepts no more for now; the system queues up to the backlog.
    void pause();
    void resume();

    // What is accepted from now on is TLS. is_named_tls: so are the names of the ends.
    void set_tls(std::shared_ptr<TlsContext> context, bool is_named_tls);

    // Connections already accepted go on.
    void close();

    // Accepted and open at once; 0 for any number. For those who make listeners.
    void set_max_connections(int most) { max_connections_ = most; }
    // One of those that a listener with such a maximum accepted is gone.
    void connection_is_gone();

    void on_ready(const Ready& ready) override;
    void on_stop() override { close(); }
    void on_shutdown(Shutdown stage) override;

protected:
    Listener(Reactor& reactor, std::string endpoint, HandlerFactory factory)
        : reactor_(reactor), endpoint_(std::move(endpoint)), factory_(std::move(factory)) {}

    // One more stream if there is one: true. False: not now; the listener is called again when there may be.
    virtual bool accept_one() = 0;
    virtual void stop_listening() = 0;

    void serve(std::unique_ptr<Transport> transport);

    Reactor& reactor_;

private:
    HandlerPtr make_handler();
    bool is_full() const { return max_connections_ > 0 && connections_ >= max_connections_; }

    std::string endpoint_;
    HandlerFactory factory_;
    std::shared_ptr<TlsContext> tls_;
    bool is_named_tls_ = false;
    bool is_open_ = true;
    bool is_paused_ = false;
    bool can_accept_ = false;
    int max_connections_ = 0;
    int connections_ = 0;  // counted only if there is a maximum
};

// TCP and UNIX.
class SocketListener final : public Listener {
public:
    SocketListener(Reactor& reactor, ListeningSocket socket, HandlerFactory factory);
    ~SocketListener() override;

    Result<void> start();
    void abandon(bool is_fork) override;

protected:
    bool accept_one() override;
    void stop_listening() override;

private:
    void rest_until_there_is_room();

    ListeningSocket socket_;
    Timer retry_;
};

}  // namespace tidemill
