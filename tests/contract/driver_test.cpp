// A driver on a connection, in every world: order, pausing, closing, raising, handing over, shares of a turn, deadlines.
#include <doctest/doctest.h>

#include <stdexcept>

#include "support/world.h"
#include "tidemill/serve/framing.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

// A party that is told of lines. Its trace has "line(...)"; what it does then is up to `on_line`.
struct LineParty {
    std::string trace;
    std::vector<std::string> lines;
    Error reason;
    Connection* connection = nullptr;
    LineConnection* handler = nullptr;
    std::function<void(Connection&, Bytes)> on_line;
    std::function<bool(const std::exception_ptr&)> on_error;
    bool is_closed() const { return trace.find("close") != std::string::npos; }
};

class Lines : public LineConnection {
public:
    explicit Lines(LineParty& party, LineOptions options = {}) : LineConnection(options), party_(party) { party_.handler = this; }

    void on_open(Connection& connection) override {
        party_.connection = &connection;
        party_.trace += "open ";
    }
    void on_line(Connection& connection, Bytes line) override {
        party_.lines.emplace_back(line);
        party_.trace.append(line) += ' ';
        if (party_.on_line) party_.on_line(connection, line);
    }
    void on_text(Connection&, Bytes text) override { party_.trace.append("text:").append(text) += ' '; }
    void on_end(Connection& connection) override {
        party_.trace += "end ";
        LineConnection::on_end(connection);
    }
    void on_close(Connection&, const Error& reason) override {
        party_.reason = reason;
        party_.connection = nullptr;
        party_.trace += reason.is_set() ? "close(" + std::string(code_name(reason.code)) + ")" : "close";
    }
    bool on_error(Connection&, const std::exception_ptr& exception) override { return party_.on_error && party_.on_error(exception); }

protected:
    LineParty& party_;
};

// A listener for lines, and a plain client.
struct Scene {
    explicit Scene(World& in, LineOptions options = {}) : world(in) {
        Result<Listener*> made = listen(
            world.reactor, world.fresh_endpoint(), [this, options] { return HandlerPtr(new Lines(server, options)); },
            world.listen_options());
        REQUIRE(made.ok());
        listener = made.value();
        REQUIRE(connect(world.reactor, listener->endpoint(), handler_of(client), world.connect_options()).ok());
        REQUIRE(world.until([&] { return client->is_open() && server.connection != nullptr; }));
    }
    void send(Bytes octets) {
        client->connection->write(octets);
        REQUIRE(settle(world.reactor));
    }

    World& world;
    Listener* listener = nullptr;
    LineParty server;
    PartyPtr client = std::make_shared<Party>();
};

void send_back(Connection& connection, Bytes line) {
    (void)static_cast<LineConnection&>(connection.handler()).write_line(connection, line);
}

}  // namespace

TEST_CASE("driver_tells_lines_and_then_the_end") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.send("one\r\ntw");
        CHECK(scene.server.trace == "open one ");
        scene.send("o\n\nthree\n");
        scene.client->connection->close();
        REQUIRE(world.until([&] { return scene.server.is_closed(); }));
        CHECK(scene.server.trace == "open one two  three end close");
    });
}

TEST_CASE("driver_stops_in_a_batch_when_paused_and_goes_on_there") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_line = [](Connection& connection, Bytes line) {
            if (line == "pause") connection.pause();
        };
        scene.send("a\npause\nb\npause\nc\n");
        scene.client->connection->close();
        REQUIRE(settle(world.reactor));
        CHECK(scene.server.trace == "open a pause ");
        scene.server.connection->resume();
        REQUIRE(settle(world.reactor));
        CHECK(scene.server.trace == "open a pause b pause ");
        scene.server.connection->resume();
        REQUIRE(world.until([&] { return scene.server.is_closed(); }));
        CHECK(scene.server.trace == "open a pause b pause c end close");
    });
}

TEST_CASE("driver_that_is_resumed_in_the_same_callback_just_goes_on") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_line = [](Connection& connection, Bytes) {
            connection.pause();
            connection.resume();
        };
        scene.send("a\nb\nc\n");
        CHECK(scene.server.trace == "open a b c ");
    });
}

