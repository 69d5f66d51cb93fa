// Notices that this process is a fork of the one that made something. A child shares its parent's epoll set and sockets; touching
// them would disturb the parent.
#pragma once
#include <atomic>
#include <cstdint>

namespace tidemill {

// Sets up the hook (pthread_atfork(3)) that makes fork_generation() change. Once or many times, any thread.
void watch_forks();

extern std::atomic<std::uint32_t> current_fork_generation;

// Changes in a child after fork(). Any thread; asked before every callback, so it is a single load.
inline std::uint32_t fork_generation() {
    return current_fork_generation.load(std::memory_order_relaxed);
}

}  // namespace tidemill
