// The contract of engines: a protocol as a state machine that knows no socket and no clock (sans-I/O). Octets and time go in, events and
// octets for the peer come out; core/serve/driver.h puts an engine on a connection. tests/contract/engine_test.cpp holds every engine to it.
//
//     engine.feed(octets);                              // what arrived
//     while (engine.next() == Step::event) use(engine.event());
//     connection.write(engine.output()); engine.output().clear();
//
//  - feed() lends: the octets are read where they are until next() answers anything but event; what is incomplete then, the engine has
//    copied. Who stops calling next() earlier, because its user paused, calls keep() before the octets go.
//  - Events do not depend on how the octets were cut, but for runs of payload, which are told as they come and never empty.
//  - Memory is bounded by the engine's limits, which are checked before a length is believed.
//  - failed is for good: every later call answers it, error() says why. What the peer did wrong has the code remote_protocol, limit or
//    timeout; output() then has the answer that the protocol wants for it, if it wants one.
//  - What the user does wrong is answered by the call that does it, with the code local_protocol, and changes nothing.
#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "tidemill/base/clock.h"
#include "tidemill/base/error.h"
#include "tidemill/proto/input.h"

namespace tidemill {

enum class Step : std::uint8_t {
    event,  // event() has it, valid until the next call of any kind
    need_more,  // feed() or finish()
    paused,  // something must be answered before more can be told, whatever else has been fed
    ended,  // finish() was called and all is told
    failed,
};

template <class E>
concept Engine = requires(E engine, const E constant, Bytes octets, TimePoint now) {
    typename E::Event;
    engine.feed(octets);
    engine.keep();
    engine.finish();  // the peer will send no more
    { engine.next() } -> std::same_as<Step>;
    { constant.event() } -> std::same_as<const typename E::Event&>;
    { constant.error() } -> std::same_as<const Error&>;
    { engine.output() } -> std::same_as<std::string&>;
    // Tells the time, before feed() and when the answer of the last call is reached: the next deadline, TimePoint::max() for none.
    { engine.tick(now) } -> std::same_as<TimePoint>;
};

// What engines have in common. A subclass defines Event, next() and event(), and hides tick() if it has deadlines.
class EngineBase {
public:
    // After a failure nobody will take a copy of what is lent.
    void feed(Bytes octets) {
        if (!has_failed()) input_.feed(octets);
    }
    void keep() { input_.keep(); }
    void finish() { has_input_ended_ = true; }
    const Error& error() const { return error_; }
    std::string& output() { return output_; }
    TimePoint tick(TimePoint /*now*/) { return TimePoint::max(); }

    // What was fed and is in no event, for who goes on with another protocol from here; and taking it away.
    Bytes leftover() const { return input_.rest(); }
    void drop_leftover() { input_.clear(); }

protected:
    // For next(): keeps what is incomplete.
    Step wait(Step step = Step::need_more) {
        input_.keep();
        return step;
    }
    Step fail(ErrorCode code, std::string_view detail) {
        error_ = make_error(code, "receive", {}, detail);
        input_.clear();
        return Step::failed;
    }
    bool has_failed() const { return error_.is_set(); }

    Input input_;
    std::string output_;
    Error error_;
    bool has_input_ended_ = false;
};

}  // namespace tidemill
