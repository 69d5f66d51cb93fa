// Every engine keeps engine.h: a line for each, with inputs that are good, bad, too long and cut short. Before them, engines that break
// the contract in one way each: Splits must find them out, or the lines below would prove nothing. (Who reads what was only lent is found
// out by the step asan, and cannot be shown here.)
#include <doctest/doctest.h>

#include <string>

#include <tidemill/serve/websocket_session.h>

#include "support/framing.h"

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

// ---- framing ----

TEST_CASE("engine_of_lines_keeps_the_contract") {
    for (const std::string input :
         {"", "\n", "\r\n", "one\ntwo\r\nthree", "a\rb\r\r\n\n", "12345678\r\n12345678\n", "123456789\n", "12345678\r", "12345678\r1\n",
          "text 5\r\n1\r\n23ab\n", "text 0\nx\n", "text 9\n123", "text 41\nx", "text 40\n1\n", "\r"}) {
        CAPTURE(input);
        CHECK(test::breach_of_contract(test::line_subject({8, 40}), input) == "");
    }
    CHECK(test::breach_of_contract(test::line_subject({}), std::string(3000, 'x') + "\r\n" + std::string(2000, '\n')) == "");
}

TEST_CASE("engine_of_lines_told_in_batches_keeps_the_contract") {
    for (const std::string input :
         {"a\nb\r\n\nc\nd\ne\nf\ng\nh\ni\r\nj", "a\nb\nstop\nc\nd\n", "stop\r\na\n", "a\n123456789\nb\n", "\n\n\n"}) {
        CAPTURE(input);
        CHECK(test::breach_of_contract(test::batch_subject({8, 40}), input) == "");
    }
}

TEST_CASE("engine_of_messages_keeps_the_contract") {
    const std::string octets = "hello, this is content of every kind \n\r:,0123456789";
    for (const LengthPrefix prefix : test::all_prefixes) {
        CAPTURE(static_cast<int>(prefix));
        std::string input;
        for (const std::size_t size : {std::size_t{5}, std::size_t{0}, std::size_t{1}, std::size_t{30}, std::size_t{41}}) {
            CHECK(test::breach_of_contract(test::message_subject(prefix, 40), input) == "");
            const Result<LengthOctets> length = encode_length(prefix, size);
            REQUIRE(length.ok());
            input.append(length.value().bytes()).append(octets, 0, size);
            CHECK(test::breach_of_contract(test::message_subject(prefix, 40), input) == "");
        }
        CHECK(test::breach_of_contract(test::message_subject(prefix, 40), std::string(9, '\xff')) == "");
    }
}

TEST_CASE("engine_of_netstrings_keeps_the_contract") {
    for (const std::string input : {"", "5:hello,0:,1:,,", "5:hello", "5:hello;", "05:hello,", "00:,", "41:x", "40:x",
                                    "999999999:", "1234567890:", ":,", "hello", "5hello", "3:a\nb,", "9", "1x:"}) {
        CAPTURE(input);
        CHECK(test::breach_of_contract(test::frame_subject<NetstringEngine>(NetstringOptions{40}), input) == "");
    }
}

TEST_CASE("engine_of_blocks_keeps_the_contract") {
    for (const std::string input : {"", "1", "1234", "12341234", "123412345"}) {
        CAPTURE(input);
        CHECK(test::breach_of_contract(test::frame_subject<BlockEngine>(std::size_t{4}), input) == "");
    }
}

TEST_CASE("engine_of_headers_with_content_keeps_the_contract") {
    for (const std::string input :
         {"", "\n", "\r\n\r\n", "GET it\r\nContent-Length: 5\r\n\r\nhelloPUT it\ncontent-length:\t0 \n\n\n",
          "content 3\nContent-Length: x\n\nabc", "Content-Length: 5\nContent-Length: 5\n\nhello", "Content-Length: -1\n\n",
          "Content-Length:\n\n", "Content-Length: 99999999999999999999\n\n", "Content-Length: 41\n\n", "Content-Length: 40\n\nshort",
          "cut sho", "a\nb\nc\nd\n\n", "a\nb\nc\n\n", "12345678901234567890123456789012\n", "123456789012345678901234567890\n\nx",
          "1234567890123456789012345678901\n\nx", "a\rb\r\r\n\r\n"}) {
        CAPTURE(input);
        CHECK(test::breach_of_contract(test::header_content_subject({32, 3, 40}), input) == "");
    }
}

namespace {

// Every input of up to three octets that an engine may take for something.
std::vector<std::string> short_inputs() {
    constexpr std::string_view octets("\n\r01:,a\xff\0", 9);
    std::vector<std::string> inputs{""};
    for (std::size_t i = 0; inputs[i].size() < 3; ++i) {
        for (const char octet : octets) inputs.push_back(inputs[i] + octet);
    }
    return inputs;
}

}  // namespace

