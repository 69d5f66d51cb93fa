// Reactor: the loop. One thread owns it: the one that runs it, and before that the one that made it. Other threads may call post() and
// request_stop(), a signal handler request_stop() only.
//
// A turn: wait for readiness; serve the sources that are ready; fire the timers that were due when the turn began; run the ticks that
// were queued when it began and what other threads posted; flush what was written; tell those that ended. Each callback is
// called from here, never from inside a call of the user.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "tidemill/base/buffer.h"
#include "tidemill/base/clock.h"
#include "tidemill/base/error.h"
#include "tidemill/base/limits.h"
#include "tidemill/base/slots.h"
#include "tidemill/reactor/call_watch.h"
#include "tidemill/reactor/gate.h"
#include "tidemill/reactor/mailbox.h"
#include "tidemill/reactor/metrics.h"
#include "tidemill/reactor/source.h"
#include "tidemill/reactor/task.h"
#include "tidemill/reactor/task_queue.h"
#include "tidemill/reactor/timers.h"
#include "tidemill/sys/fork_guard.h"
#include "tidemill/sys/poller.h"
#include "tidemill/sys/waker.h"

namespace tidemill {

class Reactor;

using HoldId = std::uint64_t;  // 0 is never a hold

struct ReactorOptions {
    std::string_view poller = {};   // "epoll", "poll", "" for the best of this system
    ManualClock* clock = nullptr;   // for tests: time moves by hand; must outlive the reactor
    Gate* gate = nullptr;           // for interpreters; must outlive the reactor
    Clock* budget_clock = nullptr;  // for tests: what measures the budget of poll(); must outlive the reactor
};

// A handle; copies mean the same timer. Usable while the reactor lives.
class Timer {
public:
    Timer() = default;
    Timer(Reactor& reactor, TimerId id) : reactor_(&reactor), id_(id) {}
    bool cancel();
    bool is_active() const;
    TimerId id() const { return id_; }

private:
    Reactor* reactor_ = nullptr;
    TimerId id_ = 0;
};

// A timer in its user's own memory, such as a member of what waits: for who sets and cancels one again and again, or a great many. It fires
// once for each start(), may be started again by its own task, and ends with the object, also from inside the task. Of the reactor's
// thread; the reactor must be there when it is started.
class OwnTimer {
public:
    OwnTimer(Reactor& reactor, Task task) : reactor_(reactor) { timer_.task = std::move(task); }
    ~OwnTimer();
    OwnTimer(const OwnTimer&) = delete;
    OwnTimer& operator=(const OwnTimer&) = delete;

    // From now on, whether it was active or not. False: refused, as call_later.
    bool start(Duration delay);

    // Real and final until the next start(). The task stays. False: it was not active.
    bool cancel();
    bool is_active() const { return timer_.is_active(); }

private:
    Reactor& reactor_;
    Timers::Own timer_;
};

class Reactor {
public:
    // If the system refuses what a loop needs (out of descriptors, an unknown poller), startup_error() says so and every call fails with it.
    explicit Reactor(ReactorOptions options = {});
    ~Reactor();
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;
    const Error& startup_error() const { return startup_error_; }

    // Serves until stop() or until nothing is left to wait for. An exception of a callback that no handler took leaves here; the
    // reactor may then be run again. Errors: state (running, foreign thread, after fork); os, if the system refuses to wait, after a
    // turn without readiness: everything stays as it is and the reactor may be run again.
    Result<void> run();

    // One turn, waiting at most this long (negative: until something comes). True if anything was done. Errors as run().
    Result<bool> run_once(Duration at_most = Duration{0});

    // For a host with its own loop: turns until nothing is ready or the budget is spent (0: one turn). True if work is left over.
    Result<bool> poll(Duration timeout, Duration budget);

    // Ends run() before the next callback: all sources end (connections with the code cancelled), timers, ticks and what was posted
    // before are dropped, holds are given up and what deliver() took is delivered. Outside a run it takes effect in the next turn.
    void stop();
    // The same from any thread or signal handler, at the loop's next turn.
    void request_stop();

    // The orderly end: listeners close, every connection is told once (Handler::on_shutdown) and goes on until it closes by itself; when
    // the last one has ended, the reactor stops. Those that are left after `deadline` are closed, and limits::drain_grace later aborted.
    // A second call can bring the deadline nearer. It begins in the next turn. Errors: argument, state.
    Result<void> drain(Duration deadline = limits::drain_deadline);
    bool is_draining() const { return is_draining_; }

