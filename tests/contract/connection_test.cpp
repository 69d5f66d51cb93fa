// Every transport on every poller against core/net/handler.h: which callbacks come, in which order, and how things end.
#include "tidemill/net/connection.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

TEST_CASE("connection_echo_gives_open_data_end_close_in_order") {
    in_every_world([](World& world) {
        Pair pair;
        pair.client->on_open = [](Connection& connection) { connection.write("hello"); };
        pair.server->on_data = [](Connection& connection, Bytes octets) { connection.write(octets); };
        pair.client->on_data = [](Connection& connection, Bytes) { connection.close(); };
        world.begin_joining(pair);
        REQUIRE(world.until_closed(pair));
        CHECK(pair.client->trace == "open data close");
        CHECK(pair.server->trace == "open data end close");
        CHECK(pair.client->received == "hello");
        CHECK(pair.client->handlers == 0);
        CHECK(pair.server->handlers == 0);
    });
}

TEST_CASE("connection_no_callback_comes_inside_a_call") {
    in_every_world([](World& world) {
        Pair pair;
        world.begin_joining(pair);
        CHECK(pair.client->trace.empty());
        pair.client->connection->write("x");
        REQUIRE(world.until([&] { return pair.server->received == "x"; }));
        const std::string before = pair.server->trace;
        pair.client->connection->abort();
        pair.server->connection->close();
        CHECK(pair.client->trace == "open");
        CHECK(pair.server->trace == before);
    });
}

TEST_CASE("connection_written_before_it_is_open_sends_afterwards") {
    in_every_world([](World& world) {
        Pair pair;
        world.begin_joining(pair);
        pair.client->connection->write("early ");
        pair.client->on_open = [](Connection& connection) { connection.write("late"); };
        CHECK(world.until([&] { return pair.server->received == "early late"; }));
    });
}

TEST_CASE("connection_closed_before_it_is_open_gives_only_close") {
    in_every_world([](World& world) {
        Pair pair;
        world.begin_joining(pair);
        pair.client->connection->close();
        REQUIRE(world.until([&] { return pair.client->is_closed(); }));
        CHECK(pair.client->trace == "close");
    });
}

TEST_CASE("connection_written_and_closed_before_it_is_open_flushes_without_open") {
    in_every_world([](World& world) {
        Pair pair;
        world.begin_joining(pair);
        pair.client->connection->write("drive-by");
        pair.client->connection->close();
        REQUIRE(world.until_closed(pair));
        CHECK(pair.client->trace == "close");
        CHECK(pair.server->trace == "open data end close");
        CHECK(pair.server->received == "drive-by");
    });
}

TEST_CASE("connection_aborted_before_it_is_open_gives_cancelled") {
    in_every_world([](World& world) {
        Pair pair;
        world.begin_joining(pair);
        pair.client->connection->abort();
        REQUIRE(world.until([&] { return pair.client->is_closed(); }));
        CHECK(pair.client->trace == "close(cancelled)");
    });
}

TEST_CASE("connection_close_flushes_megabytes_first") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        const std::string octets = pattern(3'000'000);
        pair.client->connection->write(octets);
        pair.client->connection->close();
        CHECK(pair.client->connection->write("more").code == ErrorCode::closed);
        REQUIRE(world.until_closed(pair));
        CHECK(pair.client->trace == "open close");
        CHECK(pair.server->trace == "open data end close");
        CHECK((pair.server->received == octets));
    });
}

TEST_CASE("connection_close_with_octets_unread_delivers_what_was_flushed") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        // The server answers and closes while most of the question lies unread and most of the answer is still on its way: closing the
        // socket now would make the system send a reset, and the answer would be lost.
        const std::string answer = pattern(400'000);
        pair.server->on_data = [&](Connection& connection, Bytes) {
            connection.write(answer);
            connection.close();
        };
        pair.client->connection->pause();
        pair.client->connection->write(std::string(200'000, 'x'));
        REQUIRE(settle(world.reactor));
        CHECK(pair.server->trace.starts_with("open data"));
        pair.client->connection->write("and more");  // which nobody wants any longer
        REQUIRE(settle(world.reactor));
        pair.client->connection->resume();
        REQUIRE(world.until_closed(pair));
        CHECK((pair.client->received == answer));
        CHECK(pair.server->trace == "open data close");
        CHECK(pair.client->trace.starts_with("open data "));
        if (!world.is("memory")) CHECK(pair.client->trace == "open data end close");
    });
}

