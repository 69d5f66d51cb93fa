#include "tidemill/base/buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tidemill {

BlockPool::~BlockPool() {
    while (spare_ != nullptr) delete std::exchange(spare_, spare_->next_spare);
}

Block* BlockPool::take() {
    // Not initialised: the octets are written before they are read, and zeroing 16 KiB would cost more than most messages.
    if (spare_ == nullptr) return new Block;
    --count_;
    return std::exchange(spare_, spare_->next_spare);
}

void BlockPool::give(Block* block) {
    if (count_ == limits::spare_blocks) {
        delete block;
        return;
    }
    block->next_spare = std::exchange(spare_, block);
    ++count_;
}

void Buffer::append_blocks(Bytes octets) {
    while (!octets.empty()) {
        if (first_ == nullptr) {
            first_ = last_ = pool_.take();
        } else if (tail_ == limits::output_block) {
            last_ = last_->next = pool_.take();
            tail_ = 0;
        }
        const std::size_t count = std::min<std::size_t>(octets.size(), limits::output_block - tail_);
        std::memcpy(last_->octets + tail_, octets.data(), count);
        tail_ += static_cast<std::uint32_t>(count);
        size_ += count;
        octets.remove_prefix(count);
    }
}

std::size_t Buffer::peek(Slice* slices, std::size_t most) const {
    std::size_t count = 0;
    for (const Block* block = first_; block != nullptr && count < most; ++count) {
        const std::size_t from = block == first_ ? head_ : 0;
        const std::size_t to = block == last_ ? tail_ : limits::output_block;
        slices[count] = {block->octets + from, to - from};
        block = block == last_ ? nullptr : block->next;
    }
    return count;
}

void Buffer::consume(std::size_t count) {
    size_ -= count;
    if (size_ == 0) return clear();
    for (count += head_; count >= limits::output_block; count -= limits::output_block) pool_.give(std::exchange(first_, first_->next));
    head_ = static_cast<std::uint32_t>(count);
}

void Buffer::clear() {
    while (first_ != last_) pool_.give(std::exchange(first_, first_->next));
    if (last_ != nullptr) pool_.give(last_);
    first_ = last_ = nullptr;
    size_ = 0;
    head_ = tail_ = 0;
}

}  // namespace tidemill