TEST_CASE("driver_tells_nothing_after_close_and_abort") {
    in_every_world([](World& world) {
        for (const bool aborts : {false, true}) {
            Scene scene(world);
            scene.server.on_line = [aborts](Connection& connection, Bytes line) {
                connection.write("bye");
                if (line == "b") aborts ? connection.abort() : connection.close();
            };
            scene.send("a\nb\nc\nd\n");
            REQUIRE(world.until([&] { return scene.server.is_closed() && scene.client->is_closed(); }));
            CHECK(scene.server.trace == (aborts ? "open a b close(cancelled)" : "open a b close"));
            if (!aborts) CHECK(scene.client->received == "byebye");
        }
    });
}

TEST_CASE("driver_loses_no_event_but_the_one_that_raised") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_error = [](const std::exception_ptr&) { return true; };
        scene.server.on_line = [](Connection&, Bytes line) {
            if (line == "raise") throw std::runtime_error("raised");
        };
        scene.send("a\nraise\nb\nraise\nraise\nc");
        scene.send("\n");
        CHECK(scene.server.trace == "open a raise b raise raise c ");
    });
}

TEST_CASE("driver_whose_exception_nobody_takes_goes_no_further") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_line = [](Connection&, Bytes) { throw std::runtime_error("raised"); };
        scene.client->connection->write("a\nb\n");
        bool has_left = false;
        try {
            (void)run_until(world.reactor, [&] { return scene.server.is_closed(); });
        } catch (const std::runtime_error&) {
            has_left = true;
        }
        CHECK(has_left);
        REQUIRE(world.until([&] { return scene.server.is_closed(); }));
        CHECK(scene.server.trace == "open a close(cancelled)");
    });
}

TEST_CASE("driver_closes_with_the_error_of_a_peer_that_goes_too_far") {
    in_every_world([](World& world) {
        Scene scene(world, {.max_line = 4});
        scene.server.on_line = send_back;
        scene.send("1234\n12345\n1\n");
        REQUIRE(world.until([&] { return scene.server.is_closed() && scene.client->is_closed(); }));
        CHECK(scene.server.trace == "open 1234 close(limit)");
        CHECK(scene.client->received == "1234\r\n");
        CHECK(scene.client->trace == "open data end close");
        CHECK(scene.server.reason.text().find("a line of more than 4 octets") != std::string::npos);
        CHECK(world.reactor.metrics().protocol_limit_hits == 1);
    });
}

TEST_CASE("driver_closes_with_an_error_when_the_end_cuts_an_event_short") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.send("one\ntwo");
        scene.client->connection->close();
        REQUIRE(world.until([&] { return scene.server.is_closed(); }));
        CHECK(scene.server.trace == "open one close(remote_protocol)");
        CHECK(world.reactor.metrics().protocol_errors == 1);
    });
}

TEST_CASE("driver_in_text_mode_takes_what_is_in_the_same_batch") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_line = [&](Connection&, Bytes line) {
            if (line == "text") scene.server.handler->set_text(5);
        };
        scene.send("text\n1\n2\n3a\ntext\n12");
        scene.send("345b\n");
        CHECK(scene.server.trace == "open text text:1\n2\n3 a text text:12345 b ");
    });
}

TEST_CASE("driver_hands_what_it_has_not_told_to_the_next_handler_and_takes_it_from_the_last") {
    in_every_world([](World& world) {
        Scene scene(world);
        LineParty next;
        const PartyPtr plain = std::make_shared<Party>();
        scene.server.on_line = [&](Connection& connection, Bytes line) {
            if (line == "lines") REQUIRE(connection.become(HandlerPtr(new Lines(next))).ok());
        };
        next.on_line = [&](Connection& connection, Bytes line) {
            if (line == "plain") REQUIRE(connection.become(handler_of(plain), "given ").ok());
        };
        scene.send("a\nlines\nb\nplain\nc\nd");
        CHECK(scene.server.trace == "open a lines ");
        CHECK(next.trace == "open b plain ");
        CHECK(plain->received == "given c\nd");
        LineParty last;
        REQUIRE(plain->connection->become(HandlerPtr(new Lines(last)), "x").ok());
        scene.send("y\n");
        CHECK(last.trace == "open xy ");
    });
}

