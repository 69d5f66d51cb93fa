// What other threads may do with a reactor, and what they may not.
#include <doctest/doctest.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "support/world.h"
#include "tidemill/net/resolver.h"

using namespace tidemill;
using namespace tidemill::test;

TEST_CASE("post_from_many_threads_runs_everything_once_and_in_the_order_of_each") {
    on_every_poller([](const std::string& poller) {
        constexpr int threads = 4;
        constexpr int posts = 5000;
        Reactor reactor({.poller = poller});
        std::vector<int> next(threads, 0);
        int total = 0;
        bool is_ordered = true;
        bool is_on_the_loop = true;
        const std::thread::id owner = std::this_thread::get_id();
        Timer keep_alive = reactor.call_later(1h, [] {});
        std::vector<std::thread> posters;
        for (int thread = 0; thread < threads; ++thread) {
            posters.emplace_back([&, thread] {
                for (int i = 0; i < posts; ++i) {
                    reactor.post([&, thread, i] {
                        is_ordered = is_ordered && next[static_cast<std::size_t>(thread)]++ == i;
                        is_on_the_loop = is_on_the_loop && std::this_thread::get_id() == owner;
                        if (++total == threads * posts) keep_alive.cancel();
                    });
                }
            });
        }
        REQUIRE(reactor.run().ok());  // ends only if nothing was lost
        for (std::thread& poster : posters) poster.join();
        CHECK(total == threads * posts);
        CHECK(is_ordered);
        CHECK(is_on_the_loop);
    });
}

TEST_CASE("post_from_a_thread_wakes_a_sleeping_loop_every_time") {
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        Timer keep_alive = reactor.call_later(1h, [] {});
        // Ping-pong: each post is made only when the loop has run the one before and is on its way to sleep.
        std::atomic<int> ran{0};
        std::thread poster([&] {
            for (int i = 0; i < 2000; ++i) {
                reactor.post([&] { ++ran; });
                while (ran <= i) std::this_thread::yield();
            }
            reactor.post([&] { keep_alive.cancel(); });
        });
        REQUIRE(reactor.run().ok());
        poster.join();
        CHECK(ran == 2000);
    });
}

TEST_CASE("post_of_a_task_that_posts_reaches_another_reactor") {
    Reactor first;
    std::promise<Reactor*> made;
    std::thread other([&] {
        Reactor second;
        second.call_later(1h, [] {});
        second.post([&] { made.set_value(&second); });
        static_cast<void>(second.run());
    });
    Reactor* second = made.get_future().get();
    Timer keep_alive = first.call_later(1h, [] {});
    int answers = 0;
    second->post([&, second] {
        first.post([&, second] {
            ++answers;
            keep_alive.cancel();
            second->request_stop();
        });
    });
    REQUIRE(first.run().ok());
    other.join();
    CHECK(answers == 1);
}

TEST_CASE("request_stop_from_a_thread_ends_run_every_time") {
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        for (int round = 0; round < 200; ++round) {
            Timer timer = reactor.call_later(1h, [] {});
            std::atomic<bool> has_begun{false};
            reactor.next_tick([&] { has_begun = true; });
            std::thread stopper([&] {
                while (!has_begun) std::this_thread::yield();
                reactor.request_stop();
            });
            REQUIRE(reactor.run().ok());
            stopper.join();
            CHECK_FALSE(timer.is_active());
        }
    });
}

TEST_CASE("request_stop_and_posts_at_the_same_time_lose_neither") {
    on_every_poller([](const std::string& poller) {
        for (int round = 0; round < 100; ++round) {
            Reactor reactor({.poller = poller});
            Timer keep_alive = reactor.call_later(1h, [] {});
            std::thread poster([&] {
                for (int i = 0; i < 20; ++i) reactor.post([] {});
            });
            std::thread stopper([&] { reactor.request_stop(); });
            REQUIRE(reactor.run().ok());  // hangs if the stop is lost
            poster.join();
            stopper.join();
            CHECK_FALSE(keep_alive.is_active());
            // And the bell still works.
            bool ran = false;
            Timer again = reactor.call_later(1h, [] {});
            std::thread late([&] {
                reactor.post([&] {
                    ran = true;
                    again.cancel();
                });
            });
            REQUIRE(reactor.run().ok());
            late.join();
            CHECK(ran);
        }
    });
}