TEST_CASE("connection_abort_discards_and_tells_cancelled") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.client->connection->write("never sent");
        pair.client->connection->abort();
        CHECK(pair.client->connection->state() == Connection::State::closed);
        CHECK(pair.client->connection->pending() == 0);
        REQUIRE(world.until_closed(pair));
        CHECK(pair.client->trace == "open close(cancelled)");
        CHECK(pair.server->received.empty());
        CHECK(pair.server->trace == (world.is("unix") ? "open end close" : "open close(ECONNRESET)"));
    });
}

TEST_CASE("connection_half_close_lets_the_peer_answer") {
    in_every_world([](World& world) {
        Pair pair;
        pair.server->on_end = [](Connection& connection) {
            connection.write("answer");
            connection.close();
        };
        REQUIRE(world.join(pair));
        pair.client->connection->write("question");
        pair.client->connection->end_write();
        pair.client->connection->end_write();  // twice is once
        CHECK(pair.client->connection->write("more").code == ErrorCode::state);
        REQUIRE(world.until_closed(pair));
        CHECK(pair.server->trace == "open data end close");
        CHECK(pair.client->trace == "open data end close");
        CHECK(pair.client->received == "answer");
    });
}

TEST_CASE("connection_half_closed_on_both_sides_closes_both") {
    in_every_world([](World& world) {
        Pair pair;
        pair.server->on_end = pair.client->on_end = [](Connection&) {};
        REQUIRE(world.join(pair));
        pair.client->connection->end_write();
        REQUIRE(world.until([&] { return pair.server->has_ended(); }));
        REQUIRE(settle(world.reactor));
        CHECK(pair.server->trace == "open end");  // it may go on writing as long as it likes
        pair.server->connection->write("late");
        pair.server->connection->end_write();
        REQUIRE(world.until_closed(pair));
        CHECK(pair.server->trace == "open end close");
        CHECK(pair.client->trace == "open data end close");
    });
}

TEST_CASE("connection_write_after_close_fails_with_words") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        Connection& connection = *pair.client->connection;
        WriteResult in_close{WriteResult::Kind::flowing};
        pair.client->on_close = [&](Connection& closed) { in_close = closed.write("x"); };
        connection.close();
        const WriteResult result = connection.write("x");
        CHECK(result.has_failed());
        CHECK(result.code == ErrorCode::closed);
        CHECK(connection.write_error(result.code).text().find("write") == 0);
        REQUIRE(world.until_closed(pair));
        CHECK(in_close.code == ErrorCode::closed);
    });
}

// The server learns by its own write that the peer is gone, and reads the peer's last words only then: answering them is no mistake of its.
TEST_CASE("connection_answering_the_last_words_of_a_peer_that_is_gone_is_no_error") {
    in_every_world([](World& world) {
        for (const bool pauses : {false, true}) {
            CAPTURE(pauses);
            Pair pair;
            REQUIRE(world.join(pair));
            Connection& server = *pair.server->connection;
            server.pause();
            pair.client->connection->write("last words");
            REQUIRE(settle(world.reactor));
            pair.client->connection->abort();
            REQUIRE(world.until([&] { return pair.client->is_closed(); }));
            if (pair.server->is_closed()) continue;  // told already
            std::vector<WriteResult> answers;
            pair.server->on_data = [&](Connection& connection, Bytes octets) {
                answers.push_back(connection.write(octets));
                if (pauses) connection.pause();  // until on_drain
                answers.push_back(connection.write(octets));
            };
            pair.server->on_drain = [](Connection& connection) { connection.resume(); };
            server.write("nobody reads this");
            REQUIRE(settle(world.reactor));
            server.resume();
            REQUIRE(world.until([&] { return pair.server->is_closed(); }));
            if (answers.empty()) continue;  // the reset took the words with it
            CHECK(answers[0].kind == WriteResult::Kind::wait);
            CHECK(answers[1].code == (pauses ? ErrorCode::closed : ErrorCode::none));
        }
    });
}

