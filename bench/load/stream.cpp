#include "stream.h"

#include <algorithm>
#include <cstring>

namespace {

constexpr std::uint64_t word_step = 0x9e3779b97f4a7c15;
constexpr unsigned word_index_bits = 44;

constexpr std::uint64_t inverse_of_odd(std::uint64_t odd) {
    std::uint64_t inverse = odd;  // Newton's iteration: right in 3 bits, which double each time
    for (int i = 0; i < 5; ++i) inverse *= 2 - odd * inverse;
    return inverse;
}
static_assert(word_step * inverse_of_odd(word_step) == 1);

constexpr std::uint64_t word_at(unsigned connection, std::uint64_t index) {
    return (std::uint64_t{connection} << word_index_bits | index) * word_step;
}

constexpr Place place_of(std::uint64_t word) {
    const std::uint64_t plain = word * inverse_of_odd(word_step);
    return {static_cast<unsigned>(plain >> word_index_bits), plain & ((std::uint64_t{1} << word_index_bits) - 1)};
}

// ---- lines ----

using Line = std::array<unsigned char, line_size>;

constexpr std::size_t digits_in_word = 16;
constexpr std::string_view digits = "0123456789abcdef";

constexpr auto digit_pairs = [] {
    std::array<std::array<unsigned char, 2>, 256> pairs{};
    for (std::size_t octet = 0; octet < pairs.size(); ++octet) {
        pairs[octet] = {static_cast<unsigned char>(digits[octet >> 4]), static_cast<unsigned char>(digits[octet & 15])};
    }
    return pairs;
}();

Line line_at(unsigned connection, std::uint64_t index) {
    Line line;
    std::uint64_t word = word_at(connection, index);
    for (std::size_t i = digits_in_word; i > 0; i -= 2, word >>= 8) std::memcpy(&line[i - 2], digit_pairs[word & 255].data(), 2);
    std::memcpy(&line[digits_in_word], line.data(), digits_in_word);
    std::memcpy(&line[2 * digits_in_word], line.data(), 2 * digits_in_word);
    line.back() = '\n';
    return line;
}

// Calls on_part(offset, octets) for the range, line by line; it returns false to stop there.
template <typename OnPart>
void walk_lines(std::size_t length, unsigned connection, std::uint64_t position, OnPart on_part) {
    for (std::size_t offset = 0; offset < length;) {
        const Line line = line_at(connection, (position + offset) / line_size);
        const std::size_t begin = (position + offset) % line_size;
        const std::size_t count = std::min(line_size - begin, length - offset);
        if (!on_part(offset, ConstOctets(line).subspan(begin, count))) return;
        offset += count;
    }
}

std::optional<std::size_t> find_wrong_in_lines(ConstOctets received, unsigned connection, std::uint64_t position) {
    std::optional<std::size_t> wrong;
    walk_lines(received.size(), connection, position, [&](std::size_t offset, ConstOctets part) {
        if (std::memcmp(&received[offset], part.data(), part.size()) == 0) return true;
        const auto [here, there] = std::mismatch(part.begin(), part.end(), received.begin() + static_cast<std::ptrdiff_t>(offset));
        wrong = offset + static_cast<std::size_t>(here - part.begin());
        return false;
    });
    return wrong;
}

// ---- words ----

unsigned char word_octet_at(unsigned connection, std::uint64_t position) {
    const auto word = word_at(connection, position / word_size);
    std::array<unsigned char, word_size> octets;
    std::memcpy(octets.data(), &word, word_size);
    return octets[position % word_size];
}

// Calls on_octet(offset) and on_word(offset, word) over the range; whole words wherever possible.
// Both return false to stop the walk there.
template <typename OnOctet, typename OnWord>
void walk_words(std::size_t length, unsigned connection, std::uint64_t position, OnOctet on_octet, OnWord on_word) {
    std::size_t offset = 0;
    for (; offset < length && (position + offset) % word_size != 0; ++offset) {
        if (!on_octet(offset)) return;
    }
    std::uint64_t word = word_at(connection, (position + offset) / word_size);
    for (; offset + word_size <= length; offset += word_size, word += word_step) {
        if (!on_word(offset, word)) return;
    }
    for (; offset < length; ++offset) {
        if (!on_octet(offset)) return;
    }
}

void make_words(Octets into, unsigned connection, std::uint64_t position) {
    walk_words(
        into.size(), connection, position,
        [&](std::size_t offset) {
            into[offset] = word_octet_at(connection, position + offset);
            return true;
        },
        [&](std::size_t offset, std::uint64_t word) {
            std::memcpy(&into[offset], &word, word_size);
            return true;
        });
}

std::optional<std::size_t> find_wrong_in_words(ConstOctets received, unsigned connection, std::uint64_t position) {
    std::optional<std::size_t> wrong;
    const auto check_octet = [&](std::size_t offset) {
        if (received[offset] != word_octet_at(connection, position + offset)) wrong = offset;
        return !wrong;
    };
    walk_words(received.size(), connection, position, check_octet, [&](std::size_t offset, std::uint64_t word) {
        if (std::memcmp(&received[offset], &word, word_size) == 0) return true;
        while (check_octet(offset)) ++offset;
        return false;
    });
    return wrong;
}

}  // namespace

void make_stream(Form form, Octets into, unsigned connection, std::uint64_t position) {
    if (form == Form::words) return make_words(into, connection, position);
    walk_lines(into.size(), connection, position, [&](std::size_t offset, ConstOctets part) {
        std::memcpy(&into[offset], part.data(), part.size());
        return true;
    });
}

std::optional<std::size_t> find_wrong_octet(Form form, ConstOctets received, unsigned connection, std::uint64_t position) {
    return form == Form::words ? find_wrong_in_words(received, connection, position) : find_wrong_in_lines(received, connection, position);
}

unsigned char octet_at(Form form, unsigned connection, std::uint64_t position) {
    if (form == Form::words) return word_octet_at(connection, position);
    return line_at(connection, position / line_size)[position % line_size];
}

Place place_of_word(ConstOctets word) {
    std::uint64_t value = 0;
    std::memcpy(&value, word.data(), word_size);
    return place_of(value);
}

std::optional<Place> place_of_line(ConstOctets line) {
    std::uint64_t word = 0;
    for (const unsigned char octet : line.first(digits_in_word)) {
        // No need to look whether it is a digit: the comparison below does.
        word = word << 4 | ((octet & 15U) + (octet >= 'a' ? 9U : 0U));
    }
    const Place place = place_of(word);
    const Line expected = line_at(place.connection, place.index);
    if (std::memcmp(line.data(), expected.data(), line_size) != 0) return std::nullopt;
    return place;
}
