// SlotMap: things under ids that are never used twice. An id is an index and a generation; the generation moves on when the slot
// is emptied, so that a stale id finds nothing instead of a newcomer. Look-up, insertion and removal are O(1).
// Ids stay below 2^53, so that a language whose only number is a double (Lua 5.1) keeps them exact.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "tidemill/base/limits.h"

namespace tidemill {

template <class T>
class SlotMap {
public:
    using Id = std::uint64_t;  // 0 is never an id

    Id insert(T value) {
        std::uint32_t index;
        if (free_.empty()) {
            index = static_cast<std::uint32_t>(slots_.size());
            slots_.emplace_back();
            slots_.back().generation = first_generation_;
            shrink_at_ = slots_.size() > limits::spare_slots ? slots_.size() / 8 : never;
        } else {
            index = free_.back();
            free_.pop_back();
        }
        slots_[index].value = std::move(value);
        slots_[index].used = true;
        ++size_;
        return make_id(index);
    }

    // Valid until the next insert or take. nullptr for a stale or foreign id.
    T* find(Id id) {
        const auto index = static_cast<std::uint32_t>(id);
        if (index >= slots_.size()) return nullptr;
        Slot& slot = slots_[index];
        return slot.used && slot.generation == id >> 32 ? &slot.value : nullptr;
    }

    // Moves the value out; a default T for a stale id.
    T take(Id id) {
        T* found = find(id);
        if (found == nullptr) return T{};
        Slot& slot = slots_[static_cast<std::uint32_t>(id)];
        T value = std::exchange(slot.value, T{});
        slot.used = false;
        --size_;
        // A slot whose generations are used up is retired: 32 octets lost after two million reuses, never an id that comes back.
        if (++slot.generation < last_generation) free_.push_back(static_cast<std::uint32_t>(id));
        if (size_ <= shrink_at_ && shrink_at_ != never) shrink();
        return value;
    }

    std::size_t size() const { return size_; }
    std::size_t capacity() const { return slots_.capacity(); }

    template <class Function>
    void for_each(Function function) {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].used) function(slots_[i].value);
        }
    }

private:
    struct Slot {
        T value{};
        std::uint32_t generation = 1;
        bool used = false;
    };

    static constexpr std::uint32_t last_generation = 1u << 21;
    static constexpr std::size_t never = SIZE_MAX;

    // Lets go of the empty slots behind the last used one. Slots made later begin with the highest generation that went, so that no id
    // comes back; when that is used up to the half, memory is kept instead. Tried again at half the size: in all O(log n) times.
    void shrink() {
        shrink_at_ = size_ > 0 ? size_ / 2 : never;
        std::size_t left = slots_.size();
        std::uint32_t highest = first_generation_;
        for (; left > 0 && !slots_[left - 1].used; --left) highest = std::max(highest, slots_[left - 1].generation);
        if (highest > last_generation / 2 || left > slots_.size() / 2) return;
        first_generation_ = highest;
        slots_.resize(left);
        slots_.shrink_to_fit();
        std::erase_if(free_, [left](std::uint32_t index) { return index >= left; });
        free_.shrink_to_fit();
    }

    Id make_id(std::uint32_t index) const { return Id{slots_[index].generation} << 32 | index; }

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::size_t size_ = 0;
    std::size_t shrink_at_ = never;
    std::uint32_t first_generation_ = 1;
};

}  // namespace tidemill
