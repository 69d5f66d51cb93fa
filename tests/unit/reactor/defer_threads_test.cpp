// defer: work on other threads, its end in the loop. Built with TSan as well.
#include "tidemill/reactor/defer.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include "tidemill/reactor/channel.h"

using namespace tidemill;
using namespace std::chrono_literals;

namespace {

// What work waits for; shared, because work may go on after its test.
struct Barrier {
    std::promise<void> opening;
    std::shared_future<void> opened = opening.get_future().share();
    std::atomic<int> begun{0};
    std::atomic<int> done{0};

    static void wait(const std::atomic<int>& count, int wanted) {
        while (count < wanted) std::this_thread::yield();
    }
};

auto blocking(const std::shared_ptr<Barrier>& barrier) {
    return [barrier] {
        ++barrier->begun;
        barrier->opened.wait();
        return ++barrier->done;
    };
}

}  // namespace

TEST_CASE("defer_works_elsewhere_and_tells_in_the_loop") {
    Reactor reactor;
    std::thread::id worker;
    std::string answer;
    const auto deferred = defer(
        reactor,
        [&] {
            worker = std::this_thread::get_id();
            return std::string("done");
        },
        [&](const std::string& value) {
            CHECK(reactor.is_running());
            answer = value;
        });
    REQUIRE(deferred.ok());
    CHECK(answer.empty());
    REQUIRE(reactor.run().ok());  // does not return before
    CHECK(answer == "done");
    CHECK(worker != std::this_thread::get_id());
    CHECK(deferred.value().is_done());
}

TEST_CASE("defer_takes_what_work_throws_and_what_it_answers_as_an_error") {
    Reactor reactor;
    std::string trace;
    const auto note = [&](const Error& error) { trace += std::string(code_name(error.code)) + ":" + error.detail + ";"; };
    defer(reactor, [] { throw std::runtime_error("no such luck"); }).value().on_failure(note);
    REQUIRE(reactor.run().ok());
    defer(reactor, []() -> int { throw 1; }).value().on_failure(note);
    REQUIRE(reactor.run().ok());
    defer(reactor, []() -> Result<int> { return make_error(ErrorCode::closed, "work", {}, "gone"); }).value().on_failure(note);
    REQUIRE(reactor.run().ok());
    defer(reactor, []() -> Result<void> { return make_error(ErrorCode::closed, "work", {}, "gone"); }).value().on_failure(note);
    REQUIRE(reactor.run().ok());
    CHECK(trace == "work:no such luck;work:something was thrown that is no std::exception;closed:gone;closed:gone;");
    int value = 0;
    defer(reactor, []() -> Result<int> { return 5; }).value().on_success([&](int got) { value = got; });
    REQUIRE(reactor.run().ok());
    CHECK(value == 5);
}

TEST_CASE("defer_takes_work_that_cannot_be_copied") {
    Reactor reactor;
    int got = 0;
    REQUIRE(defer(reactor, [held = std::make_unique<int>(4)] { return *held; }, [&](int value) { got = value; }).ok());
    REQUIRE(reactor.run().ok());
    CHECK(got == 4);
}

TEST_CASE("defer_many_at_once_all_come_back") {
    Reactor reactor;
    REQUIRE(reactor.service<WorkThreads>().set_threads(4).ok());
    int sum = 0;
    for (int i = 1; i <= 1000; ++i) {
        REQUIRE(defer(reactor, [i] { return i; }, [&](int value) { sum += value; }).ok());
    }
    REQUIRE(reactor.run().ok());
    CHECK(sum == 500500);
    CHECK(reactor.service<WorkThreads>().outstanding() == 0);
}

TEST_CASE("defer_cancelled_before_it_began_never_begins") {
    Reactor reactor;
    REQUIRE(reactor.service<WorkThreads>().set_threads(1).ok());
    const auto barrier = std::make_shared<Barrier>();
    std::string trace;
    REQUIRE(defer(reactor, blocking(barrier), [&](int) { trace += "first "; }).ok());
    Barrier::wait(barrier->begun, 1);
    const auto second = defer(reactor, blocking(barrier)).value();
    second.on_failure([&](const Error& error) {
        trace += std::string(code_name(error.code)) + " ";
        barrier->opening.set_value();
    });
    CHECK(second.cancel());
    REQUIRE(reactor.run().ok());
    CHECK(trace == "cancelled first ");
    CHECK(barrier->begun == 1);
}

