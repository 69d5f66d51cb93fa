// Connector: the time between connect() and an open stream: resolve the name, try each address, keep the deadline.
#pragma once
#include <memory>
#include <vector>

#include "tidemill/base/endpoint.h"
#include "tidemill/reactor/reactor.h"
#include "tidemill/sys/address.h"
#include "tidemill/sys/socket.h"

namespace tidemill {

class Connection;

class Connector {
public:
    // timeout: for everything; 0 for none.
    Connector(Connection& connection, Endpoint endpoint, Duration timeout);
    ~Connector();

    // Ends in connection.start() or connection.fail(); both destroy the connector, and neither calls the user.
    void start();
    void on_ready(const Ready& ready);
    void disown() { is_watched_ = false; }

private:
    void begin();
    void resolve();
    void try_next();
    void try_address();
    void try_memory();
    void retry_later();
    void watch(ConnectResult attempt);
    void unwatch();

    Reactor& reactor_;
    Connection& connection_;
    Endpoint endpoint_;
    Duration timeout_;
    Timer deadline_;
    Timer retry_;
    bool has_begun_ = false;
    std::uint64_t look_up_ = 0;
    std::vector<Address> addresses_;
    std::size_t next_ = 0;
    Fd fd_;
    bool is_watched_ = false;
    Error last_error_;
};

}  // namespace tidemill