// What is sent straight from the writer's memory, what is queued behind it and what is flushed when the callback returns.
TEST_CASE("connection_pieces_of_all_sizes_written_in_a_callback_keep_their_order") {
    in_every_world([](World& world) {
        Pair pair;
        std::string expected;
        pair.server->on_data = [&](Connection& connection, Bytes) {
            for (const std::size_t size : {9'000u, 10u, 100'000u, 8'192u, 1u, 262'144u, 8'191u, 300'000u, 20'000u}) {
                const std::string piece = pattern(size);
                CHECK_FALSE(connection.write(piece).has_failed());
                expected += piece;
            }
        };
        REQUIRE(world.join(pair));
        pair.client->connection->write("go");
        REQUIRE(world.until([&] { return !expected.empty() && pair.client->received.size() >= expected.size(); }));
        CHECK(pair.client->received == expected);
    });
}

TEST_CASE("connection_much_on_an_empty_queue_leaves_before_write_returns") {
    on_every_poller([](const std::string& poller) {
        for (const std::string transport : {"tcp4", "unix", "memory"}) {
            CAPTURE(transport);
            World world(poller, transport);
            Pair pair;
            std::vector<std::size_t> pending;
            pair.server->on_data = [&](Connection& connection, Bytes) {
                for (const std::size_t size : {limits::flush_at_once, limits::flush_at_once - 1, limits::flush_at_once}) {
                    CHECK(connection.write(std::string(size, 'x')).is_flowing());
                    pending.push_back(connection.pending());
                }
            };
            REQUIRE(world.join(pair));
            pair.client->connection->write("go");
            REQUIRE(world.until([&] { return pair.client->received.size() == 3 * limits::flush_at_once - 1; }));
            CHECK(pending == std::vector<std::size_t>{0, limits::flush_at_once - 1, 2 * limits::flush_at_once - 1});
        }
    });
}

// Who has paused until on_drain would never read, and so never learn, that the peer is gone.
TEST_CASE("connection_paused_until_drain_learns_that_the_peer_is_gone") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        Connection& server = *pair.server->connection;
        pair.client->connection->pause();
        pair.server->on_drain = [](Connection& connection) { connection.resume(); };
        server.pause();
        const std::string block(100'000, 'x');
        for (int i = 0; i < 300; ++i) server.write(block);
        REQUIRE(settle(world.reactor));
        REQUIRE(server.pending() > 0);
        pair.client->connection->abort();
        REQUIRE(world.until([&] { return pair.server->is_closed(); }));
    });
}

TEST_CASE("connection_names_are_there_from_open_to_close") {
    in_every_world([](World& world) {
        Pair pair;
        std::string at_open;
        std::string at_close;
        pair.server->on_open = [&](Connection& connection) { at_open = connection.peer() + " " + connection.local(); };
        pair.server->on_close = [&](Connection& connection) { at_close = connection.peer() + " " + connection.local(); };
        world.begin_joining(pair);
        CHECK(pair.client->connection->peer().empty());
        REQUIRE(world.until([&] { return pair.client->is_open() && pair.server->is_open(); }));
        CHECK(pair.client->connection->peer() == pair.server->connection->local());
        pair.client->connection->abort();
        REQUIRE(world.until_closed(pair));
        CHECK(at_open.size() > 10);
        CHECK(at_open == at_close);
    });
}

