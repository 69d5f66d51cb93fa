#include "bindings/process.h"

#include "tidemill/net/fd_watch.h"
#include "tidemill/net/file_watch.h"
#include "tidemill/net/input.h"
#include "tidemill/net/process.h"
#include "tidemill/net/process_watch.h"

namespace tidemill::script {
namespace {

// Hands the core's callbacks on to the script's object.
class ScriptProcess final : public ProcessHandler {
public:
    ScriptProcess(Host& host, Ticket ticket) : object_(host, ticket) {}

    void on_stdout(Process&, Bytes octets) override { object_.emit(Event::on_stdout, {Value::octets(octets)}); }
    void on_stderr(Process&, Bytes octets) override { object_.emit(Event::on_stderr, {Value::octets(octets)}); }
    void on_drain(Process&) override { object_.emit(Event::on_drain); }
    void on_exit(Process&, const ExitStatus& status) override {
        const Value code = status.code ? Value::number(*status.code) : Value::nothing();
        object_.emit(Event::on_exit, {code, status.signal.empty() ? Value::nothing() : Value::words(status.signal)});
    }

private:
    ScriptObject object_;
};

void check(const Result<void>& result) {
    if (!result.ok()) throw Failure{result.error()};
}

template <class T>
std::uint64_t number_of(const Result<T*>& made) {
    if (!made.ok()) throw Failure{made.error()};
    return made.value()->id();
}

std::vector<std::string> parts_of(Bytes text, int count) {
    std::vector<std::string> parts;
    if (count <= 0) return parts;
    for (;;) {
        const std::size_t end = text.find('\0');
        parts.emplace_back(text.substr(0, end));
        if (end == Bytes::npos) break;
        text.remove_prefix(end + 1);
    }
    if (parts.size() == static_cast<std::size_t>(count)) return parts;
    throw Failure{make_error(ErrorCode::argument, "spawn", {}, "neither an argument nor a variable can have a NUL in it")};
}

ChildStream next_stream(Bytes& streams) {
    const std::size_t end = streams.find(' ');
    const Bytes name = streams.substr(0, end);
    streams = end == Bytes::npos ? Bytes{} : streams.substr(end + 1);
    if (const std::optional<ChildStream> found = child_stream(name)) return *found;
    throw Failure{make_error(ErrorCode::argument, "spawn", {},
                             "there is no stream '" + std::string(name) + "'; there are pipe, null and inherit, and stdout for stderr")};
}

// nullptr once it has ended. Throws state.
Process* usable(ReactorCore& core, std::uint64_t process, std::string_view operation) {
    check(core.reactor().check_usable(operation));
    return find_process(core.reactor(), process);
}

FdWatch* usable_watch(ReactorCore& core, std::uint64_t watch, std::string_view operation) {
    check(core.reactor().check_usable(operation));
    return dynamic_cast<FdWatch*>(core.reactor().find(watch));
}

}  // namespace

std::uint64_t spawn_process(ReactorCore& core, Bytes argv, int count, Bytes cwd, Bytes environment, int variables, Bytes streams,
                            bool shell, Bytes kill_on_stop, std::int64_t object) {
    auto handler = std::make_unique<ScriptProcess>(core.host(), object);
    SpawnOptions options;
    options.cwd = cwd;
    if (variables >= 0) options.environment = parts_of(environment, variables);
    options.input = next_stream(streams);
    options.output = next_stream(streams);
    options.errors = next_stream(streams);
    options.shell = shell;
    options.kill_on_stop = kill_on_stop;
    return number_of(spawn(core.reactor(), parts_of(argv, count), std::move(handler), std::move(options)));
}

bool process_write(ReactorCore& core, std::uint64_t process, Octets octets) {
    Process* found = usable(core, process, "write");
    if (found == nullptr) throw Failure{make_error(ErrorCode::closed, "write", {}, "the process has ended")};
    const WriteResult written = found->write(octets.bytes);
    if (written.has_failed()) throw Failure{found->write_error(written.code)};
    return written.is_flowing();
}

bool process_kill(ReactorCore& core, std::uint64_t process, Bytes signal) {
    Process* found = usable(core, process, "kill");
    if (found == nullptr) return false;
    const Result<bool> sent = found->kill(signal);
    if (!sent.ok()) throw Failure{sent.error()};
    return sent.value();
}

void process_close_stdin(ReactorCore& core, std::uint64_t process) {
    if (Process* found = usable(core, process, "close_stdin")) found->close_stdin();
}

void process_pause(ReactorCore& core, std::uint64_t process) {
    if (Process* found = usable(core, process, "pause")) found->pause();
}

void process_resume(ReactorCore& core, std::uint64_t process) {
    if (Process* found = usable(core, process, "resume")) found->resume();
}

int process_pid(ReactorCore& core, std::uint64_t process) {
    const Process* found = find_process(core.reactor(), process);
    return found == nullptr ? 0 : found->pid();
}

bool process_is_there(ReactorCore& core, std::uint64_t process) {
    return find_process(core.reactor(), process) != nullptr;
}

bool process_is_running(ReactorCore& core, std::uint64_t process) {
    const Process* found = find_process(core.reactor(), process);
    return found != nullptr && found->is_running();
}

std::uint64_t process_pending(ReactorCore& core, std::uint64_t process) {
    const Process* found = find_process(core.reactor(), process);
    return found == nullptr ? 0 : found->pending();
}

std::uint64_t watch_file(ReactorCore& core, Bytes path, std::int64_t object) {
    auto held = std::make_shared<ScriptObject>(core.host(), object);
    return number_of(tidemill::watch_file(core.reactor(), path, [held](std::string_view event, std::string_view name) {
        held->emit(Event::_on_file, {Value::words(event), Value::words(name)});
    }));
}

std::uint64_t watch_process(ReactorCore& core, int pid, std::int64_t object) {
    auto held = std::make_shared<ScriptObject>(core.host(), object);
    return number_of(
        tidemill::watch_process(core.reactor(), pid, [held](int ended) { held->emit(Event::_on_ended, {Value::number(ended)}); }));
}

std::uint64_t watch_fd(ReactorCore& core, int fd, bool has_readable, bool has_writable, std::int64_t object) {
    auto held = std::make_shared<ScriptObject>(core.host(), object);
    FdWatch::Function on_readable, on_writable;
    if (has_readable) on_readable = [held] { held->emit(Event::_on_readable); };
    if (has_writable) on_writable = [held] { held->emit(Event::_on_writable); };
    return number_of(tidemill::watch_fd(core.reactor(), fd, std::move(on_readable), std::move(on_writable)));
}

void fd_watch_set_readable(ReactorCore& core, std::uint64_t watch, bool is_on) {
    if (FdWatch* found = usable_watch(core, watch, "set_readable")) check(found->set_readable(is_on));
}

void fd_watch_set_writable(ReactorCore& core, std::uint64_t watch, bool is_on) {
    if (FdWatch* found = usable_watch(core, watch, "set_writable")) check(found->set_writable(is_on));
}

void open_input(ReactorCore& core, ScriptHandler& handler, bool raw) {
    if (handler.connection() != nullptr)
        throw Failure{make_error(ErrorCode::state, "open_input", {}, "this connection object is in use already")};
    handler.set_host(core.host());
    if (Result<Connection*> opened = tidemill::open_input(core.reactor(), HandlerPtr(&handler), raw); !opened)
        throw Failure{opened.error()};
}

}  // namespace tidemill::script
