// Several reactors in several threads: each gets its share, all end together.
#include "tidemill/reactor/workers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/world.h"
#include "tidemill/sys/threads.h"

using namespace tidemill;
using namespace tidemill::test;

TEST_CASE("workers_are_as_many_as_asked_for") {
    CHECK(usable_cores() >= 1);
    CHECK(Workers(0, [](Reactor&, int) {}).count() == usable_cores());
    CHECK(Workers(-1, [](Reactor&, int) {}).run().error().code == ErrorCode::argument);
    std::mutex mutex;
    std::vector<int> seen;
    std::vector<std::thread::id> threads;
    Workers workers(4, [&](Reactor& reactor, int index) {
        reactor.next_tick([&, index] {
            const std::lock_guard lock(mutex);
            seen.push_back(index);
            threads.push_back(std::this_thread::get_id());
        });
    });
    REQUIRE(workers.run().ok());  // nothing is left to wait for
    CHECK(workers.run().error().code == ErrorCode::state);
    std::sort(seen.begin(), seen.end());
    CHECK(seen == std::vector<int>{0, 1, 2, 3});
    std::sort(threads.begin(), threads.end());
    CHECK(std::unique(threads.begin(), threads.end()) == threads.end());
}

// The system chooses by a hash of addresses and ports: each worker's number scatters around its fair share by a few per cent of it.
TEST_CASE("workers_that_share_a_port_share_the_connections") {
    for (const int count : {2, 4}) {
        CAPTURE(count);
        constexpr int connections = 1000;
        std::promise<std::string> first;
        const std::shared_future<std::string> port = first.get_future().share();
        std::vector<std::atomic<int>> accepted(static_cast<std::size_t>(count));
        std::atomic<int> listening{0};
        Workers workers(count, [&](Reactor& reactor, int index) {
            const auto factory = [&accepted, index] {
                ++accepted[static_cast<std::size_t>(index)];
                return handler_of(std::make_shared<Party>());
            };
            const auto listener = listen(reactor, index == 0 ? "tcp://127.0.0.1:0" : port.get(), factory, {.reuse_port = true});
            if (!listener) throw std::runtime_error(listener.error().text());
            if (index == 0) first.set_value(listener.value()->endpoint());
            ++listening;
        });
        REQUIRE(workers.start().ok());
        while (listening < count) std::this_thread::yield();
        Reactor reactor;
        int opened = 0;
        int closed = 0;
        for (int i = 0; i < connections; ++i) {
            const auto party = std::make_shared<Party>();
            party->on_open = [&](Connection& connection) {
                ++opened;
                connection.close();
            };
            party->on_close = [&](Connection&) { ++closed; };
            REQUIRE(connect(reactor, port.get(), handler_of(party)).ok());
            REQUIRE(run_until(reactor, [&] { return i - closed < 50; }));
        }
        REQUIRE(run_until(reactor, [&] { return closed == connections; }));
        CHECK(opened == connections);
        workers.stop();
        REQUIRE(workers.join().ok());
        int total = 0;
        for (const std::atomic<int>& each : accepted) {
            CHECK(each > connections / count / 2);
            total += each;
        }
        CHECK(total == connections);
    }
}

TEST_CASE("workers_stop_by_draining") {
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> told{0};
        std::atomic<int> ready{0};
        std::vector<PartyPtr> parties;
        for (int i = 0; i < 3; ++i) {
            parties.push_back(std::make_shared<Party>());
            parties.back()->on_open = [&](Connection&) { ++ready; };
            parties.back()->on_shutdown = [&](Connection& connection) {
                ++told;
                connection.close();
            };
        }
        Workers workers(3, [&](Reactor& reactor, int index) {
            static_cast<void>(listen(reactor, "memory://x", [] { return HandlerPtr(new Handler); }));
            static_cast<void>(connect(reactor, "memory://x", handler_of(parties[static_cast<std::size_t>(index)])));
        });
        REQUIRE(workers.start().ok());
        if (round % 2 == 0) {
            while (ready < 3) std::this_thread::yield();
        }
        workers.stop();  // in the odd rounds perhaps before there is a reactor
        CHECK(workers.wait_for(patience));
        REQUIRE(workers.join().ok());
        if (round % 2 == 0) CHECK(told == 3);
    }
}

TEST_CASE("workers_all_end_when_one_fails") {
    for (const bool is_late : {false, true}) {
        CAPTURE(is_late);
        std::atomic<int> ended{0};
        Workers workers(4, [&](Reactor& reactor, int index) {
            reactor.call_later(1h, [] {});
            const auto fail = [] { throw std::runtime_error("thrown by a worker"); };
            if (index == 2 && !is_late) fail();
            if (index == 2) reactor.call_later(1ms, fail);
            ++ended;
        });
        CHECK_THROWS_WITH(workers.run(), "thrown by a worker");
        CHECK(ended == (is_late ? 4 : 3));
    }
}

TEST_CASE("workers_stop_one_another_and_end_when_they_are_destroyed") {
    Workers* all = nullptr;
    Workers workers(3, [&](Reactor& reactor, int index) {
        reactor.call_later(1h, [] {});
        if (index == 1) reactor.call_later(1ms, [&] { all->stop(); });
    });
    all = &workers;
    REQUIRE(workers.run().ok());
    Workers left(2, [](Reactor& reactor, int) { reactor.call_later(1h, [] {}); });
    REQUIRE(left.start().ok());
}
