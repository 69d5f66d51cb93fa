// The poller contract: which descriptors are ready, from the system.
//
// GUARANTEED
//  - A direction of a descriptor (reading, writing) is reported only while armed. add() and arm() arm it.
//  - After arm(), a direction that is ready, or becomes ready, is reported by some later wait().
//  - After a report the owner keeps in mind that the direction is ready, uses it until the system says "would block", and only then
//    arms it again. Nothing further is promised about that direction in between.
//  - The end of a stream, a hang-up and an error are reported as readiness of every direction armed, with `ended` set.
//  - After remove() a descriptor is not reported by later waits. It must be called before the descriptor is closed.
//  - wait() never returns before its timeout without a report, except for a signal or while the system has no memory for arm().
// A HINT
//  - A report may be false: a read or write after it may still say "would block". A report may carry the other direction too.
//
// This is the behaviour of edge-triggered epoll, where arming costs nothing; a level-triggered system call fits it by not asking for
// what was reported. One thread uses a poller. A new one: derive, add it to make_poller and to CMake; tests/contract/poller_test
// then holds it to this page.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

#include "tidemill/base/clock.h"
#include "tidemill/base/error.h"

namespace tidemill {

struct Ready {
    std::uint64_t token;  // as given to add
    bool readable;
    bool writable;
    bool ended;
};

enum class Direction : std::uint8_t { read = 1, write = 2 };

class Poller {
public:
    virtual ~Poller() = default;

    virtual std::string_view name() const = 0;

    // Registers an open descriptor with one direction armed. Errors: os (EPERM: a plain file; ENOSPC, ENOMEM: out of watches).
    virtual Result<void> add(int fd, std::uint64_t token, Direction direction) = 0;
    virtual void arm(int fd, Direction direction) = 0;
    virtual void remove(int fd) = 0;
    // The same for a descriptor that is closed next and that no other process has: the system may forget it by itself.
    virtual void remove_closing(int fd) { remove(fd); }

    // Waits until something is ready, at most `timeout` (rounded up to milliseconds; negative: for ever), and stores up to `most`
    // reports. Answers how many; 0 after the timeout; -1 if a signal came, or if the system refuses to wait, and then refusal() is set.
    virtual int wait(Ready* ready, int most, Duration timeout) = 0;

    // errno of a last wait() that the system refused: poll(2) can be out of memory, or have more descriptors than the limit allows.
    int refusal() const { return refusal_; }

    // A descriptor that is readable while wait() would report something; -1 if this poller has none.
    virtual int fd() const { return -1; }

protected:
    // What wait() answers for the count that the system call answered, when it has none to report.
    int without_reports(int count);

private:
    int refusal_ = 0;
};

// name: "epoll", "poll" or "" for the best of this system. Errors: argument for an unknown name, os.
Result<std::unique_ptr<Poller>> make_poller(std::string_view name);

Result<std::unique_ptr<Poller>> make_epoll_poller();
Result<std::unique_ptr<Poller>> make_poll_poller();

// A timeout for wait() as whole milliseconds, rounded up so that no timer fires early; -1 for ever.
int poll_milliseconds(Duration timeout);

}  // namespace tidemill
