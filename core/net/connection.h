// Connection: a stream, over any transport. Its callbacks are in handler.h.
//
// Owned by its reactor: valid until its on_close has returned, then deleted. Keep an id() and find_connection() for longer. All calls
// belong to the reactor's thread; from another they fail with the code state.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "tidemill/base/buffer.h"
#include "tidemill/net/handler.h"
#include "tidemill/net/transport.h"
#include "tidemill/reactor/reactor.h"
#include "tidemill/sys/file.h"
#include "tidemill/tls/filter.h"

namespace tidemill {

class Connector;
class TlsTransport;

// How a stream becomes TLS once it is there; without a context it only remembers whom a client meant, for start_tls().
struct TlsSetup {
    std::shared_ptr<TlsContext> context;
    std::string server_name;
    bool is_named_tls = false;  // tls://: so are the names of its ends
};

// What write() came to. Not [[nodiscard]]: whoever ignores it is told by on_close, and a fast writer that ignores `wait` pays with memory,
// and beyond the output limit with the connection.
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

    // Octets are copied; they leave in one system call when the turn ends, or once the stream is open. Who writes many at once, with
    // nothing queued, has them sent at once and only the rest copied. wait: more than the high watermark is queued, on_drain will tell when
    // to go on. Fails with closed after close(), abort() or the end; with state after end_write() or from a foreign thread. Octets that
    // would make the queue larger than the output limit end the connection: write() answers wait, on_close gets limit, and the peer sees a
    // reset. The error is told once, and to him who can tell it from others. So it is when the peer is gone and its last words are still
    // being read: what is written then is lost, and answered with wait (with closed if paused, as nothing would follow).
    WriteResult write(Bytes octets);

    // The same for octets that lie in several places, as if they were one piece: all of them or none.
    WriteResult write_parts(std::span<const Bytes> parts);
    WriteResult write_parts(std::initializer_list<Bytes> parts) { return write_parts(std::span(parts.begin(), parts.size())); }

    // Sends what was written, then closes. No more on_data. Ends with timeout when nothing can be sent for the close timeout.
    void close();

    // The same with a reason for on_close: for protocols, whose last word to the peer is that it broke them.
    void close_for(Error reason);

    // Closes and discards what was not sent; on_close gets cancelled.
    void abort();

    // No on_data and no on_end until resume().
    void pause();
    void resume();

    // Half-close: sends what was written, then tells the peer that no more comes. Twice is once. Fails as write().
    WriteResult end_write();

    // From here on the stream is TLS, in mid-stream: what was written before leaves in plain text first, what is written from now on waits
    // for the handshake; on_tls or on_close tells how that went. An accepted connection is the server. While connecting it is as the
    // option tls of connect(). server_name: whom the client wants to reach; empty: the host that it connected to. Octets that the peer
    // sent before, without waiting, have reached on_data: a protocol must end there, or an intruder could have put words in. Errors:
    // argument, closed, state (twice, after the end of either side, a server's context without a certificate).
    Result<void> start_tls(std::shared_ptr<TlsContext> context, std::string_view server_name = {});

    // What the handshake agreed on; nothing before its end and on a plain stream. Still there in on_close.
    std::optional<TlsInfo> tls() const;

    // Ends with timeout when no octet moved for this long; 0 turns it off.
    void set_idle_timeout(Duration period);

    // How long a closing connection waits for the peer to take an octet; 0 for ever. It counts from the call, from close(), or from the
    // last octet that left.
    void set_close_timeout(Duration period);

    // 0 <= low <= high. Errors: argument, state.
    Result<void> set_watermarks(std::size_t low, std::size_t high);

    // The most octets that may be queued, whatever the watermarks; 0 for any number. What is queued already stays.
    void set_output_limit(std::size_t octets);

    // Sends `length` octets of a regular file from `offset` on, -1: all that it has now, behind what was written before and ahead of what
    // is written later; files take no memory. While one is queued write() answers wait, and on_drain comes when the last has left. Errors:
    // os (it cannot be opened), argument (not a regular file, a range beyond its end), closed, state as write(). A file that becomes
    // shorter meanwhile ends the connection with the code os; the peer sees a reset.
    Result<void> send_file(std::string_view path, std::int64_t offset = 0, std::int64_t length = -1);

    // The same for a file that is open; name: for errors.
    Result<void> send_open_file(File file, std::string_view name, std::int64_t offset = 0, std::int64_t length = -1);

