// A lock for a few dozen instructions that are run very often: half of what std::mutex costs when nobody else has it, as giving it back is
// one plain store. Who finds it held tries again, and rests after a while: its holder has lost the processor.
#pragma once
#include <atomic>
#include <thread>

#include "tidemill/base/limits.h"

namespace tidemill {

class BriefLock {
public:
    void lock() {
        for (int tries = 1; !try_lock(); ++tries) {
            if (tries % limits::lock_tries == 0) std::this_thread::sleep_for(limits::lock_rest);
        }
    }
    // Looks before it writes, so that those who wait do not take the cache line from each other.
    bool try_lock() { return !is_held_.load(std::memory_order_relaxed) && !is_held_.exchange(true, std::memory_order_acquire); }
    void unlock() { is_held_.store(false, std::memory_order_release); }

private:
    std::atomic<bool> is_held_{false};
};

}  // namespace tidemill
