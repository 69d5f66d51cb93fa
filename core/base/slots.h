// SlotMap: things under ids that are never used twice. An id is an index and a generation; the generation moves on when the slot
// is emptied, so that a stale id finds nothing instead of a newcomer. Look-up, insertion and removal are O(1).
// Ids stay below 2^53, so that a language whose only number is a double (Lua 5.1) keeps them exact.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

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
        } else {
            index = free_.back();
            free_.pop_back();
        }
        slots_[index].value = std::move(value);
        slots_[index].used = true;
        ++size_;
        return make_id(index);
    }

    // Valid until the next insert. nullptr for a stale or foreign id.
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
        return value;
    }

    std::size_t size() const { return size_; }

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

    Id make_id(std::uint32_t index) const { return Id{slots_[index].generation} << 32 | index; }

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::size_t size_ = 0;
};

}  // namespace tidemill
