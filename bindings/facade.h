// The API at script size: what SWIG wraps. Plain types, no overloads, no callbacks: functions of a script are tickets, which its Host
// calls back. A failure is thrown as Failure and becomes the language's exception at the wrapper (swig/errors.i); it never gets
// further. Endpoints and names are UTF-8 text; times are seconds. Text that is returned is valid until the next call on the same
// thread: a std::string would need a destructor, which a language that raises by longjmp would skip.
#pragma once
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bindings/script.h"
#include "bindings/tls.h"
#include "tidemill/reactor/deferred.h"

namespace tidemill {
class Worker;
}

namespace tidemill::script {

struct Failure {
    Error error;
};

// What a call of the facade throws, on the heap; nullptr if it throws nothing. For languages that raise by longjmp, when no C++ object is alive.
template <class Call>
Error* failure_of(const char* operation, Call call) {
    try {
        call();
        return nullptr;
    } catch (const Failure& failure) {
        return new Error(failure.error);
    } catch (const std::exception& exception) {
        return new Error(make_error(ErrorCode::limit, operation, {}, exception.what()));
    }
}

// Payload, where a Bytes would be text.
struct Octets {
    Bytes bytes;
};

// Seconds of a script as a duration. Throws argument for negative ones and for what is no number.
Duration seconds_to_duration(double seconds, std::string_view operation, std::string_view endpoint = {});

// The reactor object of a script, as a language hands it over: borrowed for the call.
struct ReactorObject {
    void* handle;
};

class ReactorCore {
public:
    // Takes the host. poller and clock: as api.pyi's Reactor. Throws argument, os.
    ReactorCore(Host* host, Bytes poller, Bytes clock);
    ~ReactorCore();

    // Afterwards the language raises what its host parked, if anything. Throw state.
    void run(ReactorObject self);
    bool run_once(ReactorObject self, double timeout);
    bool poll(ReactorObject self, double timeout, double budget);

    // True once after a run that ended by stop() or drain(): the adaptor then forgets its timers, ticks and factories, as the core has.
    bool take_stopped();

    void stop();
    void drain(double deadline);
    bool is_draining();
    // For a binding whose workers are threads: the worker of this thread, if it is one, stops this reactor with the others.
    void attach_to_worker();
    int fd();
    // For libraries that announce a signal by writing an octet; see Reactor::wake_fd.
    int wake_fd();
    double now();
    // Seconds since 1970; not set for the system's. The manual clock's begin with its own.
    std::function<std::time_t()> wall_clock() const;
    void advance(double seconds);
    bool is_running();
    Bytes poller();

    // plain_text() of metrics.h, and what prometheus() answers.
    Bytes metrics();
    Bytes prometheus();
    // watch: an object whose _on_slow(language, name, seconds) is told; language "": of the script, it was _locate(what, connection,
    // object) before, ids and 0.
    void set_slow_callback(double seconds, std::int64_t watch);

    void set_spin(double seconds);

    void next_tick();
    void post();  // any thread that may run the interpreter
    // Throw state: from a foreign thread or after fork; the second also while the reactor stops.
    void check_thread(Bytes operation);
    void check_going(Bytes operation);

    // Reactor::deliver and hold: the ticket is called as a timer's.
    void deliver(std::int64_t ticket);
    std::uint64_t hold(std::int64_t ticket);
    bool release(std::uint64_t hold);

    std::uint64_t call_later(double seconds, std::int64_t ticket);
    std::uint64_t call_every(double seconds, std::int64_t ticket);
    bool timer_cancel(std::uint64_t timer);
    bool timer_is_active(std::uint64_t timer);

    std::uint64_t listen(Bytes endpoint, std::int64_t factory, int backlog, int mode, bool reuse_port, int max_connections, TlsCore* tls);
    Bytes listener_endpoint(std::uint64_t listener);
    bool listener_is_open(std::uint64_t listener);
    void listener_pause(std::uint64_t listener);
    void listener_resume(std::uint64_t listener);
    void listener_close(std::uint64_t listener);

    void connect(Bytes endpoint, ScriptHandler& handler, double connect_timeout, TlsCore* tls, Bytes server_name);