TEST_CASE("request_stop_from_a_signal_handler_on_another_thread_ends_run") {
    static std::atomic<Reactor*> target{nullptr};
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        target = &reactor;
        struct sigaction old{};
        struct sigaction action{};
        action.sa_handler = [](int) { target.load()->request_stop(); };
        ::sigaction(SIGUSR1, &action, &old);
        reactor.call_later(1h, [] {});
        std::atomic<bool> has_begun{false};
        reactor.next_tick([&] { has_begun = true; });
        const pthread_t loop = ::pthread_self();
        std::thread sender([&] {
            while (!has_begun) std::this_thread::yield();
            ::pthread_kill(loop, SIGUSR1);
        });
        REQUIRE(reactor.run().ok());
        sender.join();
        ::sigaction(SIGUSR1, &old, nullptr);
    });
}

TEST_CASE("calls_from_a_foreign_thread_are_state_errors") {
    World world("epoll", "tcp4");
    Pair pair;
    REQUIRE(world.join(pair));
    Connection& connection = *pair.client->connection;
    std::vector<ErrorCode> codes;
    world.reactor.next_tick([&] {
        std::thread([&] {
            codes.push_back(world.reactor.run().error().code);
            codes.push_back(world.reactor.run_once().error().code);
            codes.push_back(world.reactor.poll(Duration{0}, Duration{0}).error().code);
            codes.push_back(world.reactor.fd().error().code);
            codes.push_back(listen(world.reactor, "tcp://127.0.0.1:0", [] { return HandlerPtr{}; }).error().code);
            codes.push_back(connect(world.reactor, "tcp://127.0.0.1:1", HandlerPtr(new Handler)).error().code);
            codes.push_back(connection.write("x").code);
            connection.abort();
            connection.close();
        }).join();
    });
    REQUIRE(settle(world.reactor));
    CHECK(codes == std::vector<ErrorCode>(7, ErrorCode::state));
    CHECK(pair.client->trace == "open");
    CHECK(pair.server->received.empty());
}

TEST_CASE("reactor_made_in_one_thread_belongs_to_the_one_that_runs_it") {
    Reactor reactor;
    int ran = 0;
    reactor.next_tick([&] { ++ran; });
    std::thread([&] { CHECK(reactor.run().ok()); }).join();
    CHECK(ran == 1);
    CHECK(reactor.fd().error().code == ErrorCode::state);
    CHECK(reactor.run().ok());  // and now it is this one's again
    CHECK(reactor.fd().ok());
}

