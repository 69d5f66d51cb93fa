// The last moments of a closed connection: what was flushed is on its way, and the peer may still be sending. Closing on unread octets
// would make the system send a reset, which can overtake and destroy the answer; so they are read and dropped for a while.
#pragma once
#include <memory>

#include "tidemill/net/transport.h"
#include "tidemill/reactor/reactor.h"

namespace tidemill {

// Keeps the transport, whose writing side is shut down, until the peer ends or limits::linger_time is over.
void linger(Reactor& reactor, std::unique_ptr<Transport> transport);

}  // namespace tidemill
