// SlotMap: things under ids that are never used twice. An id is an index and a generation; the generation moves on when the slot
// is emptied, so that a stale id finds nothing instead of a newcomer. Look-up, insertion and removal are O(1): slots are made by the chunk
// and never moved, so no insertion has to copy a crowd. A slot of a few dozen octets has a cache line of its own.
// Ids stay below 2^53, so that a language whose only number is a double (Lua 5.1) keeps them exact.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "tidemill/base/limits.h"

namespace tidemill {

template <class T>
class SlotMap {
public:
    using Id = std::uint64_t;  // 0 is never an id

    Id insert(T value) {
        const std::uint32_t index = insert_empty();
        slot_at(index).value = std::move(value);
        return id_of(index);
    }

    // The same for who fills in a default T himself: at(index), id_of(index).
    std::uint32_t insert_empty() {
        std::uint32_t index;
        if (free_.empty()) {
            index = make_slot();
        } else {
            index = free_.back();
            free_.pop_back();
        }
        slot_at(index).state = State::used;
        ++size_;
        ++taken_;
        return index;
    }

    // By the index, which is the lower half of an id: for who knows that the slot is used.
    T& at(std::uint32_t index) { return slot_at(index).value; }
    Id id_of(std::uint32_t index) { return Id{slot_at(index).generation} << 32 | index; }

    // Valid until it is taken. nullptr for a stale or foreign id.
    T* find(Id id) {
        const auto index = static_cast<std::uint32_t>(id);
        if (index >= made_) return nullptr;
        Slot& slot = slot_at(index);
        return slot.state == State::used && slot.generation == id >> 32 ? &slot.value : nullptr;
    }

    // A hint that at(index) or find(id) comes soon.
    void prefetch(std::uint32_t index) const {
        if (index < made_) __builtin_prefetch(&chunks_[index / chunk_size][index % chunk_size]);
    }

    // Moves the value out; a default T for a stale id.
    T take(Id id) {
        T* found = find(id);
        if (found == nullptr) return T{};
        T value = std::exchange(*found, T{});
        vacate(static_cast<std::uint32_t>(id));
        recycle(static_cast<std::uint32_t>(id));
        return value;
    }

    // Takes all of them: every id is stale from here on, and stays so.
    std::vector<T> take_all() {
        std::vector<T> all;
        all.reserve(size_);
        for (std::uint32_t index = 0; index < made_; ++index) {
            if (slot_at(index).state == State::used) all.push_back(take(id_of(index)));
        }
        return all;
    }

    // take() in two steps. From here on the id finds nothing, but the slot is nobody else's before recycle(): for who has the index noted
    // elsewhere. The value stays as the caller has left it.
    void vacate(std::uint32_t index) {
        Slot& slot = slot_at(index);
        slot.state = State::vacated;
        ++slot.generation;
        --size_;
    }

    void recycle(std::uint32_t index) {
        Slot& slot = slot_at(index);
        slot.state = State::free;
        --taken_;
        // A slot whose generations are used up is retired: 64 octets lost after two million reuses, never an id that comes back.
        if (slot.generation < last_generation) free_.push_back(index);
        if (taken_ <= shrink_at_ && shrink_at_ != never) shrink();
    }

    std::size_t size() const { return size_; }
    std::size_t capacity() const { return chunks_.size() * chunk_size; }

    template <class Function>
    void for_each(Function function) {
        for (std::size_t i = 0; i < made_; ++i) {
            if (slot_at(i).state == State::used) function(slot_at(i).value);
        }
    }

private:
    enum class State : std::uint8_t { free, used, vacated };

    static constexpr std::size_t line = 64;
    static constexpr std::size_t slot_size = sizeof(T) + 2 * sizeof(std::uint32_t);  // but for the alignment of T

    struct alignas(slot_size > line / 2 && slot_size <= line ? line : std::max(alignof(T), alignof(std::uint32_t))) Slot {
        T value{};
        std::uint32_t generation = 1;
        State state = State::free;
    };

    static constexpr std::uint32_t last_generation = 1u << 21;
    static constexpr std::size_t never = SIZE_MAX;
    static constexpr std::size_t chunk_size = 256;

    Slot& slot_at(std::size_t index) { return chunks_[index / chunk_size][index % chunk_size]; }

    std::uint32_t make_slot() {
        if (made_ == capacity()) chunks_.push_back(std::make_unique<Slot[]>(chunk_size));
        slot_at(made_).generation = first_generation_;
        ++made_;
        shrink_at_ = made_ > limits::spare_slots ? made_ / 8 : never;
        return static_cast<std::uint32_t>(made_ - 1);
    }

    // Lets go of the empty slots behind the last used one. Slots made later begin with the highest generation that went, so that no id
    // comes back; when that is used up to the half, memory is kept instead. Tried again at half the size: in all O(log n) times.
    void shrink() {
        shrink_at_ = taken_ > 0 ? taken_ / 2 : never;
        std::size_t left = made_;
        std::uint32_t highest = first_generation_;
        for (; left > 0 && slot_at(left - 1).state == State::free; --left) highest = std::max(highest, slot_at(left - 1).generation);
        if (highest > last_generation / 2 || left > made_ / 2) return;
        first_generation_ = highest;
        made_ = left;
        chunks_.resize((left + chunk_size - 1) / chunk_size);
        chunks_.shrink_to_fit();
        std::erase_if(free_, [left](std::uint32_t index) { return index >= left; });
        free_.shrink_to_fit();
    }

    std::vector<std::unique_ptr<Slot[]>> chunks_;
    std::size_t made_ = 0;  // slots in use now or before
    std::vector<std::uint32_t> free_;
    std::size_t size_ = 0;
    std::size_t taken_ = 0;  // used or vacated
    std::size_t shrink_at_ = never;
    std::uint32_t first_generation_ = 1;
};

}  // namespace tidemill