TEST_CASE("connection_ended_in_any_callback_gives_close_once_and_last") {
    enum class How { close, abort, both };
    in_every_world([](World& world) {
        for (const How how : {How::close, How::abort, How::both}) {
            for (const std::string_view where : {"open", "data", "drain", "end", "close"}) {
                CAPTURE(static_cast<int>(how));
                CAPTURE(where);
                const auto end = [how](Connection& connection) {
                    if (how != How::abort) connection.close();
                    if (how != How::close) connection.abort();
                    connection.pause();
                    connection.resume();
                    connection.end_write();
                    connection.set_idle_timeout(1s);
                    CHECK(connection.write("x").code == ErrorCode::closed);
                };
                Pair pair;
                Party& client = *pair.client;
                if (where == "open") client.on_open = end;
                if (where == "data") client.on_data = [end](Connection& connection, Bytes) { end(connection); };
                if (where == "drain") client.on_drain = end;
                if (where == "end") client.on_end = end;
                if (where == "close") client.on_close = end;
                pair.server->on_data = [](Connection& connection, Bytes) {
                    connection.write("answer");
                    connection.end_write();
                };
                world.begin_joining(pair);
                REQUIRE(client.connection->set_watermarks(0, 1).ok());
                client.connection->write("question");
                REQUIRE(world.until_closed(pair));
                CHECK(client.trace.find("close") == client.trace.rfind("close"));
                const std::string reason = how == How::close || where == "close" ? "close" : "close(cancelled)";
                CHECK(client.trace.ends_with(where == "close" ? "close" : std::string(where) + " " + reason));
                CHECK(client.handlers == 0);
            }
        }
    });
}

TEST_CASE("connection_callback_may_end_any_other_connection") {
    in_every_world([](World& world) {
        std::vector<Pair> pairs(100);
        for (Pair& pair : pairs) {
            REQUIRE(world.join(pair));
            pair.server->on_data = [&](Connection&, Bytes) {
                for (std::size_t i = 0; i < pairs.size(); ++i) {
                    Connection* other = pairs[i].server->connection;
                    if (other != nullptr) i % 2 == 0 ? other->abort() : other->close();
                }
            };
        }
        for (Pair& pair : pairs) pair.client->connection->write("x");
        REQUIRE(world.until([&] {
            for (Pair& pair : pairs) {
                if (!pair.client->is_closed() || !pair.server->is_closed()) return false;
            }
            return true;
        }));
        for (Pair& pair : pairs) {
            CHECK(pair.server->handlers == 0);
            CHECK(pair.server->trace.find("close") == pair.server->trace.rfind("close"));
        }
    });
}

TEST_CASE("connection_stop_ends_all_with_cancelled") {
    in_every_world([](World& world) {
        std::vector<Pair> pairs(3);
        for (Pair& pair : pairs) REQUIRE(world.join(pair));
        Pair connecting;
        world.begin_joining(connecting);
        pairs[0].client->connection->write("flushed");
        pairs[0].server->on_data = [](Connection& connection, Bytes) {
            connection.write("goodbye");
            connection.close();
            connection.reactor().stop();
        };
        ErrorCode in_close = ErrorCode::none;
        pairs[1].client->on_close = [&](Connection& connection) {
            connection.reactor().call_later(1s, [] {});
            in_close = connect(connection.reactor(), "tcp://127.0.0.1:1", HandlerPtr(new Handler)).error().code;
        };
        REQUIRE(world.reactor.run().ok());
        CHECK(pairs[0].server->trace == "open data close");  // it had closed in order
        for (std::size_t i = 1; i < pairs.size(); ++i) {
            CHECK(pairs[i].client->trace == "open close(cancelled)");
            CHECK(pairs[i].server->trace == "open close(cancelled)");
            CHECK(pairs[i].client->handlers == 0);
        }
        CHECK(connecting.client->trace.ends_with("close(cancelled)"));
        CHECK(in_close == ErrorCode::state);  // nothing begins in a reactor that stops
        CHECK(world.reactor.run().ok());  // and nothing is left
    });
}

