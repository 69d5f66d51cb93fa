// TaskQueue: tasks in the order in which they came, in a chain of chunks. A task is moved in once and out once, however long the queue
// grows, and a whole queue is appended to another without touching its tasks. One empty chunk is kept, so that a chain of ticks
// allocates nothing; append() passes it on, so that those of a mailbox go round between its threads.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "tidemill/base/limits.h"
#include "tidemill/reactor/task.h"

namespace tidemill {

class TaskQueue {
public:
    struct Entry {
        Task task;
        bool outlives_stop = false;
    };

    TaskQueue() = default;
    TaskQueue(TaskQueue&& other) noexcept { swap(other); }
    TaskQueue& operator=(TaskQueue&&) = delete;
    ~TaskQueue() {
        for (; first_ != nullptr; release(std::exchange(first_, first_->next))) std::destroy(first_->begin, first_->end);
        release(spare_);
    }

    bool is_empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }

    void push(Task&& task, bool outlives_stop = false) {
        if (last_ == nullptr || last_->end == last_->limit) add_chunk();
        new (last_->end) Entry{std::move(task), outlives_stop};
        ++last_->end;
        ++size_;
    }

    // The first one. The queue must not be empty.
    Entry pop() {
        Entry* place = first_->begin++;
        Entry out = std::move(*place);
        std::destroy_at(place);
        --size_;
        if (first_->begin == first_->end) drop_first_chunk();
        return out;
    }

    // All of the other's behind those that are here.
    void append(TaskQueue& other) {
        if (other.is_empty()) return;
        if (is_empty()) return swap(other);
        last_->next = std::exchange(other.first_, nullptr);
        last_ = std::exchange(other.last_, nullptr);
        size_ += std::exchange(other.size_, 0);
        if (other.spare_ == nullptr) std::swap(spare_, other.spare_);
    }

    // What the destructors of the tasks queue stays.
    void clear() {
        TaskQueue dropped;
        dropped.swap(*this);
    }

    void swap(TaskQueue& other) noexcept {
        std::swap(first_, other.first_);
        std::swap(last_, other.last_);
        std::swap(spare_, other.spare_);
        std::swap(size_, other.size_);
    }

private:
    // The entries follow it in the same memory.
    struct alignas(Entry) Chunk {
        Chunk* next;
        Entry* begin;
        Entry* end;
        Entry* limit;

        Entry* entries() { return reinterpret_cast<Entry*>(this + 1); }
    };

    // A long queue grows by long chunks: to a thread other than the main one glibc's malloc gives new memory by the page.
    void add_chunk() {
        Chunk* chunk = std::exchange(spare_, nullptr);
        if (chunk == nullptr) {
            const std::size_t count = std::clamp(size_, limits::shortest_task_chunk, limits::longest_task_chunk);
            chunk = new (::operator new(sizeof(Chunk) + count * sizeof(Entry))) Chunk{};
            chunk->begin = chunk->end = chunk->entries();
            chunk->limit = chunk->entries() + count;
        }
        (last_ == nullptr ? first_ : last_->next) = chunk;
        last_ = chunk;
    }

    void drop_first_chunk() {
        Chunk* chunk = first_;
        chunk->begin = chunk->end = chunk->entries();
        if (chunk == last_) return;
        first_ = std::exchange(chunk->next, nullptr);
        release(std::exchange(spare_, chunk));
    }

    static void release(Chunk* chunk) { ::operator delete(chunk); }

    Chunk* first_ = nullptr;
    Chunk* last_ = nullptr;
    Chunk* spare_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace tidemill
