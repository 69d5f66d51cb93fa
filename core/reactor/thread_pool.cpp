#include "tidemill/reactor/thread_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "tidemill/sys/fork_guard.h"
#include "tidemill/sys/threads.h"

namespace tidemill {

// Shared by the owner and the threads: the last one to leave frees it.
struct ThreadPool::Pool : std::enable_shared_from_this<Pool> {
    struct Job {
        std::uint64_t id;
        Task task;
    };

    std::size_t most_threads;
    std::size_t most_jobs;
    std::mutex mutex;
    ForkHold hold{mutex};
    std::uint32_t generation = fork_generation();
    std::condition_variable news;
    std::deque<Job> jobs;  // by id
    std::uint64_t last_job = 0;
    std::size_t threads = 0;
    std::size_t idle = 0;
    bool is_closed = false;

    void work() {
        block_all_signals();
        std::unique_lock lock(mutex);
        for (;;) {
            ++idle;
            news.wait(lock, [this] { return is_closed || threads > most_threads || !jobs.empty(); });
            --idle;
            if (is_closed) return;
            if (threads > most_threads) {
                --threads;
                return;
            }
            Task job = std::move(jobs.front().task);
            jobs.pop_front();
            lock.unlock();
            job();
            job = nullptr;  // what it holds is dropped outside the lock
            lock.lock();
        }
    }

    // Under the lock. False: the system refused.
    bool start_thread() {
        try {
            std::thread([pool = shared_from_this()] { pool->work(); }).detach();
            ++threads;
            return true;
        } catch (const std::system_error&) {
            return false;
        }
    }
};

ThreadPool::ThreadPool(std::size_t threads, std::size_t queue) : pool_(std::make_shared<Pool>()) {
    pool_->most_threads = threads;
    pool_->most_jobs = queue;
}

ThreadPool::~ThreadPool() {
    std::deque<Pool::Job> dropped;
    {
        const std::lock_guard lock(pool_->mutex);
        pool_->is_closed = true;
        dropped.swap(pool_->jobs);
    }
    // In a forked child there is nobody to tell, and the condition variable may be in the state in which one of the parent's threads
    // was changing it.
    if (pool_->generation == fork_generation()) pool_->news.notify_all();
}

std::uint64_t ThreadPool::submit(Task job) {
    const std::lock_guard lock(pool_->mutex);
    if (pool_->jobs.size() >= pool_->most_jobs) return 0;
    if (pool_->idle <= pool_->jobs.size() && pool_->threads < pool_->most_threads && !pool_->start_thread()) {
        if (pool_->threads == 0) return 0;  // with at least one thread it only takes longer
    }
    pool_->jobs.push_back({++pool_->last_job, std::move(job)});
    pool_->news.notify_one();
    return pool_->last_job;
}

bool ThreadPool::drop(std::uint64_t job) {
    Task dropped;  // freed outside the lock
    const std::lock_guard lock(pool_->mutex);
    const auto found = std::lower_bound(pool_->jobs.begin(), pool_->jobs.end(), job,
                                        [](const Pool::Job& waiting, std::uint64_t id) { return waiting.id < id; });
    if (found == pool_->jobs.end() || found->id != job) return false;
    dropped = std::move(found->task);
    pool_->jobs.erase(found);
    return true;
}

void ThreadPool::set_threads(std::size_t threads) {
    const std::lock_guard lock(pool_->mutex);
    pool_->most_threads = threads;
    for (std::size_t wanted = pool_->jobs.size(); wanted > pool_->idle && pool_->threads < threads; --wanted) {
        if (!pool_->start_thread()) break;
    }
    pool_->news.notify_all();
}

}  // namespace tidemill
