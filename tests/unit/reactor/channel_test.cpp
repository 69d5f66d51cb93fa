// Channel and Queue: values inside one process.
#include "tidemill/reactor/channel.h"

#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "tidemill/reactor/queue.h"

using namespace tidemill;

static void settle(Reactor& reactor) {
    while (reactor.run_once().value()) {
    }
}

TEST_CASE("channel_tells_every_subscriber_in_order_and_from_the_loop") {
    Reactor reactor;
    const Channel<std::string> channel(reactor);
    std::string trace;
    channel.subscribe([&](const std::string& value) { trace += "a" + value; });
    Subscription second = channel.subscribe([&](const std::string& value) { trace += "b" + value; });
    CHECK(channel.subscribers() == 2);
    channel.publish("1");
    channel.publish("2");
    CHECK(trace.empty());
    settle(reactor);
    CHECK(trace == "a1b1a2b2");
    CHECK(second.is_active());
    CHECK(second.cancel());
    CHECK_FALSE(second.cancel());
    CHECK_FALSE(second.is_active());
    channel.publish("3");
    settle(reactor);
    CHECK(trace == "a1b1a2b2a3");
    CHECK_FALSE(Subscription().cancel());
}

TEST_CASE("channel_subscriber_that_cancels_in_a_callback_is_not_called_again") {
    Reactor reactor;
    const Channel<int> channel(reactor);
    int first = 0, second = 0;
    Subscription other;
    Subscription own = channel.subscribe([&](int) {
        ++first;
        own.cancel();
        other.cancel();
    });
    other = channel.subscribe([&](int) { ++second; });
    channel.publish(1);
    channel.publish(2);
    settle(reactor);
    CHECK(first == 1);
    CHECK(second == 0);
}

TEST_CASE("channel_subscriber_that_raises_keeps_no_other_from_being_called") {
    Reactor reactor;
    const Channel<int> channel(reactor);
    int called = 0;
    channel.subscribe([](int) { throw std::runtime_error("first"); });
    channel.subscribe([&](int) { ++called; });
    channel.publish(1);
    CHECK_THROWS_WITH(static_cast<void>(reactor.run()), "first");
    CHECK(reactor.run().ok());
    CHECK(called == 1);
}

TEST_CASE("channel_published_after_its_reactor_is_gone_is_heard_by_nobody") {
    std::optional<Channel<int>> channel;
    Subscription subscription;
    {
        Reactor reactor;
        channel.emplace(reactor);
        subscription = channel->subscribe([](int) { FAIL("called"); });
        channel->publish(1);
    }
    channel->publish(2);
    channel.reset();
    CHECK_FALSE(subscription.cancel());
}

TEST_CASE("queue_serves_both_sides_in_order") {
    Reactor reactor;
    const Queue<int> queue(reactor);
    std::string trace;
    const auto pop = [&](const std::string& who) { queue.pop([&, who](int value) { trace += who + std::to_string(value); }); };
    queue.push(1);
    queue.push(2);
    CHECK(queue.size() == 2);
    pop("a");
    pop("b");
    pop("c");
    pop("d");
    CHECK(queue.waiting() == 2);
    CHECK(queue.size() == 0);
    CHECK(trace.empty());
    queue.push(3);
    settle(reactor);
    CHECK(trace == "a1b2c3");
    CHECK(queue.waiting() == 1);
    queue.push(4);
    settle(reactor);
    CHECK(trace == "a1b2c3d4");
}

TEST_CASE("queue_taker_may_pop_again_and_a_stop_keeps_what_nobody_took") {
    Reactor reactor;
    const Queue<std::unique_ptr<int>> queue(reactor);
    std::string trace;
    std::function<void(std::unique_ptr<int>)> take = [&](std::unique_ptr<int> value) {
        trace += std::to_string(*value);
        if (*value == 2) {
            reactor.stop();
        } else {
            queue.pop(take);
        }
    };
    queue.pop(take);
    for (int i = 1; i < 5; ++i) queue.push(std::make_unique<int>(i));
    REQUIRE(reactor.run().ok());
    CHECK(trace == "12");
    CHECK(queue.size() == 2);
    queue.pop(take);
    REQUIRE(reactor.run_once().ok());
    CHECK(trace == "123");
}
