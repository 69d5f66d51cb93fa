// Buffer: octets on their way out, in a chain of blocks of one size. Appending never moves what is already there, so a queue of any
// length costs one copy an octet; emptied blocks go back to the pool of the reactor.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "tidemill/base/bytes.h"
#include "tidemill/base/limits.h"

namespace tidemill {

// A run of octets inside a block; laid out as struct iovec (sys checks that) but without its header.
struct Slice {
    const char* data;
    std::size_t size;
};

using Block = std::unique_ptr<char[]>;

// Blocks ready for reuse; the last one given back is the first one out, as it is still in the cache.
class BlockPool {
public:
    Block take();
    void give(Block block);

private:
    std::vector<Block> spare_;
};

class Buffer {
public:
    explicit Buffer(BlockPool& pool) : pool_(pool) {}
    ~Buffer() { clear(); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    std::size_t size() const { return size_; }
    bool is_empty() const { return size_ == 0; }
    void append(Bytes octets);

    // Fills `slices` with the first octets, at most `most` runs; answers how many runs. Valid until the next append or consume.
    std::size_t peek(Slice* slices, std::size_t most) const;

    // Drops the first `count` octets. count <= size().
    void consume(std::size_t count);
    void clear();

private:
    BlockPool& pool_;
    std::vector<Block> blocks_;
    std::size_t first_ = 0;  // blocks_[0..first_) were given back
    std::size_t head_ = 0;   // where the octets begin in blocks_[first_]
    std::size_t tail_ = 0;   // where they end in the last block
    std::size_t size_ = 0;
};

}  // namespace tidemill
