#include "tidemill/reactor/timers.h"

#include <algorithm>

#include "tidemill/base/limits.h"

namespace tidemill {

// Four children a node: half the levels of a binary heap, and the children lie side by side in the cache.
static constexpr std::uint32_t children = 4;

TimerId Timers::add(TimePoint deadline, Duration period, Task task) {
    const TimerId id = timers_.insert({std::move(task), period, nowhere});
    push({deadline, sequence_++, id});
    return id;
}

bool Timers::cancel(TimerId id) {
    const Timer* timer = timers_.find(id);
    if (timer == nullptr) return false;
    if (timer->place != nowhere) remove_from_heap(timer->place);
    timers_.take(id);
    return true;
}

void Timers::clear() {
    // Moved out first: a task's destructor may be a script's and may come back here.
    std::vector<Entry> heap = std::move(heap_);
    heap_.clear();
    for (const Entry& entry : heap) timers_.take(entry.id);
}

void Timers::push(Entry entry) {
    heap_.push_back(entry);
    sift_up(static_cast<std::uint32_t>(heap_.size() - 1), entry);
}

void Timers::remove_from_heap(std::uint32_t place) {
    const Entry last = heap_.back();
    heap_.pop_back();
    // What a crowd of timers took is given back when they are gone. A quarter, so that the next one does not have to ask for it again.
    if (heap_.capacity() > limits::spare_slots && heap_.size() < heap_.capacity() / 4) shrink();
    if (place == heap_.size()) return;
    if (place > 0 && last < heap_[(place - 1) / children]) return sift_up(place, last);
    sift_down(place, last);
}

void Timers::shrink() {
    std::vector<Entry> smaller;
    smaller.reserve(heap_.capacity() / 2);
    smaller.assign(heap_.begin(), heap_.end());
    heap_.swap(smaller);
}

void Timers::put(std::uint32_t place, const Entry& entry) {
    heap_[place] = entry;
    timers_.find(entry.id)->place = place;
}

void Timers::sift_up(std::uint32_t place, const Entry& entry) {
    while (place > 0) {
        const std::uint32_t parent = (place - 1) / children;
        if (!(entry < heap_[parent])) break;
        put(place, heap_[parent]);
        place = parent;
    }
    put(place, entry);
}

void Timers::sift_down(std::uint32_t place, const Entry& entry) {
    const auto size = static_cast<std::uint32_t>(heap_.size());
    for (;;) {
        const std::uint32_t first = place * children + 1;
        if (first >= size) break;
        std::uint32_t least = first;
        for (std::uint32_t child = first + 1; child < std::min(first + children, size); ++child) {
            if (heap_[child] < heap_[least]) least = child;
        }
        if (!(heap_[least] < entry)) break;
        put(place, heap_[least]);
        place = least;
    }
    put(place, entry);
}

}  // namespace tidemill