TEST_CASE("connection_id_of_a_closed_one_finds_nothing") {
    in_every_world([](World& world) {
        Pair first;
        REQUIRE(world.join(first));
        const SourceId id = first.client->id;
        CHECK(find_connection(world.reactor, id) == first.client->connection);
        first.client->connection->close();
        REQUIRE(world.until_closed(first));
        REQUIRE(settle(world.reactor));
        Pair second;
        REQUIRE(world.join(second));
        CHECK(find_connection(world.reactor, id) == nullptr);
        CHECK(second.client->id != id);
    });
}

TEST_CASE("connection_exception_without_handler_aborts_and_leaves_run") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.server->on_data = [](Connection&, Bytes) { throw std::runtime_error("boom"); };
        pair.client->connection->write("x");
        CHECK_THROWS_WITH(static_cast<void>(world.reactor.run()), "boom");
        REQUIRE(world.until_closed(pair));
        CHECK(pair.server->trace == "open data close(cancelled)");
    });
}

TEST_CASE("connection_exception_taken_by_on_error_goes_on") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        std::string seen;
        pair.server->on_data = [](Connection&, Bytes) { throw std::runtime_error("boom"); };
        pair.server->on_error = [&](Connection&, const std::exception_ptr& exception) {
            seen += message_of(exception);
            return true;
        };
        pair.client->connection->write("x");
        REQUIRE(world.until([&] { return seen == "boom"; }));
        CHECK(pair.server->connection->state() == Connection::State::open);
    });
}

TEST_CASE("connection_exception_of_any_callback_reaches_the_error_handler") {
    in_every_world([](World& world) {
        std::string seen;
        world.reactor.set_error_handler([&](const std::exception_ptr& exception) { seen += message_of(exception) + " "; });
        Pair pair;
        pair.server->on_open = [](Connection&) { throw std::runtime_error("open"); };
        pair.server->on_data = [](Connection&, Bytes) { throw std::runtime_error("data"); };
        pair.server->on_end = [](Connection& connection) {
            connection.close();
            throw std::runtime_error("end");
        };
        pair.server->on_close = [](Connection&) { throw std::runtime_error("close"); };
        REQUIRE(world.join(pair));
        pair.client->connection->write("x");
        pair.client->connection->close();
        REQUIRE(world.until_closed(pair));
        CHECK(seen == "open data end close ");
        CHECK(pair.server->handlers == 0);
    });
}

TEST_CASE("connection_destroyed_with_its_reactor_releases_handlers_without_calling") {
    on_every_poller([](const std::string& poller) {
        for (const std::string& transport : transports) {
            CAPTURE(transport);
            Pair open;
            Pair connecting;
            {
                World world(poller, transport);
                REQUIRE(world.join(open));
                open.client->connection->write("never");
                world.begin_joining(connecting);
            }
            CHECK(open.client->trace == "open");
            CHECK(open.client->handlers + open.server->handlers + connecting.client->handlers == 0);
        }
    });
}

TEST_CASE("connection_forget_handler_tells_nobody") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        pair.client->connection->forget_handler();
        CHECK(pair.client->handlers == 0);
        REQUIRE(world.until([&] { return pair.server->is_closed(); }));
        CHECK(pair.client->trace == "open");
    });
}

TEST_CASE("connection_that_fails_to_write_after_the_peers_half_close_ends") {
    in_every_world([](World& world) {
        Pair pair;
        pair.client->on_end = [](Connection&) {};
        REQUIRE(world.join(pair));
        pair.server->connection->end_write();
        REQUIRE(world.until([&] { return pair.client->has_ended(); }));
        pair.server->connection->abort();
        for (int i = 0; i < 10 && !pair.client->is_closed(); ++i) {
            pair.client->connection->write("x");
            REQUIRE(settle(world.reactor));
        }
        CHECK(pair.client->is_closed());
        CHECK(pair.client->reason.os != 0);
    });
}
