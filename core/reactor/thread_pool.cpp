#include "tidemill/reactor/thread_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "tidemill/sys/fork_guard.h"
#include "tidemill/sys/threads.h"

namespace tidemill {

// Shared by the owner and the threads: the last one to leave frees it.
struct ThreadPool::Pool {
    std::size_t most_threads;
    std::size_t most_jobs;
    std::mutex mutex;
    ForkHold hold{mutex};
    std::uint32_t generation = fork_generation();
    std::condition_variable news;
    std::deque<Task> jobs;
    std::size_t threads = 0;
    std::size_t idle = 0;
    bool is_closed = false;

    void work() {
        block_all_signals();
        std::unique_lock lock(mutex);
        for (;;) {
            ++idle;
            news.wait(lock, [this] { return is_closed || !jobs.empty(); });
            --idle;
            if (is_closed) return;
            Task job = std::move(jobs.front());
            jobs.pop_front();
            lock.unlock();
            job();
            job = nullptr;  // what it holds is dropped outside the lock
            lock.lock();
        }
    }
};

ThreadPool::ThreadPool(std::size_t threads, std::size_t queue) : pool_(std::make_shared<Pool>()) {
    pool_->most_threads = threads;
    pool_->most_jobs = queue;
}

ThreadPool::~ThreadPool() {
    std::deque<Task> dropped;
    {
        const std::lock_guard lock(pool_->mutex);
        pool_->is_closed = true;
        dropped.swap(pool_->jobs);
    }
    // In a forked child there is nobody to tell, and the condition variable may be in the state in which one of the parent's threads
    // was changing it.
    if (pool_->generation == fork_generation()) pool_->news.notify_all();
}

bool ThreadPool::submit(Task job) {
    const std::lock_guard lock(pool_->mutex);
    if (pool_->jobs.size() >= pool_->most_jobs) return false;
    if (pool_->idle <= pool_->jobs.size() && pool_->threads < pool_->most_threads) {
        try {
            std::thread([pool = pool_] { pool->work(); }).detach();
            ++pool_->threads;
        } catch (const std::system_error&) {
            if (pool_->threads == 0) return false;  // with at least one thread it only takes longer
        }
    }
    pool_->jobs.push_back(std::move(job));
    pool_->news.notify_one();
    return true;
}

}  // namespace tidemill
