#include "tidemill/reactor/workers.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "tidemill/sys/threads.h"

namespace tidemill {

void Worker::attach(Reactor& reactor) {
    const std::lock_guard lock(workers_->mutex_);
    reactor_ = &reactor;
    mailbox_ = reactor.mailbox();
    workers_->tell(*this);
}

Workers::Workers(int count, WorkersOptions options) : options_(options), asked_for_(count) {
    workers_ = std::vector<Worker>(static_cast<std::size_t>(count == 0 ? usable_cores() : std::max(0, count)));
}

Workers::Workers(int count, Setup setup, WorkersOptions options) : Workers(count, options) {
    body_ = [setup = std::move(setup)](Worker& worker) -> Result<void> {
        Reactor reactor;
        if (reactor.startup_error().is_set()) return reactor.startup_error();
        worker.attach(reactor);
        setup(reactor, worker.index());
        return reactor.run();
    };
}

std::unique_ptr<Workers> Workers::with_body(int count, Body body, WorkersOptions options) {
    std::unique_ptr<Workers> made(new Workers(count, options));
    made->body_ = std::move(body);
    return made;
}

Workers::~Workers() {
    stop_all(Stopping::now);
    for (Worker& worker : workers_) {
        if (worker.thread_.joinable()) worker.thread_.join();
    }
}

Result<void> Workers::run() {
    if (Result<void> started = start(); !started) return started;
    return join();
}

Result<void> Workers::start() {
    if (asked_for_ < 0) return make_error(ErrorCode::argument, "start", {}, "the number of workers must be 0 or more");
    if (std::exchange(is_started_, true)) return make_error(ErrorCode::state, "start", {}, "these workers were started before");
    try {
        int index = 0;
        for (Worker& worker : workers_) {
            worker.workers_ = this;
            worker.index_ = index++;
            {
                const std::lock_guard lock(mutex_);
                ++running_;
            }
            worker.thread_ = std::thread([this, &worker] { work(worker); });
        }
    } catch (const std::system_error& problem) {
        {
            const std::lock_guard lock(mutex_);
            --running_;
        }
        end_with(nullptr, make_error(ErrorCode::limit, "start", {}, problem.what()));
        return join();
    }
    return {};
}

// ---- in the threads ----

void Workers::work(Worker& worker) {
    block_all_signals();
    try {
        if (Result<void> ended = body_(worker); !ended) end_with(nullptr, ended.error());
    } catch (...) {
        end_with(std::current_exception(), {});
    }
    const std::lock_guard lock(mutex_);
    worker.reactor_ = nullptr;
    worker.mailbox_.reset();
    --running_;
    news_.notify_all();
}

void Workers::end_with(std::exception_ptr exception, Error error) {
    {
        const std::lock_guard lock(mutex_);
        if (!failure_ && !error_.is_set()) {
            failure_ = std::move(exception);
            error_ = std::move(error);
        }
    }
    stop_all(Stopping::now);
}

// ---- from anywhere ----

// With the lock held. The reactor is there when the task runs: it is its own loop that runs it, and mail that comes too late is refused.
void Workers::tell(const Worker& worker) {
    if (stopping_ == Stopping::no || !worker.mailbox_) return;
    Reactor* reactor = worker.reactor_;
    if (stopping_ == Stopping::now) {
        worker.mailbox_->post([reactor] { reactor->stop(); });
    } else {
        worker.mailbox_->post([reactor, deadline = options_.deadline] { static_cast<void>(reactor->drain(deadline)); });
    }
}

void Workers::stop_all(Stopping how) {
    const std::lock_guard lock(mutex_);
    stopping_ = std::max(stopping_, how);
    for (const Worker& worker : workers_) tell(worker);
}

void Workers::stop() {
    stop_all(Stopping::drain);
}

bool Workers::wait_for(Duration at_most) {
    std::unique_lock lock(mutex_);
    return news_.wait_for(lock, at_most, [this] { return running_ == 0; });
}

Result<void> Workers::join() {
    for (Worker& worker : workers_) {
        if (worker.thread_.joinable()) worker.thread_.join();
    }
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if (error_.is_set()) return std::exchange(error_, {});
    return {};
}

}  // namespace tidemill
