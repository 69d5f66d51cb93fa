#include "tidemill/net/memory.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tidemill {

namespace {

// One direction.
struct Pipe {
    explicit Pipe(BlockPool& pool) : octets(pool) {}

    Buffer octets;
    bool has_ended = false;  // the writer shut down
    bool is_reset = false;   // the reader is gone, or the writer went by reset()
    SourceId reader = 0;
    SourceId writer = 0;
    bool is_reader_armed = false;
    bool is_writer_armed = false;
};

class MemoryTransport final : public Transport {
public:
    MemoryTransport(Reactor& reactor, std::string name, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out)
        : reactor_(reactor), name_(std::move(name)), in_(std::move(in)), out_(std::move(out)) {}

    ~MemoryTransport() override {
        in_->reader = out_->writer = 0;
        in_->is_reset = true;  // whoever writes to us hears that nobody reads
        out_->has_ended = true;
        if (is_reset_) out_->is_reset = true;
        if (is_disowned_) return;
        report_reader(*out_);
        report_writer(*in_);
    }

    Result<void> attach(const Source& owner) override {
        in_->reader = out_->writer = owner.id();
        arm(Direction::read);
        return {};
    }

    IoResult read(char* data, std::size_t size) override {
        if (in_->octets.is_empty()) {
            if (in_->is_reset) return IoResult::failed(ECONNRESET);
            return in_->has_ended ? IoResult::end() : IoResult::would_block();
        }
        Slice slice;
        in_->octets.peek(&slice, 1);
        const std::size_t count = std::min(size, slice.size);
        std::memcpy(data, slice.data, count);
        in_->octets.consume(count);
        report_writer(*in_);
        return IoResult::done(count);
    }

    IoResult write(const Slice* slices, std::size_t count) override {
        if (out_->is_reset) return IoResult::failed(EPIPE);
        const std::size_t before = out_->octets.size();
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t room = limits::memory_pipe - out_->octets.size();
            out_->octets.append({slices[i].data, std::min(room, slices[i].size)});
        }
        const std::size_t written = out_->octets.size() - before;
        if (written == 0) return IoResult::would_block();
        report_reader(*out_);
        return IoResult::done(written);
    }

    void arm(Direction direction) override {
        if (direction == Direction::read) {
            in_->is_reader_armed = true;
            if (!in_->octets.is_empty() || in_->has_ended || in_->is_reset) report_reader(*in_);
        } else {
            out_->is_writer_armed = true;
            if (out_->octets.size() < limits::memory_pipe) report_writer(*out_);
        }
    }

    void shut_down_writing() override {
        out_->has_ended = true;
        report_reader(*out_);
    }

    void reset() override { is_reset_ = true; }
    void disown() override { is_disowned_ = true; }
    std::string peer() const override { return name_; }
    std::string local() const override { return name_; }

private:
    void report_reader(Pipe& pipe) {
        if (pipe.reader == 0 || !std::exchange(pipe.is_reader_armed, false)) return;
        reactor_.inject({pipe.reader, true, false, pipe.has_ended || pipe.is_reset});
    }

    void report_writer(Pipe& pipe) {
        if (pipe.writer == 0 || !std::exchange(pipe.is_writer_armed, false)) return;
        reactor_.inject({pipe.writer, false, true, false});
    }

    Reactor& reactor_;
    std::string name_;
    std::shared_ptr<Pipe> in_;
    std::shared_ptr<Pipe> out_;
    bool is_reset_ = false;
    bool is_disowned_ = false;
};

}  // namespace

class MemoryListener final : public Listener {
public:
    MemoryListener(Reactor& reactor, MemoryHub& hub, const Endpoint& endpoint, HandlerFactory factory, int backlog)
        : Listener(reactor, endpoint.text(), std::move(factory)), hub_(hub), name_(endpoint.host), backlog_(backlog) {}

    // Like the system's, the queue holds one more than was asked for.
    bool is_full() const { return queue_.size() > static_cast<std::size_t>(std::max(0, backlog_)); }

    void enqueue(std::unique_ptr<Transport> transport) {
        queue_.push_back(std::move(transport));
        reactor_.inject({id(), true, false, false});
    }

    void abandon(bool is_fork) override {
        for (std::unique_ptr<Transport>& waiting : queue_) {
            if (is_fork) waiting->disown();
        }
        queue_.clear();
    }

protected:
    bool accept_one() override {
        if (queue_.empty()) return false;
        std::unique_ptr<Transport> transport = std::move(queue_.front());
        queue_.pop_front();
        serve(std::move(transport));
        return true;
    }

    void stop_listening() override {
        hub_.forget(name_);
        for (std::unique_ptr<Transport>& waiting : queue_) waiting->reset();
        queue_.clear();
    }

private:
    MemoryHub& hub_;
    std::string name_;
    int backlog_;
    std::deque<std::unique_ptr<Transport>> queue_;
};

Result<Listener*> MemoryHub::listen(const Endpoint& endpoint, HandlerFactory factory, int backlog, int max_connections) {
    if (listeners_.contains(endpoint.host)) return os_error(EADDRINUSE, "listen", endpoint.text());
    auto made = std::make_unique<MemoryListener>(reactor_, *this, endpoint, std::move(factory), backlog);
    MemoryListener& listener = *made;
    listener.set_max_connections(max_connections);
    reactor_.add(std::move(made));
    listeners_.emplace(endpoint.host, &listener);
    return &listener;
}

Result<std::unique_ptr<Transport>> MemoryHub::connect(const Endpoint& endpoint) {
    const auto found = listeners_.find(endpoint.host);
    if (found == listeners_.end()) return os_error(ECONNREFUSED, "connect", endpoint.text());
    if (found->second->is_full()) return std::unique_ptr<Transport>{};
    const auto there = std::make_shared<Pipe>(reactor_.blocks());
    const auto back = std::make_shared<Pipe>(reactor_.blocks());
    found->second->enqueue(std::make_unique<MemoryTransport>(reactor_, endpoint.text(), there, back));
    return std::unique_ptr<Transport>(std::make_unique<MemoryTransport>(reactor_, endpoint.text(), back, there));
}

}  // namespace tidemill
