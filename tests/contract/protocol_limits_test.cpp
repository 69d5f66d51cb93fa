// Every limit and deadline of a framing and of a WebSocket, on a connection: what reaches it exactly is taken, one over it ends the connection
// with an error that can be read, and of all counters of limits exactly its own moves.
#include <doctest/doctest.h>

#include <map>

#include "support/websocket_peer.h"
#include "support/world.h"
#include "tidemill/serve/framing.h"
#include "tidemill/serve/websocket_connection.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

struct Server {
    Connection* connection = nullptr;
    Error reason;
    bool is_closed = false;
};

// A handler that notes how it ends; what else it does is up to its subclass.
template <class Protocol>
class Noting : public Protocol {
public:
    template <class... Options>
    explicit Noting(Server& server, Options... options) : Protocol(options...), server_(server) {}
    void attached(Connection& connection) override { server_.connection = &connection; }
    void on_close(Connection&, const Error& reason) override {
        server_.reason = reason;
        server_.is_closed = true;
    }

private:
    Server& server_;
};

// Each line says how long the text behind it is.
class Texts : public Noting<LineConnection> {
public:
    using Noting::Noting;
    void on_line(Connection&, Bytes line) override { set_text(std::stoul(std::string(line))); }
};

// Says good-bye when it is told anything.
class Leaving : public Noting<WebSocketConnection> {
public:
    using Noting::Noting;
    void on_text(Connection& connection, Bytes) override { CHECK(close(connection).ok()); }
};

using Make = std::function<HandlerPtr(Server&)>;

// What a client does, in turn: sends octets, lets time pass.
struct Act {
    std::string octets;
    Duration time{};
};

struct Side {
    Make make;
    std::vector<Act> acts;
};

struct Limit {
    std::string name;  // of the counter, without _hits
    Side at;  // the limit
    Side over;  // by one
    ErrorCode code = ErrorCode::limit;
    std::string_view text;
};

template <class Protocol, class... Options>
Make maker(Options... options) {
    return [=](Server& server) { return HandlerPtr(new Noting<Protocol>(server, options...)); };
}

std::string number32(std::size_t value) {
    std::string octets;
    for (int shift = 24; shift >= 0; shift -= 8) octets += static_cast<char>(value >> shift);
    return octets;
}

std::string repeated(std::size_t count, std::string_view text) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += text;
    return all;
}

// ---- framings ----

std::string with_length(std::size_t size) {
    return "Content-Length: " + std::to_string(size) + "\n\n";
}

std::vector<Limit> frame_limits() {
    const std::size_t mebibyte = 1024 * 1024;
    const Make lines = maker<LineConnection>(), messages = maker<MessageConnection>(), contents = maker<HeaderContentConnection>();
    const Make texts = [](Server& server) { return HandlerPtr(new Texts(server)); };
    const Make varints = maker<MessageConnection>(MessageOptions{.prefix = LengthPrefix::varint});
    const Make netstrings = maker<NetstringConnection>(NetstringOptions{.max_message = ~std::size_t{0}});
    const auto x = [](std::size_t count) { return std::string(count, 'x'); };
    const auto limit = [](std::string name, const Make& make, std::string at, std::string over, std::string_view text,
                          ErrorCode code = ErrorCode::limit) {
        return Limit{std::move(name), {make, {{std::move(at)}}}, {make, {{std::move(over)}}}, code, text};
    };
    return {
        limit("frame_line", lines, x(65536) + "\n", x(65537) + "\n", "a line of more than 65536 octets"),
        limit("frame_text", texts, "1048576\n" + x(mebibyte), "1048577\n", "a text of more than 1048576 octets"),
        limit("frame_message", messages, number32(mebibyte) + x(mebibyte), number32(mebibyte + 1), "a message of more than 1048576 octets"),
        limit("frame_message", maker<NetstringConnection>(), "1048576:" + x(mebibyte) + ",", "1048577",
              "a netstring of more than 1048576 octets"),
        limit("frame_content", contents, with_length(mebibyte) + x(mebibyte), with_length(mebibyte + 1),
              "a content of more than 1048576 octets"),
        limit("frame_header", contents, x(32766) + "\n\n", x(32767) + "\n\n", "a header of more than 32768 octets"),
        limit("frame_header_lines", contents, repeated(100, "a\n") + "\n", repeated(101, "a\n") + "\n", "a header of more than 100 lines"),
        limit("netstring_digits", netstrings, "123456789:", "1234567890", "more than 9 digits", ErrorCode::remote_protocol),
        limit("varint_octets", varints, std::string("\x81\x80\x80\x80\0x", 6), std::string("\x81\x80\x80\x80\x80\0", 6),
              "a varint of more than 5 octets", ErrorCode::remote_protocol),
    };
}

// ---- WebSocket ----

const std::string handshake =
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

std::string frame(unsigned first, std::string_view payload) {
    return websocket_frame(first, payload, true);
}

std::string fragments(std::size_t count) {
    return frame(0x01, "") + repeated(count - 2, frame(0x00, "")) + frame(0x80, "");
}

