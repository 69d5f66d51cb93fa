#include "tidemill/net/linger.h"

namespace tidemill {
namespace {

struct LingerCount {
    explicit LingerCount(Reactor&) {}
    std::size_t count = 0;
};

class Linger final : public Source {
public:
    Linger(Reactor& reactor, std::unique_ptr<Transport> transport) : reactor_(reactor), transport_(std::move(transport)) {
        ++reactor_.service<LingerCount>().count;
    }

    void start() {
        timer_ = reactor_.call_later(limits::linger_time, [this] { reactor_.finish_later(*this); });
        if (!transport_->attach(*this)) reactor_.finish_later(*this);
        // The end may have been reported to the connection before.
        reactor_.inject({id(), true, false, false});
    }

    void on_ready(const Ready&) override {
        // At most a receive buffer a turn: what is dropped must not cost more than what is used.
        const IoResult read = transport_->read(reactor_.receive_buffer(), limits::receive_buffer);
        switch (read.kind) {
            case IoResult::Kind::done:
                return reactor_.inject({id(), true, false, false});
            case IoResult::Kind::would_block:
                return transport_->arm(Direction::read);
            case IoResult::Kind::end:
            case IoResult::Kind::error:
                return reactor_.finish_later(*this);
        }
    }

    void finish() override {
        timer_.cancel();
        --reactor_.service<LingerCount>().count;
        transport_.reset();
    }

    void on_stop() override { reactor_.finish_later(*this); }
    bool holds_drain() const override { return true; }
    void on_shutdown(Shutdown stage) override {
        if (stage == Shutdown::last) on_stop();
    }

    void abandon(bool is_fork) override {
        if (is_fork) transport_->disown();
        transport_.reset();
    }

private:
    Reactor& reactor_;
    std::unique_ptr<Transport> transport_;
    Timer timer_;
};

}  // namespace

void linger(Reactor& reactor, std::unique_ptr<Transport> transport) {
    if (reactor.is_stopping()) return;
    if (reactor.service<LingerCount>().count >= limits::lingering_sockets) {
        ++reactor.count().linger_limit_hits;
        return;
    }
    auto source = std::make_unique<Linger>(reactor, std::move(transport));
    Linger& added = *source;
    reactor.add(std::move(source));
    added.start();
}

}  // namespace tidemill
