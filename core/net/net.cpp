#include "tidemill/net/net.h"

#include "tidemill/net/connector.h"
#include "tidemill/net/memory.h"
#include "tidemill/sys/systemd.h"

namespace tidemill {

static Result<void> check_not_stopping(const Reactor& reactor, std::string_view operation, std::string_view endpoint) {
    if (Result<void> usable = reactor.check_usable(operation, endpoint); !usable) return usable;
    if (reactor.is_stopping()) return make_error(ErrorCode::state, operation, endpoint, "the reactor is stopping");
    if (reactor.is_draining() && operation == "listen") return make_error(ErrorCode::state, operation, endpoint, "the reactor is draining");
    return {};
}

static Result<Endpoint> stream_endpoint(std::string_view text, std::string_view operation) {
    Result<Endpoint> endpoint = parse_endpoint(text, operation);
    if (endpoint && endpoint.value().is_datagram()) {
        return make_error(ErrorCode::argument, operation, text, "this is no stream; open_datagram is for datagrams");
    }
    return endpoint;
}

static Result<Address> listening_address(const Endpoint& endpoint) {
    Address address;
    if (literal_address(endpoint, address)) return address;
    Result<std::vector<Address>> found = look_up(endpoint, "listen");
    if (!found) return found.error();
    return found.value().front();
}

static Result<ListeningSocket> listening_socket(const Endpoint& endpoint, const ListenOptions& options) {
    if (endpoint.scheme == Endpoint::Scheme::systemd) return inherited_listening_socket(endpoint.host);
    Result<Address> address = listening_address(endpoint);
    if (!address) return address.error();
    return open_listening_socket(address.value(), options.backlog, options.mode, options.reuse_port);
}

static Result<void> check_listening_tls(const Endpoint& endpoint, const ListenOptions& options) {
    if (!options.tls && endpoint.scheme == Endpoint::Scheme::tls) {
        return make_error(ErrorCode::argument, "listen", endpoint.text(), "a tls:// endpoint needs a TLS context with a certificate");
    }
    if (options.tls && !options.tls->has_certificate()) {
        return make_error(ErrorCode::argument, "listen", endpoint.text(), "a server's TLS context needs a certificate");
    }
    return {};
}

// What a client's stream has to know about TLS. Errors: argument.
static Result<TlsSetup> connecting_tls(const Endpoint& endpoint, const ConnectOptions& options) {
    const bool is_host = endpoint.scheme == Endpoint::Scheme::tcp || endpoint.scheme == Endpoint::Scheme::tls;
    TlsSetup setup{options.tls, options.server_name, endpoint.scheme == Endpoint::Scheme::tls};
    if (setup.server_name.empty() && is_host) setup.server_name = endpoint.host;
    if (!setup.context && setup.is_named_tls) {
        Result<std::shared_ptr<TlsContext>> made = TlsContext::default_client();
        if (!made) return made.error();
        setup.context = std::move(made).value();
    }
    if (setup.context && setup.server_name.empty() && setup.context->verifies_servers()) {
        return make_error(ErrorCode::argument, "connect", endpoint.text(),
                          "server_name is missing: whose certificate should the peer show?");
    }
    return setup;
}

static Result<Listener*> open_listener(Reactor& reactor, const Endpoint& endpoint, HandlerFactory factory, const ListenOptions& options) {
    if (endpoint.scheme == Endpoint::Scheme::memory) {
        return reactor.service<MemoryHub>().listen(endpoint, std::move(factory), options.backlog, options.max_connections);
    }
    Result<ListeningSocket> socket = listening_socket(endpoint, options);
    if (!socket) return socket.error();
    auto made = std::make_unique<SocketListener>(reactor, std::move(socket).value(), std::move(factory));
    SocketListener& listener = *made;
    listener.set_max_connections(options.max_connections);
    reactor.add(std::move(made));
    if (Result<void> started = listener.start(); !started) {
        listener.close();
        return started.error();
    }
    return &listener;
}

Result<Listener*> listen(Reactor& reactor, std::string_view text, HandlerFactory factory, ListenOptions options) {
    Result<Endpoint> endpoint = stream_endpoint(text, "listen");
    if (!endpoint) return endpoint.error();
    if (options.max_connections < 0) return make_error(ErrorCode::argument, "listen", text, "max_connections must be 0 or more");
    if (Result<void> possible = check_not_stopping(reactor, "listen", text); !possible) return possible.error();
    const bool is_tcp = endpoint.value().scheme == Endpoint::Scheme::tcp || endpoint.value().scheme == Endpoint::Scheme::tls;
    if (options.reuse_port && !is_tcp) {
        return make_error(ErrorCode::argument, "listen", text, "reuse_port is for TCP: of other sockets the system spreads nothing");
    }
    if (Result<void> possible = check_listening_tls(endpoint.value(), options); !possible) return possible.error();
    Result<Listener*> listener = open_listener(reactor, endpoint.value(), std::move(factory), options);
    if (!listener) {
        Error refused = listener.error();
        refused.endpoint = text;
        return refused;
    }
    if (options.tls) listener.value()->set_tls(std::move(options.tls), endpoint.value().scheme == Endpoint::Scheme::tls);
    return listener;
}

Result<Connection*> connect(Reactor& reactor, std::string_view text, HandlerPtr handler, ConnectOptions options) {
    Result<Endpoint> endpoint = stream_endpoint(text, "connect");
    if (!endpoint) return endpoint.error();
    if (options.timeout.count() < 0) return make_error(ErrorCode::argument, "connect", text, "a time must be 0 or more seconds");
    if (Result<void> possible = check_not_stopping(reactor, "connect", text); !possible) return possible.error();
    Result<TlsSetup> tls = connecting_tls(endpoint.value(), options);
    if (!tls) return tls.error();
    auto made = std::make_unique<Connection>(reactor, std::move(handler));
    Connection& connection = *made;
    reactor.add(std::move(made));
    if (!tls.value().server_name.empty() || tls.value().context) connection.prepare_tls(std::move(tls).value());
    connection.start_connecting(std::make_unique<Connector>(connection, std::move(endpoint).value(), options.timeout));
    return &connection;
}

Listener* find_listener(Reactor& reactor, SourceId id) {
    return dynamic_cast<Listener*>(reactor.find(id));
}

}  // namespace tidemill
