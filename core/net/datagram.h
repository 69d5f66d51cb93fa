// Datagram: a socket for messages that stay whole, UDP or UNIX. What is written in a turn leaves in batches when the turn ends; what came
// is handed up one by one. A datagram may be lost on its way: where the system or the network says so, on_lost tells, and the socket stays open.
//
//     on_open? (on_data | on_drain | on_lost)* on_close
//
// The rules of handler.h hold: callbacks come from the loop only, on_close exactly once and last, after close() and abort() nothing else
// comes, and after pause() no on_data until resume().
#pragma once
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/net/connection.h"
#include "tidemill/reactor/reactor.h"
#include "tidemill/sys/datagram.h"

namespace tidemill {

class Datagram;

class DatagramHandler {
public:
    virtual ~DatagramHandler() = default;

    virtual void on_open(Datagram&) {}

    // One whole datagram, perhaps of no octets, and its sender as endpoint text; both are valid during the call.
    virtual void on_data(Datagram&, Bytes /*octets*/, std::string_view /*peer*/) {}

    // After write() dropped something: three quarters of the queue are free again.
    virtual void on_drain(Datagram&) {}

    // A datagram did not get through. error.endpoint: whose it was, as far as that is known; error.operation: "write" for one sent (os, such
    // as ECONNREFUSED from the network), "read" for one that came and was longer than 64 KiB (limit).
    virtual void on_lost(Datagram&, const Error& /*error*/) {}

    // reason: not set after close().
    virtual void on_close(Datagram&, const Error& /*reason*/) {}

    // As Handler::on_error.
    virtual bool on_error(Datagram&, const std::exception_ptr&) { return false; }
};

struct DatagramOptions {
    std::string_view connect_to = {};  // an endpoint: everything goes there, and nothing else is received
    bool reuse_address = false;  // SO_REUSEADDR: several sockets on one port, each gets what goes to a group
    bool reuse_port = false;  // SO_REUSEPORT: several sockets on one port share what comes
    int receive_buffer = 0;  // octets asked of the system, which may give less; 0 for its default
    int send_buffer = 0;
    int mode = -1;  // permission bits of a UNIX socket's file; -1 for the umask's
};

// Owned by its reactor: valid until its on_close has returned, then deleted.
class Datagram final : public Source {
public:
    enum class State : std::uint8_t { open, closing, closed };

    // Octets are copied. to: "udp://address:port" or "unix-datagram://path"; "" for the peer of a connected socket. A host name is
    // refused: looking it up would block, Resolver and its kin do that before.
    //
    // flowing: the datagram was taken. wait: the queue is full and this one was dropped, on_drain will tell. Fails with argument (too long,
    // or nowhere to go), closed, state (foreign thread).
    WriteResult write(Bytes octets, std::string_view to = {});

    // The error behind a result that failed, in words.
    Error write_error(const WriteResult& written) const;

    // Sends what was written, then closes. No more on_data.
    void close();

    // Closes and discards what was not sent; on_close gets cancelled.
    void abort();

    // No on_data until resume().
    void pause();
    void resume();

    // Multicast. group: an address without port, such as "239.1.2.3" or "ff02::1234"; interface: its name or number, "" for the
    // system's choice. Errors: argument, os, closed, state.
    Result<void> join(std::string_view group, std::string_view interface = {});
    Result<void> leave(std::string_view group, std::string_view interface = {});

    // Where and how what is sent to a group leaves: its interface, over how many hops (0 to 255), whether this machine gets it too.
    Result<void> set_multicast_interface(std::string_view interface);
    Result<void> set_multicast_ttl(int hops);
    Result<void> set_multicast_loop(bool is_on);

    // Whether it may be sent to all of a network.
    Result<void> set_broadcast(bool is_on);

    State state() const { return state_; }
    bool is_paused() const { return is_paused_; }

    // Octets written and not yet taken by the system.
    std::size_t pending() const { return pending_; }

    // Datagrams that write() refused because the queue was full.
    std::uint64_t dropped() const { return dropped_; }

    // Endpoint text; peer is "" unless the socket is connected.
    const std::string& local() const { return local_; }
    const std::string& peer() const { return peer_; }

    Reactor& reactor() const { return reactor_; }
    DatagramHandler& handler() const { return *handler_; }

