// Churn: connect, one message, close; as many at a time as there are connections.
#pragma once
#include <cstdint>
#include <vector>

#include "settings.h"
#include "socket.h"
#include "stream.h"
#include "window.h"

class Churn {
public:
    Churn(const Settings& settings, const ServerProcess& server);

    // A message of the report is a whole connection: made, answered, ended by both sides.
    Report measure();

private:
    struct Visit {
        unsigned number = 0;
        FileDescriptor socket;
        Clock::time_point begun_at;
        std::vector<unsigned char> answer;
        bool has_ended = true;
    };

    void turn();
    void begin(Visit& visit);
    void receive(Visit& visit);
    void on_answer(Visit& visit);
    void on_end(Visit& visit);
    void wait_for_all();

    const Settings& settings_;
    const Address address_;
    Window window_;
    Poller poller_;
    std::vector<Visit> visits_;
    unsigned begun_ = 0;
    bool is_draining_ = false;
    Scratch incoming_;
};
