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

extern std::atomic<bool> is_forked_from;

// Whether another process may have descriptors of this one: it was forked from after watch_forks(). (What spawn() starts closes them.)
inline bool has_forked() {
    return is_forked_from.load(std::memory_order_relaxed);
}

// While it lives, fork() waits until nobody holds that lock: a child has only the thread that forked, and what another one had locked
// would stay locked in it for ever, with the data behind it half changed. For locks that are held for moments, while nothing of the
// user and no other such lock is touched.
class ForkHold {
public:
    template <class Lock>
    explicit ForkHold(Lock& lock)
        : ForkHold(&lock, [](void* held) { static_cast<Lock*>(held)->lock(); }, [](void* held) { static_cast<Lock*>(held)->unlock(); }) {}
    ~ForkHold();
    ForkHold(const ForkHold&) = delete;
    ForkHold& operator=(const ForkHold&) = delete;

private:
    friend void lock_for_fork();
    friend void unlock_after_fork();

    using Action = void (*)(void* lock);

    ForkHold(void* lock, Action take, Action give_back);

    void* lock_;
    Action take_;
    Action give_back_;
    ForkHold* next_ = nullptr;
    ForkHold* previous_ = nullptr;
};

}  // namespace tidemill
