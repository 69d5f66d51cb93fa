#include "tidemill/reactor/work_threads.h"

namespace tidemill {

WorkThreads::WorkThreads(Reactor& reactor) : reactor_(reactor), pool_(limits::worker_threads, limits::worker_queue) {}

Result<void> WorkThreads::set_threads(std::size_t threads) {
    if (Result<void> usable = reactor_.check_usable("set_threads"); !usable) return usable;
    if (threads < 1 || threads > limits::most_worker_threads) {
        return make_error(ErrorCode::argument, "set_threads", {},
                          "there must be from 1 to " + std::to_string(limits::most_worker_threads) + " threads");
    }
    threads_ = threads;
    pool_.set_threads(threads);
    return {};
}

Result<std::uint64_t> WorkThreads::submit(Task work, Done done) {
    if (Result<void> usable = reactor_.check_usable("defer"); !usable) return usable.error();
    if (reactor_.is_stopping()) return make_error(ErrorCode::state, "defer", {}, "the reactor is stopping");
    const std::uint64_t id = ++last_job_;
    // The mailbox and not the reactor: the work may end after the reactor is gone, and then finds it closed.
    const std::uint64_t place = pool_.submit([this, id, work = std::move(work), mailbox = reactor_.mailbox()]() mutable {
        work();
        work = nullptr;
        mailbox->post([this, id] { finish(id, {}); });
    });
    if (place == 0) return make_error(ErrorCode::limit, "defer", {}, "too much work is waiting for a thread");
    const HoldId hold =
        reactor_.hold([this, id] { finish(id, make_error(ErrorCode::cancelled, "defer", {}, "the reactor stopped before it was done")); });
    jobs_.emplace(id, Job{place, hold, std::move(done)});
    return id;
}

void WorkThreads::finish(std::uint64_t job, const Error& error) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end()) return;
    const Done done = std::move(found->second.done);
    cancel(job);
    done(error);
}

void WorkThreads::cancel(std::uint64_t job) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end()) return;
    pool_.drop(found->second.place);
    reactor_.release(found->second.hold);
    jobs_.erase(found);
}

}  // namespace tidemill
