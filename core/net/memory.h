// Memory streams: two connections of one reactor joined without a socket, for tests and for parts of one program that talk to each
// other. They keep a socket's habits: bounded queues, half-close, an accept queue.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "tidemill/net/listener.h"
#include "tidemill/net/transport.h"

namespace tidemill {

class MemoryListener;

// The names of a reactor's memory listeners.
class MemoryHub {
public:
    explicit MemoryHub(Reactor& reactor) : reactor_(reactor) {}

    // Errors: os (EADDRINUSE).
    Result<Listener*> listen(const Endpoint& endpoint, HandlerFactory factory, int backlog, int max_connections);

    // The near end of a new pair; nullptr while the accept queue is full. Errors: os (ECONNREFUSED).
    Result<std::unique_ptr<Transport>> connect(const Endpoint& endpoint);

    void forget(const std::string& name) { listeners_.erase(name); }

private:
    Reactor& reactor_;
    std::unordered_map<std::string, MemoryListener*> listeners_;
};

}  // namespace tidemill
