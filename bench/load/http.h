// HTTP: keep-alive requests, `depth` of them in flight on each connection, and every answer looked at.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "settings.h"
#include "socket.h"
#include "window.h"

class Http {
public:
    Http(const Settings& settings, const ServerProcess& server);

    // So many connections in all, each with one request that has been answered.
    void open(unsigned count);

    // Keeps `active` connections busy. A message of the report is a request that was answered.
    Report measure(unsigned active);

private:
    struct Client {
        unsigned number = 0;
        FileDescriptor socket;
        bool is_open = false;
        std::string received;  // of answers that are not whole
        std::vector<Clock::time_point> asked_at;  // a ring
        std::uint64_t asked = 0;
        std::uint64_t answered = 0;
        bool is_ending = false;  // the server has said `Connection: close`
        std::size_t unsent = 0;  // octets of the requests that the socket did not take
    };

    void open(Client& client);
    void turn();
    void ask(Client& client, unsigned count);
    void send_due(Client& client);
    void receive(Client& client, std::uint32_t events);
    unsigned take_answers(Client& client);
    void wait_for_all(unsigned begin, unsigned end);
    std::string describe(const Client& client) const;

    const Settings& settings_;
    const Address address_;
    std::string requests_;  // as many as may be in flight
    Window window_;
    Poller poller_;
    std::vector<Client> clients_;  // never grows: the poller has pointers into it
    unsigned open_ = 0;
    bool is_draining_ = false;
    Scratch incoming_;
};
