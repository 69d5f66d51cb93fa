// The one door from C++ to the scripts. Two interfaces, implemented by hand once per language (python_dispatch, ruby_dispatch,
// lua_dispatch): a ScriptHandler lives inside each object that a user subclasses, a Host serves a reactor. README.md in this folder is
// the treaty that both sides keep.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

#include "tidemill/net/net.h"
#include "tidemill/serve/driver.h"

namespace tidemill::script {

enum class Event : std::uint8_t {
#define TIDEMILL_EVENT(name) name,
#include "bindings/events.def"
#undef TIDEMILL_EVENT
};

inline constexpr const char* event_names[] = {
#define TIDEMILL_EVENT(name) #name,
#include "bindings/events.def"
#undef TIDEMILL_EVENT
};
inline constexpr std::size_t event_count = sizeof event_names / sizeof *event_names;

// An argument of an event, borrowed during the call.
struct Value {
    enum class Kind : std::uint8_t { octets, text, integer, real, boolean, error, octets_list, octets_pairs, text_pairs };
    using Pair = std::pair<Bytes, Bytes>;

    Kind kind;
    union {
        std::span<const Bytes> list;  // octets_list
        std::span<const Pair> pairs;  // octets_pairs, text_pairs
        Bytes bytes;         // octets, text (UTF-8)
        std::int64_t integer;
        double real;
        bool boolean;
        const Error* error;  // without a code: nothing went wrong
    };

    static Value octets(Bytes bytes) { return {Kind::octets, bytes}; }
    static Value words(Bytes text) { return {Kind::text, text}; }
    static Value number(std::int64_t number) { return Value(number); }
    static Value seconds(double number) { return Value(number); }
    static Value flag(bool flag) { return Value(flag); }
    static Value failure(const Error& error) { return {Kind::error, error}; }
    // A list of octets; one of names and values, such as the fields of a header, both octets or both text.
    static Value octets_of(std::span<const Bytes> list) { return Value(list); }
    static Value octet_pairs(std::span<const Pair> pairs) { return {Kind::octets_pairs, pairs}; }
    static Value word_pairs(std::span<const Pair> pairs) { return {Kind::text_pairs, pairs}; }
    // None, nil.
    static Value nothing() {
        static const Error no_error;
        return failure(no_error);
    }

private:
    Value(Kind of, Bytes value) : kind(of), bytes(value) {}
    Value(Kind of, const Error& value) : kind(of), error(&value) {}
    Value(Kind of, std::span<const Pair> value) : kind(of), pairs(value) {}
    explicit Value(std::span<const Bytes> value) : kind(Kind::octets_list), list(value) {}
    explicit Value(std::int64_t value) : kind(Kind::integer), integer(value) {}
    explicit Value(double value) : kind(Kind::real), real(value) {}
    explicit Value(bool value) : kind(Kind::boolean), boolean(value) {}
};

class Host;

// A protocol between a connection and the script's object that has it: a driver whose callbacks are events of that object. Made by
// connection_set_protocol (protocol.h), never by hand.
class Protocol {
public:
    virtual ~Protocol() = default;
    virtual DriverBase& driver() = 0;

    // What the object calls write_line, write_message and so on: one frame.
    virtual Result<WriteResult> write_frame(Connection& connection, Bytes octets) = 0;

    // The object's on_open comes from the protocol, when its handshake is done.
    virtual bool tells_open() const { return false; }
};

// The C++ half of a script's connection object, embedded in it: it is made and destroyed with the object. The connection is a nullable
// handle: set from attach until the connection lets go, so that a stale object reaches nothing.
class ScriptHandler : public Handler {
public:
    ~ScriptHandler() override { detach(); }

    Connection* connection() const { return connection_; }
    Host* host() const { return host_; }
    SourceId id() const { return connection_ != nullptr ? connection_->id() : last_id_; }
    bool was_attached() const { return was_attached_; }

    // No connection has it, nor will have to let go of it after become().
    bool is_free() const { return connection_ == nullptr && host_ == nullptr; }

    // The reactor's side of it, before the handler is given to a connection.
    void set_host(Host& host) { host_ = &host; }

    // From its next connection on, until it is closed; nullptr for none.
    void set_protocol(std::unique_ptr<Protocol> protocol) { protocol_ = std::move(protocol); }
    Protocol* protocol() const { return protocol_.get(); }

    // For its protocol: calls the object's method of that name.
    void tell(Event event, const Value& argument) { call(event, &argument, 1); }

    // The same for who has something to do before an exception goes its way: false if it was raised; raised() then says where it goes.
    bool offer(Event event, std::initializer_list<Value> arguments);
    void raised();

    // become() gave the connection to another object: this one reaches it no more. release() follows, from the loop.
    void replaced();

