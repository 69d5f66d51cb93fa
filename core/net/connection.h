// Connection: a stream, over any transport. Its callbacks are in handler.h.
//
// Owned by its reactor: valid until its on_close has returned, then deleted. Keep an id() and find_connection() for longer. All calls
// belong to the reactor's thread; from another they fail with the code state.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "tidemill/base/buffer.h"
#include "tidemill/net/handler.h"
#include "tidemill/net/transport.h"
#include "tidemill/reactor/reactor.h"

namespace tidemill {

class Connector;

// What write() came to. Not [[nodiscard]]: whoever ignores it is told by on_close, and a fast writer that ignores `wait` pays with memory only.
struct WriteResult {
    enum class Kind : std::uint8_t { flowing, wait, failed };

    Kind kind;
    ErrorCode code = ErrorCode::none;  // closed or state, for failed

    bool is_flowing() const { return kind == Kind::flowing; }
    bool has_failed() const { return kind == Kind::failed; }
};

class Connection final : public Source {
public:
    enum class State : std::uint8_t { connecting, open, closing, closed };

    // Octets are copied; they leave in one system call when the turn ends, or once the stream is open. wait: more than the high
    // watermark is queued, on_drain will tell when to go on. Fails with closed after close(), abort() or the end; with state after
    // end_write() or from a foreign thread.
    WriteResult write(Bytes octets);

    // Sends what was written, then closes. No more on_data.
    void close();

    // Closes and discards what was not sent; on_close gets cancelled.
    void abort();

    // No on_data and no on_end until resume().
    void pause();
    void resume();

    // Half-close: sends what was written, then tells the peer that no more comes. Twice is once. Fails as write().
    WriteResult end_write();

    // Ends with timeout when no octet moved for this long; 0 turns it off.
    void set_idle_timeout(Duration period);

    // 0 <= low <= high. Errors: argument, state.
    Result<void> set_watermarks(std::size_t low, std::size_t high);

    State state() const { return state_; }
    bool is_paused() const { return is_paused_; }

    // Octets written and not yet taken by the transport.
    std::size_t pending() const { return output_.size(); }

    // Endpoint text; "" before the stream is open. Still there in on_close.
    std::string peer() const;
    std::string local() const;

    Reactor& reactor() const { return reactor_; }
    Handler& handler() const { return *handler_; }

    // The error that write() would describe in words: operation, endpoint and why.
    Error write_error(ErrorCode code) const;

    // For a binding whose handler object dies: nobody is told anything any more, the stream is aborted.
    void forget_handler();

    // ---- made by listeners and connect() ----

    Connection(Reactor& reactor, HandlerPtr handler);
    ~Connection() override;

    // The stream is there. on_open comes from the loop.
    void start(std::unique_ptr<Transport> transport);
    void start_connecting(std::unique_ptr<Connector> connector);

    // Connecting failed, or the transport could not be started.
    void fail(Error reason);

    // ---- Source ----

    void on_ready(const Ready& ready) override;
    void flush() override;
    void finish() override;
    void on_stop() override;
    void on_shutdown(Shutdown stage) override;
    bool holds_drain() const override { return true; }
    void abandon(bool is_fork) override;

private:
    template <class Call>
    void deliver(Call call);
    void take_exception(const std::exception_ptr& exception);
    void open_now();
    void read_some();
    void call_me();
    void deliver_end();
    void deliver_drain();
    void deliver_shutdown();
    void write_some();
    void on_write_failed(int error);
    void on_output_empty();
    void close_flushed();
    void end(Error reason);
    void watch_idleness(Duration wait);
    bool is_usable() const { return reactor_.is_usable_here(); }
    bool is_reading() const { return can_read_ && !is_paused_ && !has_peer_ended_ && state_ == State::open; }

    Reactor& reactor_;
    HandlerPtr handler_;
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<Connector> connector_;
    Buffer output_;

    State state_ = State::connecting;
    bool is_opened_ = false;  // on_open is behind us, or the stream is there and nobody is to be told
    bool is_paused_ = false;
    bool can_read_ = false;  // reading has not said "would block" since it was last reported
    bool can_write_ = true;
    bool is_end_near_ = false;  // the poller saw the end: read until it comes
    bool has_peer_ended_ = false;
    bool is_end_write_asked_ = false;
    bool has_ended_writing_ = false;
    bool is_above_high_ = false;
    bool is_drain_due_ = false;
    bool is_shutdown_due_ = false;
    bool is_call_due_ = false;  // the loop has been asked to call on_ready
    bool is_linger_due_ = false;

    std::size_t low_watermark_ = limits::low_watermark;
    std::size_t high_watermark_ = limits::high_watermark;
    Duration idle_period_{0};
    Timer idle_timer_;
    TimePoint last_activity_{};
    Error broken_;  // writing failed; what the peer sent before is still read
    Error reason_;
};

// nullptr if there is no such connection (any more).
Connection* find_connection(Reactor& reactor, SourceId id);

// "connecting", "open", "closing", "closed".
std::string_view state_name(Connection::State state);

}  // namespace tidemill
