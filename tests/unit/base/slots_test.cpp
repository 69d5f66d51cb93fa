#include "tidemill/base/slots.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace tidemill;

TEST_CASE("slot_map_id_of_a_removed_thing_finds_nothing") {
    SlotMap<std::string> map;
    const auto first = map.insert("first");
    CHECK(map.take(first) == "first");
    const auto second = map.insert("second");
    CHECK(map.find(first) == nullptr);
    CHECK(map.take(first).empty());
    REQUIRE(map.find(second) != nullptr);
    CHECK(*map.find(second) == "second");
    CHECK(map.size() == 1);
}

TEST_CASE("slot_map_foreign_ids_find_nothing") {
    SlotMap<int> map;
    const auto id = map.insert(1);
    CHECK(map.find(0) == nullptr);
    CHECK(map.find(id + 1) == nullptr);
    CHECK(map.find(~std::uint64_t{0}) == nullptr);
}

TEST_CASE("slot_map_take_moves_the_value_out") {
    SlotMap<std::shared_ptr<int>> map;
    const auto value = std::make_shared<int>(1);
    const auto id = map.insert(value);
    CHECK(value.use_count() == 2);
    map.take(id);
    CHECK(value.use_count() == 1);
}

TEST_CASE("slot_map_reused_past_its_generations_never_repeats_an_id") {
    SlotMap<int> map;
    const auto kept = map.insert(1);
    std::uint64_t last = 0;
    bool has_repeated = false;
    for (int i = 0; i < 2'200'000; ++i) {  // more than 2^21
        const auto id = map.insert(i);
        has_repeated = has_repeated || id == last || id >= std::uint64_t{1} << 53;
        last = id;
        map.take(id);
    }
    CHECK_FALSE(has_repeated);
    CHECK(static_cast<std::uint32_t>(last) == 2);  // the slot before it was retired
    CHECK(map.find(kept) != nullptr);
}

TEST_CASE("slot_map_ids_of_before_take_all_find_nothing_afterwards") {
    SlotMap<int> map;
    std::vector<SlotMap<int>::Id> before;
    for (int i = 0; i < 5000; ++i) before.push_back(map.insert(i));
    map.take(before[7]);
    CHECK(map.take_all().size() == 4999);
    CHECK(map.size() == 0);
    for (int i = 0; i < 5000; ++i) map.insert(i);
    CHECK(std::none_of(before.begin(), before.end(), [&map](SlotMap<int>::Id id) { return map.find(id) != nullptr; }));
}

TEST_CASE("slot_map_for_each_visits_what_is_there") {
    SlotMap<int> map;
    map.insert(1);
    const auto gone = map.insert(2);
    map.insert(4);
    map.take(gone);
    int sum = 0;
    map.for_each([&sum](int value) { sum += value; });
    CHECK(sum == 5);
}

TEST_CASE("slot_map_gives_the_memory_of_a_crowd_back_and_repeats_no_id") {
    SlotMap<int> map;
    const auto kept = map.insert(0);
    std::set<std::uint64_t> seen;
    bool is_new = true;
    for (int round = 0; round < 3; ++round) {
        std::vector<std::uint64_t> ids;
        for (int i = 0; i < 100'000; ++i) ids.push_back(map.insert(i));
        CHECK(map.capacity() >= 100'000);
        for (const auto id : ids) {
            is_new = is_new && seen.insert(id).second;
            map.take(id);
        }
        CHECK(map.capacity() <= 2 * limits::spare_slots);
        CHECK(map.find(ids.front()) == nullptr);
        CHECK(map.find(ids.back()) == nullptr);
    }
    CHECK(is_new);
    CHECK(map.find(kept) != nullptr);
    CHECK(map.size() == 1);
}

TEST_CASE("slot_map_a_vacated_slot_is_nobody_elses_until_it_is_recycled") {
    SlotMap<int> map;
    const std::uint32_t index = map.insert_empty();
    map.at(index) = 7;
    const auto id = map.id_of(index);
    REQUIRE(map.find(id) != nullptr);
    CHECK(*map.find(id) == 7);
    map.vacate(index);
    CHECK(map.find(id) == nullptr);
    CHECK(map.size() == 0);
    CHECK(map.insert_empty() != index);
    map.recycle(index);
    CHECK(map.insert_empty() == index);
    CHECK(map.id_of(index) != id);
}
