#include "tidemill/reactor/timers.h"

#include <algorithm>

#include "tidemill/base/limits.h"

namespace tidemill {

// Four children a node: half the levels of a binary heap, and the children lie side by side in the cache.
static constexpr std::size_t children = 4;

// Fewer dead entries than this are not worth a sweep.
static constexpr std::size_t tolerable_dead = 64;

TimerId Timers::add(TimePoint deadline, Duration period, Task task) {
    const TimerId id = timers_.insert({std::move(task), period});
    push({deadline, sequence_++, id});
    return id;
}

bool Timers::cancel(TimerId id) {
    if (!is_active(id)) return false;
    const Timer dropped = timers_.take(id);  // its task goes last: the destructor may be a script's and may come back here
    if (dropped.is_in_heap) bury(id);
    return true;
}

void Timers::clear() {
    // Moved out first, because of the destructors of the tasks.
    const std::vector<Entry> heap = std::move(heap_);
    heap_.clear();
    dead_ = 0;
    for (const Entry& entry : heap) timers_.take(entry.id);
}

void Timers::push(const Entry& entry) {
    std::size_t place = heap_.size();
    heap_.push_back(entry);
    while (place > 0) {
        const std::size_t parent = (place - 1) / children;
        if (!(entry < heap_[parent])) break;
        heap_[place] = heap_[parent];
        place = parent;
    }
    heap_[place] = entry;
}

// Takes the first entry out, and what is dead behind it.
void Timers::pop() {
    for (;;) {
        const Entry last = heap_.back();
        heap_.pop_back();
        if (heap_.empty()) break;
        sift_down(0, last);
        timers_.prefetch(heap_.front().id);
        if (dead_ == 0 || is_active(heap_.front().id)) break;
        --dead_;
    }
    shrink();
}

void Timers::bury(TimerId id) {
    if (heap_.front().id == id) return pop();
    // The one that was made last stands mostly at the end: many a timeout is cancelled before another is set.
    if (heap_.back().id == id) return heap_.pop_back();
    ++dead_;
    if (dead_ > tolerable_dead && dead_ > heap_.size() / 2) sweep();
}

void Timers::sweep() {
    std::erase_if(heap_, [this](const Entry& entry) { return !is_active(entry.id); });
    dead_ = 0;
    for (std::size_t place = heap_.size() / children + 1; place-- > 0;) {
        if (place < heap_.size()) sift_down(place, Entry(heap_[place]));
    }
    shrink();
}

// What a crowd of timers took is given back when they are gone. A quarter, so that the next one does not have to ask for it again.
void Timers::shrink() {
    if (heap_.capacity() <= limits::spare_slots || heap_.size() >= heap_.capacity() / 4) return;
    std::vector<Entry> smaller;
    smaller.reserve(heap_.capacity() / 2);
    smaller.assign(heap_.begin(), heap_.end());
    heap_.swap(smaller);
}

void Timers::sift_down(std::size_t place, const Entry& entry) {
    const std::size_t size = heap_.size();
    for (;;) {
        const std::size_t first = place * children + 1;
        if (first >= size) break;
        std::size_t least = first;
        for (std::size_t child = first + 1; child < std::min(first + children, size); ++child) {
            if (heap_[child] < heap_[least]) least = child;
        }
        if (!(heap_[least] < entry)) break;
        heap_[place] = heap_[least];
        place = least;
    }
    heap_[place] = entry;
}

}  // namespace tidemill
