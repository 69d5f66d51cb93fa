#include "tidemill/base/buffer.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace tidemill;

static std::string content(const Buffer& buffer) {
    Slice slices[256];
    const std::size_t count = buffer.peek(slices, 256);
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all.append(slices[i].data, slices[i].size);
    return all;
}

TEST_CASE("buffer_new_is_empty") {
    BlockPool pool;
    Buffer buffer(pool);
    Slice slice;
    CHECK(buffer.is_empty());
    CHECK(buffer.peek(&slice, 1) == 0);
    buffer.append("");
    CHECK(buffer.is_empty());
}

TEST_CASE("buffer_append_beyond_a_block_keeps_order") {
    BlockPool pool;
    Buffer buffer(pool);
    const std::string first(limits::output_block - 1, 'a');
    buffer.append(first);
    buffer.append("bcd");
    CHECK(buffer.size() == first.size() + 3);
    CHECK(content(buffer) == first + "bcd");
}

TEST_CASE("buffer_append_does_not_move_earlier_octets") {
    BlockPool pool;
    Buffer buffer(pool);
    buffer.append("first");
    Slice before;
    buffer.peek(&before, 1);
    buffer.append(std::string(10 * limits::output_block, 'x'));
    Slice after;
    buffer.peek(&after, 1);
    CHECK(before.data == after.data);
}

TEST_CASE("buffer_peek_with_few_slices_gives_the_first_ones") {
    BlockPool pool;
    Buffer buffer(pool);
    buffer.append(std::string(3 * limits::output_block, 'x'));
    Slice slices[2];
    REQUIRE(buffer.peek(slices, 2) == 2);
    CHECK(slices[0].size + slices[1].size == 2 * limits::output_block);
}

TEST_CASE("buffer_consume_exactly_a_block_leaves_the_next") {
    BlockPool pool;
    Buffer buffer(pool);
    buffer.append(std::string(limits::output_block, 'a') + "b");
    buffer.consume(limits::output_block);
    CHECK(content(buffer) == "b");
    buffer.consume(1);
    CHECK(buffer.is_empty());
    buffer.append("c");
    CHECK(content(buffer) == "c");
}

TEST_CASE("buffer_random_appends_and_consumes_behave_like_a_string") {
    BlockPool pool;
    Buffer buffer(pool);
    std::string model;
    std::mt19937 random(1);
    for (int step = 0; step < 5000; ++step) {
        if (random() % 2 == 0) {
            const std::string piece(random() % (3 * limits::output_block), static_cast<char>('a' + step % 26));
            buffer.append(piece);
            model += piece;
        } else {
            const std::size_t count = model.empty() ? 0 : random() % (model.size() + 1);
            buffer.consume(count);
            model.erase(0, count);
        }
        REQUIRE(buffer.size() == model.size());
        if (model.size() < 200 * limits::output_block && step % 50 == 0) REQUIRE(content(buffer) == model);
        if (model.size() > 100 * limits::output_block) {
            buffer.clear();
            model.clear();
        }
    }
}

TEST_CASE("block_pool_given_block_is_the_next_taken") {
    BlockPool pool;
    Block* block = pool.take();
    pool.give(block);
    Block* next = pool.take();
    CHECK(next == block);
    pool.give(next);
}

TEST_CASE("block_pool_many_given_keeps_at_most_its_limit") {
    BlockPool pool;
    std::vector<Block*> taken;
    for (std::size_t i = 0; i < limits::spare_blocks + 10; ++i) taken.push_back(pool.take());
    Block* last_kept = taken[limits::spare_blocks - 1];
    for (Block* block : taken) pool.give(block);
    Block* next = pool.take();
    CHECK(next == last_kept);  // those behind it came when the pool was full
    pool.give(next);
}
