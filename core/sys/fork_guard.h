// Notices that this process is a fork of the one that made something. A child shares its parent's epoll set and sockets; touching
// them would disturb the parent.
#pragma once
#include <cstdint>

namespace tidemill {

// Changes in a child after fork(). Any thread. Sets up the hook when first called (pthread_atfork(3)); costs one load afterwards.
std::uint32_t fork_generation();

}  // namespace tidemill
