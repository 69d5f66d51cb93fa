// Mailbox: the one door for other threads. What is posted runs in the loop; the mailbox may outlive its reactor, so that a worker that
// finishes late finds it closed and not gone.
#pragma once
#include <atomic>

#include "tidemill/reactor/task_queue.h"
#include "tidemill/sys/brief_lock.h"
#include "tidemill/sys/fork_guard.h"
#include "tidemill/sys/waker.h"

namespace tidemill {

class Mailbox {
public:
    Result<void> open() { return waker_.open(); }
    Waker& waker() { return waker_; }

    // Any thread. False if the reactor is gone; the task is then dropped.
    bool post(Task&& task);

    // By the loop. The mail comes behind what is in `into`.
    bool has_mail() const { return has_mail_.load(std::memory_order_relaxed); }
    void take(TaskQueue& into);

    // No more mail; what is in it is handed out, to be dropped by the caller outside the lock.
    TaskQueue close();

private:
    Waker waker_;
    BriefLock lock_;
    ForkHold hold_{lock_};
    TaskQueue tasks_;
    bool is_closed_ = false;
    alignas(64) std::atomic<bool> has_mail_{false};  // the loop looks at it all the time, and shall not take the lock's cache line away
};

}  // namespace tidemill
