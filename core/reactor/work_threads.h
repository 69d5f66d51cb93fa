// WorkThreads: a reactor's threads for work that blocks or computes. defer() in defer.h is what programs use.
#pragma once
#include <cstdint>
#include <functional>
#include <unordered_map>

#include "tidemill/reactor/reactor.h"
#include "tidemill/reactor/thread_pool.h"

namespace tidemill {

class WorkThreads {
public:
    // Error not set: the work is done.
    using Done = std::function<void(const Error&)>;

    explicit WorkThreads(Reactor& reactor);

    // The most threads at once; they start when they are needed. 1 to limits::most_worker_threads. Errors: argument.
    Result<void> set_threads(std::size_t threads);
    std::size_t threads() const { return threads_; }

    // Jobs whose end has not been told.
    std::size_t outstanding() const { return jobs_.size(); }

    // work runs on a worker, with all signals blocked, and must not throw; it is destroyed before done is called, from the loop. If the
    // reactor stops first, done gets cancelled: work that has not begun never does, work under way goes on by itself and nobody
    // is told, also when the reactor is gone by then. Until done, run() does not return. Answers the job's number. Errors: limit, state.
    Result<std::uint64_t> submit(Task work, Done done);

    // done is not called any more.
    void cancel(std::uint64_t job);

private:
    struct Job {
        std::uint64_t place = 0;  // in the pool
        HoldId hold = 0;
        Done done;
    };

    void finish(std::uint64_t job, const Error& error);

    Reactor& reactor_;
    std::size_t threads_ = limits::worker_threads;
    ThreadPool pool_;
    std::unordered_map<std::uint64_t, Job> jobs_;
    std::uint64_t last_job_ = 0;
};

}  // namespace tidemill