TEST_CASE("defer_beyond_the_queue_is_a_limit_error_of_the_call") {
    Reactor reactor;
    REQUIRE(reactor.service<WorkThreads>().set_threads(1).ok());
    const auto barrier = std::make_shared<Barrier>();
    REQUIRE(defer(reactor, blocking(barrier)).ok());
    Barrier::wait(barrier->begun, 1);
    for (std::size_t i = 0; i < limits::worker_queue; ++i) REQUIRE(defer(reactor, [] {}).ok());
    CHECK(defer(reactor, [] {}).error().code == ErrorCode::limit);
    barrier->opening.set_value();
    REQUIRE(reactor.run().ok());
    CHECK(defer(reactor, [] {}).ok());
    REQUIRE(reactor.run().ok());
}

TEST_CASE("defer_at_a_stop_fails_what_is_outstanding_and_waits_for_nobody") {
    Reactor reactor;
    REQUIRE(reactor.service<WorkThreads>().set_threads(1).ok());
    const auto barrier = std::make_shared<Barrier>();
    std::string trace;
    for (int i = 0; i < 3; ++i) {
        const auto deferred = defer(reactor, blocking(barrier)).value();
        deferred.on_success([&](int) { trace += "success "; });
        deferred.on_failure([&](const Error& error) {
            trace += std::string(code_name(error.code)) + " ";
            CHECK(defer(reactor, [] {}).error().code == ErrorCode::state);
        });
    }
    reactor.next_tick([&] {
        Barrier::wait(barrier->begun, 1);
        reactor.stop();
    });
    REQUIRE(reactor.run().ok());
    CHECK(trace == "cancelled cancelled cancelled ");
    CHECK(barrier->done == 0);
    barrier->opening.set_value();
    Barrier::wait(barrier->done, 1);
    int value = 0;
    REQUIRE(defer(reactor, [] { return 9; }, [&](int got) { value = got; }).ok());
    REQUIRE(reactor.run().ok());
    CHECK(value == 9);
    CHECK(trace == "cancelled cancelled cancelled ");
    CHECK(barrier->begun == 1);
}

TEST_CASE("defer_work_that_ends_after_its_reactor_is_gone_tells_nobody") {
    const auto barrier = std::make_shared<Barrier>();
    const auto held = std::make_shared<int>(1);
    {
        Reactor reactor;
        for (int i = 0; i < 4; ++i) {
            REQUIRE(defer(reactor, blocking(barrier), [held](int) { FAIL("told"); }).ok());
        }
        Barrier::wait(barrier->begun, 4);
    }
    CHECK(held.use_count() == 1);
    barrier->opening.set_value();
    Barrier::wait(barrier->done, 4);
}

TEST_CASE("defer_from_another_thread_is_a_state_error") {
    Reactor reactor;
    std::thread([&] {
        CHECK(reactor.service<WorkThreads>().submit([] {}, [](const Error&) {}).error().code == ErrorCode::state);
        CHECK(reactor.service<WorkThreads>().set_threads(2).error().code == ErrorCode::state);
    }).join();
}

TEST_CASE("workers_have_from_one_to_many_threads") {
    Reactor reactor;
    WorkThreads& workers = reactor.service<WorkThreads>();
    CHECK(workers.threads() == limits::worker_threads);
    CHECK(workers.set_threads(0).error().code == ErrorCode::argument);
    CHECK(workers.set_threads(limits::most_worker_threads + 1).error().code == ErrorCode::argument);
    CHECK(workers.threads() == limits::worker_threads);
    REQUIRE(workers.set_threads(1).ok());
    const auto barrier = std::make_shared<Barrier>();
    for (int i = 0; i < 3; ++i) REQUIRE(defer(reactor, blocking(barrier)).ok());
    Barrier::wait(barrier->begun, 1);
    REQUIRE(workers.set_threads(3).ok());
    Barrier::wait(barrier->begun, 3);  // more threads take up what was waiting
    REQUIRE(workers.set_threads(1).ok());
    barrier->opening.set_value();
    REQUIRE(reactor.run().ok());
    CHECK(barrier->done == 3);
}

TEST_CASE("channel_is_published_to_from_other_threads") {
    Reactor reactor;
    const Channel<int> channel(reactor);
    int count = 0, last = 0;
    bool is_in_order = true;
    const HoldId hold = reactor.hold();
    channel.subscribe([&](int value) {
        is_in_order = is_in_order && value == last + 1;
        last = value;
        if (++count == 500) reactor.release(hold);
    });
    std::thread publisher([channel] {
        for (int i = 1; i <= 500; ++i) channel.publish(i);
    });
    REQUIRE(reactor.run().ok());
    publisher.join();
    CHECK(count == 500);
    CHECK(is_in_order);
}
