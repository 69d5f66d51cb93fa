// Echo: what goes out on a connection comes back on it, `depth` messages of `size` octets at a time.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "settings.h"
#include "socket.h"
#include "stream.h"
#include "window.h"

class Echo {
public:
    Echo(const Settings& settings, const ServerProcess& server);

    // So many connections in all. answered: each new one is tried with a message, so that the server has certainly taken it.
    void open(unsigned count, bool answered);

    // Keeps `active` connections busy. rotates: as many messages under way, but each on the connection that has been idle longest.
    Report measure(unsigned active, bool rotates);

private:
    struct Connection {
        unsigned number = 0;
        FileDescriptor socket;
        std::uint64_t messages_started = 0;
        std::uint64_t messages_done = 0;
        std::uint64_t octets_sent = 0;
        std::uint64_t octets_received = 0;
        std::vector<Clock::time_point> started_at;  // a ring: message m began at started_at[m % depth]
    };

    void turn();
    void on_ready(Connection& connection, std::uint32_t events);
    void start_messages(Connection& connection, std::uint64_t count);
    void send_due(Connection& connection);
    void receive(Connection& connection, std::uint32_t events);
    void on_octets(Connection& connection, ConstOctets octets);
    void record_latency(const Connection& connection, std::uint64_t done);
    void follow_up(Connection& connection, std::uint64_t finished);
    void wait_for_all(unsigned begin, unsigned end);
    std::string describe(const Connection& connection) const;
    [[noreturn]] void fail_wrong_octet(const Connection& connection, ConstOctets octets, std::size_t offset) const;
    std::string find_origin(const Connection& connection, ConstOctets octets, std::size_t offset) const;

    const Settings& settings_;
    const Form form_;
    const Address address_;
    Window window_;
    Poller poller_;
    std::vector<Connection> connections_;  // never grows: the poller has pointers into it
    unsigned open_ = 0;
    std::deque<Connection*> idle_;  // those that wait for their turn, if it rotates
    bool rotates_ = false;
    bool is_draining_ = true;  // no new message when one has come back
    Scratch incoming_;
    Scratch outgoing_;
};
