// Metrics: the buckets, the text for Prometheus, and what a loop counts; and the watch over slow callbacks.
#include "tidemill/reactor/metrics.h"

#include <doctest/doctest.h>

#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

// Keeps the loop up, by the clock by which the watch measures.
static void be_busy(Duration time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
    }
}

TEST_CASE("histogram_limits_belong_to_their_bucket") {
    Histogram histogram;
    for (const std::int64_t nanoseconds : {-1, 0, 1, 1024}) histogram.add(Duration{nanoseconds});
    CHECK(histogram.count(0) == 4);
    histogram.add(Duration{1025});
    histogram.add(Duration{2048});
    CHECK(histogram.count(1) == 2);
    histogram.add(Duration{std::int64_t{1} << 34});
    CHECK(histogram.count(Histogram::buckets - 2) == 1);
    histogram.add(Duration{(std::int64_t{1} << 34) + 1});
    histogram.add(Duration{std::numeric_limits<std::int64_t>::max()});
    CHECK(histogram.count(Histogram::buckets - 1) == 2);
    CHECK(histogram.total() == 9);
    CHECK(Histogram::limit(0) == doctest::Approx(1.024e-6));
}

TEST_CASE("prometheus_text_has_help_type_and_cumulative_buckets") {
    Metrics metrics;
    metrics.turns = 7;
    metrics.timers = 3;
    metrics.turn_seconds.add(500ns);
    metrics.turn_seconds.add(1500ns);
    metrics.turn_seconds.add(1h);
    const std::string text = prometheus_text(metrics);
    CHECK(text.find("# HELP tidemill_turns_total Turns of the loop.\n# TYPE tidemill_turns_total counter\ntidemill_turns_total 7\n") == 0);
    CHECK(text.find("# TYPE tidemill_timers gauge\ntidemill_timers 3\n") != text.npos);
    CHECK(text.find("# TYPE tidemill_turn_seconds histogram\ntidemill_turn_seconds_bucket{le=\"1.024e-06\"} 1\n"
                    "tidemill_turn_seconds_bucket{le=\"2.048e-06\"} 2\n") != text.npos);
    CHECK(text.find("tidemill_turn_seconds_bucket{le=\"17.179869184\"} 2\ntidemill_turn_seconds_bucket{le=\"+Inf\"} 3\n"
                    "tidemill_turn_seconds_sum 3600.000002\ntidemill_turn_seconds_count 3\n") != text.npos);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) CHECK_UNARY(line.starts_with("# ") || line.starts_with("tidemill_"));
    CHECK(text.ends_with("\n"));
}

// They share looks at the clock.
TEST_CASE("metrics_ticks_in_a_row_count_each_and_lose_no_time") {
    Reactor reactor;
    for (int i = 0; i < 100; ++i) {
        reactor.next_tick([i] {
            if (i == 50) be_busy(5ms);
        });
    }
    REQUIRE(reactor.run().ok());
    const Metrics metrics = reactor.metrics();
    CHECK(metrics.ticks_run == 100);
    CHECK(metrics.callback_seconds.total() == 100);
    CHECK(metrics.callback_seconds.sum() >= 0.0049);
    CHECK(metrics.callback_seconds.sum() <= metrics.turn_seconds.sum() * 1.01);
}