// A compressed message that is nothing but so many blocks that say they are the last one.
std::string final_blocks(std::size_t count) {
    return frame(0xC2, repeated(count, std::string_view("\x03\x00", 2)) + '\0');
}

std::string compressed(const std::string& message) {
    MessageDeflater deflater(15, true);
    std::string output;
    REQUIRE(deflater.compress(message, output));
    return output;
}

bool is_inflated(Bytes octets, std::size_t ratio) {
    MessageInflater inflater(false, {.size = limits::websocket_message, .ratio = ratio});
    std::string output;
    auto outcome = MessageInflater::Outcome::more;
    while (outcome == MessageInflater::Outcome::more) outcome = inflater.step(octets, true, output);
    return outcome == MessageInflater::Outcome::used_up;
}

// The smallest ratio with which these octets are taken.
std::size_t ratio_of(Bytes octets) {
    std::size_t ratio = 1;
    while (!is_inflated(octets, ratio)) ++ratio;
    return ratio;
}

Make websockets(WebSocketOptions frames = {}) {
    return maker<WebSocketConnection>(WebSocketConnectionOptions{.frames = frames});
}

std::vector<Limit> websocket_limits() {
    const Make usual = websockets();
    // None of its own pings, so that only the close frame's time passes.
    const Make leaving = [](Server& server) { return HandlerPtr(new Leaving(server, WebSocketConnectionOptions{})); };
    const auto limit = [](std::string name, const Make& make, const std::string& at, const std::string& over, std::string_view text,
                          ErrorCode code = ErrorCode::limit) {
        return Limit{std::move(name), {make, {{handshake + at}}}, {make, {{handshake + over}}}, code, text};
    };
    const std::string ping = frame(0x89, ""), zeros = compressed(std::string(200'000, '\0'));
    const std::size_t ratio = ratio_of(zeros);
    REQUIRE(ratio > limits::websocket_ratio);
    const Make queues = websockets({.control_limit = 100, .output_limit = 4});  // as much as one pong with two octets
    const Duration moment = 1ms;
    const Act begin{handshake};
    return {
        limit("websocket_message", usual, frame(0x82, std::string(limits::websocket_message, 'x')),
              frame(0x82, std::string(limits::websocket_message + 1, 'x')), "a message that is too large"),
        limit("websocket_message", usual, frame(0xC2, compressed(pattern(limits::websocket_message))),
              frame(0xC2, compressed(pattern(limits::websocket_message + 1))), "a message that is too large"),
        limit("websocket_fragments", usual, fragments(limits::websocket_fragments), fragments(limits::websocket_fragments + 1),
              "a message of too many fragments"),
        limit("websocket_control", usual, frame(0x89, std::string(125, 'x')), frame(0x89, std::string(126, 'x')),
              "a control frame of more than 125 octets", ErrorCode::remote_protocol),
        limit("websocket_controls_per_second", usual, repeated(10, ping), repeated(11, ping), "too many pings or pongs"),
        {"websocket_send_queue",
         {queues, {begin, {frame(0x89, "ab") + ping}}},  // in one piece: the first answer waits until both have been told
         {queues, {begin, {frame(0x89, "abc") + ping}}},
         ErrorCode::limit,
         "too many answers to pings are waiting"},
        {"websocket_handshake",
         {usual, {{"GET / HTTP/1.1\r\n"}, {"", limits::websocket_handshake - moment}}},
         {usual, {{"GET / HTTP/1.1\r\n"}, {"", limits::websocket_handshake}}},
         ErrorCode::timeout,
         "the opening handshake took too long"},
        {"websocket_pong_timeout",
         {usual, {begin, {"", limits::websocket_ping_interval}, {"", limits::websocket_pong_timeout - moment}}},
         {usual, {begin, {"", limits::websocket_ping_interval}, {"", limits::websocket_pong_timeout}}},
         ErrorCode::timeout,
         "no answer to a ping"},
        {"websocket_close_timeout",
         {leaving, {{handshake + frame(0x81, "bye")}, {"", limits::websocket_close_timeout - moment}}},
         {leaving, {{handshake + frame(0x81, "bye")}, {"", limits::websocket_close_timeout}}},
         ErrorCode::timeout,
         "no answer to the close frame"},
        {"websocket_ratio",
         {websockets({.ratio_limit = ratio}), {{handshake + frame(0xC2, zeros)}}},
         {websockets({.ratio_limit = ratio - 1}), {{handshake + frame(0xC2, zeros)}}},
         ErrorCode::limit,
         "a message that grows too much by inflation"},
        limit("websocket_final_blocks", usual, final_blocks(limits::websocket_final_blocks),
              final_blocks(limits::websocket_final_blocks + 1), "a compressed message of too many final blocks"),
    };
}

// ---- counters ----

using Counts = std::map<std::string, std::uint64_t>;

Counts counts_of(const Metrics& metrics) {
    Counts counts;
#define TIDEMILL_COUNTER(name, text) counts[#name] = metrics.name;
#define TIDEMILL_GAUGE(name, text)
#define TIDEMILL_HISTOGRAM(name, text)
#include "tidemill/reactor/metrics.def"
#undef TIDEMILL_COUNTER
#undef TIDEMILL_GAUGE
#undef TIDEMILL_HISTOGRAM
    return counts;
}

// Those of limits that moved; a share of a turn is none of a protocol.
Counts moved(const Counts& before, const Counts& after) {
    Counts changes;
    for (const auto& [name, count] : after)
        if (count != before.at(name) && name.ends_with("_hits") && name != "read_limit_hits") changes[name] = count - before.at(name);
    return changes;
}

// A server of the protocol, and a plain client that plays the acts. Answers the limits that this moved.
Counts play(World& world, const Side& side, Server& server) {
    const Counts before = counts_of(world.reactor.metrics());
    Result<Listener*> listener = listen(world.reactor, world.fresh_endpoint(), [&] { return side.make(server); }, world.listen_options());
    REQUIRE(listener.ok());
    const PartyPtr client = std::make_shared<Party>();
    REQUIRE(connect(world.reactor, listener.value()->endpoint(), handler_of(client), world.connect_options()).ok());
    REQUIRE(world.until([&] { return client->is_open() && server.connection != nullptr; }));
    for (const Act& act : side.acts) {
        client->connection->write(act.octets);
        REQUIRE(settle(world.reactor));
        world.clock.advance(act.time);
        REQUIRE(settle(world.reactor));
    }
    listener.value()->close();
    return moved(before, counts_of(world.reactor.metrics()));
}

void check_limit(const Limit& limit) {
    CAPTURE(limit.name);
    on_every_poller([&](const std::string& poller) {
        Server taken, refused;
        World good(poller, "memory");
        CHECK(play(good, limit.at, taken) == Counts{});
        CHECK_FALSE(taken.is_closed);

        World world(poller, "memory");
        Counts expected{{limit.name + "_hits", 1}};
        if (limit.code == ErrorCode::limit) expected["protocol_limit_hits"] = 1;
        CHECK(play(world, limit.over, refused) == expected);
        REQUIRE(refused.is_closed);
        CHECK(refused.reason.code == limit.code);
        CHECK_MESSAGE(refused.reason.text().find(limit.text) != std::string::npos, refused.reason.text());
        CHECK(world.reactor.metrics().protocol_timeouts == (limit.code == ErrorCode::timeout ? 1 : 0));
        CHECK(world.reactor.metrics().protocol_errors == (limit.code == ErrorCode::remote_protocol ? 1 : 0));
    });
}

}  // namespace

TEST_CASE("protocol_limit_of_a_framing_is_taken_and_one_over_it_is_refused_and_counted") {
    for (const Limit& limit : frame_limits()) check_limit(limit);
}

TEST_CASE("protocol_limit_of_a_websocket_is_taken_and_one_over_it_is_refused_and_counted") {
    for (const Limit& limit : websocket_limits()) check_limit(limit);
}

TEST_CASE("protocol_limits_that_have_a_counter_are_all_tried_here") {
    std::map<std::string, bool> tried;
    for (const Limit& limit : frame_limits()) tried[limit.name + "_hits"] = true;
    for (const Limit& limit : websocket_limits()) tried[limit.name + "_hits"] = true;
    for (const auto& [name, count] : counts_of(Metrics{})) {
        const bool is_ours =
            name.starts_with("websocket_") || name.starts_with("frame_") || name.starts_with("netstring_") || name.starts_with("varint_");
        CAPTURE(name);
        CHECK(tried.contains(name) == is_ours);
    }
}

TEST_CASE("protocol_limit_of_what_waits_to_be_sent_refuses_the_call_and_is_counted") {
    struct Answering : Noting<WebSocketConnection> {
        using Noting::Noting;
        // The pong waits until all that came has been told.
        void on_ping(Connection& connection, Bytes payload) override {
            const Result<WriteResult> sent = send_text(connection, "text");
            CHECK(sent.ok() == (payload.size() == 2));
            if (!sent) CHECK(sent.error().text().find("the peer does not read what it was sent") != std::string::npos);
        }
    };
    Server taken, refused;
    World world("epoll", "memory");
    const WebSocketConnectionOptions options{.frames = {.output_limit = 4}};
    const Make make = [&](Server& server) { return HandlerPtr(new Answering(server, options)); };
    CHECK(play(world, {make, {{handshake}, {frame(0x89, "ab")}}}, taken) == Counts{});
    CHECK(play(world, {make, {{handshake}, {frame(0x89, "abc")}}}, refused) == Counts{{"websocket_send_queue_hits", 1}});
    CHECK_FALSE(refused.is_closed);
}

TEST_CASE("protocol_limit_of_a_handshakes_http_is_counted_as_that_of_http") {
    Server server;
    World world("epoll", "memory");
    const std::string line = "GET /" + std::string(limits::http_start_line, 'x');
    CHECK(play(world, {websockets(), {{line}}}, server) == Counts{{"http_start_line_hits", 1}, {"protocol_limit_hits", 1}});
    CHECK(server.is_closed);
}
