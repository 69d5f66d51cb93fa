// Chat: every line that anybody sends comes back to everybody. Each sends its next line when its own came back.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "settings.h"
#include "socket.h"
#include "stream.h"
#include "window.h"

class Chat {
public:
    Chat(const Settings& settings, const ServerProcess& server);

    // A message of the report is a delivery: one line to one client.
    Report measure();

private:
    struct Client {
        unsigned number = 0;
        FileDescriptor socket;
        std::uint64_t lines_sent = 0;
        Clock::time_point sent_at;
        std::vector<std::uint64_t> lines_from;  // whose lines it has got so far, how many of each
        std::vector<unsigned char> part;        // of a line whose rest is still to come
    };

    void open();
    void settle();
    void turn();
    void send_line(Client& client);
    void receive(Client& client, std::uint32_t events);
    void on_octets(Client& client, ConstOctets octets);
    void on_line(Client& client, ConstOctets line);
    void wait_for_all();
    const Client* find_waiting() const;

    const Settings& settings_;
    Window window_;
    Poller poller_;
    std::vector<Client> clients_;
    bool is_settling_ = false;
    bool is_draining_ = true;
    Scratch incoming_;
};
