// Deadlines in a heap; equal ones keep the order in which they were made. Knows no clock: time is an argument.
//
// Cancelling ends the timer and drops its task at once, but leaves its deadline in the heap: a hole there costs a walk over memory that
// nobody else looks at. What is left behind is swept when it is more than half of the heap, so each operation has a constant share of
// that, and never stands at the top (docs/notes/0014).
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
        pop();
        if (timer->period.count() == 0) {
            Task task = timers_.take(due.id).task;
            call(task);
            return true;
        }
        // It stays in the table while it is called, so that cancel() works from inside.
        timer->is_in_heap = false;
        Task task = std::move(timer->task);
        call(task);
        if (Timer* still = timers_.find(due.id)) {
            still->task = std::move(task);
            still->is_in_heap = true;
            const TimePoint beat = due.deadline + still->period;
            push({beat > now ? beat : now + still->period, sequence_++, due.id});
        }
        return true;
    }

private:
    struct Timer {
        Task task;
        Duration period{};
        bool is_in_heap = true;
    };
    struct Entry {
        TimePoint deadline;
        std::uint64_t sequence;
        TimerId id;

        bool operator<(const Entry& other) const {
            return deadline != other.deadline ? deadline < other.deadline : sequence < other.sequence;
        }
    };

    void push(const Entry& entry);
    void pop();
    void bury(TimerId id);
    void sweep();
    void shrink();
    void sift_down(std::size_t place, const Entry& entry);

    SlotMap<Timer> timers_;
    std::vector<Entry> heap_;
    std::size_t dead_ = 0;  // entries of cancelled timers; the first entry is none of them
    std::uint64_t sequence_ = 0;
    std::uint64_t round_ = 0;
};

}  // namespace tidemill
