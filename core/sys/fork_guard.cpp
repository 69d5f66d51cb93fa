#include "tidemill/sys/fork_guard.h"

#include <pthread.h>

namespace tidemill {

std::atomic<std::uint32_t> current_fork_generation{1};

static void in_child() {
    current_fork_generation.fetch_add(1, std::memory_order_relaxed);
}

void watch_forks() {
    static const int hooked = pthread_atfork(nullptr, nullptr, in_child);
    static_cast<void>(hooked);
}

}  // namespace tidemill
