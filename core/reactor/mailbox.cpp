#include "tidemill/reactor/mailbox.h"

namespace tidemill {

// Locked, mostly without the system: who sleeps for it pays for two switches, and so does who wakes him.
std::unique_lock<std::mutex> Mailbox::lock() {
    for (int tries = 0; tries < limits::mailbox_tries; ++tries) {
        if (std::unique_lock held(mutex_, std::try_to_lock); held) return held;
    }
    return std::unique_lock(mutex_);
}

bool Mailbox::post(Task&& task) {
    const std::unique_lock held = lock();
    if (is_closed_) return false;
    tasks_.push(std::move(task));
    // Who finds the box empty rings, before another can come: what follows until the loop has emptied it again needs no bell of its own.
    if (!has_mail()) {
        has_mail_.store(true, std::memory_order_relaxed);
        waker_.wake();
    }
    return true;
}

void Mailbox::take(TaskQueue& into) {
    const std::unique_lock held = lock();
    has_mail_.store(false, std::memory_order_relaxed);
    into.append(tasks_);
}

TaskQueue Mailbox::close() {
    const std::unique_lock held = lock();
    is_closed_ = true;
    has_mail_.store(false, std::memory_order_relaxed);
    return std::move(tasks_);
}

}  // namespace tidemill