    // ---- made by open_datagram ----

    Datagram(Reactor& reactor, DatagramSocket socket, std::unique_ptr<DatagramHandler> handler);
    Result<void> start();
    Result<void> connect_to(const Address& peer, std::string_view text);

    // ---- Source ----

    void on_ready(const Ready& ready) override;
    void flush() override;
    void finish() override;
    void on_stop() override;
    void abandon(bool is_fork) override;

private:
    // A datagram on its way out.
    struct Waiting {
        std::size_t place;  // in octets_
        std::size_t size;
        Address to;  // of no size: the peer
        TimePoint since;
        bool is_done;
    };

    // A datagram that came together with one whose callback paused the socket or stopped the loop.
    struct Held {
        std::string octets;
        std::string peer;
    };

    struct Known {
        std::string text;
        Address address;
    };

    class Sending;

    template <class Call>
    void deliver(Call call);
    void take_exception(const std::exception_ptr& exception);
    void call_me();
    bool has_something_to_tell() const;
    void tell();
    void read_some();
    void hand_up(const DatagramBatch& batch, std::size_t count);
    void hold(const DatagramBatch& batch, std::size_t first, std::size_t count);
    void on_read_failed(int error);
    std::string_view text_of(const Address& address);

    bool find_target(std::string_view to, Address& address);
    bool refuse(std::string_view to, std::string_view detail);
    std::size_t longest() const;
    bool is_full(std::size_t size) const;
    void send_some();
    bool on_send_failed(Waiting& waiting, const IoResult& sent, std::vector<Address>& full);
    void give_up(Waiting& waiting, int error);
    void drop_done();
    void try_again_soon();
    bool take_failures();
    void lose(Error error);
    void end(Error reason);

    Result<void> check_usable(std::string_view operation) const;
    Result<void> check_multicast(std::string_view operation) const;
    Result<void> change_membership(std::string_view operation, int (*change)(int, const Address&, std::uint32_t), std::string_view group,
                                   std::string_view interface);

    bool is_reading() const { return state_ == State::open && !is_paused_; }

    Reactor& reactor_;
    DatagramSocket socket_;
    std::unique_ptr<DatagramHandler> handler_;
    DatagramBatch* batch_ = nullptr;  // the reactor's
    const std::string local_;
    std::string peer_;
    Address peer_address_{};

    State state_ = State::open;
    bool is_opened_ = false;
    bool is_paused_ = false;
    bool can_read_ = false;
    bool can_write_ = true;
    bool is_read_refused_ = false;  // the system was out of memory
    bool is_failure_near_ = false;  // the poller saw an error: there may be a report
    bool is_drain_wanted_ = false;
    bool is_drain_due_ = false;
    bool is_call_due_ = false;

    std::vector<Waiting> waiting_;
    std::string octets_;  // of those that wait, and of some that are done
    std::size_t pending_ = 0;
    std::uint64_t dropped_ = 0;
    Timer retry_;
    std::deque<Held> held_;
    std::deque<Error> losses_;
    Known last_sender_;
    Known last_target_;
    Error refusal_;  // of the last write that failed with argument
    Error reason_;
};

// endpoint: "udp://address:port", port 0 for any free one; "unix-datagram:///path", "unix-datagram://@name", "unix-datagram://@" for any
// abstract name. Addresses are literal. The socket belongs to the reactor. Errors: argument, os, state.
Result<Datagram*> open_datagram(Reactor& reactor, std::string_view endpoint, std::unique_ptr<DatagramHandler> handler,
                                DatagramOptions options = {});

// The same with a new HandlerClass: open_datagram<Echo>(reactor, "udp://127.0.0.1:8125").
template <class HandlerClass>
    requires std::is_base_of_v<DatagramHandler, HandlerClass>
Result<Datagram*> open_datagram(Reactor& reactor, std::string_view endpoint, DatagramOptions options = {}) {
    return open_datagram(reactor, endpoint, std::make_unique<HandlerClass>(), options);
}

// nullptr if there is no such socket (any more).
Datagram* find_datagram(Reactor& reactor, SourceId id);

// "open", "closing", "closed".
std::string_view state_name(Datagram::State state);

}  // namespace tidemill
