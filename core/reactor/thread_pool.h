// ThreadPool: a few threads for calls that block. Started when first needed; results travel back by the reactor's mailbox, which is the
// job's business.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "tidemill/reactor/task.h"

namespace tidemill {

class ThreadPool {
public:
    // threads: the most at once. queue: jobs that may wait for one.
    ThreadPool(std::size_t threads, std::size_t queue);

    // Jobs that have not begun are dropped. One that is under way goes on by itself: a blocked call cannot be stopped, and must not
    // hold up the end of the program.
    ~ThreadPool();

    // 0 if the queue is full or no thread could be started, otherwise the job's number. The job runs on a worker, with all signals
    // blocked, and must not throw.
    std::uint64_t submit(Task job);

    // Takes back a job that has not begun. False: it has, or is over.
    bool drop(std::uint64_t job);

    // More start as they are needed; fewer end as they become idle.
    void set_threads(std::size_t threads);

private:
    struct Pool;
    std::shared_ptr<Pool> pool_;
};

}  // namespace tidemill
