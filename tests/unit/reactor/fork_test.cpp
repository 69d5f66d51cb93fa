// A forked child shares its parent's descriptors and epoll set; it must neither use nor disturb them.
#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/child.h"
#include "support/world.h"
#include "tidemill/net/resolver.h"
#include "tidemill/reactor/thread_pool.h"

using namespace tidemill;
using namespace tidemill::test;

TEST_CASE("fork_child_gets_state_errors") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        CHECK(in_child([&] {
                  const auto is_state = [](const Error& error) { return error.code == ErrorCode::state; };
                  if (!is_state(world.reactor.run().error())) return 1;
                  if (!is_state(world.reactor.run_once().error())) return 2;
                  if (!is_state(world.reactor.poll(Duration{0}, Duration{0}).error())) return 3;
                  if (!is_state(world.reactor.fd().error())) return 4;
                  if (!is_state(listen(world.reactor, world.fresh_endpoint(), [] { return HandlerPtr{}; }).error())) return 5;
                  if (!is_state(connect(world.reactor, "tcp://127.0.0.1:1", HandlerPtr(new Handler)).error())) return 6;
                  if (pair.client->connection->write("x").code != ErrorCode::state) return 7;
                  if (!is_state(pair.client->connection->write_error(ErrorCode::state))) return 8;
                  return 0;
              }) == 0);
    });
}

TEST_CASE("fork_child_that_calls_everything_does_not_disturb_the_parent") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        CHECK(in_child([&] {
                  pair.client->connection->abort();
                  pair.server->connection->close();
                  pair.server->connection->end_write();
                  world.close_listener();
                  return 0;
              }) == 0);
        pair.client->connection->write("still here");
        CHECK(world.until([&] { return pair.server->received == "still here"; }));
        Pair second;
        CHECK(world.join(second));
    });
}

TEST_CASE("fork_child_that_destroys_the_reactor_does_not_disturb_the_parent") {
    on_every_poller([](const std::string& poller) {
        for (const std::string& transport : transports) {
            CAPTURE(transport);
            std::optional<World> world(std::in_place, poller, transport);
            Pair pair;
            Pair closing;
            REQUIRE(world->join(pair));
            REQUIRE(world->join(closing));
            closing.client->connection->close();
            CHECK(in_child([&] {
                      // Only the reactor goes: the scratch folder is the parent's.
                      world->reactor.~Reactor();
                      return pair.client->handlers == 0 && pair.server->handlers == 0 ? 0 : 1;
                  }) == 0);
            pair.client->connection->write("there");
            pair.server->connection->write("back");
            CHECK(world->until([&] { return pair.server->received == "there" && pair.client->received == "back"; }));
            CHECK(world->until_closed(closing));
            Pair second;
            CHECK(world->join(second));  // the listener and its file are still there
        }
    });
}

TEST_CASE("fork_child_can_destroy_a_reactor_whose_resolver_has_threads") {
    Reactor reactor;
    bool has_answer = false;
    reactor.service<Resolver>().resolve(parse_endpoint("tcp://localhost:1", "test").value(), "test",
                                        [&](const auto&) { has_answer = true; });
    REQUIRE(run_until(reactor, [&] { return has_answer; }));
    CHECK(in_child([&] {
              reactor.~Reactor();
              return 0;
          }) == 0);
}

TEST_CASE("fork_child_can_make_a_reactor_of_its_own") {
    Reactor parents;
    CHECK(in_child([] {
              Reactor reactor;
              int ran = 0;
              reactor.next_tick([&] { ++ran; });
              return reactor.run().ok() && ran == 1 ? 0 : 1;
          }) == 0);
    CHECK(parents.run().ok());
}

TEST_CASE("fork_inside_a_callback_gives_the_child_state_errors") {
    Reactor reactor;
    int code = -1;
    reactor.next_tick([&] { code = in_child([&] { return reactor.run().error().code == ErrorCode::state ? 0 : 1; }); });
    REQUIRE(reactor.run().ok());
    CHECK(code == 0);
}

// A thread that is inside post() or submit() at the moment of the fork holds a mutex that nobody in the child would ever let go.
TEST_CASE("fork_while_other_threads_post_and_submit_lets_the_child_end_its_reactor") {
    Reactor reactor;
    ThreadPool pool(2, 100);
    std::atomic<bool> is_over{false};
    std::atomic<int> waiting{0};  // kept low: two threads can post more than one loop can run
    std::vector<std::thread> busy;
    for (int i = 0; i < 2; ++i) {
        busy.emplace_back([&] {
            while (!is_over) {
                if (waiting < 1000) {
                    ++waiting;
                    reactor.post([&] { --waiting; });
                }
                static_cast<void>(pool.submit([] {}));
            }
        });
    }
    for (int round = 0; round < 100; ++round) {
        CHECK(in_child([&] {
                  reactor.~Reactor();
                  pool.~ThreadPool();
                  Reactor own;
                  int ran = 0;
                  own.post([&] { ++ran; });
                  return own.run().ok() && ran == 1 ? 0 : 1;
              }) == 0);
        REQUIRE(reactor.run_once().ok());
    }
    is_over = true;
    for (std::thread& thread : busy) thread.join();
}

// Closing a descriptor ends nothing while a child has it as well.
TEST_CASE("fork_child_that_lives_on_does_not_keep_closed_streams_open") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        const pid_t child = ::fork();
        if (child == 0) {
            ::alarm(60);
            for (;;) ::pause();
        }
        pair.client->connection->end_write();  // the server closes in its on_end, and neither side lingers
        CHECK(world.until_closed(pair));
        Pair second;  // whose descriptors have the numbers of the first
        CHECK(world.join(second));
        second.client->connection->write("hello");
        CHECK(world.until([&] { return second.server->received == "hello"; }));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    });
}

TEST_CASE("fork_is_known_to_the_parent_and_not_to_the_child") {
    const Reactor reactor;
    CHECK(in_child([] { return has_forked() ? 1 : 0; }) == 0);
    CHECK(has_forked());
}

TEST_CASE("fork_child_that_drains_does_not_disturb_the_parent") {
    in_every_world([](World& world) {
        Pair pair;
        REQUIRE(world.join(pair));
        REQUIRE(world.reactor.drain(1h).ok());
        CHECK(in_child([&] {
                  if (world.reactor.drain(Duration{0}).error().code != ErrorCode::state) return 1;
                  if (world.reactor.next_tick([] {})) return 2;
                  if (world.reactor.call_later(Duration{0}, [] {}).is_active()) return 3;
                  world.reactor.~Reactor();
                  return pair.client->handlers == 0 && pair.server->trace == "open" ? 0 : 4;
              }) == 0);
        pair.client->connection->write("still here");
        CHECK(world.until([&] { return pair.server->received == "still here"; }));
        CHECK(pair.server->trace.find("shutdown") != std::string::npos);
    });
}
