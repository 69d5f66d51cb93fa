// Deadlines in a heap; equal ones keep the order in which they were made. Knows no clock: time is an argument.
//
// Cancelling ends the timer and drops its task at once, but leaves its deadline in the heap, unless it was among the last ones made: a hole
// there costs a walk over memory that nobody else looks at. What is left behind is swept when it is more than half of the heap, so each
// operation has a constant share of that, and never stands at the top (docs/notes/0016). Until then the timer's slot stays empty, so
// that one bit for each slot tells which deadlines are dead.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "tidemill/base/clock.h"
#include "tidemill/base/slots.h"
#include "tidemill/reactor/task.h"

namespace tidemill {

using TimerId = std::uint64_t;  // 0 is never a timer

class Timers {
public:
    // period: 0 for once.
    TimerId add(TimePoint deadline, Duration period, Task&& task);

    // A timer in its user's own memory (OwnTimer in reactor.h), once; its entry in the heap is the same.
    struct Own {
        Task task;
        std::uint64_t sequence = 0;
        std::uint32_t index = none;

        bool is_active() const { return index < firing; }
    };
    static constexpr std::uint32_t none = UINT32_MAX;
    static constexpr std::uint32_t firing = none - 1;  // its task is being called
    void add(TimePoint deadline, Own& own);  // own: not active
    void cancel(Own& own);  // own: active

    // Real and final. False if it has fired (once) or was cancelled before.
    bool cancel(TimerId id);
    bool is_active(TimerId id) { return timers_.find(id) != nullptr; }
    bool is_empty() const { return size() == 0; }
    std::size_t size() const { return timers_.size() + owned_; }

    // Timers that the memory held at this moment is enough for.
    std::size_t capacity() const { return std::max(heap_.capacity(), timers_.capacity()); }
    void clear();

    // own is about to be destroyed.
    void forget(Own& own) {
        if (own.is_active()) cancel(own);
        if (firing_ == &own) firing_ = nullptr;
    }

    // The earliest deadline; TimePoint::max() if there is none.
    TimePoint next() const { return heap_.empty() ? TimePoint::max() : heap_.front().deadline; }

    // Timers made from here on do not fire in this round.
    void begin_round() { round_ = sequence_; }

    // Calls call(task) for the earliest timer that is due in this round; false if there is none. A periodic timer's next deadline is
    // one period after this one, or one period after now if that has passed too: missed beats are not caught up.
    template <class Call>
    bool fire_next(TimePoint now, Call call) {
        if (heap_.empty() || heap_.front().deadline > now) return false;
        const Entry due = heap_.front();
        if (is_own(due.index)) return fire_own(due.index, call);
        Timer& timer = timers_.at(due.index);
        if (timer.sequence >= round_) return false;
        Task task = std::move(timer.task);
        if (timer.period.count() == 0) {
            end(due.index);
            pop();
            call(task);
            return true;
        }
        // It stays in the table while it is called, so that cancel() works from inside.
        const TimerId id = timers_.id_of(due.index);
        timer.is_in_heap = false;
        pop();
        call(task);
        if (Timer* still = timers_.find(id)) {
            still->task = std::move(task);
            const TimePoint beat = due.deadline + still->period;
            push(beat > now ? beat : now + still->period, due.index);
        }
        return true;
    }

private:
    struct Timer {
        Task task;
        Duration period{};
        std::uint64_t sequence = 0;
        bool is_in_heap = true;
    };
    // As small as it can be: sifting moves these and looks at nothing else. order is what fits of the sequence; it wraps around, and so
    // only the order of equal deadlines depends on it.
    struct Entry {
        TimePoint deadline;
        std::uint32_t order;
        std::uint32_t index;

        bool operator<(const Entry& other) const {
            return deadline != other.deadline ? deadline < other.deadline : static_cast<std::int32_t>(order - other.order) < 0;
        }
    };

    static constexpr std::size_t bits = 64;
    static constexpr std::uint32_t own_bit = 1u << 31;  // in an index: of owners_

    static bool is_own(std::uint32_t index) { return (index & own_bit) != 0; }

    // Its task may start it again, and may destroy it.
    template <class Call>
    bool fire_own(std::uint32_t index, Call call) {
        Own* own = owners_[index & ~own_bit];
        if (own->sequence >= round_) return false;
        end_own(*own);
        pop();
        Task task = std::move(own->task);
        own->index = firing;
        firing_ = own;
        call(task);
        if (std::exchange(firing_, nullptr) == nullptr) return true;
        own->task = std::move(task);
        if (own->index == firing) own->index = none;
        return true;
    }
    void end_own(Own& own) {
        mark_dead(own.index);
        own.index = none;
        --owned_;
    }
    void recycle(std::uint32_t index);
    void bury(std::uint32_t index);
    void put(const Entry& entry);

    void push(TimePoint deadline, std::uint32_t index);
    void pop();
    // The id finds nothing any more; the slot is free once its entry has left the heap.
    void end(std::uint32_t index) {
        mark_dead(index);
        timers_.vacate(index);
    }
    std::size_t place_near_end(std::uint32_t index) const;
    void take_out(std::size_t place);
    void sweep();
    void shrink();
    void sift_down(std::size_t place, const Entry& entry);
    // The bits of the two kinds of index alternate.
    static constexpr std::uint32_t bit_of(std::uint32_t index) { return std::rotl(index, 1); }
    bool is_alive(std::uint32_t index) const { return (alive_[bit_of(index) / bits] >> bit_of(index) % bits & 1) != 0; }
    void mark_alive(std::uint32_t index) {
        if (bit_of(index) / bits >= alive_.size()) alive_.resize(bit_of(index) / bits + 1);
        alive_[bit_of(index) / bits] |= std::uint64_t{1} << bit_of(index) % bits;
    }
    void mark_dead(std::uint32_t index) { alive_[bit_of(index) / bits] &= ~(std::uint64_t{1} << bit_of(index) % bits); }

    SlotMap<Timer> timers_;
    std::vector<Own*> owners_;  // nullptr: a free place
    std::vector<std::uint32_t> free_owners_;
    std::size_t owned_ = 0;
    Own* firing_ = nullptr;  // whose task is called; nullptr if that destroyed it
    std::vector<std::uint64_t> alive_;
    std::vector<Entry> heap_;
    std::size_t dead_ = 0;  // entries of cancelled timers; the first entry is none of them
    std::uint64_t sequence_ = 0;
    std::uint64_t round_ = 0;
};

}  // namespace tidemill
