// ProcessWatch: a function called from the loop when a process has ended: any process, not only a child, and nobody's exit status is
// taken away. It keeps run() running until then.
#pragma once
#include <functional>

#include "tidemill/net/watch.h"
#include "tidemill/sys/fd.h"

namespace tidemill {

class ProcessWatch final : public Watch {
public:
    using Function = std::function<void(int pid)>;

    ProcessWatch(Reactor& reactor, int pid, Function function) : Watch(reactor), pid_(pid), function_(std::move(function)) {}

    Result<void> start();
    int pid() const { return pid_; }
    void on_ready(const Ready& ready) override;

private:
    void let_go(bool is_fork) override;

    int pid_;
    Function function_;
    Fd pidfd_;
};

// Once; the watch closes itself before the call. Errors: argument (a pid below 1), os (ESRCH: no such process), state.
Result<ProcessWatch*> watch_process(Reactor& reactor, int pid, ProcessWatch::Function function);

}  // namespace tidemill
