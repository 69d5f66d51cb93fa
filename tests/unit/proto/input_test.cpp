#include <doctest/doctest.h>

#include <string>

#include "tidemill/proto/input.h"

using namespace tidemill;

TEST_CASE("input_lent_octets_are_read_where_they_are") {
    const std::string octets = "abcdef";
    Input input;
    input.feed(octets);
    input.consume(2);
    CHECK(input.rest() == "cdef");
    CHECK(input.rest().data() == octets.data() + 2);
}

TEST_CASE("input_kept_octets_outlive_what_was_lent_and_are_joined_to_what_follows") {
    std::string octets = "abcdef";
    Input input;
    input.feed(octets);
    input.consume(4);
    input.keep();
    octets = "??????";
    CHECK(input.rest() == "ef");
    input.feed("gh");
    CHECK(input.rest() == "efgh");
    input.consume(4);
    input.feed("ij");
    CHECK(input.rest() == "ij");
}

TEST_CASE("input_that_was_not_kept_is_kept_by_the_next_feed") {
    std::string octets = "abc";
    Input input;
    input.feed(octets);
    input.consume(1);
    input.feed("d");
    octets = "???";
    CHECK(input.rest() == "bcd");
}

TEST_CASE("input_in_drops_is_the_same_as_in_one_piece") {
    std::string all, seen;
    Input input;
    for (int i = 0; i < 5000; ++i) {
        const std::string drop(1, static_cast<char>('a' + i % 26));
        all += drop;
        input.feed(drop);
        input.keep();
        if (i % 7 == 0) {
            const std::size_t count = input.rest().size() / 2;
            seen += input.rest().substr(0, count);
            input.consume(count);
        }
    }
    CHECK(seen + std::string(input.rest()) == all);
}

TEST_CASE("input_cleared_is_empty") {
    Input input;
    input.feed("abc");
    input.keep();
    input.clear();
    CHECK(input.rest().empty());
    input.feed("d");
    CHECK(input.rest() == "d");
}
