#include "tidemill/reactor/task.h"

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "tidemill/reactor/task_queue.h"

using namespace tidemill;

TEST_CASE("task_of_captures_of_any_size_is_called_moved_and_dropped_once") {
    const auto held = std::make_shared<int>(0);
    const std::array<long, 10> large{1, 2, 3};
    std::vector<Task> tasks;
    tasks.push_back([&held] { ++*held; });                               // plain and small
    tasks.push_back([held] { ++*held; });                                // small, with a destructor
    tasks.push_back([held, large] { *held += static_cast<int>(large[0]); });  // too large for its own room
    tasks.push_back([held, unique = std::make_unique<int>(1)] { *held += *unique; });
    CHECK(held.use_count() == 4);
    for (const Task& task : tasks) task();
    CHECK(*held == 4);
    Task moved = std::move(tasks[2]);
    CHECK_FALSE(tasks[2]);
    moved();
    CHECK(*held == 5);
    moved = nullptr;
    CHECK_FALSE(moved);
    CHECK(held.use_count() == 3);
    tasks.clear();
    CHECK(held.use_count() == 1);
}

TEST_CASE("task_of_something_empty_is_empty") {
    CHECK_FALSE(Task());
    CHECK_FALSE(Task(nullptr));
    CHECK_FALSE(Task(std::function<void()>()));
    CHECK_FALSE(Task(static_cast<void (*)()>(nullptr)));
    CHECK(Task().target_type() == typeid(void));
    const auto answer = [] { return 42; };
    CHECK(Task(answer).target_type() == typeid(answer));
}

TEST_CASE("task_queue_keeps_the_order_over_chunks_and_appended_queues") {
    TaskQueue queue;
    TaskQueue other;
    std::vector<int> order;
    int last = 0;
    const auto push = [&](TaskQueue& to, int count) {
        for (int i = 0; i < count; ++i) to.push([&order, number = last++] { order.push_back(number); });
    };
    push(queue, 5000);
    push(other, 3000);
    queue.append(other);
    CHECK(other.is_empty());
    push(queue, 1);
    push(other, 1);
    queue.append(other);
    queue.append(other);
    CHECK(queue.size() == 8002);
    while (!queue.is_empty()) queue.pop().task();
    push(queue, 10);  // from an emptied one on
    while (!queue.is_empty()) queue.pop().task();
    REQUIRE(order.size() == 8012);
    for (int i = 0; i < 8012; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("task_queue_drops_what_it_holds_and_lets_a_destructor_queue_more") {
    const auto held = std::make_shared<int>(1);
    {
        TaskQueue queue;
        for (int i = 0; i < 100; ++i) queue.push([held] {}, i % 2 == 0);
        CHECK(queue.pop().outlives_stop);
        CHECK_FALSE(queue.pop().outlives_stop);
        CHECK(held.use_count() == 99);
    }
    CHECK(held.use_count() == 1);
    TaskQueue queue;
    queue.push([queued = std::shared_ptr<int>(new int(1), [&queue](int* number) {
                    delete number;
                    queue.push([] {});
                })] {});
    queue.clear();
    CHECK(queue.size() == 1);
}