    // The ticket is called, as a timer's, when there is an answer, which take_answer() then gives: addresses with a line feed between them.
    // It throws what the answer is if that is an error.
    void resolve(Bytes host, std::int64_t ticket);
    void resolve_cancel(std::int64_t ticket);
    Bytes take_answer();

    std::uint64_t threads();
    void set_threads(std::int64_t count);

    // Objects of the script that are no connections: the adaptor puts the object into its table under the ticket before the call, and
    // takes it out again if the call throws (script.h, ScriptObject).
    std::uint64_t on_signal(Bytes name, std::int64_t object);
    bool watch_is_open(std::uint64_t watch);
    void watch_close(std::uint64_t watch);

    // For a language whose threads are ours: work on a worker, then the ticket with *outcome for take_answer(). Answers the job's number.
    // Throws limit, state.
    using Outcome = std::shared_ptr<Result<std::string>>;
    std::uint64_t submit(Task work, Outcome outcome, std::int64_t ticket);
    void cancel_job(std::uint64_t job);

    // What a program that embeds the script's reactor works with.
    Reactor& reactor() { return reactor_; }
    Host& host() { return *host_; }

private:
    class Running;

    void check_usable(std::string_view operation);
    Listener* find_usable_listener(std::uint64_t listener, std::string_view operation);
    HandlerPtr make_handler(std::int64_t factory);
    Task timer_task(std::int64_t ticket);
    void answer(std::int64_t ticket, Result<std::string> with);

    std::unique_ptr<Host> host_;
    std::unique_ptr<ManualClock> clock_;
    Reactor reactor_;
    bool was_stopped_ = false;
    std::unordered_map<std::int64_t, Deferred<std::vector<std::string>>> look_ups_;  // by ticket
    Result<std::string> answer_{std::string{}};
};

// What a connection object can do besides write(), which each language has by hand because it is the hot one. On an object that is not
// connected yet they throw state; on one that is closed they do nothing; from a foreign thread they throw state.
void connection_close(ScriptHandler& handler);
void connection_abort(ScriptHandler& handler);
void connection_pause(ScriptHandler& handler);
void connection_resume(ScriptHandler& handler);
void connection_end_write(ScriptHandler& handler);
void connection_set_idle_timeout(ScriptHandler& handler, double seconds);
void connection_set_close_timeout(ScriptHandler& handler, double seconds);
void connection_set_output_limit(ScriptHandler& handler, std::int64_t octets);
void connection_set_watermarks(ScriptHandler& handler, std::int64_t low, std::int64_t high);
void connection_send_file(ScriptHandler& handler, Bytes path, std::int64_t offset, std::int64_t length);
void connection_proxy_to(ScriptHandler& handler, ScriptHandler& target, std::int64_t length);
void connection_stop_proxy(ScriptHandler& handler);
std::uint64_t connection_proxied(ScriptHandler& handler);
// For become(): throws unless the connection is one that can get another object, which may then be made.
void connection_check_become(ScriptHandler& handler);
void connection_become(ScriptHandler& handler, ScriptHandler& next, Octets leftover);
// Whether listen, connect or become may give it a connection.
bool connection_is_free(ScriptHandler& handler);
Bytes connection_peer(ScriptHandler& handler);
Bytes connection_local(ScriptHandler& handler);
std::uint64_t connection_id(ScriptHandler& handler);
Bytes connection_state(ScriptHandler& handler);
std::uint64_t connection_pending(ScriptHandler& handler);

// The hot path under every language's write(). Not flowing and not waiting: write_error says why.
inline WriteResult connection_write(ScriptHandler& handler, Bytes octets) {
    Connection* connection = handler.connection();
    if (connection != nullptr) return connection->write(octets);
    return {WriteResult::Kind::failed, handler.was_attached() ? ErrorCode::closed : ErrorCode::state};
}
Error write_error(ScriptHandler& handler, ErrorCode code);

// The worker that this thread is, for attach_to_worker.
void set_current_worker(Worker* worker);

// False without a service manager. Throws os, argument.
bool notify_systemd(Bytes state);
// Before a fork: the child is not the process that the service manager meant.
void inherit_sockets();

// "code class\n" for each line of errors.def, from which the languages make their exception classes.
Bytes error_table();

Bytes version();

// limits::worker_queue, for languages whose threads are their own.
std::uint64_t worker_queue();

}  // namespace tidemill::script
