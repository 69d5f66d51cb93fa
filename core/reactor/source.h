// Source: something that the loop serves: a connection, a listener. The reactor owns it from add() until finish() has returned.
#pragma once
#include <cstdint>

#include "tidemill/sys/poller.h"

namespace tidemill {

using SourceId = std::uint64_t;

// What a reactor that drains asks of its sources: finish by yourself; end in good order; end now.
enum class Shutdown : std::uint8_t { begin, deadline, last };

class Source {
public:
    virtual ~Source() = default;

    // A number that no other source of the reactor ever has; 0 before Reactor::add.
    SourceId id() const { return id_; }

    // Alone it does not keep run() running: asked once, by Reactor::add. Reactor::set_background() changes it.
    virtual bool is_background() const { return false; }

    // Something is ready, says the poller or Reactor::inject. The report may be false.
    virtual void on_ready(const Ready& ready) = 0;

    // The turn ends: hand over what was gathered (asked for by Reactor::flush_later). Must not call the user.
    virtual void flush() {}

    // The last call, asked for by Reactor::finish_later: tell the user that it is over. The reactor deletes the source afterwards.
    virtual void finish() {}

    // The reactor stops: end now, by finish_later.
    virtual void on_stop() = 0;

    // The reactor drains (Reactor::drain). Must not call the user; on_ready may.
    virtual void on_shutdown(Shutdown) {}

    // Whether a reactor that drains waits for this to end, as it does for connections. Always the same answer.
    virtual bool holds_drain() const { return false; }

    // The reactor is destroyed: let go of everything and call nobody. is_fork: this is a child process, and what is shared with the
    // parent must not be touched beyond closing descriptors.
    virtual void abandon(bool is_fork) = 0;

private:
    friend class Reactor;
    SourceId id_ = 0;
    bool is_in_flush_list_ = false;
    bool is_in_finish_list_ = false;
    bool is_in_background_ = false;
};

}  // namespace tidemill
