#include "tidemill/reactor/timers.h"

#include <algorithm>

#include "tidemill/base/limits.h"

namespace tidemill {

// Four children a node: half the levels of a binary heap, and the children lie side by side in the cache.
static constexpr std::size_t children = 4;

// Fewer dead entries than this are not worth a sweep.
static constexpr std::size_t tolerable_dead = 64;

// A timer that was made a moment ago has mostly risen no higher than this above the end of the heap.
static constexpr int levels_near_end = 3;

TimerId Timers::add(TimePoint deadline, Duration period, Task&& task) {
    const std::uint32_t index = timers_.insert_empty();
    Timer& timer = timers_.at(index);
    timer.task = std::move(task);
    timer.period = period;
    mark_alive(index);
    push(deadline, index);
    return timers_.id_of(index);
}

// Where it is, if it is in the last place or one of those above that; 0 if not. What is set and cancelled before it could matter leaves
// nothing behind: these places are in the cache.
inline std::size_t Timers::place_near_end(std::uint32_t index) const {
    std::size_t place = heap_.size() - 1;
    for (int level = 0; level < levels_near_end && place > 0; ++level, place = (place - 1) / children) {
        if (heap_[place].index == index) return place;
    }
    return 0;
}

// Short, and with the rare steps out of line: the timer is mostly in no cache, and the fewer instructions are behind that miss, the more of
// it passes while the next ones are cancelled already.
bool Timers::cancel(TimerId id) {
    Timer* timer = timers_.find(id);
    if (timer == nullptr) return false;
    const Task dropped = std::move(timer->task);  // it goes last: the destructor may be a script's and may come back here
    const auto index = static_cast<std::uint32_t>(id);
    const bool is_in_heap = timer->is_in_heap;
    end(index);
    is_in_heap ? bury(index) : timers_.recycle(index);
    return true;
}

void Timers::add(TimePoint deadline, Own& own) {
    if (free_owners_.empty()) {
        own.index = static_cast<std::uint32_t>(owners_.size()) | own_bit;
        owners_.push_back(&own);
    } else {
        own.index = free_owners_.back() | own_bit;
        free_owners_.pop_back();
        owners_[own.index & ~own_bit] = &own;
    }
    ++owned_;
    mark_alive(own.index);
    own.sequence = sequence_++;
    put({deadline, static_cast<std::uint32_t>(own.sequence), own.index});
}

void Timers::cancel(Own& own) {
    const std::uint32_t index = own.index;
    end_own(own);
    if (firing_ == &own) own.index = firing;  // cancelled and perhaps destroyed by its own task: forget() has to be told
    bury(index);
}

// What is left of a timer that has ended.
inline void Timers::bury(std::uint32_t index) {
    if (heap_.front().index == index) return pop();
    if (const std::size_t place = place_near_end(index); place != 0) return take_out(place);
    if (++dead_ > tolerable_dead && dead_ > heap_.size() / 2) [[unlikely]]
        sweep();
}

// Its entry is out of the heap.
inline void Timers::recycle(std::uint32_t index) {
    if (!is_own(index)) return timers_.recycle(index);
    owners_[index & ~own_bit] = nullptr;
    free_owners_.push_back(index & ~own_bit);
}

void Timers::clear() {
    // Moved out first, because of the destructors of the tasks.
    std::vector<Task> dropped;
    dropped.reserve(timers_.size());
    for (const Entry& entry : std::exchange(heap_, {})) {
        if (is_own(entry.index)) {
            if (is_alive(entry.index)) end_own(*owners_[entry.index & ~own_bit]);
        } else if (is_alive(entry.index)) {
            dropped.push_back(std::move(timers_.at(entry.index).task));
            end(entry.index);
        }
        recycle(entry.index);
    }
    dead_ = 0;
    owners_ = {};
    free_owners_ = {};
}

void Timers::push(TimePoint deadline, std::uint32_t index) {
    Timer& timer = timers_.at(index);
    timer.sequence = sequence_++;
    timer.is_in_heap = true;
    put({deadline, static_cast<std::uint32_t>(timer.sequence), index});
}

inline void Timers::put(const Entry& entry) {
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
        const std::uint32_t index = heap_.front().index;
        if (!is_alive(index)) recycle(index);
        const Entry last = heap_.back();
        heap_.pop_back();
        if (heap_.empty()) break;
        sift_down(0, last);
        const std::uint32_t next = heap_.front().index;
        is_own(next) ? __builtin_prefetch(owners_[next & ~own_bit]) : timers_.prefetch(next);
        if (dead_ == 0 || is_alive(next)) break;
        --dead_;
    }
    shrink();
}

// The last entry comes into its place. It stood below, so it need not rise.
void Timers::take_out(std::size_t place) {
    recycle(heap_[place].index);
    const Entry last = heap_.back();
    heap_.pop_back();
    if (place < heap_.size()) sift_down(place, last);
    shrink();
}

void Timers::sweep() {
    std::erase_if(heap_, [this](const Entry& entry) {
        if (is_alive(entry.index)) return false;
        recycle(entry.index);
        return true;
    });
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
    while (!owners_.empty() && owners_.back() == nullptr) owners_.pop_back();
    owners_.shrink_to_fit();
    std::erase_if(free_owners_, [this](std::uint32_t place) { return place >= owners_.size(); });
    free_owners_.shrink_to_fit();
    alive_.resize(2 * std::max(timers_.capacity(), owners_.size()) / bits + 1);
    alive_.shrink_to_fit();
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
