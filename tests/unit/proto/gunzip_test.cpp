#include "tidemill/proto/gunzip.h"

#include <doctest/doctest.h>

#include "tidemill/base/limits.h"
#include "tidemill/proto/gzip.h"

using namespace tidemill;
using Outcome = GunzipReader::Outcome;

namespace {

std::string zipped(Bytes text) {
    GzipWriter writer;
    std::string made;
    writer.add(text, made);
    writer.finish(made);
    return made;
}

struct Unzipped {
    Outcome outcome = Outcome::used_up;
    std::string text;
    std::size_t longest_step = 0;
    bool is_whole = false;
};

// Given in pieces of that size.
Unzipped unzip(Bytes octets, std::size_t piece) {
    GunzipReader reader;
    Unzipped result;
    for (std::size_t i = 0; i < octets.size(); i += piece) {
        Bytes next = octets.substr(i, piece);
        do {
            const std::size_t before = result.text.size();
            result.outcome = reader.step(next, result.text);
            result.longest_step = std::max(result.longest_step, result.text.size() - before);
        } while (result.outcome == Outcome::more);
        if (result.outcome != Outcome::used_up) break;
    }
    result.is_whole = reader.is_whole();
    return result;
}

}  // namespace

TEST_CASE("gunzip_of_a_stream_in_any_pieces_gives_the_text") {
    std::string text;
    for (int i = 0; i < 20000; ++i) text += std::to_string(i * 7919);
    const std::string octets = zipped(text);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{1000}, octets.size()}) {
        const Unzipped result = unzip(octets, piece);
        CHECK(result.outcome == Outcome::ended);
        CHECK(result.text == text);
        CHECK(result.is_whole);
        CHECK(result.longest_step <= limits::inflate_step);
    }
}

TEST_CASE("gunzip_takes_deflate_with_and_without_zlibs_frame") {
    const Bytes zlib("\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15", 13);
    const Bytes bare("\xcb\x48\xcd\xc9\xc9\x07\x00", 7);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{100}}) {
        CHECK(unzip(zlib, piece).text == "hello");
        CHECK(unzip(zlib, piece).outcome == Outcome::ended);
        CHECK(unzip(bare, piece).text == "hello");
        CHECK(unzip(bare, piece).outcome == Outcome::ended);
    }
}

TEST_CASE("gunzip_of_nothing_is_whole_and_of_a_part_is_not") {
    CHECK(GunzipReader().is_whole());
    const std::string octets = zipped("hello");
    for (std::size_t size = 1; size < octets.size(); ++size) CHECK_FALSE(unzip(Bytes(octets).substr(0, size), 100).is_whole);
}

TEST_CASE("gunzip_of_damaged_octets_is_corrupt") {
    std::string octets = zipped(std::string(1000, 'x') + "hello");
    octets[octets.size() - 6] ^= 1;  // of the check sum
    CHECK(unzip(octets, 1000).outcome == Outcome::corrupt);
    CHECK(unzip("this is no gzip", 100).outcome == Outcome::corrupt);
}

// Zeros become 1000 times smaller: refused once the text is larger than the size from which the ratio counts, and not a step later.
TEST_CASE("gunzip_beyond_the_ratio_is_refused") {
    const Unzipped small = unzip(zipped(std::string(limits::http_inflate_ratio_from, '0')), 1000);
    CHECK(small.outcome == Outcome::ended);
    const Unzipped large = unzip(zipped(std::string(16 * limits::http_inflate_ratio_from, '0')), 1000);
    CHECK(large.outcome == Outcome::too_dense);
    CHECK(large.text.size() <= limits::http_inflate_ratio_from + limits::inflate_step);
}
