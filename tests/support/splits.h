// Splits: an engine replayed with its input cut in every way, and whether it keeps the contract of engine.h. Without doctest, as fuzz
// targets use it too.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tidemill/proto/engine.h"

namespace tidemill::test {

// What a test says of an event. is_run: payload that is told as it comes; neighbours with the same words are joined.
struct Told {
    std::string words;
    std::string octets = {};
    bool is_run = false;
};

// An engine under test, and its user.
template <Engine E>
struct Subject {
    std::function<std::unique_ptr<E>()> make;
    // Describes the event, and may then call the engine as its user would in that callback.
    std::function<Told(E&, const typename E::Event&)> tell;
    // The engine said paused: does what it waits for. Empty, or false: the replay ends there.
    std::function<bool(E&)> answer = {};
};

struct Replay {
    std::vector<Told> events;
    std::string output;
    Error error;
    Step last = Step::need_more;
    std::string breach;  // of the contract, found on the way
};

struct Manner {
    bool keeps = false;     // keep() between any two events
    bool is_idle = false;   // feeds nothing now and then
    bool finishes = false;  // at the end
};

inline std::string words_of(const Told& told) {
    std::string text = told.words + ' ';
    for (const char c : told.octets) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet >= ' ' && octet < 127) {
            text += c;
        } else {
            text.append("\\x") += "0123456789abcdef"[octet >> 4];
            text += "0123456789abcdef"[octet & 15];
        }
    }
    return text;
}

// The one way in which a replay differs from another; "" if it does not.
inline std::string difference(const Replay& one, const Replay& other) {
    for (std::size_t i = 0; i < std::max(one.events.size(), other.events.size()); ++i) {
        const std::string first = i < one.events.size() ? words_of(one.events[i]) : "no event";
        const std::string second = i < other.events.size() ? words_of(other.events[i]) : "no event";
        if (first != second) return "event " + std::to_string(i) + " is <" + first + "> and <" + second + ">";
    }
    if (one.last != other.last) return "it ends with another step";
    if (one.error.code != other.error.code || one.error.detail != other.error.detail) {
        return "the error is <" + one.error.text() + "> and <" + other.error.text() + ">";
    }
    if (one.output != other.output) return "the output is <" + words_of({"", one.output}) + "> and <" + words_of({"", other.output}) + ">";
    return {};
}

template <Engine E>
class Splits {
public:
    Splits(Subject<E> subject, std::string input) : subject_(std::move(subject)), input_(std::move(input)) {}

    // How the engine breaks the contract on this input; "" if it keeps it.
    std::string breach() const {
        const Replay whole = replay({input_.size()}, {});
        if (!whole.breach.empty()) return "whole: " + whole.breach;
        for (const Manner manner : {Manner{}, Manner{.keeps = true}, Manner{.is_idle = true}}) {
            if (auto found = compared(whole, octet_by_octet(input_.size()), manner); !found.empty()) return "octet by octet: " + found;
        }
        if (auto found = compared(whole, {input_.size()}, {.keeps = true}); !found.empty()) return "whole, with keep(): " + found;
        for (const std::size_t cut : places()) {
            for (const bool keeps : {false, true}) {
                if (auto found = compared(whole, {cut, input_.size() - cut}, {.keeps = keeps}); !found.empty()) return at(cut) + found;
            }
            if (auto found = breach_at_end(whole, cut); !found.empty()) return "the end " + at(cut) + found;
        }
        return {};
    }

    // sizes: of the pieces that are fed.
    Replay replay(const std::vector<std::size_t>& sizes, Manner manner) const {
        Replay seen;
        const std::unique_ptr<E> engine = subject_.make();
        std::size_t place = 0;
        for (const std::size_t size : sizes) {
            if (manner.is_idle) engine->feed({});
            // Of its own and gone afterwards: who reads what was only lent is found out.
            const auto lent = std::make_unique<char[]>(size);
            std::memcpy(lent.get(), input_.data() + place, size);
            place += size;
            engine->tick(noon);
            engine->feed({lent.get(), size});
            take_events(*engine, seen, manner);
            std::memset(lent.get(), '?', size);
        }
        if (manner.finishes) {
            engine->finish();
            take_events(*engine, seen, manner);
            if (seen.last == Step::need_more) seen.breach = "it wants more after finish()";
        }
        check_last(*engine, seen);
        seen.output = engine->output();
        return seen;
    }

private:
    static constexpr TimePoint noon = TimePoint{} + std::chrono::hours{12};