    // Readable whenever poll() has something to do, timers included. Errors: state if the poller has no descriptor.
    Result<int> fd();

    TimePoint now() const { return is_running() ? now_ : clock_->now(); }
    bool is_running() const { return is_running_.load(std::memory_order_relaxed); }
    std::string_view poller_name() const { return poller_ ? poller_->name() : std::string_view{}; }

    // False: not the owner's thread (post() is for others), or a forked child; the task is dropped.
    bool next_tick(Task task);
    void post(Task task) { mailbox_->post(std::move(task)); }
    // A timer that is not active: refused, as next_tick.
    Timer call_later(Duration delay, Task task);
    Timer call_every(Duration period, Task task);
    bool start(Timers::Own& timer, Duration delay);
    bool cancel(Timers::Own& timer);
    void forget(Timers::Own& timer) { timers_.forget(timer); }
    bool cancel(TimerId id) { return is_usable_here() && timers_.cancel(id); }
    bool is_active(TimerId id) { return timers_.is_active(id); }

    // A tick that stop() does not drop: run() makes it before it returns. For what was promised exactly once. Refused as next_tick.
    bool deliver(Task task);

    // Keeps run() running until release(): for what is waited for outside of sources and timers, such as a job on a thread. on_stop is
    // called from the loop if the reactor stops before; the hold is released by then. 0: refused, as next_tick.
    HoldId hold(Task on_stop = {});
    bool release(HoldId id);

    // Takes what tasks and connections without on_error raise; empty: run() raises it.
    using ErrorHandler = std::function<void(const std::exception_ptr&)>;
    void set_error_handler(ErrorHandler handler) { error_handler_ = std::move(handler); }

    // What happened since the reactor was made; the names are in metrics.def. Of the reactor's thread.
    Metrics metrics() const;
    std::string prometheus() const { return prometheus_text(metrics()); }

    // Tells function, or without one stderr, of every callback that held the loop up at least this long by the steady clock; 0 turns it off.
    void set_slow_callback(Duration at_least, CallWatch::Handler function = {}) { watch_.set(at_least, std::move(function)); }

    // How long the loop looks again and again before it sleeps: what comes meanwhile is served some 5 to 50 us sooner, and a timer that is
    // due meanwhile fires to the microsecond, at the price of a processor that does nothing else. 0, the default: never; it pays where
    // metrics() counts most spins as hits. Errors: argument (negative, above limits::longest_spin), as check_usable.
    Result<void> set_spin(Duration at_most);

    // ---- for the floors above ----

    // Where they count, and what goes around each of their calls of the user.
    Metrics& count() { return metrics_; }
    CallWatch& call_watch() { return watch_; }

    // Changes with every turn: for shares of a turn.
    std::uint64_t turn_number() const { return metrics_.turns; }

    // False if enough attempts to connect have begun in this turn: ask again in the next.
    bool may_begin_handshake();

    // Takes ownership and gives the source its id.
    void add(std::unique_ptr<Source> source);
    Source* find(SourceId id);

    // Whether a source, or this timer, alone keeps run() running: a connection that is kept for later must not.
    void set_background(Source& source, bool is_on);
    Timer call_later_in_background(Duration delay, Task task);

    // Registers a source's descriptor with one direction armed; afterwards as in the poller contract.
    Result<void> watch(const Source& source, int fd, Direction first) { return poller_->add(fd, source.id(), first); }
    void arm(int fd, Direction direction) { poller_->arm(fd, direction); }
    void unwatch(int fd) { poller_->remove(fd); }
    // For a descriptor that is closed next.
    void unwatch_closing(int fd) { has_forked() ? poller_->remove(fd) : poller_->remove_closing(fd); }

    // Calls the source's on_ready from the loop, as if the poller had reported it.
    void inject(const Ready& ready);
    void flush_later(Source& source);
    void finish_later(Source& source);

    // False once stop() or a failure asks the loop to call nobody else in this turn, or the host's time budget is spent, or a callback
    // forked and this is the child.
    bool may_call() const { return !is_halted_ && !is_stopping_ && !is_fork() && (budget_end_ == TimePoint::max() || !is_out_of_time()); }
    bool is_stopping() const { return is_stopping_; }

    // Leaves run() before the next callback; nothing is closed and run() can go on later.
    void halt() { is_halted_ = true; }

    // The policy for an exception of a callback: the error handler takes it, or else it leaves run() and this answers false.
    bool take_exception(const std::exception_ptr& exception);

