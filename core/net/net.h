// Where streams begin: listen and connect, and the look-up of what they made.
#pragma once
#include <memory>
#include <string_view>
#include <type_traits>

#include "tidemill/net/connection.h"
#include "tidemill/net/listener.h"
#include "tidemill/reactor/reactor.h"

namespace tidemill {

struct ListenOptions {
    int backlog = limits::backlog;
    int mode = -1;  // permission bits of a UNIX socket's file; -1 for the umask's

    // TCP only: several sockets, of several reactors or processes, listen on the same address and the system spreads what comes
    // (SO_REUSEPORT, socket(7)). All of them must ask for it.
    bool reuse_port = false;
    int max_connections = limits::max_connections;  // accepted and open at once; 0 for any number
    std::shared_ptr<TlsContext> tls = {};  // every stream is TLS from its start; needed for tls://, possible on any endpoint
};

struct ConnectOptions {
    Duration timeout = limits::connect_timeout;  // for everything until on_open; 0 for none
    // TLS from the start, on any endpoint; tls:// without it verifies against the system's trust store. server_name: whom the peer has to
    // be; empty: the endpoint's host.
    std::shared_ptr<TlsContext> tls = {};
    std::string server_name = {};
};

// endpoint: as in endpoint.h. A host name is resolved at once and blocks: listening is for the start of a program. The listener
// belongs to the reactor. With max_connections open it accepts no more until one of them is gone; the system queues up to the backlog.
// Errors: argument, os, resolve, state.
Result<Listener*> listen(Reactor& reactor, std::string_view endpoint, HandlerFactory factory, ListenOptions options = {});

// The same with a new HandlerClass for every connection: listen<Echo>(reactor, "tcp://127.0.0.1:8081").
template <class HandlerClass>
    requires std::is_base_of_v<Handler, HandlerClass>
Result<Listener*> listen(Reactor& reactor, std::string_view endpoint, ListenOptions options = {}) {
    return listen(reactor, endpoint, [] { return HandlerPtr(new HandlerClass); }, options);
}

// Starts connecting; on_open or on_close tells how it went. The connection belongs to the reactor. Errors: argument, state; everything
// later goes to on_close.
Result<Connection*> connect(Reactor& reactor, std::string_view endpoint, HandlerPtr handler, ConnectOptions options = {});

// nullptr if there is no such listener (any more).
Listener* find_listener(Reactor& reactor, SourceId id);

}  // namespace tidemill