    static std::string at(std::size_t cut) { return "cut at " + std::to_string(cut) + ": "; }
    static std::vector<std::size_t> octet_by_octet(std::size_t count) { return std::vector<std::size_t>(count, 1); }

    // Every place of a short input; of a long one the two ends, and others in between.
    std::vector<std::size_t> places() const {
        constexpr std::size_t most = 300;
        std::vector<std::size_t> all;
        const std::size_t stride = input_.size() <= most ? 1 : input_.size() / most;
        for (std::size_t cut = 0; cut <= input_.size(); ++cut) {
            if (cut < 40 || cut % stride == 0 || input_.size() - cut < 40) all.push_back(cut);
        }
        return all;
    }

    std::string compared(const Replay& whole, const std::vector<std::size_t>& sizes, Manner manner) const {
        const Replay seen = replay(sizes, manner);
        return seen.breach.empty() ? difference(whole, seen) : seen.breach;
    }

    std::string breach_at_end(const Replay& whole, std::size_t cut) const {
        const Replay before = replay({cut}, {});
        if (auto found = no_beginning(before, whole); !found.empty()) return found;
        const Replay ended = replay({cut}, {.finishes = true});
        if (!ended.breach.empty()) return ended.breach;
        if (auto found = no_beginning(before, ended); !found.empty()) return "with finish(): " + found;
        return compared(ended, octet_by_octet(cut), {.finishes = true});
    }

    // What came of the first octets must be how the whole begins.
    static std::string no_beginning(const Replay& part, const Replay& whole) {
        for (std::size_t i = 0; i < part.events.size(); ++i) {
            const std::string told = words_of(part.events[i]);
            const std::string later = i < whole.events.size() ? words_of(whole.events[i]) : "no event";
            const bool may_grow = part.events[i].is_run && i + 1 == part.events.size();
            if (may_grow ? !later.starts_with(told) : later != told) return "it told <" + told + ">, and of more <" + later + ">";
        }
        return {};
    }

    void take_events(E& engine, Replay& seen, Manner manner) const {
        for (std::size_t rounds = 0; rounds <= 4 * input_.size() + 64; ++rounds) {
            seen.last = engine.next();
            if (seen.last == Step::event) {
                take_event(subject_.tell(engine, engine.event()), seen);
                if (manner.keeps) engine.keep();
            } else if (seen.last != Step::paused || !subject_.answer || !subject_.answer(engine)) {
                return;
            }
        }
        seen.breach = "its events do not end";
        seen.last = Step::need_more;
    }

    static void take_event(Told told, Replay& seen) {
        if (told.is_run && told.octets.empty()) seen.breach = "it told of a run without octets";
        const bool is_more = told.is_run && !seen.events.empty() && seen.events.back().is_run && seen.events.back().words == told.words;
        if (is_more) {
            seen.events.back().octets += told.octets;
        } else {
            seen.events.push_back(std::move(told));
        }
    }

    // failed and ended are for good.
    static void check_last(E& engine, Replay& seen) {
        seen.error = engine.error();
        const bool has_failed = seen.last == Step::failed;
        if (seen.error.is_set() != has_failed) seen.breach = "error() says something else than next()";
        if (has_failed && seen.error.code != ErrorCode::remote_protocol && seen.error.code != ErrorCode::limit &&
            seen.error.code != ErrorCode::timeout) {
            seen.breach = "it failed with the code " + std::string(code_name(seen.error.code));
        }
        if (!has_failed && seen.last != Step::ended) return;
        const std::string output = engine.output();
        const auto is_changed = [&] {
            return engine.next() != seen.last || engine.error().code != seen.error.code || engine.error().detail != seen.error.detail;
        };
        bool changes = is_changed();
        engine.keep();
        changes = changes || is_changed();
        if (has_failed) {
            engine.feed("GET / HTTP/1.1\r\n\r\n1:a,\n");
            changes = changes || is_changed();
            engine.finish();
            changes = changes || is_changed();
        }
        if (changes || engine.output() != output) seen.breach = "its last step is not for good";
    }

    Subject<E> subject_;
    std::string input_;
};

// The same in a word.
template <Engine E>
std::string breach_of_contract(const Subject<E>& subject, std::string input) {
    return Splits<E>(subject, std::move(input)).breach();
}

}  // namespace tidemill::test