    // What arrives goes to the other connection's output instead of on_data, and waits where it is while the other's queue is above its
    // high watermark. It ends with on_proxy_end: after `length` octets (-1: no end), or when the other can be written to no more. The
    // peer's end is told by on_end as ever, is not passed on, and ends it without on_proxy_end. Calling it again takes another target and
    // counts anew. Errors: argument (length), closed, state (the target is this connection, closed, of another reactor, has ended
    // writing, or has another source).
    Result<void> proxy_to(Connection& target, std::int64_t length = -1);

    // What arrives from here on is for on_data again; no on_proxy_end.
    void stop_proxy();

    // Octets that the last proxy_to() has moved so far.
    std::uint64_t proxied() const;

    // Another handler from now on: it gets on_open, then `leftover` (octets that the old one was given and has not used) as on_data, then
    // all that comes, also on_end if the old one had it. The old one is called no more, but for on_error if the callback under way raises,
    // and is released by the loop. Id, output and settings stay. Errors: argument (none), closed, state; the new one is then released.
    Result<void> become(HandlerPtr handler, Bytes leftover = {});

    // For handlers that have more to tell than they may now. hold_input: nothing is read and no end is told until continue_input, by which
    // Handler::go_on comes from the loop, once and as soon as the connection is not paused; what that leaves may be held again.
    void hold_input() { is_input_held_ = true; }
    void continue_input();

    State state() const { return state_; }
    bool is_paused() const { return is_paused_; }

    // A listener made it; otherwise connect() did. The host that was asked for by name, or by server_name; "" if none was.
    bool is_accepted() const { return is_accepted_; }
    std::string_view server_name() const { return tls_setup_ == nullptr ? std::string_view() : tls_setup_->server_name; }

    // Octets written, and of files, that the transport has not taken yet. The watermarks look at those in memory only.
    std::size_t pending() const { return output_.size() + (rare_ == nullptr ? 0 : unsent_file_octets()); }

    // Endpoint text; "" before the stream is open. Still there in on_close.
    std::string peer() const;
    std::string local() const;

    Reactor& reactor() const { return reactor_; }
    Handler& handler() const { return *handler_; }

    // The error that write() would describe in words: operation, endpoint and why.
    Error write_error(ErrorCode code) const;

    // For a binding whose handler object dies: nobody is told anything any more, the stream is aborted. forget_replaced: it was replaced by
    // become() before, and the stream goes on.
    void forget_handler();
    void forget_replaced(Handler& handler);

    // ---- made by listeners and connect() ----

    Connection(Reactor& reactor, HandlerPtr handler);
    ~Connection() override;

    // Before start().
    void prepare_tls(TlsSetup setup) { tls_setup_ = std::make_unique<TlsSetup>(std::move(setup)); }
    // Tells it when this connection is gone.
    void set_listener(const Source& listener) { listener_ = listener.id(); }

    // The stream is there. on_open comes from the loop.
    void start(std::unique_ptr<Transport> transport);
    void start_accepted(std::unique_ptr<Transport> transport);
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
    void deliver(const char* event, Call call);
    void take_exception(Handler& handler, const std::exception_ptr& exception);
    void open_now();
    void read_some();
    void call_me();
    void deliver_end();
    void deliver_go_on();
    void end_if_both_ended();
    void deliver_drain();
    void deliver_shutdown();
    void write_some();
    void on_write_failed(int error);
    bool has_taken(const IoResult& written);
    WriteResult check_write(std::size_t size);
    bool may_send_at_once(std::size_t size) const;
    WriteResult written_later();
    void on_read_failed(int error);
    void on_output_empty();
    void close_flushed();
    void end(Error reason);
    void end_at_output_limit();
    WriteResult lose_output();
    Duration silence_allowed() const;
    void watch_idleness();

    // connection_tls.cpp
    Result<void> check_tls_possible();
    Result<void> begin_tls(Duration deadline);
    void begin_tls_in_midstream();
    bool serve_tls(const Ready& ready);
    void deliver_tls();
    bool push_tls();
    void fail_tls();
    void end_tls();

    bool is_usable() const { return reactor_.is_usable_here(); }
    bool is_reading() const {
        return can_read_ && !is_paused_ && !is_held_ && !is_input_held_ && !has_peer_ended_ && state_ == State::open;
    }
    bool may_go_on() const { return is_go_on_due_ && !is_paused_ && state_ == State::open; }

