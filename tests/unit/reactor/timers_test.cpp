#include "tidemill/reactor/timers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace tidemill;
using namespace std::chrono_literals;

static constexpr TimePoint start{1h};

// Fires what is due at `now`, as the reactor does in a turn.
static void fire(Timers& timers, TimePoint now) {
    timers.begin_round();
    while (timers.fire_next(now, [](Task& task) { task(); })) {
    }
}

TEST_CASE("timers_before_the_deadline_do_not_fire") {
    Timers timers;
    int fired = 0;
    timers.add(start + 10ms, {}, [&] { ++fired; });
    fire(timers, start + 10ms - 1ns);
    CHECK(fired == 0);
    fire(timers, start + 10ms);
    CHECK(fired == 1);
    CHECK(timers.is_empty());
    CHECK(timers.next() == TimePoint::max());
}

TEST_CASE("timers_with_equal_deadlines_fire_in_order") {
    Timers timers;
    std::vector<int> order;
    for (int i = 0; i < 1000; ++i) timers.add(start, {}, [&order, i] { order.push_back(i); });
    fire(timers, start);
    CHECK(order.size() == 1000);
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("timers_cancelled_do_not_fire_and_cancel_is_final") {
    Timers timers;
    int fired = 0;
    const TimerId id = timers.add(start, {}, [&] { ++fired; });
    CHECK(timers.is_active(id));
    CHECK(timers.cancel(id));
    CHECK_FALSE(timers.cancel(id));
    CHECK_FALSE(timers.is_active(id));
    fire(timers, start + 1h);
    CHECK(fired == 0);
}

TEST_CASE("timers_cancel_drops_the_task") {
    Timers timers;
    const auto held = std::make_shared<int>(1);
    const TimerId id = timers.add(start, {}, [held] {});
    timers.cancel(id);
    CHECK(held.use_count() == 1);
}

TEST_CASE("timers_one_shot_is_inactive_in_its_own_task") {
    Timers timers;
    TimerId id = 0;
    bool was_active = true;
    id = timers.add(start, {}, [&] { was_active = timers.is_active(id) || timers.cancel(id); });
    fire(timers, start);
    CHECK_FALSE(was_active);
}

TEST_CASE("timers_periodic_cancelled_in_its_own_task_stops") {
    Timers timers;
    TimerId id = 0;
    int fired = 0;
    id = timers.add(start, 1ms, [&] {
        if (++fired == 3) CHECK(timers.cancel(id));
    });
    for (int i = 0; i < 10; ++i) fire(timers, start + i * 1ms);
    CHECK(fired == 3);
    CHECK(timers.is_empty());
}

TEST_CASE("timers_periodic_keeps_its_beat_and_skips_missed_ones") {
    Timers timers;
    int fired = 0;
    timers.add(start, 10ms, [&] { ++fired; });
    fire(timers, start + 3ms);
    CHECK(timers.next() == start + 10ms);  // no drift
    fire(timers, start + 55ms);
    CHECK(fired == 2);
    CHECK(timers.next() == start + 65ms);
}

TEST_CASE("timers_one_due_cancelled_by_another_does_not_fire") {
    Timers timers;
    TimerId second = 0;
    int fired = 0;
    timers.add(start, {}, [&] { timers.cancel(second); });
    second = timers.add(start, {}, [&] { ++fired; });
    fire(timers, start);
    CHECK(fired == 0);
}

TEST_CASE("timers_made_in_a_round_wait_for_the_next") {
    Timers timers;
    int fired = 0;
    timers.add(start, {}, [&] { timers.add(start, {}, [&] { ++fired; }); });
    fire(timers, start);
    CHECK(fired == 0);
    fire(timers, start);
    CHECK(fired == 1);
}

TEST_CASE("timers_clear_allows_a_task_whose_destructor_adds_one") {
    Timers timers;
    struct AddsWhenDropped {
        Timers& timers;
        ~AddsWhenDropped() {
            timers.add(start, {}, [] {});
        }
    };
    timers.add(start, {}, [held = std::make_shared<AddsWhenDropped>(timers)] {});
    timers.clear();
    CHECK_FALSE(timers.is_empty());
    timers.clear();
    CHECK(timers.is_empty());
}

TEST_CASE("timers_random_adds_and_cancels_fire_in_the_order_of_a_model") {
    Timers timers;
    std::mt19937 random(7);
    std::map<std::pair<TimePoint, int>, TimerId> model;  // by deadline and age
    std::vector<int> fired;
    std::vector<int> expected;
    for (int i = 0; i < 20'000; ++i) {
        const TimePoint deadline = start + std::chrono::milliseconds(random() % 500);
        model[{deadline, i}] = timers.add(deadline, {}, [&fired, i] { fired.push_back(i); });
        if (random() % 3 == 0) {
            auto victim = model.begin();
            std::advance(victim, static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(model.size(), 50)));
            REQUIRE(timers.cancel(victim->second));
            model.erase(victim);
        }
    }
    REQUIRE(timers.next() == model.begin()->first.first);
    for (const auto& [key, id] : model) expected.push_back(key.second);
    fire(timers, start + 1s);
    CHECK(fired == expected);
}