    // Handler
    void attached(Connection& connection) final;
    void on_open(Connection& connection) final;
    void on_data(Connection& connection, Bytes octets) final;
    void on_tls(Connection& connection, const TlsInfo& info) final;
    void on_drain(Connection& connection) final;
    void on_proxy_end(Connection& connection, const Error& reason) final;
    void on_shutdown(Connection& connection) final;
    void on_end(Connection& connection) final;
    void on_close(Connection& connection, const Error& reason) final;
    void receive(Connection& connection, Bytes octets) final;
    void receive_end(Connection& connection) final;
    void receive_open(Connection& connection) final;
    void receive_drain(Connection& connection) final;
    void receive_shutdown(Connection& connection) final;
    void receive_close(Connection& connection, const Error& reason) final;
    void go_on(Connection& connection) final;
    std::string hand_over(Connection& connection) final;
    void release() final;

protected:
    // Calls the object's method of that name. False: it raised, and the language holds what it raised for Host::judge.
    virtual bool emit(Event event, const Value* arguments, std::size_t count) = 0;

    // Before the object's memory goes: a connection that is still open ends without telling anybody.
    void detach();

private:
    void call(Event event, const Value* arguments = nullptr, std::size_t count = 0);

    Connection* connection_ = nullptr;
    Host* host_ = nullptr;
    std::unique_ptr<Protocol> protocol_;
    SourceId last_id_ = 0;
    bool was_attached_ = false;
};

// A function or an object of the script, named by a number that its adaptor chose; never 0. Below 0: a timer's (README.md).
using Ticket = std::int64_t;

// Whose callback raised: a connection's, that of another object, or nobody's (a timer's, a tick's, a factory's).
struct Party {
    ScriptHandler* handler = nullptr;
    Ticket object = 0;
};

// What became of an exception: somebody took it; nobody did; or it is none of the program's business (Ctrl-C, exit) and leaves at once.
enum class Verdict : std::uint8_t { taken, unhandled, leaving };

// What a reactor needs of its language. All of it is called with the interpreter's lock held, between enter() and leave().
class Host : public Gate {
public:
    // The script's reactor object for the duration of a run; kept alive by the caller's frame.
    virtual void enter(void* reactor_object) = 0;
    virtual void leave() = 0;

    // Each calls the adaptor; false or nullptr: it raised.
    virtual bool call_timer(Ticket ticket) = 0;
    virtual bool call_tick() = 0;
    virtual bool call_posted() = 0;
    virtual ScriptHandler* make_connection(Ticket factory) = 0;

    // Calls the event's method of an object that the adaptor keeps in its table of objects. False: it raised.
    virtual bool emit(Ticket object, Event event, const Value* arguments, std::size_t count) = 0;

    // After on_close: the reactor's strong reference goes.
    virtual void forget(ScriptHandler& handler) = 0;
    // After an object's last event: it leaves the table.
    virtual void forget(Ticket object) = 0;

    // The policy of handler.h for what was just raised: on_error of the party (if any), then the reactor's error handler.
    virtual Verdict judge(Party party) = 0;

    // Keeps what was just raised, to leave run() with it. The first one wins; a later one is reported in the language's way.
    virtual void park() = 0;

    void set_reactor(Reactor& reactor) { reactor_ = &reactor; }

    // The connection that the handler has, or had before become(); nullptr if it is gone.
    Connection* find_connection(const ScriptHandler& handler) const { return tidemill::find_connection(*reactor_, handler.id()); }

    // Has the loop call call_tick() once, in its next turn. Errors: state.
    Result<void> queue_tick();

    // What follows when a call answered false: judge, and then aborting, parking and halting as the verdict says. True: somebody took it.
    bool on_raised(Party party = {});

    // Whether what was raised last is none of the program's business: nothing is to be ended for it.
    bool was_leaving() const { return verdict_ == Verdict::leaving; }

    // The script's object that is told of slow callbacks; 0 for none.
    void set_slow_watch(Ticket watch) { slow_watch_ = watch; }

    // As the last step of each callback: if it was slow, the script says who it was, as long as that can be known. what: the event's
    // name, or timer, tick, factory.
    void blame(Party party, const char* what) {
        if (reactor_->call_watch().is_slow()) locate(party, what);
    }

protected:
    bool is_watching() const { return slow_watch_ != 0; }

    Reactor* reactor_ = nullptr;

private:
    void locate(Party party, const char* what);

    Ticket slow_watch_ = 0;
    Verdict verdict_ = Verdict::taken;
};

// The core's hold on an object of the script that is no connection: a datagram socket, a process, a watch. The adaptor keeps the object
// under the ticket from before the call that makes the core's part until this is destroyed, as that part's last step.
class ScriptObject {
public:
    ScriptObject(Host& host, Ticket ticket) : host_(host), ticket_(ticket) {}
    ~ScriptObject() { host_.forget(ticket_); }
    ScriptObject(const ScriptObject&) = delete;
    ScriptObject& operator=(const ScriptObject&) = delete;

    // False: it raised and nobody took the exception; the loop is told to stop and the owner ends what it serves.
    bool emit(Event event, std::initializer_list<Value> arguments = {}) {
        const bool goes_on = host_.emit(ticket_, event, arguments.begin(), arguments.size()) || host_.on_raised({.object = ticket_});
        host_.blame({.object = ticket_}, event_names[static_cast<std::size_t>(event)]);
        return goes_on;
    }

private:
    Host& host_;
    Ticket ticket_;
};

}  // namespace tidemill::script
