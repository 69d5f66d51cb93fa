#include "tidemill/net/process_watch.h"

#include "tidemill/sys/pidfd.h"
#include "tidemill/sys/pipe.h"

namespace tidemill {

Result<void> ProcessWatch::start() {
    Result<Fd> opened = open_pidfd(pid_, "watch_process");
    if (!opened) return opened.error();
    Result<void> watched = reactor_.watch(*this, opened.value().get(), Direction::read);
    if (watched) pidfd_ = std::move(opened).value();
    return watched;
}

void ProcessWatch::let_go(bool is_fork) {
    if (!is_fork && pidfd_.is_open()) reactor_.unwatch(pidfd_.get());
    pidfd_.reset();
}

void ProcessWatch::on_ready(const Ready& ready) {
    if (!is_open()) return;
    if (!reactor_.may_call()) return reactor_.inject(ready);
    if (!look_at(pidfd_.get()).readable) return reactor_.arm(pidfd_.get(), Direction::read);
    close();
    deliver([this] { function_(pid_); });
}

Result<ProcessWatch*> watch_process(Reactor& reactor, int pid, ProcessWatch::Function function) {
    if (Result<void> usable = reactor.check_usable("watch_process"); !usable) return usable.error();
    return add_watch(reactor, std::make_unique<ProcessWatch>(reactor, pid, std::move(function)));
}

}  // namespace tidemill
