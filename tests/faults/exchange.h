// Exchange: a short life of a reactor that makes every system call the core has: it listens, connects, echoes, half-closes, aborts on
// either side, uses timers, ticks, posts and both descriptors for hosts, and stops. Whatever fails on the way, the promises of handler.h
// hold; problem() tells the first that did not.
#pragma once
#include <string>

namespace tidemill::test {

struct Exchange {
    std::string poller;
    std::string transport;  // "tcp4", "tcp6" or "unix"
    int stop_at = 0;        // stop() after so many turns; 0: when all is done

    // Runs it. "": all is as promised.
    std::string problem() const;
};

}  // namespace tidemill::test
