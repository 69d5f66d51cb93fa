// The octets: every 8 of them name their connection and their place in its stream.
//
// Word w of connection c is (c << 44 | w) times an odd constant. The product is a bijection, so no two
// places on any connection share a word: a swapped, lost, doubled or foreign octet cannot pass. The
// next word is one addition away, so making and checking cost far less than the system calls. The
// stream is a function of the position alone, hence nothing sent has to be kept.
//
// As lines the same word is spelt out four times in hexadecimal digits, the last of which gives way to the line's end.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

using Octets = std::span<unsigned char>;
using ConstOctets = std::span<const unsigned char>;

constexpr std::size_t word_size = sizeof(std::uint64_t);
constexpr std::size_t line_size = 64;

enum class Form : std::uint8_t { words, lines };

struct Place {
    unsigned connection = 0;
    std::uint64_t index = 0;  // of the word or line
};

void make_stream(Form form, Octets into, unsigned connection, std::uint64_t position);

// The offset of the first octet that differs from the stream, or nothing.
std::optional<std::size_t> find_wrong_octet(Form form, ConstOctets received, unsigned connection, std::uint64_t position);

unsigned char octet_at(Form form, unsigned connection, std::uint64_t position);

// Where these 8 octets belong, if anywhere.
Place place_of_word(ConstOctets word);

// Where a whole line belongs, or nothing if any octet of it is wrong.
std::optional<Place> place_of_line(ConstOctets line);