    // Errors: state, if the caller is not the owner or this is a forked child; also the startup error.
    Result<void> check_usable(std::string_view operation, std::string_view endpoint = {}) const;
    bool is_usable_here() const {
        return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id() && !is_fork() && !startup_error_.is_set();
    }

    BlockPool& blocks() { return blocks_; }
    char* receive_buffer() { return receive_buffer_.get(); }
    std::shared_ptr<Mailbox> mailbox() { return mailbox_; }
    TimePoint turn_time() const { return now_; }

    // The descriptor for libraries that announce signals by writing an octet into it. Errors: os.
    Result<int> wake_fd();

    // One T per reactor, made with T(Reactor&) when first asked for: how upper floors keep what belongs to a reactor.
    template <class T>
    T& service() {
        static char key;
        for (auto& [found, held] : services_) {
            if (found == &key) return *static_cast<T*>(held.get());
        }
        auto made = std::make_shared<T>(*this);
        services_.emplace_back(&key, made);
        return *made;
    }

private:
    struct FreeAligned {
        void operator()(char* memory) const { ::operator delete(memory, std::align_val_t{limits::receive_alignment}); }
    };

    Result<void> enter(std::string_view operation);
    Result<void> leave(std::string_view operation);
    void turn(Duration at_most);
    void fetch(Duration at_most);
    int wait(Duration timeout);
    int look(Duration timeout);
    int spin(Duration at_most);
    Duration time_to_wait(Duration at_most) const;
    bool has_work() const;
    bool has_foreground_timer() const;
    bool has_work_now() const;
    bool may_skip_look(Duration at_most) const;
    void serve_ready();
    void serve_injected(std::size_t count);
    void serve_one(const Ready& ready);
    void serve_inner(std::uint64_t token);
    void fire_timers();
    void run_ticks(bool is_inner_turn);
    void take_mail();
    void call(Task& task, const char* kind);
    void flush_all();
    void finish_all(std::size_t count);
    void end_everything();
    void begin_drain();
    void set_drain_timer();
    void shut_down_sources(Shutdown stage);
    void forget_drain();
    Timer add_timer(Duration delay, Duration period, Task&& task);
    void end_holds();
    void drop_ticks();
    void tell_host();
    bool is_out_of_time() const;
    bool is_fork() const { return fork_generation_ != fork_generation(); }

    Error startup_error_;
    SteadyClock steady_clock_;
    Clock* clock_ = &steady_clock_;
    ManualClock* manual_clock_ = nullptr;
    Clock* budget_clock_ = &steady_clock_;
    Gate* gate_ = nullptr;
    std::uint32_t fork_generation_;
    std::atomic<std::thread::id> owner_;
    std::atomic<bool> is_running_{false};
    std::atomic<bool> is_stop_requested_{false};
    bool is_halted_ = false;
    bool is_stopping_ = false;
    bool is_draining_ = false;
    bool is_drain_due_ = false;  // drain() was called and the loop has not begun with it
    bool did_something_ = false;
    TimePoint now_;
    TimePoint looked_{};  // by the steady clock: when the poller was last asked
    Metrics metrics_;
    CallWatch watch_{*this, metrics_};
    int handshakes_left_ = limits::handshakes_per_turn;
    Duration spin_{0};
    Duration budget_{0};  // of the poll() under way
    TimePoint budget_end_ = TimePoint::max();
    TimePoint drain_end_ = TimePoint::max();
    TimerId drain_timer_ = 0;
    std::exception_ptr failure_;
    Error refusal_;  // of the wait of this turn
    ErrorHandler error_handler_;

    std::unique_ptr<Poller> poller_;
    std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
    WakePipe wake_pipe_;
    AlarmFd alarm_;
    std::unique_ptr<char, FreeAligned> receive_buffer_;
    BlockPool blocks_;

    std::vector<std::pair<const void*, std::shared_ptr<void>>> services_;
    SlotMap<std::unique_ptr<Source>> sources_;
    std::size_t background_sources_ = 0;
    std::vector<Timer> background_timers_;  // few
    std::size_t holding_ = 0;  // sources that hold up the end of a drain
    std::array<Ready, limits::events_per_wait> ready_;
    int ready_count_ = 0;
    int ready_next_ = 0;
    std::deque<Ready> injected_;
    Timers timers_;
    TaskQueue ticks_;
    std::map<HoldId, Task> holds_;  // in the order in which they were made
    HoldId last_hold_ = 0;
    std::vector<Source*> flush_list_;
    std::vector<SourceId> finish_list_;
};

}  // namespace tidemill
