#include "tidemill/sys/fork_guard.h"

#include <pthread.h>

#include <atomic>

namespace tidemill {

static std::atomic<std::uint32_t> generation{1};

static void in_child() {
    generation.fetch_add(1, std::memory_order_relaxed);
}

std::uint32_t fork_generation() {
    static const int hooked = pthread_atfork(nullptr, nullptr, in_child);
    static_cast<void>(hooked);
    return generation.load(std::memory_order_relaxed);
}

}  // namespace tidemill