TEST_CASE("metrics_count_what_the_loop_does") {
    World world("epoll", "tcp4");
    Pair pair;
    pair.server->on_data = [](Connection& connection, Bytes octets) { connection.write(octets); };
    REQUIRE(world.join(pair));
    pair.client->connection->write("12345");
    REQUIRE(world.until([&] { return pair.client->received == "12345"; }));
    world.reactor.next_tick([] {});
    world.reactor.call_later(1s, [] {});
    world.reactor.call_later(1h, [] {});
    world.clock.advance(3s);
    REQUIRE(settle(world.reactor));
    Metrics metrics = world.reactor.metrics();
    CHECK(metrics.turns > 0);
    CHECK(metrics.events > 0);
    CHECK(metrics.received_bytes == 10);
    CHECK(metrics.sent_bytes == 10);
    CHECK(metrics.connections_accepted == 1);
    CHECK(metrics.connections_opened == 2);
    CHECK(metrics.connections_closed == 0);
    CHECK(metrics.timers_fired == 1);
    CHECK(metrics.ticks_run == 1);
    CHECK(metrics.timer_lag_seconds.sum() == doctest::Approx(2));
    CHECK(metrics.callback_seconds.total() >= 6);  // the factory, two on_open, two on_data, a tick, a timer
    CHECK(metrics.turn_seconds.total() > 0);
    CHECK(metrics.timers >= 1);
    CHECK(metrics.sources == 3);
    pair.client->connection->abort();
    REQUIRE(world.until_closed(pair));
    metrics = world.reactor.metrics();
    CHECK(metrics.connections_closed == 2);
    CHECK(metrics.connections_failed == 2);
}

// ---- slow callbacks ----

TEST_CASE("slow_callbacks_are_told_with_what_they_were") {
    World world("epoll", "memory");
    std::vector<SlowCallback> told;
    world.reactor.set_slow_callback(3ms, [&](const SlowCallback& report) { told.push_back(report); });
    Pair pair;
    REQUIRE(world.join(pair));
    pair.server->on_data = [](Connection&, Bytes) { be_busy(4ms); };
    pair.client->connection->write("x");
    REQUIRE(world.until([&] { return !told.empty(); }));
    CHECK(told[0].language == "C++");
    CHECK(told[0].name == "tidemill::test::PartyHandler.on_data");
    CHECK(told[0].took >= 4ms);
    told.clear();
    world.reactor.next_tick([] { be_busy(4ms); });
    world.reactor.call_later(0s, [] { be_busy(4ms); });
    REQUIRE(world.until([&] { return told.size() == 2; }));
    CHECK(told[0].name.starts_with("timer "));
    CHECK(told[1].name.starts_with("tick "));
    CHECK(world.reactor.metrics().slow_callbacks == 3);
    told.clear();
    world.reactor.set_slow_callback(Duration{0});
    world.reactor.next_tick([] { be_busy(4ms); });
    REQUIRE(settle(world.reactor));
    CHECK(told.empty());
    CHECK(world.reactor.metrics().slow_callbacks == 3);
}

TEST_CASE("slow_callbacks_do_not_make_the_next_one_slow") {
    Reactor reactor;
    int told = 0;
    reactor.set_slow_callback(20ms, [&](const SlowCallback&) {
        ++told;
        be_busy(25ms);
    });
    reactor.next_tick([] { be_busy(21ms); });
    reactor.next_tick([] {});
    reactor.next_tick([] {});
    REQUIRE(reactor.run().ok());
    CHECK(told == 1);
}

TEST_CASE("slow_callback_function_that_raises_leaves_run") {
    Reactor reactor;
    reactor.set_slow_callback(1ms, [](const SlowCallback&) { throw std::runtime_error("told"); });
    reactor.next_tick([] { be_busy(2ms); });
    CHECK_THROWS_WITH(static_cast<void>(reactor.run()), "told");
}

TEST_CASE("slow_callback_may_be_blamed_on_a_script") {
    Reactor reactor;
    std::vector<std::string> told;
    reactor.set_slow_callback(1ms, [&](const SlowCallback& report) { told.push_back(report.language + " " + report.name); });
    reactor.next_tick([&] {
        be_busy(2ms);
        REQUIRE(reactor.call_watch().is_slow());
        reactor.call_watch().blame({"Klingon", "tick"});
    });
    reactor.next_tick([] { be_busy(2ms); });
    REQUIRE(reactor.run().ok());
    REQUIRE(told.size() == 2);
    CHECK(told[0] == "Klingon tick");
    CHECK(told[1].starts_with("C++ tick "));
}
