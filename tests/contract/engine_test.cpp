// Every engine keeps engine.h: a line for each, with inputs that are good, bad, too long and cut short. Before them, engines that break
// the contract in one way each: Splits must find them out, or the lines below would prove nothing. (Who reads what was only lent is found
// out by the step asan, and cannot be shown here.)
#include <doctest/doctest.h>

#include <string>

#include "support/splits.h"

using namespace tidemill;
using test::Subject;
using test::Told;

namespace {

// Words that end with a full stop; '#' is none of them. fault: what it does wrong.
enum class Fault { none, loses, cuts, empty_run, forgives, waits, wrong_code, answers_twice, endless };

template <Fault fault>
class Words : public EngineBase {
public:
    struct Event {
        std::string_view kind;
        Bytes octets;
    };

    const Event& event() const { return event_; }

    Step next() {
        if (has_failed() && fault != Fault::forgives) return Step::failed;
        const Bytes rest = input_.rest();
        if constexpr (fault == Fault::empty_run) {
            if (rest.empty() && !std::exchange(has_told_, true)) return tell("letters", {}, 0);
        }
        if (fault == Fault::endless && !rest.empty()) return tell("again", {}, 0);
        const std::size_t end = rest.find('.');
        if (const std::size_t bad = rest.find('#'); bad < end) {
            output_ += "bad\n";
            return fail(fault == Fault::wrong_code ? ErrorCode::state : ErrorCode::remote_protocol, "a hash");
        }
        if (end == Bytes::npos) {
            if (fault == Fault::cuts && !rest.empty()) return tell("word", rest, rest.size());
            if (!has_input_ended_) {
                if (fault == Fault::loses && !rest.empty()) input_.consume(1);
                return wait();
            }
            if (fault == Fault::waits) return wait();
            if (rest.empty()) {
                if (fault == Fault::answers_twice) output_ += "bye\n";
                return wait(Step::ended);
            }
            return fail(ErrorCode::remote_protocol, "a word is cut short");
        }
        return tell("word", rest.substr(0, end), end + 1);
    }

private:
    Step tell(std::string_view kind, Bytes octets, std::size_t used) {
        event_ = {kind, octets};
        input_.consume(used);
        return Step::event;
    }

    Event event_;
    bool has_told_ = false;
};

template <Fault fault>
std::string breach(const std::string& input) {
    using E = Words<fault>;
    const Subject<E> subject{[] { return std::make_unique<E>(); },
                             [](E&, const typename E::Event& event) {
                                 return Told{std::string(event.kind), std::string(event.octets), event.kind == "letters"};
                             }};
    return test::breach_of_contract(subject, input);
}

}  // namespace

TEST_CASE("splits_let_a_good_engine_pass") {
    for (const char* input : {"", ".", "a.", "one.two.three.", "one.two", "one.tw#o.three", "#", "."}) {
        CAPTURE(input);
        CHECK(breach<Fault::none>(input) == "");
    }
}

TEST_CASE("splits_find_out_who_breaks_the_contract") {
    CHECK(breach<Fault::loses>("one.two.") != "");
    CHECK(breach<Fault::cuts>("one.two.") != "");
    CHECK(breach<Fault::empty_run>("one.two.").find("without octets") != std::string::npos);
    CHECK(breach<Fault::forgives>("one.tw#o.") != "");
    CHECK(breach<Fault::waits>("one.two.").find("wants more") != std::string::npos);
    CHECK(breach<Fault::wrong_code>("one.tw#o.").find("code state") != std::string::npos);
    CHECK(breach<Fault::answers_twice>("one.two.").find("for good") != std::string::npos);
    CHECK(breach<Fault::endless>("one.").find("do not end") != std::string::npos);
}
