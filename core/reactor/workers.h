// Workers: several reactors, each in a thread of its own; how one process uses many cores. They share nothing: what one has for another
// it posts. With ListenOptions::reuse_port each listens on the same port and the system spreads the connections.
#pragma once
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tidemill/reactor/reactor.h"

namespace tidemill {

class Workers;

// One of them, as its thread knows it.
class Worker {
public:
    int index() const { return index_; }

    // From here on stop() reaches this reactor. It must be made and run by this thread.
    void attach(Reactor& reactor);

private:
    friend class Workers;

    Workers* workers_ = nullptr;
    int index_ = 0;
    std::thread thread_;
    Reactor* reactor_ = nullptr;
    std::shared_ptr<Mailbox> mailbox_;  // outlives the reactor, so a late stop() finds it closed
};

struct WorkersOptions {
    Duration deadline = limits::drain_deadline;  // for stop(): how long connections may go on
};

class Workers {
public:
    // Called in each thread with its reactor, before that runs; index: 0, 1, ...
    using Setup = std::function<void(Reactor&, int index)>;

    // For a binding, whose reactors live in objects of its language: all that a thread does. It makes a reactor, attaches and runs it.
    using Body = std::function<Result<void>(Worker&)>;

    // count: threads; 0 for one on each core that this process may use.
    Workers(int count, Setup setup, WorkersOptions options = {});
    static std::unique_ptr<Workers> with_body(int count, Body body, WorkersOptions options = {});

    // Ends all at once and waits for them.
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    int count() const { return static_cast<int>(workers_.size()); }

    // start() and join(). The threads take no signals; those arrive in this one or in others of the program.
    Result<void> run();

    // Errors: state (started before), argument (a negative count), limit (a thread could not be started).
    Result<void> start();

    // Waits until all have ended: because nothing was left to wait for, by stop(), or because one failed, which stops all at once. The
    // exception that left one of them leaves here, the first if there were more; its error comes back. Not from one of the threads.
    Result<void> join();

    // Waits that long at most; true when all have ended and join() would return at once.
    bool wait_for(Duration at_most);

    // Each drains (Reactor::drain) with the deadline of the options. Any thread, also one of the workers; not a signal handler: there,
    // one of the reactors calls it from on_signal.
    void stop();

private:
    enum class Stopping : std::uint8_t { no, drain, now };
    friend class Worker;

    Workers(int count, WorkersOptions options);
    void work(Worker& worker);
    void end_with(std::exception_ptr exception, Error error);
    void stop_all(Stopping how);
    void tell(const Worker& worker);

    WorkersOptions options_;
    Body body_;
    std::mutex mutex_;
    ForkHold hold_{mutex_};
    std::condition_variable news_;
    std::vector<Worker> workers_;
    int asked_for_ = 0;
    int running_ = 0;
    bool is_started_ = false;
    Stopping stopping_ = Stopping::no;
    std::exception_ptr failure_;
    Error error_;
};

}  // namespace tidemill
