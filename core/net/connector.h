// Connector: the time between connect() and an open stream: resolve the name, race its addresses, keep the deadline.
//
// The race is that of RFC 8305 (Happy Eyeballs): the families by turns in the system's order of preference; the next address is tried
// beside the others when one has failed or limits::connection_attempt_delay after the last; the first that connects wins, the others are
// closed. If all fail, the error that tells most is reported: a refusal says more than a missing route. (Section 3 of it, waiting
// for one family's answer to the name, does not arise: getaddrinfo answers with both.)
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
    void disown() { is_disowned_ = true; }

    // What is left until the deadline, at least a little; 0 if there is none.
    Duration time_left() const;

private:
    // A socket on its way. All of them are watched in the connection's name, so a report says only that one of them is ready.
    struct Attempt {
        Fd fd;
        Address address;
    };

    void begin();
    void resolve();
    void try_next();
    bool try_address(const Address& address);
    bool watch(Fd fd, const Address& address);
    void try_next_soon();
    void win(std::size_t which);
    void lose(std::size_t which, int problem);
    void note(int problem);
    void try_memory();
    void retry_later(Task again);
    void let_go(Attempt& attempt);

    Reactor& reactor_;
    Connection& connection_;
    Endpoint endpoint_;
    Duration timeout_;
    TimePoint due_{};
    Timer deadline_;
    Timer next_attempt_;
    bool has_begun_ = false;
    bool is_disowned_ = false;
    std::uint64_t look_up_ = 0;
    std::vector<Address> addresses_;
    std::size_t next_ = 0;
    std::vector<Attempt> attempts_;
    int problem_ = 0;  // the errno that tells most so far
};

}  // namespace tidemill
