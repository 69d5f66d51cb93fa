// The one door from C++ to the scripts. Two interfaces, implemented by hand once per language (python_dispatch, ruby_dispatch,
// lua_dispatch): a ScriptHandler lives inside each object that a user subclasses, a Host serves a reactor. README.md in this folder is
// the treaty that both sides keep.
#pragma once
#include <cstdint>
#include <memory>

#include "tidemill/net/net.h"

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
    enum class Kind : std::uint8_t { octets, text, integer, real, boolean, error };

    Kind kind;
    union {
        Bytes bytes;         // octets, text (UTF-8)
        std::int64_t integer;
        double real;
        bool boolean;
        const Error* error;  // without a code: nothing went wrong
    };

    static Value octets(Bytes bytes) { return {Kind::octets, bytes}; }
    static Value failure(const Error& error) { return {Kind::error, error}; }

private:
    Value(Kind of, Bytes value) : kind(of), bytes(value) {}
    Value(Kind of, const Error& value) : kind(of), error(&value) {}
};

class Host;

// The C++ half of a script's connection object, embedded in it: it is made and destroyed with the object. The connection is a nullable
// handle: set from attach until the connection lets go, so that a stale object reaches nothing.
class ScriptHandler : public Handler {
public:
    ~ScriptHandler() override { detach(); }

    Connection* connection() const { return connection_; }
    Host* host() const { return host_; }
    SourceId id() const { return connection_ != nullptr ? connection_->id() : last_id_; }
    bool was_attached() const { return was_attached_; }

    // The reactor's side of it, before the handler is given to a connection.
    void set_host(Host& host) { host_ = &host; }

    // Handler
    void attached(Connection& connection) final;
    void on_open(Connection& connection) final;
    void on_data(Connection& connection, Bytes octets) final;
    void on_drain(Connection& connection) final;
    void on_end(Connection& connection) final;
    void on_close(Connection& connection, const Error& reason) final;
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
    SourceId last_id_ = 0;
    bool was_attached_ = false;
};

// A function of the script, named by a number that its adaptor chose.
using Ticket = std::int64_t;

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

    // After on_close: the reactor's strong reference goes.
    virtual void forget(ScriptHandler& handler) = 0;

    // The policy of handler.h for what was just raised: on_error of the connection (if any), then the reactor's error handler.
    virtual Verdict judge(ScriptHandler* handler) = 0;

    // Keeps what was just raised, to leave run() with it. The first one wins; a later one is reported in the language's way.
    virtual void park() = 0;

    void set_reactor(Reactor& reactor) { reactor_ = &reactor; }

    // What follows when a call answered false: judge, and then aborting, parking and halting as the verdict says.
    void on_raised(ScriptHandler* handler);

protected:
    Reactor* reactor_ = nullptr;
};

}  // namespace tidemill::script
