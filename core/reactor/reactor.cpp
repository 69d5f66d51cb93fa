#include "tidemill/reactor/reactor.h"

#include <algorithm>

#include "tidemill/sys/type_name.h"

namespace tidemill {

// Tokens of the reactor's own descriptors; a source's id is never this small.
static constexpr std::uint64_t waker_token = 1;
static constexpr std::uint64_t wake_pipe_token = 2;
static constexpr std::uint64_t alarm_token = 3;
static constexpr std::uint64_t last_inner_token = 3;

static constexpr Duration for_ever{-1};

bool Timer::cancel() {
    return reactor_ != nullptr && reactor_->cancel(id_);
}

bool Timer::is_active() const {
    return reactor_ != nullptr && reactor_->is_active(id_);
}

OwnTimer::~OwnTimer() {
    if (timer_.index != Timers::none) reactor_.forget(timer_);
}

bool OwnTimer::start(Duration delay) {
    return reactor_.start(timer_, delay);
}

bool OwnTimer::cancel() {
    return reactor_.cancel(timer_);
}

static Error first_error(const Result<void>& first, const Result<void>& second) {
    return first.ok() ? second.error() : first.error();
}

Reactor::Reactor(ReactorOptions options)
    : manual_clock_(options.clock), gate_(options.gate), fork_generation_(fork_generation()), owner_(std::this_thread::get_id()) {
    watch_forks();
    if (manual_clock_ != nullptr) clock_ = manual_clock_;
    if (options.budget_clock != nullptr) budget_clock_ = options.budget_clock;
    now_ = clock_->now();
    receive_buffer_.reset(static_cast<char*>(::operator new(limits::receive_buffer, std::align_val_t{limits::receive_alignment})));
    Result<std::unique_ptr<Poller>> poller = make_poller(options.poller);
    if (!poller) {
        startup_error_ = poller.error();
        return;
    }
    poller_ = std::move(poller).value();
    const Result<void> opened = mailbox_->open();
    startup_error_ = first_error(opened, opened ? poller_->add(mailbox_->waker().fd(), waker_token, Direction::read) : opened);
}

Reactor::~Reactor() {
    const bool child = is_fork();
    // Mail may hold the last reference to things that come back here; it goes first, while everything still stands.
    mailbox_->close().clear();
    ticks_.clear();
    holds_.clear();
    timers_.clear();
    sources_.for_each([child](std::unique_ptr<Source>& source) { source->abandon(child); });
    flush_list_.clear();
}

// ---- who may call ----

Result<void> Reactor::check_usable(std::string_view operation, std::string_view endpoint) const {
    if (startup_error_.is_set()) return startup_error_;
    if (is_fork()) {
        return make_error(ErrorCode::state, operation, endpoint, "this reactor belongs to the parent process; make a new one after fork");
    }
    if (owner_.load(std::memory_order_relaxed) != std::this_thread::get_id()) {
        return make_error(ErrorCode::state, operation, endpoint, "the reactor belongs to another thread; use post()");
    }
    return {};
}

Result<void> Reactor::enter(std::string_view operation) {
    const bool is_mine = owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
    if (!is_fork() && is_running_.exchange(true)) {
        return make_error(
            ErrorCode::state, operation, {},
            is_mine ? "the reactor is running already; this is one of its callbacks" : "the reactor is running in another thread");
    }
    owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    if (Result<void> usable = check_usable(operation); !usable) {
        is_running_.store(false);
        return usable;
    }
    is_halted_ = false;
    refusal_ = {};
    now_ = clock_->now();
    watch_.begin_turn(manual_clock_ == nullptr ? now_ : steady_clock_.now());
    return {};
}

// The end of a run, however it came. Errors: state, in the child of a callback that forked: the loop goes on in the parent only.
Result<void> Reactor::leave(std::string_view operation) {
    watch_.end_row();
    if (!is_fork() && is_stopping_) end_everything();
    is_running_.store(false);
    if (!is_fork()) tell_host();  // also when an exception leaves: the host shall come back for the rest
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if (is_fork()) return check_usable(operation);
    return std::exchange(refusal_, {});
}

// ---- running ----

Result<void> Reactor::run() {
    if (Result<void> entered = enter("run"); !entered) return entered;
    while (has_work() && !is_halted_ && !is_stopping_ && !refusal_.is_set() && !is_fork()) turn(for_ever);
    return leave("run");
}

Result<bool> Reactor::run_once(Duration at_most) {
    if (Result<void> entered = enter("run_once"); !entered) return entered.error();
    turn(at_most);
    const bool did_something = did_something_;
    if (Result<void> left = leave("run_once"); !left) return left.error();
    return did_something;
}

Result<bool> Reactor::poll(Duration timeout, Duration budget) {
    if (Result<void> entered = enter("poll"); !entered) return entered.error();
    budget_ = budget;
    turn(timeout);
    while (budget.count() > 0 && did_something_ && may_call()) turn(Duration{0});
    budget_ = Duration{0};
    budget_end_ = TimePoint::max();
    if (Result<void> left = leave("poll"); !left) return left.error();
    return has_work_now();
}

// Of a poll() with a budget.
bool Reactor::is_out_of_time() const {
    return budget_clock_->now() >= budget_end_;
}

void Reactor::stop() {
    is_stopping_ = true;
    if (!is_running()) {
        // Between two turns of a host: the ending itself, with its callbacks, belongs to the loop.
        mailbox_->waker().wake();
    }
}

void Reactor::request_stop() {
    is_stop_requested_.store(true);
    mailbox_->waker().wake();
}

bool Reactor::has_work() const {
    return sources_.size() > background_sources_ || has_foreground_timer() || !ticks_.is_empty() || !holds_.empty() ||
           mailbox_->has_mail() || is_stop_requested_.load() || is_drain_due_;
}

bool Reactor::has_foreground_timer() const {
    if (background_timers_.empty()) return !timers_.is_empty();
    const auto still_there =
        std::count_if(background_timers_.begin(), background_timers_.end(), [](const Timer& timer) { return timer.is_active(); });
    return timers_.size() > static_cast<std::size_t>(still_there);
}

bool Reactor::has_work_now() const {
    return ready_next_ < ready_count_ || !injected_.empty() || !ticks_.is_empty() || mailbox_->has_mail() || !flush_list_.empty() ||
           !finish_list_.empty() || timers_.next() <= now_ || is_drain_due_;
}

Duration Reactor::time_to_wait(Duration at_most) const {
    if (has_work_now() || at_most.count() == 0) return Duration{0};
    // A manual clock does not move while we sleep, so its deadlines do not shorten the wait.
    if (manual_clock_ != nullptr || timers_.next() == TimePoint::max()) return at_most;
    const Duration until_timer = timers_.next() - clock_->now();
    if (until_timer.count() <= 0) return Duration{0};
    return at_most.count() < 0 ? until_timer : std::min(at_most, until_timer);
}

void Reactor::turn(Duration at_most) {
    did_something_ = false;
    const bool is_inner_turn = may_skip_look(at_most);
    if (is_inner_turn) {
        // The last callbacks have just ended, and took the time.
        now_ = manual_clock_ == nullptr ? watch_.lap() : clock_->now();
    } else {
        watch_.end_row();  // before the wait, which is none of theirs
        if (ready_next_ == ready_count_) fetch(at_most);
        now_ = clock_->now();
        looked_ = manual_clock_ == nullptr ? now_ : steady_clock_.now();
        watch_.begin_turn(looked_);
    }
    const TimePoint begin = watch_.lap();
    ++metrics_.turns;
    handshakes_left_ = limits::handshakes_per_turn;
    // The wait was the host's wish; its budget is for the work that follows.
    if (budget_.count() > 0 && budget_end_ == TimePoint::max()) budget_end_ = budget_clock_->now() + budget_;
    if (is_stop_requested_.load(std::memory_order_relaxed) && is_stop_requested_.exchange(false)) is_stopping_ = true;
    if (is_drain_due_ && may_call()) begin_drain();
    const std::size_t injected = injected_.size();
    if (may_call()) serve_ready();
    if (may_call()) serve_injected(injected);
    if (may_call()) fire_timers();
    if (may_call()) run_ticks(is_inner_turn);
    if (is_fork()) return;  // what is queued is the parent's to send
    const bool is_over = is_inner_turn && flush_list_.empty() && finish_list_.empty();
    flush_all();
    if (may_call() && !finish_list_.empty()) {
        finish_all(finish_list_.size());
        if (!is_fork()) flush_all();
    }
    if (is_draining_ && !is_drain_due_ && holding_ == 0) is_stopping_ = true;
    if (did_something_) metrics_.turn_seconds.add((is_over ? watch_.lap() : steady_clock_.now()) - begin);
}

// Whether there are ticks to run and the poller was asked a moment ago: a chain of ticks would make it most of the work. Only in run(): who
// calls for a turn gets one.
bool Reactor::may_skip_look(Duration at_most) const {
    const bool has_ticks = !ticks_.is_empty() || mailbox_->has_mail();
    return at_most.count() < 0 && has_ticks && ready_next_ == ready_count_ && watch_.lap() - looked_ < limits::look_interval;
}

// ---- waiting ----

void Reactor::fetch(Duration at_most) {
    ready_next_ = ready_count_ = 0;  // first, or what is done already would count as work and the wait would not sleep
    ready_count_ = std::max(0, wait(time_to_wait(at_most)));
    if (poller_->refusal() != 0) refusal_ = os_error(poller_->refusal(), poller_->name());
    if (ready_count_ > 0) did_something_ = true;
    // Our own descriptors at once, before anything can cut the turn short and before anybody looks at what they announce: a bell
    // that nobody silenced would not ring again.
    for (int i = 0; i < ready_count_; ++i) {
        if (const std::uint64_t token = ready_[static_cast<std::size_t>(i)].token; token <= last_inner_token) serve_inner(token);
    }
    if (gate_ != nullptr && !gate_->check_interrupts()) halt();
}

int Reactor::wait(Duration timeout) {
    struct Wait {
        Reactor& reactor;
        Duration timeout;
        int count = 0;
        static void now(void* argument) {
            Wait& wait = *static_cast<Wait*>(argument);
            wait.count = wait.reactor.look(wait.timeout);
        }
    };
    if (timeout.count() != 0 && spin_.count() > 0) {
        const Duration spun = timeout.count() < 0 ? spin_ : std::min(spin_, timeout);
        const int count = spin(spun);
        const bool was_due = spun == timeout;
        if (count > 0 || was_due) ++metrics_.spin_hits;
        if (count != 0 || was_due) return count;
        if (timeout.count() > 0) timeout -= spun;
    } else if (gate_ != nullptr) {
        const int count = look(Duration{0});
        if (count != 0 || timeout.count() == 0) return count;
    }
    if (gate_ == nullptr) return look(timeout);
    // A signal that came before this point is not lost: the interpreter's handler wrote into wake_fd().
    Wait wait{*this, timeout};
    gate_->sleep(Wait::now, &wait);
    return wait.count;
}

int Reactor::look(Duration timeout) {
    return poller_->wait(ready_.data(), limits::events_per_wait, timeout);
}

// With the interpreter's lock held: other threads of it wait no longer than they do for a callback.
int Reactor::spin(Duration at_most) {
    ++metrics_.spins;
    const TimePoint end = steady_clock_.now() + at_most;
    int count = 0;
    do {
        count = look(Duration{0});
    } while (count == 0 && steady_clock_.now() < end);
    return count;
}

Result<void> Reactor::set_spin(Duration at_most) {
    if (Result<void> usable = check_usable("set_spin"); !usable) return usable;
    if (at_most < Duration{0} || at_most > limits::longest_spin) {
        return make_error(ErrorCode::argument, "set_spin", {}, "a loop may spin for 0 to 0.01 seconds");
    }
    spin_ = at_most;
    return {};
}

// ---- serving ----

void Reactor::serve_ready() {
    while (ready_next_ < ready_count_ && may_call()) serve_one(ready_[static_cast<std::size_t>(ready_next_++)]);
}

// Only what was there when the turn began: a source that had its share and asks for more waits for the next turn.
void Reactor::serve_injected(std::size_t count) {
    for (; count > 0 && may_call(); --count) {
        const Ready ready = injected_.front();
        injected_.pop_front();
        serve_one(ready);
    }
}

void Reactor::serve_one(const Ready& ready) {
    did_something_ = true;
    ++metrics_.events;
    if (Source* source = find(ready.token)) source->on_ready(ready);
}

void Reactor::serve_inner(std::uint64_t token) {
    if (token == waker_token) {
        mailbox_->waker().drain();
        arm(mailbox_->waker().fd(), Direction::read);
    } else if (token == wake_pipe_token) {
        wake_pipe_.drain();
        arm(wake_pipe_.read_fd(), Direction::read);
    }
    // The alarm needs nothing: the timers fire in this turn, and leave() sets it anew.
}

void Reactor::fire_timers() {
    if (timers_.next() > now_) return;
    timers_.begin_round();
    for (int count = 0; may_call(); ++count) {
        if (count == limits::timers_per_turn) {
            if (timers_.next() <= now_) ++metrics_.timer_limit_hits;
            break;
        }
        const TimePoint deadline = timers_.next();
        const auto fire = [&](Task& task) {
            ++metrics_.timers_fired;
            metrics_.timer_lag_seconds.add(now_ - deadline);
            call(task, "timer");
        };
        if (!timers_.fire_next(now_, fire)) break;
        did_something_ = true;
    }
    watch_.end_row();
}

// Only what was queued when the phase began: what it queues runs in the next turn. If there is nothing else to do then, a row of short
// ticks goes on into that turn: in a chain the look at the clock is half of the work. A tick that is slow all of a sudden delays what is
// ready by its followers in the row (limits::calls_per_look), as in a turn of many ticks; the row after it is one call long.
void Reactor::run_ticks(bool is_inner_turn) {
    take_mail();
    for (std::size_t count = ticks_.size(); count > 0 && !ticks_.is_empty() && may_call(); --count) {
        TaskQueue::Entry tick = ticks_.pop();
        did_something_ = true;
        ++metrics_.ticks_run;
        call(tick.task, "tick");
    }
    const bool has_only_ticks = is_inner_turn && !ticks_.is_empty() && injected_.empty() && flush_list_.empty() && finish_list_.empty();
    if (!has_only_ticks) watch_.end_row();
}

void Reactor::take_mail() {
    if (!mailbox_->has_mail()) return;
    mailbox_->take(ticks_);
}

void Reactor::call(Task& task, const char* kind) {
    const auto make = [&] {
        try {
            task();
        } catch (...) {
            take_exception(std::current_exception());
        }
    };
    watch_.around_one_of_a_row(make, [&] { return SlowCallback{"C++", std::string(kind) + " " + type_name(task.target_type())}; });
}

bool Reactor::take_exception(const std::exception_ptr& exception) {
    std::exception_ptr unhandled = exception;
    if (error_handler_) {
        try {
            error_handler_(exception);
            return true;
        } catch (...) {
            unhandled = std::current_exception();
        }
    }
    if (!failure_) failure_ = unhandled;  // the first one tells what went wrong; later ones are mostly its consequence
    halt();
    return false;
}

void Reactor::flush_all() {
    if (!flush_list_.empty()) did_something_ = true;
    for (std::size_t i = 0; i < flush_list_.size(); ++i) {
        flush_list_[i]->is_in_flush_list_ = false;
        flush_list_[i]->flush();
    }
    flush_list_.clear();
}

void Reactor::finish_all(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (!is_stopping_ && !may_call()) count = i;
        if (i == count) break;
        did_something_ = true;
        Source& source = *find(finish_list_[i]);
        source.finish();
        if (source.is_in_background_) --background_sources_;
        if (source.holds_drain()) --holding_;
        sources_.take(finish_list_[i]);
    }
    finish_list_.erase(finish_list_.begin(), finish_list_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Reactor::end_everything() {
    timers_.clear();
    take_mail();
    drop_ticks();
    std::vector<SourceId> all;
    sources_.for_each([&all](std::unique_ptr<Source>& source) { all.push_back(source->id()); });
    for (const SourceId id : all) find(id)->on_stop();
    flush_all();
    // In rounds, because what is called may ask for more; a chain that never ends is cut off.
    for (int round = 0; round < limits::stop_rounds && !is_fork(); ++round) {
        if (finish_list_.empty() && holds_.empty() && ticks_.is_empty()) break;
        finish_all(finish_list_.size());
        end_holds();
        drop_ticks();
        for (TaskQueue last = std::move(ticks_); !last.is_empty();) {
            TaskQueue::Entry tick = last.pop();
            if (!is_fork()) call(tick.task, "tick");
        }
        take_mail();
    }
    while (!finish_list_.empty()) finish_all(finish_list_.size());
    flush_all();
    timers_.clear();  // what the last callbacks may have asked for
    ticks_.clear();
    holds_.clear();
    ready_next_ = ready_count_ = 0;
    injected_.clear();
    forget_drain();
    is_stopping_ = false;
}

void Reactor::end_holds() {
    for (auto& [id, on_stop] : std::exchange(holds_, {})) {
        if (on_stop) call(on_stop, "hold");
    }
}

void Reactor::drop_ticks() {
    TaskQueue kept;
    // Not in place: what is dropped may come back here.
    for (TaskQueue all = std::move(ticks_); !all.is_empty();) {
        TaskQueue::Entry tick = all.pop();
        if (tick.outlives_stop) kept.push(std::move(tick.task), true);
    }
    kept.append(ticks_);
    ticks_.swap(kept);
}

// ---- sources ----

void Reactor::add(std::unique_ptr<Source> source) {
    Source& added = *source;
    added.is_in_background_ = added.is_background();
    if (added.is_in_background_) ++background_sources_;
    if (added.holds_drain()) ++holding_;
    added.id_ = sources_.insert(std::move(source));
}

void Reactor::set_background(Source& source, bool is_on) {
    if (std::exchange(source.is_in_background_, is_on) == is_on) return;
    is_on ? ++background_sources_ : --background_sources_;
}

Source* Reactor::find(SourceId id) {
    std::unique_ptr<Source>* source = sources_.find(id);
    return source == nullptr ? nullptr : source->get();
}

void Reactor::inject(const Ready& ready) {
    injected_.push_back(ready);
    tell_host();
}

void Reactor::flush_later(Source& source) {
    if (source.is_in_flush_list_) return;
    source.is_in_flush_list_ = true;
    flush_list_.push_back(&source);
    tell_host();
}

void Reactor::finish_later(Source& source) {
    if (source.is_in_finish_list_) return;
    source.is_in_finish_list_ = true;
    finish_list_.push_back(source.id());
    tell_host();
}

// ---- counting ----

Metrics Reactor::metrics() const {
    Metrics now = metrics_;
    now.timers = timers_.size();
    now.sources = sources_.size();
    return now;
}

bool Reactor::may_begin_handshake() {
    if (handshakes_left_ > 0) {
        --handshakes_left_;
        return true;
    }
    ++metrics_.handshake_limit_hits;
    return false;
}

// ---- timers and ticks ----

bool Reactor::next_tick(Task task) {
    if (!is_usable_here()) return false;
    ticks_.push(std::move(task));
    tell_host();
    return true;
}

Timer Reactor::add_timer(Duration delay, Duration period, Task&& task) {
    if (!is_usable_here()) return {};
    // From the clock and not from the turn's time: after a long callback that would be early.
    const Timer timer(*this, timers_.add(clock_->now() + delay, period, std::move(task)));
    tell_host();
    return timer;
}

bool Reactor::start(Timers::Own& timer, Duration delay) {
    if (!is_usable_here()) return false;
    if (timer.is_active()) timers_.cancel(timer);
    timers_.add(clock_->now() + std::clamp(delay, Duration{0}, Duration{limits::longest_time}), timer);
    tell_host();
    return true;
}

bool Reactor::cancel(Timers::Own& timer) {
    if (!timer.is_active() || !is_usable_here()) return false;
    timers_.cancel(timer);
    return true;
}

bool Reactor::deliver(Task task) {
    if (!is_usable_here()) return false;
    ticks_.push(std::move(task), true);
    tell_host();
    return true;
}

HoldId Reactor::hold(Task on_stop) {
    if (!is_usable_here()) return 0;
    holds_.emplace(++last_hold_, std::move(on_stop));
    return last_hold_;
}

bool Reactor::release(HoldId id) {
    return is_usable_here() && holds_.erase(id) > 0;
}

Timer Reactor::call_later(Duration delay, Task task) {
    return add_timer(std::clamp(delay, Duration{0}, Duration{limits::longest_time}), Duration{0}, std::move(task));
}

Timer Reactor::call_every(Duration period, Task task) {
    const Duration beat = std::clamp(period, Duration{limits::shortest_period}, Duration{limits::longest_time});
    return add_timer(beat, beat, std::move(task));
}

Timer Reactor::call_later_in_background(Duration delay, Task task) {
    std::erase_if(background_timers_, [](const Timer& timer) { return !timer.is_active(); });
    const Timer timer = call_later(delay, std::move(task));
    background_timers_.push_back(timer);
    return timer;
}

// ---- an outer loop that watches fd() ----

Result<int> Reactor::fd() {
    if (Result<void> usable = check_usable("fd"); !usable) return usable.error();
    if (poller_->fd() < 0)
        return make_error(ErrorCode::state, "fd", {}, "the poller '" + std::string(poller_name()) + "' has no descriptor");
    if (!alarm_.is_open()) {
        AlarmFd alarm;
        if (Result<void> opened = alarm.open(); !opened) return opened.error();
        if (Result<void> added = poller_->add(alarm.fd(), alarm_token, Direction::read); !added) return added.error();
        alarm_ = std::move(alarm);
        tell_host();
    }
    return poller_->fd();
}

// Work made between two calls of poll() must show on the descriptor. Inside a turn nothing is needed: leave() comes.
void Reactor::tell_host() {
    if (!alarm_.is_open() || is_running()) return;
    if (has_work_now() || is_stopping_) mailbox_->waker().wake();
    if (manual_clock_ == nullptr) alarm_.set(timers_.next());
}

Result<int> Reactor::wake_fd() {
    // A reactor that rests may be asked by a thread that is about to run it.
    const bool may_take_over = !is_running() && !is_fork() && !startup_error_.is_set();
    if (Result<void> usable = check_usable("wake_fd"); !usable && !may_take_over) return usable.error();
    if (!wake_pipe_.is_open()) {
        WakePipe pipe;
        if (Result<void> opened = pipe.open(); !opened) return opened.error();
        if (Result<void> added = poller_->add(pipe.read_fd(), wake_pipe_token, Direction::read); !added) return added.error();
        wake_pipe_ = std::move(pipe);
    }
    return wake_pipe_.write_fd();
}

}  // namespace tidemill
