#include "bindings/facade.h"

#include <cmath>
#include <iterator>

#include "tidemill/net/resolver.h"
#include "tidemill/net/signal_watch.h"
#include "tidemill/reactor/work_threads.h"
#include "tidemill/reactor/workers.h"
#include "tidemill/sys/systemd.h"

namespace tidemill::script {

template <class T>
static T value_or_throw(Result<T> result) {
    if (!result.ok()) throw Failure{result.error()};
    return std::move(result).value();
}

static void check(const Result<void>& result) {
    if (!result.ok()) throw Failure{result.error()};
}

Duration seconds_to_duration(double seconds, std::string_view operation, std::string_view endpoint) {
    if (!(seconds >= 0)) throw Failure{make_error(ErrorCode::argument, operation, endpoint, "a time must be 0 or more seconds")};
    constexpr double longest = std::chrono::duration<double>(limits::longest_time).count();
    // Rounded up: a deadline may be late by a nanosecond, never early.
    return Duration{static_cast<std::int64_t>(std::ceil(std::min(seconds, longest) * 1e9))};
}

static ReactorOptions options_for(Bytes poller, Bytes clock, std::unique_ptr<ManualClock>& manual, Host& host) {
    if (!clock.empty() && clock != "manual" && clock != "system") {
        throw Failure{make_error(ErrorCode::argument, "make a reactor", {},
                                 "there is no clock '" + std::string(clock) + "'; there are system and manual")};
    }
    if (clock == "manual") manual = std::make_unique<ManualClock>();
    return {poller, manual.get(), &host};
}

// Text for the caller, kept until the next call on this thread.
static Bytes lend(std::string text) {
    static thread_local std::string lent;
    lent = std::move(text);
    return lent;
}

// ---- the reactor ----

ReactorCore::ReactorCore(Host* host, Bytes poller, Bytes clock) : host_(host), reactor_(options_for(poller, clock, clock_, *host)) {
    if (reactor_.startup_error().is_set()) throw Failure{reactor_.startup_error()};
    host_->set_reactor(reactor_);
}

ReactorCore::~ReactorCore() = default;

// The time between entering and leaving a run, whichever way it is left.
class ReactorCore::Running {
public:
    Running(ReactorCore& core, ReactorObject self) : core_(core), is_outer_(!core.reactor_.is_running()) {
        if (is_outer_) core_.host_->enter(self.handle);
    }
    ~Running() {
        if (is_outer_) core_.host_->leave();
    }

private:
    ReactorCore& core_;
    bool is_outer_;
};

void ReactorCore::run(ReactorObject self) {
    const Running running(*this, self);
    check(reactor_.run());
}

bool ReactorCore::run_once(ReactorObject self, double timeout) {
    const Duration at_most = seconds_to_duration(timeout, "run_once");
    const Running running(*this, self);
    return value_or_throw(reactor_.run_once(at_most));
}

bool ReactorCore::poll(ReactorObject self, double timeout, double budget) {
    const Duration at_most = seconds_to_duration(timeout, "poll");
    const Duration allowed = seconds_to_duration(budget, "poll");
    const Running running(*this, self);
    return value_or_throw(reactor_.poll(at_most, allowed));
}

void ReactorCore::check_usable(std::string_view operation) {
    check(reactor_.check_usable(operation));
}

bool ReactorCore::take_stopped() {
    return !reactor_.is_stopping() && !reactor_.is_draining() && std::exchange(was_stopped_, false);
}

void ReactorCore::stop() {
    check_usable("stop");
    was_stopped_ = true;
    reactor_.stop();
}

void ReactorCore::drain(double deadline) {
    check(reactor_.drain(seconds_to_duration(deadline, "drain")));
    was_stopped_ = true;
}

bool ReactorCore::is_draining() {
    return reactor_.is_draining();
}

static thread_local Worker* current_worker = nullptr;

void set_current_worker(Worker* worker) {
    current_worker = worker;
}

void ReactorCore::attach_to_worker() {
    if (current_worker != nullptr) current_worker->attach(reactor_);
}

int ReactorCore::fd() {
    return value_or_throw(reactor_.fd());
}

int ReactorCore::wake_fd() {
    return value_or_throw(reactor_.wake_fd());
}

std::function<std::time_t()> ReactorCore::wall_clock() const {
    if (!clock_) return {};
    return [clock = clock_.get()] { return std::chrono::duration_cast<std::chrono::seconds>(clock->now().time_since_epoch()).count(); };
}

double ReactorCore::now() {
    return std::chrono::duration<double>(reactor_.now().time_since_epoch()).count();
}

void ReactorCore::advance(double seconds) {
    check_usable("advance");
    if (!clock_) throw Failure{make_error(ErrorCode::state, "advance", {}, "only a reactor with clock=\"manual\" can be moved in time")};
    clock_->advance(seconds_to_duration(seconds, "advance"));
}

bool ReactorCore::is_running() {
    return reactor_.is_running();
}

Bytes ReactorCore::poller() {
    return reactor_.poller_name();
}

// ---- metrics ----

Bytes ReactorCore::metrics() {
    check_usable("metrics");
    return lend(plain_text(reactor_.metrics()));
}

Bytes ReactorCore::prometheus() {
    check_usable("prometheus");
    return lend(reactor_.prometheus());
}

void ReactorCore::set_slow_callback(double seconds, std::int64_t watch) {
    check_usable("set_slow_callback");
    const Duration at_least = seconds_to_duration(seconds, "set_slow_callback");
    host_->set_slow_watch(at_least.count() > 0 ? watch : 0);
    reactor_.set_slow_callback(at_least, [this, watch](const SlowCallback& report) {
        const double took = std::chrono::duration<double>(report.took).count();
        const Value arguments[] = {Value::words(report.language), Value::words(report.name), Value::seconds(took)};
        if (!host_->emit(watch, Event::_on_slow, arguments, std::size(arguments))) host_->on_raised();
    });
}

void ReactorCore::set_spin(double seconds) {
    check(reactor_.set_spin(seconds_to_duration(seconds, "set_spin")));
}

// ---- tasks ----

void ReactorCore::next_tick() {
    check(host_->queue_tick());
}

void ReactorCore::post() {
    reactor_.post([this] {
        if (!host_->call_posted()) host_->on_raised();
        host_->blame({}, "tick");
    });
}

Task ReactorCore::timer_task(std::int64_t ticket) {
    return [this, ticket] {
        if (!host_->call_timer(ticket)) host_->on_raised();
        host_->blame({}, "timer");
    };
}

std::uint64_t ReactorCore::call_later(double seconds, std::int64_t ticket) {
    check_usable("call_later");
    return reactor_.call_later(seconds_to_duration(seconds, "call_later"), timer_task(ticket)).id();
}

std::uint64_t ReactorCore::call_every(double seconds, std::int64_t ticket) {
    check_usable("call_every");
    return reactor_.call_every(seconds_to_duration(seconds, "call_every"), timer_task(ticket)).id();
}

bool ReactorCore::timer_cancel(std::uint64_t timer) {
    check_usable("cancel");
    return reactor_.cancel(timer);
}

bool ReactorCore::timer_is_active(std::uint64_t timer) {
    return reactor_.is_active(timer);
}

void ReactorCore::check_thread(Bytes operation) {
    check_usable(operation);
}

void ReactorCore::check_going(Bytes operation) {
    check_usable(operation);
    if (reactor_.is_stopping()) throw Failure{make_error(ErrorCode::state, operation, {}, "the reactor is stopping")};
}

void ReactorCore::deliver(std::int64_t ticket) {
    check_usable("deliver");
    reactor_.deliver(timer_task(ticket));
}

std::uint64_t ReactorCore::hold(std::int64_t ticket) {
    check_usable("hold");
    return reactor_.hold(timer_task(ticket));
}

bool ReactorCore::release(std::uint64_t hold) {
    return reactor_.release(hold);
}

// ---- answers that come later ----

void ReactorCore::answer(std::int64_t ticket, Result<std::string> with) {
    answer_ = std::move(with);
    if (!host_->call_timer(ticket)) host_->on_raised();
}

Bytes ReactorCore::take_answer() {
    return lend(value_or_throw(std::exchange(answer_, std::string{})));
}

void ReactorCore::resolve(Bytes host, std::int64_t ticket) {
    const Deferred<std::vector<std::string>> deferred = value_or_throw(tidemill::resolve(reactor_, host));
    look_ups_.emplace(ticket, deferred);
    deferred.on_success([this, ticket](const std::vector<std::string>& addresses) {
        std::string lines;
        for (const std::string& address : addresses) lines.append(lines.empty() ? "" : "\n").append(address);
        if (look_ups_.erase(ticket) > 0) answer(ticket, std::move(lines));
    });
    deferred.on_failure([this, ticket](const Error& error) {
        if (look_ups_.erase(ticket) > 0) answer(ticket, error);
    });
}

void ReactorCore::resolve_cancel(std::int64_t ticket) {
    check_usable("cancel");
    const auto found = look_ups_.find(ticket);
    if (found == look_ups_.end()) return;
    const Deferred<std::vector<std::string>> deferred = found->second;
    look_ups_.erase(found);
    deferred.cancel();
}

std::uint64_t ReactorCore::threads() {
    return reactor_.service<WorkThreads>().threads();
}

void ReactorCore::set_threads(std::int64_t count) {
    check(reactor_.service<WorkThreads>().set_threads(count < 0 ? 0 : static_cast<std::size_t>(count)));
}

std::uint64_t ReactorCore::submit(Task work, Outcome outcome, std::int64_t ticket) {
    return value_or_throw(
        reactor_.service<WorkThreads>().submit(std::move(work), [this, ticket, outcome = std::move(outcome)](const Error& error) {
            answer(ticket, error.is_set() ? Result<std::string>(error) : std::move(*outcome));
        }));
}

void ReactorCore::cancel_job(std::uint64_t job) {
    check_usable("cancel");
    reactor_.service<WorkThreads>().cancel(job);
}

// ---- listeners and connections ----

HandlerPtr ReactorCore::make_handler(std::int64_t factory) {
    ScriptHandler* handler = host_->make_connection(factory);
    if (handler == nullptr) host_->on_raised();
    host_->blame({}, "factory");
    if (handler == nullptr) return nullptr;
    handler->set_host(*host_);
    return HandlerPtr(handler);
}

std::uint64_t ReactorCore::listen(Bytes endpoint, std::int64_t factory, int backlog, int mode, bool reuse_port, int max_connections,
                                  TlsCore* tls) {
    const ListenOptions options{
        .backlog = backlog, .mode = mode, .reuse_port = reuse_port, .max_connections = max_connections, .tls = context_of(tls)};
    return value_or_throw(tidemill::listen(reactor_, endpoint, [this, factory] { return make_handler(factory); }, options))->id();
}

Listener* ReactorCore::find_usable_listener(std::uint64_t listener, std::string_view operation) {
    check_usable(operation);
    return find_listener(reactor_, listener);
}

Bytes ReactorCore::listener_endpoint(std::uint64_t listener) {
    const Listener* found = find_listener(reactor_, listener);
    return found == nullptr ? Bytes{} : lend(found->endpoint());
}

bool ReactorCore::listener_is_open(std::uint64_t listener) {
    const Listener* found = find_listener(reactor_, listener);
    return found != nullptr && found->is_open();
}

void ReactorCore::listener_pause(std::uint64_t listener) {
    if (Listener* found = find_usable_listener(listener, "pause")) found->pause();
}

void ReactorCore::listener_resume(std::uint64_t listener) {
    if (Listener* found = find_usable_listener(listener, "resume")) found->resume();
}

void ReactorCore::listener_close(std::uint64_t listener) {
    if (Listener* found = find_usable_listener(listener, "close")) found->close();
}

void ReactorCore::connect(Bytes endpoint, ScriptHandler& handler, double connect_timeout, TlsCore* tls, Bytes server_name) {
    const Duration timeout = seconds_to_duration(connect_timeout, "connect", endpoint);
    if (!handler.is_free()) {
        throw Failure{make_error(ErrorCode::state, "connect", endpoint, "this connection object is in use already")};
    }
    handler.set_host(*host_);
    value_or_throw(tidemill::connect(reactor_, endpoint, HandlerPtr(&handler), {timeout, context_of(tls), std::string(server_name)}));
}

// ---- other objects of the script ----

std::uint64_t ReactorCore::on_signal(Bytes name, std::int64_t object) {
    auto held = std::make_shared<ScriptObject>(*host_, object);
    return value_or_throw(tidemill::on_signal(reactor_, name,
                                              [held](const std::string& came) { held->emit(Event::_on_signal, {Value::words(came)}); }))
        ->id();
}

bool ReactorCore::watch_is_open(std::uint64_t watch) {
    const Watch* found = find_watch(reactor_, watch);
    return found != nullptr && found->is_open();
}

void ReactorCore::watch_close(std::uint64_t watch) {
    check_usable("close");
    if (Watch* found = find_watch(reactor_, watch)) found->close();
}

// The connection of a handler; nullptr if it is closed, when there is nothing to do. Throws state.
static Connection* usable(ScriptHandler& handler, std::string_view operation) {
    Connection* connection = handler.connection();
    if (connection != nullptr) {
        if (!connection->reactor().is_usable_here()) check(connection->reactor().check_usable(operation, connection->peer()));
    } else if (!handler.was_attached()) {
        throw Failure{make_error(ErrorCode::state, operation, {}, "the connection has not been started; listen or connect does that")};
    }
    return connection;
}

void connection_close(ScriptHandler& handler) {
    if (Connection* connection = usable(handler, "close")) connection->close();
}

void connection_abort(ScriptHandler& handler) {
    if (Connection* connection = usable(handler, "abort")) connection->abort();
}

void connection_pause(ScriptHandler& handler) {
    if (Connection* connection = usable(handler, "pause")) connection->pause();
}

void connection_resume(ScriptHandler& handler) {
    if (Connection* connection = usable(handler, "resume")) connection->resume();
}

void connection_end_write(ScriptHandler& handler) {
    Connection* connection = usable(handler, "end_write");
    if (connection == nullptr || connection->end_write().has_failed()) {
        throw Failure{make_error(ErrorCode::closed, "end_write", connection_peer(handler), "the connection is closed")};
    }
}

void connection_set_idle_timeout(ScriptHandler& handler, double seconds) {
    const Duration period = seconds_to_duration(seconds, "set_idle_timeout");
    if (Connection* connection = usable(handler, "set_idle_timeout")) connection->set_idle_timeout(period);
}

void connection_set_close_timeout(ScriptHandler& handler, double seconds) {
    const Duration period = seconds_to_duration(seconds, "set_close_timeout");
    if (Connection* connection = usable(handler, "set_close_timeout")) connection->set_close_timeout(period);
}

void connection_set_output_limit(ScriptHandler& handler, std::int64_t octets) {
    if (octets < 0) throw Failure{make_error(ErrorCode::argument, "set_output_limit", {}, "a limit must be 0 or more octets")};
    if (Connection* connection = usable(handler, "set_output_limit")) connection->set_output_limit(static_cast<std::size_t>(octets));
}

void connection_set_watermarks(ScriptHandler& handler, std::int64_t low, std::int64_t high) {
    if (low < 0 || low > high) throw Failure{make_error(ErrorCode::argument, "set_watermarks", {}, "the marks must be 0 <= low <= high")};
    Connection* connection = usable(handler, "set_watermarks");
    if (connection != nullptr) check(connection->set_watermarks(static_cast<std::size_t>(low), static_cast<std::size_t>(high)));
}

// The same for what a closed connection refuses. Throws closed, state.
static Connection& open_one(ScriptHandler& handler, std::string_view operation) {
    Connection* connection = usable(handler, operation);
    if (connection == nullptr) throw Failure{make_error(ErrorCode::closed, operation, {}, "the connection is closed")};
    return *connection;
}

void connection_send_file(ScriptHandler& handler, Bytes path, std::int64_t offset, std::int64_t length) {
    check(open_one(handler, "send_file").send_file(path, offset, length));
}

void connection_proxy_to(ScriptHandler& handler, ScriptHandler& target, std::int64_t length) {
    Connection& connection = open_one(handler, "proxy_to");
    if (target.connection() == nullptr) throw Failure{make_error(ErrorCode::state, "proxy_to", connection.peer(), "the target is closed")};
    check(connection.proxy_to(*target.connection(), length));
}

void connection_stop_proxy(ScriptHandler& handler) {
    if (Connection* connection = usable(handler, "stop_proxy")) connection->stop_proxy();
}

std::uint64_t connection_proxied(ScriptHandler& handler) {
    return handler.connection() == nullptr ? 0 : handler.connection()->proxied();
}

void connection_check_become(ScriptHandler& handler) {
    const Connection& connection = open_one(handler, "become");
    if (connection.state() >= Connection::State::closing) {
        throw Failure{make_error(ErrorCode::closed, "become", connection.peer(), "the connection is closed")};
    }
}

void connection_become(ScriptHandler& handler, ScriptHandler& next, Octets leftover) {
    connection_check_become(handler);
    Connection& connection = *handler.connection();
    if (!next.is_free())
        throw Failure{make_error(ErrorCode::state, "become", connection.peer(), "this connection object is in use already")};
    next.set_host(*handler.host());
    check(connection.become(HandlerPtr(&next), leftover.bytes));
    handler.replaced();
}

bool connection_is_free(ScriptHandler& handler) {
    return handler.is_free();
}

Bytes connection_peer(ScriptHandler& handler) {
    return handler.connection() == nullptr ? Bytes{} : lend(handler.connection()->peer());
}

Bytes connection_local(ScriptHandler& handler) {
    return handler.connection() == nullptr ? Bytes{} : lend(handler.connection()->local());
}

std::uint64_t connection_id(ScriptHandler& handler) {
    return handler.id();
}

Bytes connection_state(ScriptHandler& handler) {
    if (handler.connection() != nullptr) return state_name(handler.connection()->state());
    return handler.was_attached() ? "closed" : "new";
}

std::uint64_t connection_pending(ScriptHandler& handler) {
    return handler.connection() == nullptr ? 0 : handler.connection()->pending();
}

Error write_error(ScriptHandler& handler, ErrorCode code) {
    if (handler.connection() != nullptr) return handler.connection()->write_error(code);
    return make_error(code, "write", {}, code == ErrorCode::closed ? "the connection is closed" : "the connection has not been started");
}

// ---- the service manager ----

bool notify_systemd(Bytes state) {
    return value_or_throw(tidemill::notify_systemd(state));
}

void inherit_sockets() {
    tidemill::inherit_sockets();
}

// ---- tables ----

Bytes error_table() {
    return
#define TIDEMILL_ERROR(code, exception, text) #code " " #exception "\n"
#include "tidemill/base/errors.def"
#undef TIDEMILL_ERROR
        ;
}

std::uint64_t worker_queue() {
    return limits::worker_queue;
}

Bytes version() {
    return TIDEMILL_VERSION;
}

}  // namespace tidemill::script
