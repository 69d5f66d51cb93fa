#include "tidemill/net/connector.h"

#include "tidemill/net/connection.h"
#include "tidemill/net/memory.h"
#include "tidemill/net/resolver.h"
#include "tidemill/net/socket_transport.h"

namespace tidemill {

Connector::Connector(Connection& connection, Endpoint endpoint, Duration timeout)
    : reactor_(connection.reactor()), connection_(connection), endpoint_(std::move(endpoint)), timeout_(timeout) {}

Connector::~Connector() {
    deadline_.cancel();
    retry_.cancel();
    if (look_up_ != 0) reactor_.service<Resolver>().cancel(look_up_);
    unwatch();
}

void Connector::start() {
    if (timeout_.count() > 0) {
        deadline_ = reactor_.call_later(timeout_, [this] {
            ++reactor_.count().connect_timeouts;
            connection_.fail(make_error(ErrorCode::timeout, "connect", endpoint_.text(), "no connection within the deadline"));
        });
    }
    // It begins in the loop: what fails at once must not make the connection closed while connect() is still under way.
    reactor_.inject({connection_.id(), false, false, false});
}

void Connector::begin() {
    has_begun_ = true;
    if (endpoint_.scheme == Endpoint::Scheme::memory) return try_memory();
    Address address;
    if (!literal_address(endpoint_, address)) return resolve();
    addresses_.push_back(address);
    try_next();
}

void Connector::resolve() {
    look_up_ = reactor_.service<Resolver>().resolve(endpoint_, [this](Result<std::vector<Address>> found) {
        look_up_ = 0;
        if (!found) return connection_.fail(found.error());
        addresses_ = std::move(found).value();
        try_next();
    });
}

void Connector::try_next() {
    if (next_ == addresses_.size()) return connection_.fail(last_error_);
    ++next_;
    try_address();
}

void Connector::try_address() {
    ConnectResult attempt = tidemill::start_connecting(addresses_[next_ - 1]);
    switch (attempt.kind) {
        case ConnectResult::Kind::connected:
        case ConnectResult::Kind::pending:
            return watch(std::move(attempt));
        case ConnectResult::Kind::busy:
            return retry_later();
        case ConnectResult::Kind::error:
            last_error_ = os_error(attempt.error, "connect", endpoint_.text());
            return try_next();
    }
}

void Connector::watch(ConnectResult attempt) {
    fd_ = std::move(attempt.fd);
    // Also if it is connected already: the loop's report is where it goes on, because nothing may be called from inside connect().
    if (Result<void> watched = reactor_.watch(connection_, fd_.get(), Direction::write); !watched) return connection_.fail(watched.error());
    is_watched_ = true;
}

void Connector::retry_later() {
    retry_ =
        reactor_.call_later(limits::connect_retry, [this] { endpoint_.scheme == Endpoint::Scheme::memory ? try_memory() : try_address(); });
}

void Connector::on_ready(const Ready&) {
    if (!has_begun_) {
        if (reactor_.may_begin_handshake()) return begin();
        return reactor_.inject({connection_.id(), false, false, false});
    }
    if (!fd_.is_open()) return;
    if (const int problem = connect_outcome(fd_.get()); problem != 0) {
        last_error_ = os_error(problem, "connect", endpoint_.text());
        unwatch();
        return try_next();
    }
    // A false report: a socket without a peer is still connecting.
    if (!has_peer(fd_.get())) return reactor_.arm(fd_.get(), Direction::write);
    is_watched_ = false;
    auto transport = std::make_unique<SocketTransport>(reactor_, std::move(fd_), addresses_[next_ - 1]);
    transport->set_watched_by(connection_);
    connection_.start(std::move(transport));
}

void Connector::try_memory() {
    Result<std::unique_ptr<Transport>> joined = reactor_.service<MemoryHub>().connect(endpoint_);
    if (!joined) return connection_.fail(joined.error());
    if (!joined.value()) return retry_later();
    connection_.start(std::move(joined).value());
}

void Connector::unwatch() {
    if (std::exchange(is_watched_, false)) reactor_.unwatch(fd_.get());
    fd_.reset();
}

}  // namespace tidemill
