#include "tidemill/reactor/mailbox.h"

#include <mutex>

namespace tidemill {

bool Mailbox::post(Task&& task) {
    const std::lock_guard held(lock_);
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
    const std::lock_guard held(lock_);
    has_mail_.store(false, std::memory_order_relaxed);
    into.append(tasks_);
}

TaskQueue Mailbox::close() {
    const std::lock_guard held(lock_);
    is_closed_ = true;
    has_mail_.store(false, std::memory_order_relaxed);
    return std::move(tasks_);
}

}  // namespace tidemill
