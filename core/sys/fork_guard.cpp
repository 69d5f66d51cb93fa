#include "tidemill/sys/fork_guard.h"

#include <pthread.h>

#include <mutex>

namespace tidemill {

std::atomic<std::uint32_t> current_fork_generation{1};
std::atomic<bool> is_forked_from{false};

namespace {

struct Holds {
    std::mutex mutex;
    ForkHold* first = nullptr;
};

// Never destroyed: reactors may end after the statics.
Holds& holds() {
    static Holds& all = *new Holds;
    return all;
}

}  // namespace

// Takes all of them, in the thread that forks. It cannot deadlock: who holds one of them asks for no other.
void lock_for_fork() {
    holds().mutex.lock();
    for (ForkHold* hold = holds().first; hold != nullptr; hold = hold->next_) hold->take_(hold->lock_);
    is_forked_from.store(true, std::memory_order_relaxed);
}

void unlock_after_fork() {
    for (ForkHold* hold = holds().first; hold != nullptr; hold = hold->next_) hold->give_back_(hold->lock_);
    holds().mutex.unlock();
}

static void in_child() {
    current_fork_generation.fetch_add(1, std::memory_order_relaxed);
    is_forked_from.store(false, std::memory_order_relaxed);  // what the child opens from here on is its own
    unlock_after_fork();
}

void watch_forks() {
    static const int hooked = pthread_atfork(lock_for_fork, unlock_after_fork, in_child);
    static_cast<void>(hooked);
}

ForkHold::ForkHold(void* lock, Action take, Action give_back) : lock_(lock), take_(take), give_back_(give_back) {
    watch_forks();
    const std::lock_guard list(holds().mutex);
    next_ = holds().first;
    if (next_ != nullptr) next_->previous_ = this;
    holds().first = this;
}

ForkHold::~ForkHold() {
    const std::lock_guard lock(holds().mutex);
    if (next_ != nullptr) next_->previous_ = previous_;
    (previous_ != nullptr ? previous_->next_ : holds().first) = next_;
}

}  // namespace tidemill
