#include "tidemill/base/buffer.h"

#include <algorithm>
#include <cstring>

namespace tidemill {

Block BlockPool::take() {
    // Not value-initialised: the octets are written before they are read, and zeroing 16 KiB would cost more than most messages.
    if (spare_.empty()) return Block(new char[limits::output_block]);
    Block block = std::move(spare_.back());
    spare_.pop_back();
    return block;
}

void BlockPool::give(Block block) {
    if (spare_.size() < limits::spare_blocks) spare_.push_back(std::move(block));
}

void Buffer::append(Bytes octets) {
    while (!octets.empty()) {
        if (blocks_.empty() || tail_ == limits::output_block) {
            blocks_.push_back(pool_.take());
            tail_ = 0;
        }
        const std::size_t count = std::min(octets.size(), limits::output_block - tail_);
        std::memcpy(blocks_.back().get() + tail_, octets.data(), count);
        tail_ += count;
        size_ += count;
        octets.remove_prefix(count);
    }
}

std::size_t Buffer::peek(Slice* slices, std::size_t most) const {
    std::size_t count = 0;
    for (std::size_t i = first_; i < blocks_.size() && count < most; ++i, ++count) {
        const std::size_t from = i == first_ ? head_ : 0;
        const std::size_t to = i + 1 == blocks_.size() ? tail_ : limits::output_block;
        slices[count] = {blocks_[i].get() + from, to - from};
    }
    return count;
}

void Buffer::consume(std::size_t count) {
    size_ -= count;
    if (size_ == 0) return clear();
    head_ += count;
    while (head_ >= limits::output_block) {
        pool_.give(std::move(blocks_[first_++]));
        head_ -= limits::output_block;
    }
    // The emptied places at the front are swept when they are the greater part: each octet's share of that is constant.
    if (first_ > blocks_.size() / 2) {
        blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

void Buffer::clear() {
    for (std::size_t i = first_; i < blocks_.size(); ++i) pool_.give(std::move(blocks_[i]));
    blocks_.clear();
    first_ = head_ = tail_ = size_ = 0;
}

}  // namespace tidemill
