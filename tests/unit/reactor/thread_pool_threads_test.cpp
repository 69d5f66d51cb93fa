#include "tidemill/reactor/thread_pool.h"

#include <doctest/doctest.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <future>
#include <memory>
#include <thread>

using namespace tidemill;

// What a job reports and waits for; shared, because a job may go on after its test.
struct Gateway {
    std::promise<void> opening;
    std::shared_future<void> opened = opening.get_future().share();
    std::atomic<int> begun{0};
    std::atomic<int> done{0};

    void wait_for_begun(int count) const {
        while (begun < count) std::this_thread::yield();
    }
    void wait_for_done(int count) const {
        while (done < count) std::this_thread::yield();
    }
};

static Task blocking_job(const std::shared_ptr<Gateway>& gate) {
    return [gate] {
        ++gate->begun;
        gate->opened.wait();
        ++gate->done;
    };
}

TEST_CASE("thread_pool_do_every_job") {
    ThreadPool pool(3, 1000);
    const auto gate = std::make_shared<Gateway>();
    gate->opening.set_value();
    for (int i = 0; i < 500; ++i) CHECK(pool.submit(blocking_job(gate)));
    gate->wait_for_done(500);
}

TEST_CASE("thread_pool_run_as_many_jobs_at_once_as_there_are_threads") {
    ThreadPool pool(3, 10);
    const auto gate = std::make_shared<Gateway>();
    for (int i = 0; i < 4; ++i) CHECK(pool.submit(blocking_job(gate)));
    gate->wait_for_begun(3);
    CHECK(gate->begun == 3);
    gate->opening.set_value();
    gate->wait_for_done(4);
}

TEST_CASE("thread_pool_with_a_full_queue_refuse") {
    ThreadPool pool(1, 2);
    const auto gate = std::make_shared<Gateway>();
    CHECK(pool.submit(blocking_job(gate)));
    gate->wait_for_begun(1);
    CHECK(pool.submit(blocking_job(gate)));
    CHECK(pool.submit(blocking_job(gate)));
    CHECK_FALSE(pool.submit(blocking_job(gate)));
    gate->opening.set_value();
    gate->wait_for_done(3);
}

TEST_CASE("thread_pool_destroyed_drop_what_has_not_begun_and_wait_for_nobody") {
    const auto gate = std::make_shared<Gateway>();
    const auto held = std::make_shared<int>(1);
    {
        ThreadPool pool(1, 10);
        pool.submit(blocking_job(gate));
        gate->wait_for_begun(1);
        pool.submit([held] {});
        CHECK(held.use_count() == 2);
    }
    CHECK(held.use_count() == 1);
    CHECK(gate->done == 0);
    gate->opening.set_value();
    gate->wait_for_done(1);
}

TEST_CASE("thread_pool_block_signals") {
    ThreadPool pool(1, 10);
    std::promise<bool> is_blocked;
    pool.submit([&] {
        sigset_t mask;
        ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        is_blocked.set_value(sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1);
    });
    CHECK(is_blocked.get_future().get());
}

TEST_CASE("thread_pool_drop_a_job_before_they_take_the_next") {
    ThreadPool pool(1, 10);
    const auto held = std::make_shared<int>(1);
    std::promise<long> count;
    pool.submit([held] {});
    pool.submit([&] { count.set_value(held.use_count()); });
    CHECK(count.get_future().get() == 1);
}
