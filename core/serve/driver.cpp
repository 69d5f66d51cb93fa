#include "tidemill/serve/driver.h"

#include <utility>

namespace tidemill {

void DriverBase::release() {
    let_go();
    delete this;
}

void DriverBase::begin_call(Connection& connection) {
    is_handed_over_ = false;
    holder_ = &connection.handler();
    if (std::exchange(turn_, connection.reactor().turn_number()) != connection.reactor().turn_number()) told_ = 0;
}

bool DriverBase::may_tell(Connection& connection, std::size_t count) {
    if (is_handed_over_ || connection.state() != Connection::State::open || connection.is_paused()) return false;
    if (!connection.reactor().may_call() || told_ >= limits::events_per_turn) return false;
    told_ += count;
    return true;
}

void DriverBase::tell_later(Connection& connection) {
    const bool is_still_mine = &connection.handler() == holder_;
    if (!is_still_mine || connection.state() != Connection::State::open) return;
    if (told_ >= limits::events_per_turn) ++connection.reactor().count().read_limit_hits;
    connection.hold_input();
    connection.continue_input();
}

void DriverBase::send(Connection& connection, std::string& output) {
    if (output.empty()) return;
    connection.write(output);
    output.clear();
}

void DriverBase::end_for(Connection& connection, Error error) {
    Metrics& count = connection.reactor().count();
    ++(error.code == ErrorCode::limit     ? count.protocol_limit_hits
       : error.code == ErrorCode::timeout ? count.protocol_timeouts
                                          : count.protocol_errors);
    error.endpoint = connection.peer();
    connection.close_for(std::move(error));
}

void DriverBase::refuse(Connection& connection, std::string_view why) {
    end_for(connection, make_error(ErrorCode::remote_protocol, "receive", {}, why));
}

void DriverBase::set_deadline(Connection& connection, TimePoint deadline) {
    // One that has become later is found out when the old one comes: moving a timer with every octet would cost more.
    if (timer_.is_active() && deadline_ <= deadline && deadline != TimePoint::max()) return;
    timer_.cancel();
    deadline_ = deadline;
    if (deadline == TimePoint::max()) return;
    Reactor& reactor = connection.reactor();
    timer_ = reactor.call_later(deadline - reactor.now(), [&reactor, id = connection.id()] {
        if (Connection* found = find_connection(reactor, id)) found->continue_input();
    });
}

}  // namespace tidemill