TEST_CASE("engines_of_frames_keep_the_contract_with_the_smallest_limits") {
    for (const std::size_t limit : {0, 1, 2}) {
        std::string found;
        const auto try_out = [&]<Engine E>(const Subject<E>& subject, std::string_view name, const std::string& input) {
            const std::string breach = test::breach_of_contract(subject, input);
            if (!breach.empty() && found.empty()) found = std::string(name) + " <" + test::words_of({"", input}) + ">: " + breach;
        };
        for (const std::string& input : short_inputs()) {
            try_out(test::line_subject({limit, limit}), "lines", input);
            try_out(test::batch_subject({limit, limit}), "batches", input);
            for (const LengthPrefix prefix : test::all_prefixes) try_out(test::message_subject(prefix, limit), "messages", input);
            try_out(test::frame_subject<NetstringEngine>(NetstringOptions{limit}), "netstrings", input);
            try_out(test::frame_subject<BlockEngine>(limit + 1), "blocks", input);
            for (const std::size_t lines : {0, 1}) try_out(test::header_content_subject({limit, lines, limit}), "header and content", input);
        }
        CAPTURE(limit);
        CHECK(found == "");
    }
}

// ---- WebSocket ----

namespace {

Told told_of(const WebSocketEvent& event) {
    static constexpr const char* kinds[] = {"message", "part", "ping", "pong", "close"};
    std::string words = kinds[static_cast<int>(event.kind)];
    words += event.is_text ? " text " : " ";
    words += std::to_string(event.code);
    return {words, std::string(event.data), false};
}

// A client's frame, with a mask of zeros.
std::string frame(unsigned first, const std::string& payload) {
    std::string octets{static_cast<char>(first), static_cast<char>(0x80 | payload.size())};
    return octets + std::string(4, '\0') + payload;
}

const std::vector<std::string> websocket_inputs = {
    "",
    frame(0x81, "hello") + frame(0x82, std::string("\0\xff", 2)),
    frame(0x81, "") + frame(0x01, "a") + frame(0x89, "?") + frame(0x00, "") + frame(0x80, "b") + frame(0x8a, "!"),
    frame(0x01, "caf\xc3") + frame(0x80, "\xa9") +
        frame(0x88,
              "\x03\xe8"
              "bye"),
    frame(0x81, std::string(40, 'x')) + frame(0x81, std::string(41, 'x')),
    frame(0x01, std::string(30, 'x')) + frame(0x80, std::string(11, 'x')),
    frame(0x01, "a") + frame(0x00, "b") + frame(0x00, "c") + frame(0x80, "d"),
    frame(0x81, "\xc3("),
    frame(0x88, "\x03"),
    frame(0x88, "\x03\xed"),
    frame(0x80, "a"),
    frame(0x83, "a"),
    frame(0xc1, "a"),
    frame(0x09, "a"),
    frame(0x88, "") + frame(0x81, "too late"),
    std::string("\x81\x01x", 3),
    frame(0x81, "cut short").substr(0, 9),
};

const std::string websocket_request =
    "GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

}  // namespace

TEST_CASE("engine_of_websockets_keeps_the_contract") {
    WebSocketOptions options;
    options.message_limit = 40;
    options.fragment_limit = 3;
    const Subject<WebSocketEngine> subject{[&] { return std::make_unique<WebSocketEngine>(WebSocketRole::server, options); },
                                           [](WebSocketEngine& engine, const WebSocketEvent& event) {
                                               const Told told = told_of(event);
                                               if (event.kind == WebSocketEvent::Kind::message)
                                                   static_cast<void>(engine.send_binary(event.data));
                                               return told;
                                           }};
    for (const std::string& input : websocket_inputs) {
        CAPTURE(input);
        CHECK(test::breach_of_contract(subject, input) == "");
    }
}

TEST_CASE("engine_of_websockets_with_their_handshake_keeps_the_contract") {
    WebSocketConnectionOptions options;
    options.frames.message_limit = 40;
    options.frames.fragment_limit = 3;
    const Subject<WebSocketSession> subject{[&] {
                                                auto session = std::make_unique<WebSocketSession>();
                                                session->listen(options.handshake_timeout);
                                                return session;
                                            },
                                            [&](WebSocketSession& session, const WebSocketSessionEvent& event) {
                                                switch (event.kind) {
                                                    case WebSocketSessionEvent::Kind::handshake: {
                                                        const Told told{"handshake", std::string(event.head->target), false};
                                                        if (event.head->target == "/refused") {
                                                            session.reject(403);
                                                        } else {
                                                            session.accept(WebSocketAcceptance::of(*event.request, "", options).value(),
                                                                           options.frames);
                                                        }
                                                        return told;
                                                    }
                                                    case WebSocketSessionEvent::Kind::opened:
                                                        return Told{"opened", "", false};
                                                    case WebSocketSessionEvent::Kind::done:
                                                        return Told{"done", "", false};
                                                    case WebSocketSessionEvent::Kind::frames:
                                                        return told_of(*event.frames);
                                                }
                                                return Told{};
                                            }};
    for (const std::string& input : websocket_inputs) {
        CAPTURE(input);
        CHECK(test::breach_of_contract(subject, websocket_request + input) == "");
    }
    const std::string refused = "GET /refused" + websocket_request.substr(9);
    for (const std::string& input : {std::string(), std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("\x16\x03\x01"), refused,
                                     refused + "more", websocket_request.substr(0, 60)}) {
        CAPTURE(input);
        CHECK(test::breach_of_contract(subject, input) == "");
    }
}
