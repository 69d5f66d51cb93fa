#include "tidemill/net/process.h"

#include <cerrno>
#include <utility>

#include "tidemill/net/pipe_transport.h"

namespace tidemill {

// What the connection of one pipe tells. It may outlive its process: at a stop they end in any order.
class Process::Stream final : public Handler {
public:
    Stream(Process& owner, std::size_t place) : owner_(&owner), place_(place) {}

    Connection& connection() const { return *connection_; }
    void forget_owner() { owner_ = nullptr; }

    void attached(Connection& connection) override { connection_ = &connection; }
    void on_data(Connection&, Bytes octets) override {
        if (owner_ == nullptr) return;
        owner_->deliver([&] { place_ == 1 ? owner_->handler_->on_stdout(*owner_, octets) : owner_->handler_->on_stderr(*owner_, octets); });
    }
    void on_drain(Connection&) override {
        if (owner_ != nullptr) owner_->deliver([&] { owner_->handler_->on_drain(*owner_); });
    }
    void on_close(Connection&, const Error&) override {
        if (owner_ != nullptr) owner_->on_stream_closed(place_);
    }
    void release() override {
        if (owner_ != nullptr) owner_->streams_[place_] = nullptr;
        delete this;
    }

private:
    Process* owner_;
    std::size_t place_;
    Connection* connection_ = nullptr;
};

// ---- calling the user ----

template <class Call>
void Process::deliver(Call call) {
    try {
        call();
    } catch (...) {
        take_exception(std::current_exception());
    }
}

void Process::take_exception(const std::exception_ptr& exception) {
    std::exception_ptr unhandled = exception;
    try {
        if (handler_->on_error(*this, exception)) return;
    } catch (...) {
        unhandled = std::current_exception();
    }
    static_cast<void>(reactor_.take_exception(unhandled));
}

// ---- beginning ----

Result<void> Process::start(Spawned spawned, const SpawnOptions& options) {
    pid_ = spawned.pid;
    pidfd_ = std::move(spawned.pidfd);
    is_running_ = true;
    has_input_ = options.input == ChildStream::pipe;
    if (Result<void> watched = reactor_.watch(*this, pidfd_.get(), Direction::read); !watched) return watched;
    for (std::size_t place = 0; place < streams_.size(); ++place) {
        if (spawned.pipes[place].is_open()) add_stream(place, std::move(spawned.pipes[place]));
    }
    return {};
}

void Process::add_stream(std::size_t place, Fd fd) {
    auto stream = std::make_unique<Stream>(*this, place);
    streams_[place] = stream.get();
    auto made = std::make_unique<Connection>(reactor_, HandlerPtr(stream.release()));
    Connection& connection = *made;
    reactor_.add(std::move(made));
    connection.start(std::make_unique<PipeTransport>(reactor_, std::move(fd), place == 0));
}

void Process::fail_start() {
    is_over_ = true;
    static_cast<void>(send_signal(pidfd_.get(), any_signal_number("KILL")));
    reap_later(std::move(pidfd_));
    is_running_ = false;
    handler_ = std::make_unique<ProcessHandler>();  // one that listens to nothing
    reactor_.finish_later(*this);
}

// ---- calls of the user ----

WriteResult Process::write(Bytes octets) {
    if (!reactor_.is_usable_here() || !has_input_) return {WriteResult::Kind::failed, ErrorCode::state};
    if (streams_[0] == nullptr) return {WriteResult::Kind::failed, ErrorCode::closed};
    return streams_[0]->connection().write(octets);
}

Error Process::write_error(ErrorCode code) const {
    const std::string who = "process " + std::to_string(pid_);
    if (code == ErrorCode::closed) return make_error(code, "write", who, "its standard input is closed");
    if (Result<void> usable = reactor_.check_usable("write", who); !usable) return usable.error();
    return make_error(code, "write", who, "its standard input is no pipe");
}

void Process::close_stdin() {
    if (reactor_.is_usable_here() && streams_[0] != nullptr) streams_[0]->connection().close();
}

std::size_t Process::pending() const {
    return streams_[0] == nullptr ? 0 : streams_[0]->connection().pending();
}

Result<bool> Process::kill(std::string_view signal) {
    if (Result<void> usable = reactor_.check_usable("kill", signal); !usable) return usable.error();
    const int number = any_signal_number(signal);
    if (number == 0) return make_error(ErrorCode::argument, "kill", signal, "there is no signal of that name");
    if (!is_running_) return false;
    Result<void> sent = send_signal(pidfd_.get(), number);
    if (sent) return true;
    if (sent.error().os == ESRCH) return false;
    return sent.error();
}

void Process::pause() {
    if (!reactor_.is_usable_here() || std::exchange(is_paused_, true)) return;
    for (std::size_t place = 1; place < streams_.size(); ++place) {
        if (streams_[place] != nullptr) streams_[place]->connection().pause();
    }
}

void Process::resume() {
    if (!reactor_.is_usable_here() || !std::exchange(is_paused_, false)) return;
    for (std::size_t place = 1; place < streams_.size(); ++place) {
        if (streams_[place] != nullptr) streams_[place]->connection().resume();
    }
    if (!is_running_ && !is_over_) {
        wait_for_outputs();
        finish_if_over();
    }
}

// ---- ending ----

void Process::on_ready(const Ready&) {
    if (!is_running_ || is_over_) return;
    notice_exit();
    if (is_running_) return reactor_.arm(pidfd_.get(), Direction::read);
    wait_for_outputs();
    finish_if_over();
}

void Process::notice_exit() {
    std::optional<ExitStatus> taken = take_exit(pidfd_.get());
    if (!taken) return;
    status_ = std::move(*taken);
    is_running_ = false;
    reactor_.unwatch(pidfd_.get());
    pidfd_.reset();
}

// What the child wrote itself is read in the turns before the grace is over; what comes later is of those who have its pipes from it.
void Process::wait_for_outputs() {
    grace_.cancel();
    grace_ = reactor_.call_later(limits::process_grace, [this] {
        if (is_paused_ || is_over_) return;  // resume() begins anew
        for (std::size_t place = 1; place < streams_.size(); ++place) {
            if (streams_[place] != nullptr) streams_[place]->connection().abort();
        }
    });
}

void Process::on_stream_closed(std::size_t place) {
    // Told from the connection's finish(): it is deleted afterwards.
    std::exchange(streams_[place], nullptr)->forget_owner();
    finish_if_over();
}

void Process::finish_if_over() {
    const bool has_output = streams_[1] != nullptr || streams_[2] != nullptr;
    if (is_running_ || is_over_ || is_paused_ || has_output) return;
    is_over_ = true;
    grace_.cancel();
    if (streams_[0] != nullptr) streams_[0]->connection().abort();
    reactor_.finish_later(*this);
}

void Process::finish() {
    deliver([this] { handler_->on_exit(*this, status_); });
    let_go();
    handler_.reset();
}

void Process::on_stop() {
    if (std::exchange(is_over_, true)) return;
    grace_.cancel();
    if (is_running_) notice_exit();
    reactor_.finish_later(*this);
}

// Its streams see to the rest: at the deadline they close.
void Process::on_shutdown(Shutdown stage) {
    if (stage == Shutdown::last) on_stop();
}

void Process::abandon(bool is_fork) {
    is_over_ = true;
    if (is_fork) {
        is_running_ = false;  // the parent's child
        pidfd_.reset();
    }
    let_go();
    handler_.reset();
}

void Process::let_go() {
    for (Stream*& stream : streams_) {
        if (stream == nullptr) continue;
        Stream* left = std::exchange(stream, nullptr);
        left->forget_owner();
        if (!reactor_.is_stopping()) left->connection().abort();
    }
    if (!std::exchange(is_running_, false)) return;
    reactor_.unwatch(pidfd_.get());
    if (stop_signal_ != 0) static_cast<void>(send_signal(pidfd_.get(), stop_signal_));
    reap_later(std::move(pidfd_));
}

Process::~Process() = default;

// ---- spawn ----

static Result<void> check_options(const SpawnOptions& options, const std::vector<std::string>& argv) {
    const auto refuse = [](std::string_view why) { return make_error(ErrorCode::argument, "spawn", {}, why); };
    if (options.input == ChildStream::to_stdout || options.output == ChildStream::to_stdout) {
        return refuse("only the error output can go to the standard output");
    }
    if (options.shell && argv.size() != 1) return refuse("for the shell it is one text");
    if (!options.kill_on_stop.empty() && any_signal_number(options.kill_on_stop) == 0) {
        return refuse("kill_on_stop: there is no signal '" + options.kill_on_stop + "'");
    }
    return {};
}

Result<Process*> spawn(Reactor& reactor, std::vector<std::string> argv, std::unique_ptr<ProcessHandler> handler, SpawnOptions options) {
    const std::string program = argv.empty() ? std::string{} : argv.front();
    if (Result<void> usable = reactor.check_usable("spawn", program); !usable) return usable.error();
    if (reactor.is_stopping()) return make_error(ErrorCode::state, "spawn", program, "the reactor is stopping");
    if (Result<void> checked = check_options(options, argv); !checked) return checked.error();
    if (options.shell) argv.insert(argv.begin(), {"/bin/sh", "-c"});
    Result<Spawned> spawned =
        spawn_process({std::move(argv), options.cwd, options.environment, {options.input, options.output, options.errors}});
    if (!spawned) return spawned.error();
    auto made = std::make_unique<Process>(reactor, std::move(handler), any_signal_number(options.kill_on_stop));
    Process& process = *made;
    reactor.add(std::move(made));
    if (Result<void> started = process.start(std::move(spawned).value(), options); !started) {
        // The loop has no place for it (epoll(7): max_user_watches).
        process.fail_start();
        return started.error();
    }
    return &process;
}

Process* find_process(Reactor& reactor, SourceId id) {
    return dynamic_cast<Process*>(reactor.find(id));
}

std::optional<ChildStream> child_stream(std::string_view name) {
    if (name == "pipe") return ChildStream::pipe;
    if (name == "null") return ChildStream::null;
    if (name == "inherit") return ChildStream::inherit;
    if (name == "stdout") return ChildStream::to_stdout;
    return std::nullopt;
}

}  // namespace tidemill