TEST_CASE("driver_hands_what_it_has_not_told_to_a_proxy") {
    in_every_world([](World& world) {
        Scene scene(world);
        Scene target(world);
        scene.server.on_line = [&](Connection& connection, Bytes line) {
            if (line == "proxy") REQUIRE(connection.proxy_to(*target.client->connection).ok());
        };
        scene.send("a\nproxy\nb\nc");
        scene.send("d\n");
        CHECK(scene.server.trace == "open a proxy ");
        CHECK(target.server.trace == "open b cd ");
        scene.server.connection->stop_proxy();
        scene.send("e\n");
        CHECK(scene.server.trace == "open a proxy e ");
    });
}

TEST_CASE("driver_does_not_take_plain_text_for_what_follows_start_tls") {
    on_every_poller([](const std::string& poller) {
        World world(poller, "tcp4");
        Scene scene(world);
        scene.server.on_line = [](Connection& connection, Bytes line) {
            if (line == "STARTTLS") REQUIRE(connection.start_tls(plain_context()).ok());
        };
        scene.send("STARTTLS\r\nMAIL FROM:<intruder>\r\n");
        REQUIRE(world.until([&] { return scene.server.is_closed(); }));
        CHECK(scene.server.trace == "open STARTTLS close(remote_protocol)");
    });
}

TEST_CASE("driver_has_a_share_of_a_turn_and_loses_nothing_by_it") {
    in_every_world([](World& world) {
        Scene scene(world);
        std::uint64_t turn = 0;
        std::size_t in_turn = 0, most = 0;
        scene.server.on_line = [&](Connection& connection, Bytes) {
            in_turn = std::exchange(turn, connection.reactor().turn_number()) == turn ? in_turn + 1 : 1;
            most = std::max(most, in_turn);
        };
        std::string many;
        for (int i = 0; i < 10000; ++i) many += std::to_string(i) + "\n";
        scene.send(many);
        REQUIRE(world.until([&] { return scene.server.lines.size() == 10000; }));
        CHECK(scene.server.lines[9999] == "9999");
        CHECK(most == limits::events_per_turn);
        CHECK(world.reactor.metrics().read_limit_hits >= 9);
    });
}

TEST_CASE("driver_that_is_stopped_in_a_batch_tells_no_more_and_halted_goes_on_later") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_line = [](Connection& connection, Bytes line) {
            if (line == "halt") connection.reactor().halt();
            if (line == "stop") connection.reactor().stop();
        };
        scene.send("a\nhalt\nb\nstop\nc\n");
        REQUIRE(world.until([&] { return scene.server.is_closed(); }));
        CHECK(scene.server.trace == "open a halt b stop close(cancelled)");
    });
}

TEST_CASE("driver_keeps_writing_after_the_peers_end_while_it_has_more_to_tell") {
    in_every_world([](World& world) {
        Scene scene(world);
        scene.server.on_line = [](Connection& connection, Bytes line) {
            send_back(connection, line);
            connection.pause();
        };
        scene.client->on_end = [](Connection&) {};
        scene.client->connection->write("a\nb\nc\n");
        scene.client->connection->end_write();
        for (int i = 0; i < 3; ++i) {
            REQUIRE(settle(world.reactor));
            if (scene.server.connection != nullptr) scene.server.connection->resume();
        }
        REQUIRE(world.until([&] { return scene.server.is_closed(); }));
        CHECK(scene.server.trace == "open a b c end close");
        CHECK(scene.client->received == "a\r\nb\r\nc\r\n");
    });
}

