// Mailbox: the one door for other threads. What is posted runs in the loop; the mailbox may outlive its reactor, so that a worker that
// finishes late finds it closed and not gone.
#pragma once
#include <atomic>
#include <mutex>
#include <vector>

#include "tidemill/reactor/task.h"
#include "tidemill/sys/fork_guard.h"
#include "tidemill/sys/waker.h"

namespace tidemill {

class Mailbox {
public:
    Result<void> open() { return waker_.open(); }
    Waker& waker() { return waker_; }

    // Any thread. False if the reactor is gone; the task is then dropped.
    bool post(Task task);

    // By the loop. into: empty; its memory is for the mail to come.
    bool has_mail() const { return has_mail_.load(std::memory_order_relaxed); }
    void take(std::vector<Task>& into);

    // No more mail; what is in it is handed out, to be dropped by the caller outside the lock.
    std::vector<Task> close();

private:
    Waker waker_;
    std::mutex mutex_;
    ForkHold hold_{mutex_};
    std::vector<Task> tasks_;
    bool is_closed_ = false;
    std::atomic<bool> has_mail_{false};
};

}  // namespace tidemill