    // What few connections have (rare.h): proxy.cpp, send_file.cpp, become.cpp.
    struct Rare;
    Rare& rare();
    void take_in(Bytes octets);
    bool tell_rare();
    void tell_rare_later();
    void end_rare();
    void abandon_rare();
    Result<void> check_file(std::string_view name, std::int64_t offset, std::int64_t length) const;
    Result<void> check_proxy(const Connection& target, std::int64_t length) const;
    void leave_target();
    void lose_source(const Error& reason);
    void tell_proxy_end(Error reason);
    std::size_t read_size() const;
    void forward(Bytes octets);
    void pass_on(Bytes octets);
    void ease_source();
    void let_go();
    bool has_files() const { return rare_ != nullptr && rare_has_files(); }
    bool has_output() const { return !output_.is_empty() || has_files(); }
    bool rare_has_files() const;
    std::size_t unsent_file_octets() const;
    void write_files();
    static std::size_t trim(Slice* slices, std::size_t count, std::size_t octets);
    void on_file_failed(int error);
    void release_replaced();

    // What most connections never change.
    struct Settings {
        std::size_t low_watermark = limits::low_watermark;
        std::size_t high_watermark = limits::high_watermark;
        std::size_t output_limit = limits::output_limit;
        Duration idle_period{0};
        Duration close_timeout = limits::close_timeout;
    };
    const Settings& settings() const { return settings_ == nullptr ? usual_settings : *settings_; }
    Settings& own_settings();

    // What went wrong, if something did.
    struct Trouble {
        Error broken;  // writing failed; what the peer sent before is still read
        Error asked;  // of close_for()
        Error reason;
    };
    bool is_broken() const { return trouble_ != nullptr && trouble_->broken.is_set(); }
    const Error& reason() const { return trouble_ == nullptr ? no_error : trouble_->reason; }
    Trouble& trouble();

    static const Settings usual_settings;
    static const Error no_error;

    // Idle connections are counted in ten thousands: the small members come first, into the room that Source leaves.
    State state_ = State::connecting;
    std::uint8_t reads_left_ = 0;  // of this turn; with read_turn_ and octets_left_
    bool is_opened_ : 1 = false;  // on_open is behind us, or the stream is there and nobody is to be told
    bool is_paused_ : 1 = false;
    bool is_held_ : 1 = false;  // by the queue of the connection that it is a proxy to
    bool is_input_held_ : 1 = false;  // by its handler, which has more to tell first
    bool is_go_on_due_ : 1 = false;
    bool is_rare_due_ : 1 = false;  // tell_rare() has something to tell
    bool can_read_ : 1 = false;  // reading has not said "would block" since it was last reported
    bool can_write_ : 1 = true;
    bool is_end_near_ : 1 = false;  // the poller saw the end: read until it comes
    bool has_peer_ended_ : 1 = false;
    bool is_end_write_asked_ : 1 = false;
    bool has_ended_writing_ : 1 = false;
    bool is_above_high_ : 1 = false;
    bool is_drain_due_ : 1 = false;
    bool is_shutdown_due_ : 1 = false;
    bool is_call_due_ : 1 = false;  // the loop has been asked to call on_ready
    bool is_linger_due_ : 1 = false;
    bool is_accepted_ : 1 = false;
    bool is_tls_due_ : 1 = false;  // the handshake is done and on_tls is not

    Reactor& reactor_;
    HandlerPtr handler_;
    std::unique_ptr<Transport> transport_;
    TlsTransport* tls_ = nullptr;  // transport_, if it is one
    std::unique_ptr<Rare> rare_;
    std::unique_ptr<Settings> settings_;
    std::unique_ptr<Trouble> trouble_;
    Buffer output_;
    std::uint32_t read_turn_ = 0;  // the turn that these are the rest of
    std::uint32_t octets_left_ = 0;
    TimePoint last_activity_{};
    TimerId idle_timer_ = 0;
    SourceId listener_ = 0;  // if it wants to know when this is gone
    std::unique_ptr<Connector> connector_;
    std::unique_ptr<TlsSetup> tls_setup_;
};

// nullptr if there is no such connection (any more).
Connection* find_connection(Reactor& reactor, SourceId id);

// "connecting", "open", "closing", "closed".
std::string_view state_name(Connection::State state);

}  // namespace tidemill
