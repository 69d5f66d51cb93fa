#include "tidemill/net/signal_watch.h"

namespace tidemill {

Result<void> SignalWatch::start() {
    if (Result<void> opened = signal_.open(name_); !opened) return opened;
    return reactor_.watch(*this, signal_.fd(), Direction::read);
}

void SignalWatch::let_go(bool is_fork) {
    if (!is_fork && signal_.fd() >= 0) reactor_.unwatch(signal_.fd());
    signal_.close();
}

void SignalWatch::on_ready(const Ready& ready) {
    if (!is_open()) return;
    if (!reactor_.may_call()) return reactor_.inject(ready);
    const bool came = signal_.take();
    reactor_.arm(signal_.fd(), Direction::read);
    if (came) deliver([this] { function_(name_); });
}

Result<SignalWatch*> on_signal(Reactor& reactor, std::string_view name, SignalWatch::Function function) {
    if (Result<void> usable = reactor.check_usable("on_signal", name); !usable) return usable.error();
    return add_watch(reactor, std::make_unique<SignalWatch>(reactor, name, std::move(function)));
}

}  // namespace tidemill
