// WebSocket: messages of `size` octets go out in masked frames and come back in frames, one in flight on each connection.
//
// A server that gives back the opening request as it was is a raw echo: then messages go without frames, and what it costs is what the frames
// cost nobody.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "settings.h"
#include "socket.h"
#include "window.h"

class WebSocket {
public:
    WebSocket(const Settings& settings, const ServerProcess& server);

    Report measure();

private:
    struct Client {
        unsigned number = 0;
        FileDescriptor socket;
        std::string received;
        std::string unsent;
        Clock::time_point sent_at;
        std::uint64_t done = 0;  // octets of messages that came back
        bool is_open = false;
        bool is_raw = false;
        bool is_waiting = false;  // for a message to come back
    };

    void turn();
    void receive(Client& client, std::uint32_t events);
    void take(Client& client);
    void open(Client& client, std::size_t head);
    void send_message(Client& client);
    void send(Client& client, std::string octets);
    void send_due(Client& client);
    std::string describe(const Client& client) const;

    const Settings& settings_;
    const Address address_;
    Window window_;
    Poller poller_;
    std::vector<Client> clients_;
    bool is_draining_ = false;
    Scratch incoming_;
};