TEST_CASE("timers_cancelled_in_any_order_leave_the_next_deadline_exact") {
    Timers timers;
    std::mt19937 random(11);
    std::vector<std::pair<TimerId, TimePoint>> alive;
    std::multiset<TimePoint> model;
    bool is_exact = true;
    for (int i = 0; i < 20'000; ++i) {
        if (alive.empty() || random() % 100 < (i < 10'000 ? 60 : 40)) {
            const TimePoint deadline = start + std::chrono::milliseconds(random() % 10'000);
            alive.emplace_back(timers.add(deadline, {}, [] {}), deadline);
            model.insert(deadline);
        } else {
            std::swap(alive[random() % alive.size()], alive.back());
            REQUIRE(timers.cancel(alive.back().first));
            model.erase(model.find(alive.back().second));
            alive.pop_back();
        }
        is_exact = is_exact && timers.next() == (model.empty() ? TimePoint::max() : *model.begin()) && timers.size() == model.size();
    }
    CHECK(is_exact);
}

TEST_CASE("timers_set_and_cancelled_for_ever_need_no_more_memory") {
    Timers timers;
    timers.add(start, {}, [] {});
    for (int i = 0; i < 1'000'000; ++i) timers.cancel(timers.add(start + 1h + i * 1ns, {}, [] {}));
    CHECK(timers.size() == 1);
    CHECK(timers.capacity() <= limits::spare_slots);
}

TEST_CASE("timers_a_million_set_and_cancelled_give_their_memory_back") {
    Timers timers;
    const TimerId kept = timers.add(TimePoint{} + 1h, Duration{0}, [] {});
    std::vector<TimerId> ids;
    for (int i = 0; i < 1'000'000; ++i) ids.push_back(timers.add(TimePoint{} + i * 1ms, Duration{0}, [] {}));
    CHECK(timers.capacity() >= 1'000'000);
    CHECK(std::all_of(ids.begin(), ids.end(), [&](TimerId id) { return timers.cancel(id); }));
    CHECK(timers.size() == 1);
    CHECK(timers.capacity() <= 2 * limits::spare_slots);
    CHECK(timers.is_active(kept));
    CHECK_FALSE(timers.is_active(ids.back()));
}

TEST_CASE("timers_that_fired_in_a_crowd_give_their_memory_back") {
    Timers timers;
    int fired = 0;
    for (int i = 0; i < 100'000; ++i) timers.add(TimePoint{} + i * 1ns, Duration{0}, [&] { ++fired; });
    timers.begin_round();
    while (timers.fire_next(TimePoint{} + 1h, [](Task& task) { task(); })) {
    }
    CHECK(fired == 100'000);
    CHECK(timers.capacity() <= 2 * limits::spare_slots);
}

// ---- in the user's own memory ----

TEST_CASE("timers_of_both_kinds_fire_in_the_order_of_a_model_whatever_is_cancelled") {
    Timers timers;
    std::mt19937 random(5);
    std::vector<std::unique_ptr<Timers::Own>> own;
    std::map<std::pair<TimePoint, int>, std::pair<TimerId, Timers::Own*>> model;
    std::vector<int> fired;
    bool is_exact = true;
    for (int i = 0; i < 20'000; ++i) {
        const TimePoint deadline = start + std::chrono::milliseconds(random() % 500);
        if (random() % 2 == 0) {
            model[{deadline, i}] = {timers.add(deadline, {}, [&fired, i] { fired.push_back(i); }), nullptr};
        } else {
            own.push_back(std::make_unique<Timers::Own>());
            own.back()->task = [&fired, i] { fired.push_back(i); };
            timers.add(deadline, *own.back());
            model[{deadline, i}] = {0, own.back().get()};
        }
        // Young ones and old ones, the first one among them.
        if (random() % 3 != 0) {
            auto victim = random() % 4 == 0 ? model.begin() : std::prev(model.end());
            if (random() % 2 == 0) victim = model.lower_bound({start + std::chrono::milliseconds(random() % 400), 0});
            if (victim == model.end()) continue;
            const auto [id, owned] = victim->second;
            owned != nullptr ? timers.cancel(*owned) : static_cast<void>(timers.cancel(id));
            model.erase(victim);
        }
        is_exact =
            is_exact && timers.size() == model.size() && timers.next() == (model.empty() ? TimePoint::max() : model.begin()->first.first);
    }
    CHECK(is_exact);
    std::vector<int> expected;
    for (const auto& [key, timer] : model) expected.push_back(key.second);
    fire(timers, start + 1s);
    CHECK(fired == expected);
    CHECK(timers.is_empty());
    CHECK(std::none_of(own.begin(), own.end(), [](const auto& timer) { return timer->is_active(); }));
}

TEST_CASE("timers_of_the_user_are_let_go_by_clear_and_by_crowds_that_end") {
    Timers timers;
    std::vector<std::unique_ptr<Timers::Own>> own;
    for (int i = 0; i < 100'000; ++i) {
        own.push_back(std::make_unique<Timers::Own>());
        timers.add(start + i * 1ms, *own.back());
    }
    CHECK(timers.capacity() >= 100'000);
    for (int i = 100; i < 100'000; ++i) timers.cancel(*own[static_cast<std::size_t>(i)]);
    CHECK(timers.size() == 100);
    CHECK(timers.capacity() <= 2 * limits::spare_slots);
    timers.clear();
    CHECK(timers.is_empty());
    CHECK_FALSE(own[0]->is_active());
    timers.add(start, *own[0]);
    CHECK(timers.next() == start);
    timers.cancel(*own[0]);
}