namespace {

class Batches : public Lines {
public:
    using Lines::Lines;
    void on_lines(Connection& connection, std::span<const Bytes> lines) override {
        party_.trace += "[";
        for (const Bytes line : lines) on_line(connection, line);
        party_.trace += "] ";
    }
};

// Answers "ready" when it is told to, and gives the peer five seconds for each octet.
class Slow : public EngineBase {
public:
    struct Event {
        char octet;
    };
    Step next() {
        if (has_failed()) return Step::failed;
        if (is_waiting_) return wait(Step::paused);
        if (is_late_) return fail(ErrorCode::timeout, "too slow");
        if (input_.rest().empty()) return wait(has_input_ended_ ? Step::ended : Step::need_more);
        event_.octet = input_.rest()[0];
        input_.consume(1);
        is_waiting_ = event_.octet == 'w';
        deadline_ = TimePoint::max();
        return Step::event;
    }
    const Event& event() const { return event_; }
    TimePoint tick(TimePoint now) {
        if (deadline_ == TimePoint::max() && !is_waiting_) deadline_ = now + 5s;
        is_late_ = is_late_ || (now >= deadline_ && !is_waiting_);
        if (is_late_) output_ = "late";
        return is_waiting_ || is_late_ ? TimePoint::max() : deadline_;
    }
    void answer() {
        is_waiting_ = false;
        output_ += "ready";
    }

private:
    Event event_{};
    TimePoint deadline_ = TimePoint::max();
    bool is_waiting_ = false, is_late_ = false;
};

class SlowConnection : public Driver<Slow> {
public:
    explicit SlowConnection(std::string& trace, SlowConnection*& me) : trace_(trace) { me = this; }
    void on_open(Connection& connection) override { connection_ = &connection; }
    void on_close(Connection&, const Error& reason) override {
        trace_ += reason.is_set() ? "!" + std::string(code_name(reason.code)) : ".";
    }
    void answer() {
        engine().answer();
        engine_changed(*connection_);
    }

private:
    void tell(Connection&, const Slow::Event& event) override { trace_ += event.octet; }
    std::string& trace_;
    Connection* connection_ = nullptr;
};

}  // namespace

TEST_CASE("driver_tells_lines_in_batches_to_who_wants_them") {
    in_every_world([](World& world) {
        LineParty server;
        Result<Listener*> listener =
            listen(world.reactor, world.fresh_endpoint(), [&] { return HandlerPtr(new Batches(server)); }, world.listen_options());
        REQUIRE(listener.ok());
        const PartyPtr client = std::make_shared<Party>();
        REQUIRE(connect(world.reactor, listener.value()->endpoint(), handler_of(client), world.connect_options()).ok());
        REQUIRE(world.until([&] { return client->is_open() && server.connection != nullptr; }));
        server.on_line = [](Connection& connection, Bytes line) {
            if (line == "pause") connection.pause();
        };
        client->connection->write("a\npause\nb\nc");
        REQUIRE(settle(world.reactor));
        client->connection->write("d\ne\n");
        REQUIRE(settle(world.reactor));
        CHECK(server.trace == "open [a pause b ] ");
        server.connection->resume();
        REQUIRE(settle(world.reactor));
        CHECK(server.trace == "open [a pause b ] [cd e ] ");
    });
}

TEST_CASE("driver_of_an_engine_that_waits_reads_no_more_and_one_with_a_deadline_keeps_it") {
    in_every_world([](World& world) {
        std::string trace;
        SlowConnection* server = nullptr;
        Result<Listener*> listener = listen(
            world.reactor, world.fresh_endpoint(), [&] { return HandlerPtr(new SlowConnection(trace, server)); }, world.listen_options());
        REQUIRE(listener.ok());
        const PartyPtr client = std::make_shared<Party>();
        REQUIRE(connect(world.reactor, listener.value()->endpoint(), handler_of(client), world.connect_options()).ok());
        REQUIRE(world.until([&] { return client->is_open(); }));
        client->connection->write("awb");
        REQUIRE(settle(world.reactor));
        CHECK(trace == "aw");
        client->connection->write("c");
        world.clock.advance(60s);
        REQUIRE(settle(world.reactor));
        CHECK(trace == "aw");
        server->answer();
        REQUIRE(world.until([&] { return trace == "awbc" && client->received == "ready"; }));
        world.clock.advance(4s);
        REQUIRE(settle(world.reactor));
        client->connection->write("d");
        REQUIRE(settle(world.reactor));
        world.clock.advance(4s);
        REQUIRE(settle(world.reactor));
        CHECK(trace == "awbcd");
        world.clock.advance(1s);
        REQUIRE(world.until([&] { return trace == "awbcd!timeout" && client->is_closed(); }));
        CHECK(client->received == "readylate");
        CHECK(world.reactor.metrics().protocol_timeouts == 1);
    });
}
