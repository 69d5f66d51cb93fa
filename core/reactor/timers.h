// Deadlines in a heap. Adding and cancelling are O(log n); equal deadlines keep the order in which they were made. Knows no clock: time
// is an argument.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "tidemill/base/clock.h"
#include "tidemill/base/slots.h"
#include "tidemill/reactor/task.h"

namespace tidemill {

using TimerId = std::uint64_t;  // 0 is never a timer

class Timers {
public:
    // period: 0 for once.
    TimerId add(TimePoint deadline, Duration period, Task task);

    // Real and final. False if it has fired (once) or was cancelled before.
    bool cancel(TimerId id);
    bool is_active(TimerId id) { return timers_.find(id) != nullptr; }
    bool is_empty() const { return timers_.size() == 0; }
    std::size_t size() const { return timers_.size(); }

    // Timers that the memory held at this moment is enough for.
    std::size_t capacity() const { return std::max(heap_.capacity(), timers_.capacity()); }
    void clear();

    // The earliest deadline; TimePoint::max() if there is none.
    TimePoint next() const { return heap_.empty() ? TimePoint::max() : heap_.front().deadline; }

    // Timers made from here on do not fire in this round.
    void begin_round() { round_ = sequence_; }

    // Calls call(task) for the earliest timer that is due in this round; false if there is none. A periodic timer's next deadline is
    // one period after this one, or one period after now if that has passed too: missed beats are not caught up.
    template <class Call>
    bool fire_next(TimePoint now, Call call) {
        if (heap_.empty() || heap_.front().deadline > now || heap_.front().sequence >= round_) return false;
        const Entry due = heap_.front();
        Timer* timer = timers_.find(due.id);
        remove_from_heap(0);
        if (timer->period.count() == 0) {
            Task task = timers_.take(due.id).task;
            call(task);
            return true;
        }
        // It stays in the table while it is called, so that cancel() works from inside; a new timer may move the table.
        timer->place = nowhere;
        Task task = std::move(timer->task);
        call(task);
        if (Timer* still = timers_.find(due.id)) {
            still->task = std::move(task);
            const TimePoint beat = due.deadline + still->period;
            push({beat > now ? beat : now + still->period, sequence_++, due.id});
        }
        return true;
    }

private:
    struct Timer {
        Task task;
        Duration period{};
        std::uint32_t place = 0;
    };
    struct Entry {
        TimePoint deadline;
        std::uint64_t sequence;
        TimerId id;

        bool operator<(const Entry& other) const {
            return deadline != other.deadline ? deadline < other.deadline : sequence < other.sequence;
        }
    };
    static constexpr std::uint32_t nowhere = UINT32_MAX;

    void push(Entry entry);
    void shrink();
    void remove_from_heap(std::uint32_t place);
    void put(std::uint32_t place, const Entry& entry);
    void sift_up(std::uint32_t place, const Entry& entry);
    void sift_down(std::uint32_t place, const Entry& entry);

    SlotMap<Timer> timers_;
    std::vector<Entry> heap_;
    std::uint64_t sequence_ = 0;
    std::uint64_t round_ = 0;
};

}  // namespace tidemill