TEST_CASE("reactors_in_many_threads_do_not_know_each_other") {
    std::atomic<int> done{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            World world(i % 2 == 0 ? "epoll" : "poll", transports[static_cast<std::size_t>(i)]);
            Pair pair;
            pair.server->on_data = [](Connection& connection, Bytes octets) { connection.write(octets); };
            pair.client->on_open = [](Connection& connection) { connection.write("hello"); };
            pair.client->on_data = [](Connection& connection, Bytes) { connection.close(); };
            world.begin_joining(pair);
            if (world.until_closed(pair) && pair.client->received == "hello") ++done;
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(done == 4);
}

TEST_CASE("resolver_results_that_come_after_the_reactor_are_dropped") {
    // Often enough that some look-ups are under way, some wait and some have been posted when the reactor goes.
    for (int round = 0; round < 50; ++round) {
        const auto held = std::make_shared<int>(1);
        {
            Reactor reactor;
            for (int i = 0; i < 10; ++i) {
                reactor.service<Resolver>().resolve(parse_endpoint("tcp://localhost:1", "test").value(), "test", [held](const auto&) {});
            }
            if (round % 2 == 0) CHECK(reactor.run_once(1ms).ok());
        }
        CHECK(held.use_count() == 1);
    }
}

TEST_CASE("connections_whose_names_are_looked_up_when_the_reactor_goes_are_released") {
    for (int round = 0; round < 20; ++round) {
        const auto client = std::make_shared<Party>();
        {
            Reactor reactor;
            for (int i = 0; i < 5; ++i) REQUIRE(connect(reactor, "tcp://no.such.host.invalid:1", handler_of(client)).ok());
            if (round % 2 == 0) reactor.next_tick([&] { reactor.halt(); });  // the look-ups begin, none is answered
            if (round % 2 == 0) REQUIRE(reactor.run().ok());
        }
        CHECK(client->handlers == 0);
        CHECK(client->trace.empty());
    }
}

TEST_CASE("gate_that_lets_other_threads_run_hears_their_posts") {
    // As an interpreter does it: the lock is given away while the loop sleeps.
    struct LockGate final : Gate {
        std::mutex lock;
        void sleep(void (*wait)(void*), void* argument) override {
            lock.unlock();
            wait(argument);
            lock.lock();
        }
        bool check_interrupts() override { return true; }
    };
    LockGate gate;
    Reactor reactor({.gate = &gate});
    Timer keep_alive = reactor.call_later(1h, [] {});
    int ran = 0;  // guarded by the gate's lock
    std::thread other([&] {
        for (int i = 0; i < 100; ++i) {
            const std::lock_guard guard(gate.lock);
            reactor.post([&] {
                if (++ran == 100) keep_alive.cancel();
            });
        }
    });
    {
        const std::lock_guard guard(gate.lock);
        REQUIRE(reactor.run().ok());
    }
    other.join();
    CHECK(ran == 100);
}

TEST_CASE("calls_from_a_foreign_thread_are_refused") {
    Reactor reactor;
    bool ran = false;
    const auto run = [&] { ran = true; };
    std::thread([&] {
        CHECK_FALSE(reactor.next_tick(run));
        CHECK(reactor.call_later(Duration{0}, run).id() == 0);
        CHECK(reactor.call_every(1ms, run).id() == 0);
        CHECK(reactor.drain().error().code == ErrorCode::state);
    }).join();
    Timer timer = reactor.call_later(1h, [] {});
    std::thread([timer]() mutable { CHECK_FALSE(timer.cancel()); }).join();
    CHECK(timer.is_active());
    timer.cancel();
    REQUIRE(reactor.run().ok());
    CHECK_FALSE(ran);
}

// Producers that post all the time, also while the reactor stops, runs again and is destroyed.
TEST_CASE("post_from_many_threads_while_the_reactor_stops_and_is_destroyed") {
    on_every_poller([](const std::string& poller) {
        std::atomic<bool> is_over{false};
        std::atomic<long> ran{0};
        std::mutex mutex;
        std::shared_ptr<Mailbox> mailbox;
        const auto held = std::make_shared<int>(1);
        const auto post = [&] {
            std::shared_ptr<Mailbox> target;
            {
                const std::lock_guard lock(mutex);
                target = mailbox;
            }
            if (target) target->post([held, &ran] { ++ran; });
        };
        std::vector<std::thread> producers;
        for (int i = 0; i < 8; ++i) {
            producers.emplace_back([&] {
                while (!is_over) post();
            });
        }
        for (int life = 0; life < 20; ++life) {
            Reactor reactor({.poller = poller});
            {
                const std::lock_guard lock(mutex);
                mailbox = reactor.mailbox();
            }
            for (int run = 0; run < 3; ++run) {
                const long before = ran;
                reactor.call_every(1ms, [&] {
                    if (ran > before + 10) reactor.stop();
                });
                REQUIRE(reactor.run().ok());
            }
        }
        is_over = true;
        for (std::thread& producer : producers) producer.join();
        mailbox.reset();
        CHECK(held.use_count() == 1);  // all that was posted has run or was dropped
    });
}
