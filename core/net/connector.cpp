#include "tidemill/net/connector.h"

#include <algorithm>
#include <cerrno>

#include "tidemill/net/connection.h"
#include "tidemill/net/memory.h"
#include "tidemill/net/resolver.h"
#include "tidemill/net/socket_transport.h"

namespace tidemill {

Connector::Connector(Connection& connection, Endpoint endpoint, Duration timeout)
    : reactor_(connection.reactor()), connection_(connection), endpoint_(std::move(endpoint)), timeout_(timeout) {}

Connector::~Connector() {
    deadline_.cancel();
    next_attempt_.cancel();
    if (look_up_ != 0) reactor_.service<Resolver>().cancel(look_up_);
    for (Attempt& attempt : attempts_) let_go(attempt);
}

void Connector::start() {
    if (timeout_.count() > 0) {
        due_ = reactor_.now() + std::min<Duration>(timeout_, limits::longest_time);
        deadline_ = reactor_.call_later(timeout_, [this] {
            ++reactor_.count().connect_timeouts;
            connection_.fail(make_error(ErrorCode::timeout, "connect", endpoint_.text(), "no connection within the deadline"));
        });
    }
    // It begins in the loop: what fails at once must not make the connection closed while connect() is still under way.
    reactor_.inject({connection_.id(), false, false, false});
}

Duration Connector::time_left() const {
    return timeout_.count() > 0 ? std::max(due_ - reactor_.now(), Duration{1}) : Duration{0};
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
    look_up_ = reactor_.service<Resolver>().resolve(endpoint_, "connect", [this](Result<std::vector<Address>> found) {
        look_up_ = 0;
        if (!found) return connection_.fail(found.error());
        addresses_ = by_turns(found.value());
        try_next();
    });
}

// ---- the race ----

// How much an error tells: that somebody answered more than that nobody did, and that more than that there was no way to ask.
static int weight(int problem) {
    switch (problem) {
        case ECONNREFUSED:
        case ECONNRESET:
        case EACCES:
        case EPERM:
            return 3;
        case ETIMEDOUT:
            return 2;
        case ENETUNREACH:
        case EHOSTUNREACH:
        case EADDRNOTAVAIL:
        case EAFNOSUPPORT:
        case EINVAL:
            return 0;
        default:
            return 1;
    }
}

void Connector::note(int problem) {
    if (problem_ == 0 || weight(problem) > weight(problem_)) problem_ = problem;
}

// Starts the next address that can be started. Addresses that fail at once are passed over.
void Connector::try_next() {
    next_attempt_.cancel();
    while (next_ < addresses_.size()) {
        if (try_address(addresses_[next_++])) return try_next_soon();
    }
    if (attempts_.empty()) connection_.fail(os_error(problem_, "connect", endpoint_.text()));
}

void Connector::try_next_soon() {
    if (next_ == addresses_.size()) return;
    next_attempt_ = reactor_.call_later(limits::connection_attempt_delay, [this] { try_next(); });
}

// False: it failed. Not connected before the loop reports it, because nothing may be called from inside connect().
bool Connector::try_address(const Address& address) {
    ConnectResult attempt = tidemill::start_connecting(address);
    switch (attempt.kind) {
        case ConnectResult::Kind::connected:
        case ConnectResult::Kind::pending:
            return watch(std::move(attempt.fd), address);
        case ConnectResult::Kind::busy:
            if (addresses_.size() > 1) break;
            retry_later([this] {
                --next_;
                try_next();
            });
            return true;
        case ConnectResult::Kind::error:
            break;
    }
    note(attempt.error);
    return false;
}

bool Connector::watch(Fd fd, const Address& address) {
    if (Result<void> watched = reactor_.watch(connection_, fd.get(), Direction::write); !watched) {
        note(watched.error().os);
        return false;
    }
    attempts_.push_back({std::move(fd), address});
    return true;
}

void Connector::retry_later(Task again) {
    next_attempt_ = reactor_.call_later(limits::connect_retry, std::move(again));
}

void Connector::on_ready(const Ready&) {
    if (!has_begun_) {
        if (reactor_.may_begin_handshake()) return begin();
        return reactor_.inject({connection_.id(), false, false, false});
    }
    for (std::size_t i = 0; i < attempts_.size(); ++i) {
        const int fd = attempts_[i].fd.get();
        if (const int problem = connect_outcome(fd); problem != 0) return lose(i, problem);
        if (has_peer(fd)) return win(i);
        reactor_.arm(fd, Direction::write);  // a socket without a peer is still connecting
    }
}

void Connector::lose(std::size_t which, int problem) {
    note(problem);
    let_go(attempts_[which]);
    attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(which));
    // Asked again for the others: this report may have been theirs as well.
    if (!attempts_.empty()) reactor_.inject({connection_.id(), false, true, false});
    try_next();
}

void Connector::win(std::size_t which) {
    Attempt winner = std::move(attempts_[which]);
    attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(which));
    auto transport = std::make_unique<SocketTransport>(reactor_, std::move(winner.fd), winner.address);
    transport->set_watched_by(connection_);
    connection_.start(std::move(transport));
}

void Connector::let_go(Attempt& attempt) {
    if (!is_disowned_) reactor_.unwatch(attempt.fd.get());
    attempt.fd.reset();
}

// ---- memory ----

void Connector::try_memory() {
    Result<std::unique_ptr<Transport>> joined = reactor_.service<MemoryHub>().connect(endpoint_);
    if (!joined) return connection_.fail(joined.error());
    if (!joined.value()) return retry_later([this] { try_memory(); });
    connection_.start(std::move(joined).value());
}

}  // namespace tidemill
