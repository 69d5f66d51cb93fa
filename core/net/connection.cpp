#include "tidemill/net/connection.h"

#include <algorithm>
#include <utility>

#include "tidemill/net/connector.h"
#include "tidemill/net/linger.h"
#include "tidemill/net/listener.h"
#include "tidemill/net/rare.h"
#include "tidemill/sys/type_name.h"

namespace tidemill {

void Handler::on_end(Connection& connection) {
    connection.close();
}

static_assert(sizeof(void*) != 8 || sizeof(Connection) <= 168, "idle connections are counted in ten thousands (docs/notes/0014)");
static_assert(limits::reads_per_turn <= UINT8_MAX && limits::read_per_turn <= UINT32_MAX);

const Connection::Settings Connection::usual_settings;
const Error Connection::no_error;

Connection::Settings& Connection::own_settings() {
    if (settings_ == nullptr) settings_ = std::make_unique<Settings>();
    return *settings_;
}

Connection::Trouble& Connection::trouble() {
    if (trouble_ == nullptr) trouble_ = std::make_unique<Trouble>();
    return *trouble_;
}

Connection::Connection(Reactor& reactor, HandlerPtr handler) : reactor_(reactor), handler_(std::move(handler)), output_(reactor.blocks()) {
    handler_->attached(*this);
}

Connection::~Connection() = default;

// ---- calling the user ----

template <class Call>
void Connection::deliver(const char* event, Call call) {
    Handler& called = *handler_;  // become() may put another in its place
    const std::type_info& type = typeid(called);
    const auto make = [&] {
        try {
            call();
        } catch (...) {
            take_exception(called, std::current_exception());
        }
    };
    reactor_.call_watch().around(make, [&] { return SlowCallback{"C++", type_name(type) + "." + event}; });
}

void Connection::take_exception(Handler& handler, const std::exception_ptr& exception) {
    std::exception_ptr unhandled = exception;
    try {
        if (handler.on_error(*this, exception)) return;
    } catch (...) {
        unhandled = std::current_exception();
    }
    if (!reactor_.take_exception(unhandled)) abort();
}

// ---- beginning ----

void Connection::start(std::unique_ptr<Transport> transport) {
    // A connector that calls this ends here.
    transport_ = std::move(transport);
    const Duration time_left = connector_ ? connector_->time_left() : Duration{-1};
    connector_.reset();
    if (Result<void> attached = transport_->attach(*this); !attached) return fail(attached.error());
    if (tls_setup_ && tls_setup_->context) {
        if (Result<void> begun = begin_tls(time_left); !begun) return fail(begun.error());
    }
    call_me();
}

void Connection::start_accepted(std::unique_ptr<Transport> transport) {
    is_accepted_ = true;
    start(std::move(transport));
}

void Connection::start_connecting(std::unique_ptr<Connector> connector) {
    connector_ = std::move(connector);
    connector_->start();
}

void Connection::open_now() {
    is_opened_ = true;
    ++reactor_.count().connections_opened;
    last_activity_ = reactor_.turn_time();
    if (has_output() || is_end_write_asked_) reactor_.flush_later(*this);
    if (state_ != State::connecting) return;  // close() came while connecting: flush and go, without on_open
    state_ = State::open;
    is_shutdown_due_ = reactor_.is_draining();
    deliver("on_open", [this] { handler_->receive_open(*this); });
}

// ---- the loop's calls ----

void Connection::on_ready(const Ready& ready) {
    if (state_ == State::closed) return;
    // Only the call that call_me() asked for has nothing to report. Taking any other for it would let a second one be asked for, and
    // with every report of a busy socket the calls of a turn, and so its share of it, would grow.
    if (!ready.readable && !ready.writable) is_call_due_ = false;
    if (connector_) return connector_->on_ready(ready);
    if (tls_ != nullptr && !serve_tls(ready)) return;
    if (!is_opened_) open_now();
    if (ready.ended) is_end_near_ = true;
    if (ready.writable) {
        can_write_ = true;
        if (!output_.is_empty()) reactor_.flush_later(*this);
    }
    if (can_write_ && has_files()) reactor_.flush_later(*this);
    if (ready.readable) can_read_ = true;
    if (!reactor_.may_call()) {
        if (is_reading() || is_drain_due_ || is_shutdown_due_ || is_rare_due_ || is_tls_due_ || may_go_on()) call_me();
        return;
    }
    if (is_tls_due_) return deliver_tls();
    if (may_go_on()) return deliver_go_on();
    if (is_rare_due_ && !tell_rare()) return;
    if (is_shutdown_due_ && state_ == State::open) {
        deliver_shutdown();
        if (is_drain_due_) call_me();  // one callback between two looks at the clock
    } else if (is_drain_due_ && state_ == State::open) {
        deliver_drain();
    }
    if (is_reading()) read_some();
}

// Asks the loop for a call of on_ready, which does what is due.
void Connection::call_me() {
    if (is_call_due_) return;
    is_call_due_ = true;
    reactor_.inject({id(), false, false, false});
}

void Connection::read_some() {
    // The share of a turn, however often it is called in it: by the poller, by resume(), or for what its last share left over.
    const auto turn = static_cast<std::uint32_t>(reactor_.turn_number());
    if (std::exchange(read_turn_, turn) != turn) {
        octets_left_ = limits::read_per_turn;
        reads_left_ = limits::reads_per_turn;
    }
    while (is_reading()) {
        if (!reactor_.may_call()) return call_me();
        if (octets_left_ == 0 || reads_left_ == 0) {
            ++reactor_.count().read_limit_hits;
            return call_me();
        }
        if (is_rare_due_) {
            if (!tell_rare()) return;
            continue;
        }
        char* buffer = reactor_.receive_buffer();
        const std::size_t size = rare_ == nullptr ? limits::receive_buffer : read_size();
        const IoResult read = transport_->read(buffer, size);
        switch (read.kind) {
            case IoResult::Kind::done:
                last_activity_ = reactor_.turn_time();
                reactor_.count().received_bytes += read.count;
                octets_left_ -= static_cast<std::uint32_t>(std::min<std::size_t>(octets_left_, read.count));
                --reads_left_;
                // A short read has emptied a stream's queue (epoll(7)), unless the end was announced: that still has to be read.
                if (read.count < size && !is_end_near_) {
                    can_read_ = false;
                    transport_->arm(Direction::read);
                }
                take_in({buffer, read.count});
                break;
            case IoResult::Kind::would_block:
                can_read_ = false;
                transport_->arm(Direction::read);
                break;
            case IoResult::Kind::end:
                deliver_end();
                break;
            case IoResult::Kind::error:
                on_read_failed(read.error);
                break;
        }
    }
}

void Connection::take_in(Bytes octets) {
    if (rare_ != nullptr && rare_->target != nullptr) return forward(octets);
    deliver("on_data", [&] { handler_->receive(*this, octets); });
    if (output_.size() >= limits::flush_at_once && rare_ == nullptr && reactor_.may_call()) flush();
}

// What become() and the end of a proxy have left to be told, one callback at a time, as each may change everything. False: the turn
// must end first, and another call is asked for.
bool Connection::tell_rare() {
    Rare& rare = *rare_;
    for (;;) {
        release_replaced();
        const bool may_tell_data = !is_paused_ && !is_held_ && !is_input_held_;
        is_rare_due_ = rare.is_open_due || rare.is_proxy_end_due || !rare.leftover.empty() || rare.is_end_due;
        if (!is_rare_due_ || state_ != State::open) return true;
        if (!reactor_.may_call()) return call_me(), false;
        if (std::exchange(rare.is_open_due, false)) {
            deliver("on_open", [this] { handler_->receive_open(*this); });
        } else if (std::exchange(rare.is_proxy_end_due, false)) {
            deliver("on_proxy_end", [&, reason = std::exchange(rare.proxy_end, {})] { handler_->on_proxy_end(*this, reason); });
        } else if (!rare.leftover.empty() && may_tell_data) {
            const std::string octets = std::exchange(rare.leftover, {});
            const std::size_t count = rare.target == nullptr ? octets.size() : std::min(octets.size(), read_size());
            rare.leftover = octets.substr(count);
            take_in(Bytes(octets).substr(0, count));
        } else if (rare.leftover.empty() && may_tell_data) {
            rare.is_end_due = false;
            deliver_end();
        } else {
            return true;
        }
    }
}

void Connection::on_read_failed(int error) {
    if (error == 0) return fail_tls();
    end(is_broken() ? trouble_->broken : transport_->failure(error, "read"));
}

void Connection::deliver_end() {
    has_peer_ended_ = true;
    if (rare_ != nullptr) leave_target();  // nothing is left to move
    if (is_broken()) return end(trouble_->broken);
    deliver("on_end", [this] { handler_->receive_end(*this); });
    end_if_both_ended();
}

// A handler that holds input has still something to tell, and perhaps to write; and it may do so before it learns of an end.
void Connection::end_if_both_ended() {
    if (has_peer_ended_ && has_ended_writing_ && !is_input_held_ && state_ == State::open) end({});
}

// What it had kept is told in a call of its own: it may have stopped the reactor.
void Connection::deliver_go_on() {
    is_go_on_due_ = is_input_held_ = false;
    deliver("on_data", [this] { handler_->go_on(*this); });
    end_if_both_ended();
    call_me();
}

void Connection::continue_input() {
    is_go_on_due_ = true;
    if (may_go_on()) call_me();
}

void Connection::deliver_drain() {
    is_drain_due_ = false;
    deliver("on_drain", [this] { handler_->receive_drain(*this); });
}

void Connection::deliver_shutdown() {
    is_shutdown_due_ = false;
    deliver("on_shutdown", [this] { handler_->receive_shutdown(*this); });
}

void Connection::deliver_tls() {
    is_tls_due_ = false;
    if (state_ == State::open) {
        const TlsInfo info = *tls();
        deliver("on_tls", [&] { handler_->on_tls(*this, info); });
    }
    call_me();  // the rest comes in a call of its own, because on_tls may have stopped the reactor
}

// ---- writing ----

// flowing: it may be written.
inline WriteResult Connection::check_write(std::size_t size) {
    if (!is_usable()) return {WriteResult::Kind::failed, ErrorCode::state};
    const bool is_deaf = is_paused_ || is_held_;
    if (state_ >= State::closing || (is_broken() && is_deaf)) return {WriteResult::Kind::failed, ErrorCode::closed};
    if (is_end_write_asked_) return {WriteResult::Kind::failed, ErrorCode::state};
    if (is_broken()) return lose_output();
    const std::size_t limit = settings().output_limit;
    if (limit > 0 && size > limit - std::min(limit, output_.size())) {
        end_at_output_limit();
        return {WriteResult::Kind::wait};
    }
    return {WriteResult::Kind::flowing};
}

inline bool Connection::may_send_at_once(std::size_t size) const {
    if (size < limits::flush_at_once || size > settings().high_watermark) return false;
    const bool may_send = is_opened_ && can_write_ && rare_ == nullptr && tls_ == nullptr && reactor_.is_running();
    return may_send && output_.is_empty() && !is_above_high_;
}

inline WriteResult Connection::written_later() {
    if (is_opened_ && can_write_ && !output_.is_empty()) reactor_.flush_later(*this);
    if (output_.size() > settings().high_watermark) is_above_high_ = true;
    return {is_above_high_ ? WriteResult::Kind::wait : WriteResult::Kind::flowing};
}

WriteResult Connection::write(Bytes octets) {
    if (const WriteResult refused = check_write(octets.size()); !refused.is_flowing()) return refused;
    if (may_send_at_once(octets.size())) {
        // Straight from the caller's memory. To him it looks as if it had been queued: what comes of it is told from the loop.
        const Slice all{octets.data(), octets.size()};
        const IoResult written = transport_->write(&all, 1);
        if (has_taken(written)) octets.remove_prefix(written.count);
        if (is_broken() || state_ == State::closed) return {WriteResult::Kind::flowing};
    }
    output_.append(octets);
    return written_later();
}

WriteResult Connection::write_parts(std::span<const Bytes> parts) {
    std::size_t size = 0;
    for (const Bytes part : parts) size += part.size();
    if (const WriteResult refused = check_write(size); !refused.is_flowing()) return refused;
    std::size_t sent = 0;
    if (may_send_at_once(size) && parts.size() <= limits::gather_blocks) {
        Slice slices[limits::gather_blocks];
        std::size_t count = 0;
        for (const Bytes part : parts) {
            if (!part.empty()) slices[count++] = {part.data(), part.size()};
        }
        const IoResult written = transport_->write(slices, count);
        if (has_taken(written)) sent = written.count;
        if (is_broken() || state_ == State::closed) return {WriteResult::Kind::flowing};
    }
    for (const Bytes part : parts) {
        const std::size_t skipped = std::min(sent, part.size());
        sent -= skipped;
        output_.append(part.substr(skipped));
    }
    return written_later();
}

// An answer to the last words of a peer that is gone: the writer cannot know, and on_close will tell. Whoever waits now, and perhaps pauses
// meanwhile, gets an on_drain, once, so that the rest is read and on_close comes.
WriteResult Connection::lose_output() {
    if (!is_above_high_) {
        is_above_high_ = is_drain_due_ = true;
        call_me();
    }
    return {WriteResult::Kind::wait};
}

void Connection::end_at_output_limit() {
    ++reactor_.count().output_limit_hits;
    if (transport_) transport_->reset();
    end(make_error(ErrorCode::limit, "write", peer(), "the output queue would exceed its limit; the peer reads too slowly"));
}

Error Connection::write_error(ErrorCode code) const {
    if (code == ErrorCode::closed) return make_error(code, "write", peer(), "the connection is closed");
    if (Result<void> usable = reactor_.check_usable("write", peer()); !usable) return usable.error();
    return make_error(code, "write", peer(), "end_write() was called before");
}

void Connection::flush() {
    if (state_ == State::closed || !is_opened_) return;
    write_some();
    if (state_ == State::closed) return;
    if (!has_output() && (tls_ == nullptr || push_tls())) return on_output_empty();
    if (state_ == State::closing && !reactor_.is_active(idle_timer_)) watch_idleness();
}

void Connection::write_some() {
    if (has_files()) write_files();
    while (can_write_ && !output_.is_empty() && !has_files()) {
        Slice slices[limits::gather_blocks];
        const std::size_t count = output_.peek(slices, limits::gather_blocks);
        const IoResult written = transport_->write(slices, count);
        if (!has_taken(written)) break;
        output_.consume(written.count);
    }
    if (is_broken() || state_ == State::closed) return;
    if (rare_ != nullptr) ease_source();
    if (is_above_high_ && output_.size() <= settings().low_watermark && !has_files()) {
        // Told in the next turn: this may be the end of a turn in which the user was already called for the last time.
        is_above_high_ = false;
        is_drain_due_ = true;
        call_me();
    }
}

// Whether the transport took something; if not, what follows from that is done.
bool Connection::has_taken(const IoResult& written) {
    if (written.kind == IoResult::Kind::done) {
        last_activity_ = reactor_.turn_time();
        reactor_.count().sent_bytes += written.count;
        return true;
    }
    if (written.kind == IoResult::Kind::would_block) {
        can_write_ = false;
        transport_->arm(Direction::write);
    } else {
        on_write_failed(written.error);
    }
    return false;
}

void Connection::on_write_failed(int error) {
    output_.clear();
    const Error& broken = trouble().broken = transport_->failure(error, "write");
    if (rare_ != nullptr) {
        rare_->files.clear();
        lose_source(broken);
    }
    if (state_ == State::closing || has_peer_ended_) return end(broken);
    // The peer may have sent its last words before it went: they are read first, then on_close tells. Who paused until on_drain has
    // nothing more to wait for.
    if (is_above_high_) is_drain_due_ = true;
    is_above_high_ = false;
    is_end_near_ = true;
    can_read_ = true;
    call_me();
}

void Connection::on_output_empty() {
    if (state_ == State::closing) return close_flushed();
    if (!is_end_write_asked_ || has_ended_writing_) return;
    has_ended_writing_ = true;
    transport_->shut_down_writing();
    end_if_both_ended();
}

WriteResult Connection::end_write() {
    if (!is_usable()) return {WriteResult::Kind::failed, ErrorCode::state};
    if (state_ >= State::closing) return {WriteResult::Kind::failed, ErrorCode::closed};
    if (rare_ != nullptr) lose_source({});
    is_end_write_asked_ = true;
    if (is_opened_) reactor_.flush_later(*this);
    return {is_above_high_ ? WriteResult::Kind::wait : WriteResult::Kind::flowing};
}

Result<void> Connection::set_watermarks(std::size_t low, std::size_t high) {
    if (Result<void> usable = reactor_.check_usable("set_watermarks", peer()); !usable) return usable;
    if (low > high) return make_error(ErrorCode::argument, "set_watermarks", peer(), "the low watermark is above the high one");
    own_settings().low_watermark = low;
    own_settings().high_watermark = high;
    return {};
}

void Connection::set_output_limit(std::size_t octets) {
    if (is_usable()) own_settings().output_limit = octets;
}

// ---- pausing and idleness ----

void Connection::pause() {
    if (is_usable()) is_paused_ = true;
}

void Connection::resume() {
    if (!is_usable() || !is_paused_) return;
    is_paused_ = false;
    if ((can_read_ || is_rare_due_ || is_go_on_due_) && state_ == State::open) call_me();
}

void Connection::set_idle_timeout(Duration period) {
    if (!is_usable() || state_ == State::closed) return;
    own_settings().idle_period = std::clamp<Duration>(period, Duration{0}, limits::longest_time);
    last_activity_ = reactor_.now();
    watch_idleness();
}

void Connection::set_close_timeout(Duration period) {
    if (!is_usable() || state_ == State::closed) return;
    own_settings().close_timeout = std::clamp<Duration>(period, Duration{0}, limits::longest_time);
    if (state_ != State::closing) return;
    last_activity_ = reactor_.now();
    watch_idleness();
}

// How long no octet may move; 0 for ever.
Duration Connection::silence_allowed() const {
    const auto [idle, close] = std::pair(settings().idle_period, settings().close_timeout);
    if (state_ != State::closing || close.count() == 0) return idle;
    return idle.count() == 0 ? close : std::min(idle, close);
}

// One timer that looks when it could be true, instead of one that is moved with every octet.
void Connection::watch_idleness() {
    reactor_.cancel(idle_timer_);
    const Duration allowed = silence_allowed();
    if (allowed.count() == 0) return;
    const Timer timer = reactor_.call_later(last_activity_ + allowed - reactor_.now(), [this, allowed] {
        if (reactor_.turn_time() - last_activity_ < allowed) return watch_idleness();
        ++(state_ == State::closing ? reactor_.count().close_timeouts : reactor_.count().idle_timeouts);
        end(make_error(ErrorCode::timeout, state_ == State::closing ? "close" : "wait for octets", peer(), "no octet moved for too long"));
    });
    idle_timer_ = timer.id();
}

// ---- ending ----

void Connection::close() {
    if (!is_usable() || state_ >= State::closing) return;
    const bool has_nothing_to_send = !is_opened_ && !has_output();
    if (has_nothing_to_send || is_broken()) return end(is_broken() ? trouble_->broken : no_error);
    state_ = State::closing;
    if (rare_ != nullptr) {
        leave_target();
        lose_source({});
    }
    last_activity_ = reactor_.now();
    if (reactor_.is_active(idle_timer_)) watch_idleness();  // it has less time from here on
    if (is_opened_) reactor_.flush_later(*this);
}

void Connection::close_for(Error reason) {
    if (!is_usable() || state_ >= State::closing) return;
    trouble().asked = std::move(reason);
    close();
}

void Connection::close_flushed() {
    is_linger_due_ = !has_peer_ended_ && transport_->wants_linger();
    if (!has_ended_writing_) is_linger_due_ ? transport_->shut_down_writing() : transport_->shut_down();
    end({});
}

void Connection::abort() {
    if (!is_usable() || state_ == State::closed) return;
    if (transport_) transport_->reset();
    end(make_error(ErrorCode::cancelled, "abort", peer(), "the connection was aborted"));
}

void Connection::fail(Error reason) {
    if (state_ != State::closed) end(std::move(reason));
}

// The state is closed at once; on_close comes from the loop, by finish(). The transport stays until then: its names may be asked for.
void Connection::end(Error reason) {
    if (state_ == State::closed) return;
    state_ = State::closed;
    // What came first is what it ended for.
    if (trouble_ != nullptr && trouble_->asked.is_set()) reason = std::move(trouble_->asked);
    ++reactor_.count().connections_closed;
    if (reason.is_set()) {
        ++reactor_.count().connections_failed;
        trouble().reason = std::move(reason);
    }
    reactor_.cancel(idle_timer_);
    if (tls_ != nullptr) end_tls();
    output_.clear();
    if (rare_ != nullptr) end_rare();
    connector_.reset();
    reactor_.finish_later(*this);
}

void Connection::finish() {
    if (rare_ != nullptr) release_replaced();
    deliver("on_close", [this] { handler_->receive_close(*this, reason()); });
    handler_.reset();
    if (listener_ != 0) {
        if (auto* listener = static_cast<Listener*>(reactor_.find(listener_))) listener->connection_is_gone();
    }
    tls_ = nullptr;
    if (is_linger_due_) linger(reactor_, std::move(transport_));
}

void Connection::on_stop() {
    if (state_ == State::closed) return;
    if (is_opened_) write_some();  // what the system takes at once; there is no later
    end(make_error(ErrorCode::cancelled, "run", peer(), "the reactor stopped"));
}

void Connection::on_shutdown(Shutdown stage) {
    if (stage == Shutdown::deadline) return close();
    if (stage == Shutdown::last) return abort();
    if (state_ != State::open) return;  // open_now() sees to those that are on their way
    is_shutdown_due_ = true;
    call_me();
}

void Connection::abandon(bool is_fork) {
    state_ = State::closed;
    if (is_fork && transport_) transport_->disown();
    if (is_fork && connector_) connector_->disown();
    connector_.reset();
    tls_ = nullptr;
    transport_.reset();
    handler_.reset();
    if (rare_ != nullptr) abandon_rare();
}

void Connection::forget_handler() {
    handler_ = HandlerPtr(new Handler);  // one that listens to nothing
    if (state_ != State::closed) end(make_error(ErrorCode::cancelled, "release", peer(), "the handler is gone"));
}

// ---- asking ----

std::string Connection::peer() const {
    return is_opened_ && transport_ ? transport_->peer() : std::string{};
}

std::string Connection::local() const {
    return is_opened_ && transport_ ? transport_->local() : std::string{};
}

Connection* find_connection(Reactor& reactor, SourceId id) {
    return dynamic_cast<Connection*>(reactor.find(id));
}

std::string_view state_name(Connection::State state) {
    switch (state) {
        case Connection::State::connecting:
            return "connecting";
        case Connection::State::open:
            return "open";
        case Connection::State::closing:
            return "closing";
        case Connection::State::closed:
            return "closed";
    }
    return "closed";
}

}  // namespace tidemill
