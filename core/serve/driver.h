// Driver: puts an engine (proto/engine.h) on a connection. A subclass tells its users of the engine's events, in callbacks that obey
// net/handler.h as on_data does, and these besides:
//
//  - the order is on_open? (the protocol's callbacks | on_drain)* on_end? on_close; on_data comes no more;
//  - after close(), abort(), become() or proxy_to() in a callback nothing more is told, and what was not told goes to who follows;
//    after pause() nothing until resume(), which goes on exactly there;
//  - an exception that is taken costs the event in whose callback it was raised, and no other;
//  - when the peer breaks the protocol, goes beyond a limit, or ends in the middle of something, the connection is closed: what the
//    protocol wants to say to that is sent, and on_close gets remote_protocol, limit or timeout. on_end does not come then.
#pragma once
#include <exception>
#include <type_traits>

#include "tidemill/net/connection.h"
#include "tidemill/proto/engine.h"
#include "tidemill/serve/limit_counters.h"

namespace tidemill {

// What does not depend on the engine.
class DriverBase : public Handler {
public:
    void release() override;

    // The connection has let go of this, or of the handler that it is a part of; before the reactor goes.
    void let_go() { timer_.cancel(); }

    // For who reads more into a message than the engine does: the peer's was none. The connection is closed with remote_protocol.
    void refuse(Connection& connection, std::string_view why);

protected:
    ~DriverBase() override = default;

    // Between two events of one call: whether the next may be told. count: events that this makes.
    bool may_tell(Connection& connection, std::size_t count = 1);

    // Nothing more is told now, but later there is: the loop calls go_on() as soon as it may.
    void tell_later(Connection& connection);

    void begin_call(Connection& connection);
    void send(Connection& connection, std::string& output);
    void end_for(Connection& connection, Error error);
    // Has the loop call go_on() at that time; TimePoint::max() for never.
    void set_deadline(Connection& connection, TimePoint deadline);

    bool is_handed_over_ = false;  // since begin_call()
    bool has_ended_ = false;       // on_end has been told
    Handler* holder_ = nullptr;    // the connection's handler during a call: this, or the script's object that has it

private:
    std::uint64_t turn_ = 0;  // that `told_` counts in
    std::size_t told_ = 0;
    TimePoint deadline_ = TimePoint::max();
    Timer timer_;
};

template <Engine E>
class Driver : public DriverBase {
public:
    template <class... Arguments>
    explicit Driver(Arguments&&... arguments) : engine_(std::forward<Arguments>(arguments)...) {}

    void receive(Connection& connection, Bytes octets) final {
        tell_time(connection);
        engine_.feed(octets);
        run(connection);
    }

    void receive_end(Connection& connection) final {
        tell_time(connection);
        engine_.finish();
        run(connection);
    }

    void go_on(Connection& connection) final {
        tell_time(connection);
        run(connection);
    }

    std::string hand_over(Connection& connection) final {
        send(connection, engine_.output());
        std::string unused(engine_.leftover());
        engine_.drop_leftover();
        is_handed_over_ = true;
        return unused;
    }

protected:
    virtual void tell(Connection& connection, const typename E::Event& event) = 0;

    E& engine() { return engine_; }

    // After a call of the engine outside of tell(), as when an answer is ready: sends what it wants sent and, if it was paused, goes on.
    void engine_changed(Connection& connection) {
        send(connection, engine_.output());
        connection.continue_input();
    }

private:
    static constexpr bool has_deadlines = !std::is_same_v<decltype(&E::tick), TimePoint (EngineBase::*)(TimePoint)>;

    // However the events end, by an exception as well, the octets that were lent must not be looked at again.
    struct Lent {
        ~Lent() {
            driver.engine_.keep();
            if (std::uncaught_exceptions() > exceptions) driver.tell_later(connection);
        }
        Driver& driver;
        Connection& connection;
        int exceptions = std::uncaught_exceptions();
    };

    void tell_time(Connection& connection) {
        if constexpr (has_deadlines) engine_.tick(connection.reactor().now());
    }

    void run(Connection& connection) {
        begin_call(connection);
        const Lent lent{*this, connection};
        Step step = Step::event;
        while (step == Step::event && may_tell(connection)) {
            step = engine_.next();
            if (step == Step::event) tell(connection, engine_.event());
        }
        settle(connection, step);
    }

    void settle(Connection& connection, Step step) {
        if (step == Step::event) {
            if (!is_handed_over_) send(connection, engine_.output());
            return tell_later(connection);
        }
        send(connection, engine_.output());
        if (step == Step::paused) connection.hold_input();
        if (step == Step::failed) {
            if constexpr (requires { engine_.limit(); }) count_limit(connection.reactor().count(), engine_.limit());
            if constexpr (requires { engine_.http_limit(); }) count_limit(connection.reactor().count(), engine_.http_limit());
            return end_for(connection, engine_.error());
        }
        if constexpr (has_deadlines) set_deadline(connection, engine_.tick(connection.reactor().now()));
        if (step == Step::ended && !std::exchange(has_ended_, true)) on_end(connection);
    }

    E engine_;
};

}  // namespace tidemill
