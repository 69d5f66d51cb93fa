// Process: a child of this program with its standard streams. ProcessHandler is what a user is told about it.
//
//     (on_stdout | on_stderr | on_drain)*  on_exit
//
//  - on_exit exactly once and last: the child has ended and so have its outputs, or something else that has them from the child kept
//    them open for limits::process_grace after its end; also when the reactor stops, with what is known then;
//  - never from inside a call that the user made: always from the loop; after pause() neither octets nor on_exit until resume();
//  - an exception goes to on_error of the handler, then to the reactor's error handler; if neither takes it, the loop stops and the exception
//    leaves Reactor::run. The process goes on.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/net/connection.h"
#include "tidemill/reactor/reactor.h"
#include "tidemill/sys/pidfd.h"
#include "tidemill/sys/spawn.h"

namespace tidemill {

class Process;

class ProcessHandler {
public:
    virtual ~ProcessHandler() = default;

    // At least one octet, valid during the call, cut anywhere.
    virtual void on_stdout(Process&, Bytes) {}
    virtual void on_stderr(Process&, Bytes) {}

    // What is queued for the standard input fell to the low watermark after it had risen above the high one.
    virtual void on_drain(Process&) {}

    virtual void on_exit(Process&, const ExitStatus&) {}

    // True: the exception is dealt with.
    virtual bool on_error(Process&, const std::exception_ptr&) { return false; }
};

struct SpawnOptions {
    std::string cwd = {};  // "" for this process's
    std::optional<std::vector<std::string>> environment = {};  // "NAME=value", all of it; nothing for this process's
    ChildStream input = ChildStream::pipe;
    ChildStream output = ChildStream::pipe;
    ChildStream errors = ChildStream::inherit;  // to_stdout: together with the output
    bool shell = false;  // argv is one text, for /bin/sh -c
    std::string kill_on_stop = {};  // the signal for a child that runs when the reactor stops or is destroyed; "" for none
};

// Owned by its reactor: valid until its on_exit has returned. All calls belong to the reactor's thread.
class Process final : public Source {
public:
    int pid() const { return pid_; }

    // Until its end has been noticed.
    bool is_running() const { return is_running_; }

    // To its standard input; as Connection::write. Fails with closed when the input is closed or nobody reads it any more, with state
    // if it is no pipe or from a foreign thread.
    WriteResult write(Bytes octets);
    Error write_error(ErrorCode code) const;

    // The child reads the end after what was written. Twice is once.
    void close_stdin();

    // Octets written and not yet taken by the child's pipe.
    std::size_t pending() const;

    // Sends a signal by name. False if the process has ended: no other process can get it. Errors: argument, os, state.
    Result<bool> kill(std::string_view signal = "TERM");

    // No on_stdout, on_stderr and on_exit until resume(). A child that goes on writing has to wait.
    void pause();
    void resume();

    Reactor& reactor() const { return reactor_; }

    // ---- made by spawn() ----

    Process(Reactor& reactor, std::unique_ptr<ProcessHandler> handler, int stop_signal)
        : reactor_(reactor), handler_(std::move(handler)), stop_signal_(stop_signal) {}
    ~Process() override;
    Result<void> start(Spawned spawned, const SpawnOptions& options);
    // Could not be started: the child is killed and nobody is told.
    void fail_start();

    // ---- Source ----

    void on_ready(const Ready& ready) override;
    void finish() override;
    void on_stop() override;
    void on_shutdown(Shutdown stage) override;
    bool holds_drain() const override { return true; }
    void abandon(bool is_fork) override;

private:
    class Stream;

    template <class Call>
    void deliver(Call call);
    void take_exception(const std::exception_ptr& exception);
    void add_stream(std::size_t place, Fd fd);
    void notice_exit();
    void wait_for_outputs();
    void on_stream_closed(std::size_t place);
    void finish_if_over();
    void let_go();

    Reactor& reactor_;
    std::unique_ptr<ProcessHandler> handler_;
    int stop_signal_;
    int pid_ = 0;
    Fd pidfd_;
    bool is_running_ = false;
    bool is_over_ = false;
    bool is_paused_ = false;
    bool has_input_ = false;
    ExitStatus status_;
    std::array<Stream*, 3> streams_{};  // nullptr where there is none (any more)
    Timer grace_;
};

// Starts a program: argv[0] is looked up in PATH and gets the rest as its arguments, never through a shell unless asked for. The child
// has no other descriptor than its three streams. Blocks until the program has been started. Errors: argument, os (ENOENT, EACCES, ...), state.
Result<Process*> spawn(Reactor& reactor, std::vector<std::string> argv, std::unique_ptr<ProcessHandler> handler, SpawnOptions options = {});

// nullptr if there is no such process (any more).
Process* find_process(Reactor& reactor, SourceId id);

// "pipe", "null", "inherit", "stdout"; nothing for any other text.
std::optional<ChildStream> child_stream(std::string_view name);

}  // namespace tidemill
