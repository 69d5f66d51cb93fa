#include "tidemill/net/listener.h"

#include "tidemill/net/connection.h"
#include "tidemill/net/socket_transport.h"
#include "tidemill/sys/type_name.h"

namespace tidemill {

void Listener::on_ready(const Ready&) {
    can_accept_ = true;
    for (int count = 0; is_open_ && !is_paused_ && can_accept_; ++count) {
        // Not armed, so nothing spins; connection_is_gone() asks again.
        if (is_full()) {
            ++reactor_.count().connection_limit_hits;
            return;
        }
        if (count == limits::accepts_per_turn) ++reactor_.count().accept_limit_hits;
        if (count == limits::accepts_per_turn || !reactor_.may_call()) return reactor_.inject({id(), true, false, false});
        can_accept_ = accept_one();
    }
}

// Those who wait in the queue believe that they are connected: they are served, as far as one turn goes.
void Listener::on_shutdown(Shutdown) {
    for (int count = 0; count < limits::accepts_per_turn && is_open_ && !is_paused_ && reactor_.may_call(); ++count) {
        if (!accept_one()) break;
    }
    close();
}

HandlerPtr Listener::make_handler() {
    HandlerPtr made;
    const auto make = [&] {
        try {
            made = factory_();
        } catch (...) {
            static_cast<void>(reactor_.take_exception(std::current_exception()));
        }
    };
    reactor_.call_watch().around(make, [this] { return SlowCallback{"C++", "factory " + type_name(factory_.target_type())}; });
    return made;
}

void Listener::serve(std::unique_ptr<Transport> transport) {
    HandlerPtr handler = make_handler();
    if (!handler) return transport->reset();
    auto made = std::make_unique<Connection>(reactor_, std::move(handler));
    Connection& connection = *made;
    reactor_.add(std::move(made));
    ++reactor_.count().connections_accepted;
    if (max_connections_ > 0) {
        ++connections_;
        connection.set_listener(*this);
    }
    if (tls_) connection.prepare_tls({tls_, {}, is_named_tls_});
    connection.start_accepted(std::move(transport));
}

void Listener::set_tls(std::shared_ptr<TlsContext> context, bool is_named_tls) {
    tls_ = std::move(context);
    if (is_named_tls && !std::exchange(is_named_tls_, true) && endpoint_.starts_with("tcp://")) endpoint_.replace(0, 3, "tls");
}

void Listener::connection_is_gone() {
    const bool was_full = is_full();
    --connections_;
    if (was_full && is_open_ && !is_paused_ && can_accept_) reactor_.inject({id(), true, false, false});
}

void Listener::pause() {
    if (reactor_.is_usable_here()) is_paused_ = true;
}

void Listener::resume() {
    if (!reactor_.is_usable_here() || !is_paused_) return;
    is_paused_ = false;
    if (can_accept_) reactor_.inject({id(), true, false, false});
}

void Listener::close() {
    if (!reactor_.is_usable_here() || !is_open_) return;
    is_open_ = false;
    stop_listening();
    reactor_.finish_later(*this);
}

// ---- sockets ----

SocketListener::SocketListener(Reactor& reactor, ListeningSocket socket, HandlerFactory factory)
    : Listener(reactor, socket.address.endpoint().text(), std::move(factory)), socket_(std::move(socket)) {}

SocketListener::~SocketListener() = default;

Result<void> SocketListener::start() {
    Result<void> watched = reactor_.watch(*this, socket_.fd.get(), Direction::read);
    if (!watched) socket_.file.remove();
    return watched;
}

bool SocketListener::accept_one() {
    AcceptResult accepted = accept_stream(socket_.fd.get());
    switch (accepted.kind) {
        case AcceptResult::Kind::accepted:
            serve(std::make_unique<SocketTransport>(reactor_, std::move(accepted.fd), accepted.peer));
            return true;
        case AcceptResult::Kind::aborted:
            return true;
        case AcceptResult::Kind::would_block:
            reactor_.arm(socket_.fd.get(), Direction::read);
            return false;
        case AcceptResult::Kind::starved:
            ++reactor_.count().descriptor_limit_hits;
            rest_until_there_is_room();
            return false;
        case AcceptResult::Kind::error:
            close();
            return false;
    }
    return false;
}

// Out of descriptors or memory. The poller is not armed, so nothing spins; the clock asks again.
void SocketListener::rest_until_there_is_room() {
    if (retry_.is_active()) return;  // a newcomer was reported meanwhile; one clock is enough, and stop_listening() cancels one
    retry_ = reactor_.call_later(limits::accept_retry, [this] { on_ready({id(), true, false, false}); });
}

void SocketListener::stop_listening() {
    retry_.cancel();
    reactor_.unwatch(socket_.fd.get());
    socket_.file.remove();
    socket_.fd.reset();
}

void SocketListener::abandon(bool is_fork) {
    if (is_fork || !socket_.fd.is_open()) return;
    stop_listening();
}

}  // namespace tidemill
