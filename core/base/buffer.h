// Buffer: octets on their way out, in a chain of blocks of one size. Appending never moves what is already there, so a queue of any
// length costs one copy an octet; emptied blocks go back to the pool of the reactor. An empty buffer holds no memory but itself.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tidemill/base/bytes.h"
#include "tidemill/base/limits.h"

namespace tidemill {

// A run of octets inside a block; laid out as struct iovec (sys checks that) but without its header.
struct Slice {
    const char* data;
    std::size_t size;
};

// Octets begin on the boundary of a cache line. The link of a chain is behind them, and is looked at only in a block that another one
// follows: a short answer touches a line or two of 16 KiB.
struct alignas(64) Block {
    union {
        char octets[limits::output_block];
        Block* next_spare;
    };
    Block* next;
};

// Blocks ready for reuse; the last one given back is the first one out, as it is still in the cache.
class BlockPool {
public:
    BlockPool() = default;
    ~BlockPool();
    BlockPool(const BlockPool&) = delete;
    BlockPool& operator=(const BlockPool&) = delete;

    Block* take();
    void give(Block* block);

private:
    Block* spare_ = nullptr;
    std::size_t count_ = 0;
};

class Buffer {
public:
    explicit Buffer(BlockPool& pool) : pool_(pool) {}
    ~Buffer() { clear(); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    std::size_t size() const { return size_; }
    bool is_empty() const { return size_ == 0; }
    void append(Bytes octets) {
        // Mostly it fits behind what is there.
        if (first_ == nullptr || octets.size() > limits::output_block - tail_) return append_blocks(octets);
        std::memcpy(last_->octets + tail_, octets.data(), octets.size());
        tail_ += static_cast<std::uint32_t>(octets.size());
        size_ += octets.size();
    }

    // Fills `slices` with the first octets, at most `most` runs; answers how many runs. Valid until the next append or consume.
    std::size_t peek(Slice* slices, std::size_t most) const;

    // Drops the first `count` octets. count <= size().
    void consume(std::size_t count);
    void clear();

private:
    void append_blocks(Bytes octets);

    BlockPool& pool_;
    Block* first_ = nullptr;
    Block* last_ = nullptr;
    std::size_t size_ = 0;
    std::uint32_t head_ = 0;  // where the octets begin in the first block
    std::uint32_t tail_ = 0;  // where they end in the last block
};

}  // namespace tidemill
