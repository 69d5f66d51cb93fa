#include <doctest/doctest.h>

#include <string>

#include "support/framing.h"

using namespace tidemill;

namespace {

// What an engine tells of an input in one piece and its end: "words octets|words octets|" and then the last step or the error.
template <class E>
std::string told(const test::Subject<E>& subject, const std::string& input) {
    const test::Replay seen = test::Splits<E>(subject, input).replay({input.size()}, {.finishes = true});
    std::string text;
    for (const test::Told& event : seen.events) text += event.words + " " + event.octets + "|";
    return text + (seen.error.is_set() ? std::string(code_name(seen.error.code)) : seen.last == Step::ended ? "ended" : "?");
}

std::string lines(const std::string& input) {
    return told(test::line_subject({8, 4}), input);
}

std::string messages(LengthPrefix prefix, const std::string& input) {
    return told(test::message_subject(prefix, 300), input);
}

std::string netstrings(const std::string& input) {
    return told(test::frame_subject<NetstringEngine>(NetstringOptions{12}), input);
}

std::string headers(const std::string& input) {
    return told(test::header_content_subject({32, 3, 4}), input);
}

std::string octets(std::initializer_list<int> values) {
    std::string all;
    for (const int value : values) all += static_cast<char>(value);
    return all;
}

}  // namespace

TEST_CASE("lines_end_with_lf_or_crlf_and_come_without_it") {
    CHECK(lines("one\ntwo\r\n\n\r\nthree\n") == "line one|line two|line |line |line three|ended");
    CHECK(lines("a\rb\r\r\n") == "line a\rb\r|ended");
    CHECK(lines("") == "ended");
}

TEST_CASE("lines_longer_than_the_limit_are_refused_at_one_octet_over") {
    CHECK(lines("12345678\n") == "line 12345678|ended");
    CHECK(lines("12345678\r\n") == "line 12345678|ended");
    CHECK(lines("a\n123456789\n") == "line a|limit");
    CHECK(lines("123456789") == "limit");
    CHECK(lines("12345678\r1") == "limit");
}

TEST_CASE("lines_that_are_incomplete_at_the_end_are_an_error") {
    CHECK(lines("one\ntwo") == "line one|remote_protocol");
    CHECK(lines("\r") == "remote_protocol");
}

TEST_CASE("lines_give_way_to_a_text_that_the_user_asks_for") {
    CHECK(lines("text 4\r\n\n\r\n\nb\n") == "line text 4|text \n\r\n\n|line b|ended");
    CHECK(lines("text 0\nb\n") == "line text 0|text |line b|ended");
    CHECK(lines("text 5\n12345") == "line text 5|limit");
    CHECK(lines("text 4\n123") == "line text 4|remote_protocol");
    CHECK(lines("text 0\n") == "line text 0|text |ended");
}

TEST_CASE("lines_of_a_batch_can_be_put_back") {
    LineEngine engine;
    engine.feed("a\r\nbb\n\nccc\r\ndd");
    REQUIRE(engine.next() == Step::event);
    const std::span<const Bytes> batch = engine.take_lines(100);
    REQUIRE(batch.size() == 4);
    CHECK(batch[3] == "ccc");
    CHECK(engine.leftover() == "dd");
    engine.put_back_lines();
    CHECK(engine.leftover() == "bb\n\nccc\r\ndd");
    engine.take_line();
    CHECK(engine.leftover() == "\nccc\r\ndd");
    engine.take_line();
    CHECK(engine.leftover() == "ccc\r\ndd");
    engine.take_line();
    CHECK(engine.leftover() == "dd");
    CHECK(engine.next() == Step::need_more);
    engine.feed("d\ne\nf\n");
    REQUIRE(engine.next() == Step::event);
    CHECK(engine.take_lines(2).size() == 2);
    CHECK(engine.leftover() == "f\n");
}

TEST_CASE("lines_that_no_ending_can_end_are_not_written") {
    CHECK(check_line("").ok());
    CHECK(check_line("a\rb").ok());
    CHECK(check_line("a\nb").error().code == ErrorCode::local_protocol);
    CHECK(check_line("a\r").error().code == ErrorCode::local_protocol);
}

TEST_CASE("messages_come_behind_a_length_of_every_kind") {
    CHECK(messages(LengthPrefix::uint8, octets({1, 'a', 0, 2, 'b', 'c'})) == "frame a|frame |frame bc|ended");
    CHECK(messages(LengthPrefix::uint16, octets({0, 1, 'a'})) == "frame a|ended");
    CHECK(messages(LengthPrefix::uint24, octets({0, 0, 1, 'a'})) == "frame a|ended");
    CHECK(messages(LengthPrefix::uint32, octets({0, 0, 0, 1, 'a'})) == "frame a|ended");
    CHECK(messages(LengthPrefix::uint16le, octets({1, 0, 'a'})) == "frame a|ended");
    CHECK(messages(LengthPrefix::uint24le, octets({1, 0, 0, 'a'})) == "frame a|ended");
    CHECK(messages(LengthPrefix::uint32le, octets({1, 0, 0, 0, 'a'})) == "frame a|ended");
    CHECK(messages(LengthPrefix::varint, octets({1, 'a', 0x81, 0, 'b'})) == "frame a|frame b|ended");
    const std::string long_one(300, 'x');
    CHECK(messages(LengthPrefix::varint, octets({0xac, 2}) + long_one) == "frame " + long_one + "|ended");
    CHECK(messages(LengthPrefix::uint16, octets({1, 0x2c}) + long_one) == "frame " + long_one + "|ended");
}

TEST_CASE("messages_beyond_the_limit_are_refused_before_they_come") {
    CHECK(messages(LengthPrefix::uint16, octets({1, 0x2d})) == "limit");
    CHECK(messages(LengthPrefix::uint24, octets({0, 1, 0x2d})) == "limit");
    CHECK(messages(LengthPrefix::uint32, octets({0xff, 0xff, 0xff, 0xff})) == "limit");
    CHECK(messages(LengthPrefix::uint32le, octets({0x2d, 1, 0, 0})) == "limit");
    CHECK(messages(LengthPrefix::varint, octets({0xad, 2})) == "limit");
    CHECK(messages(LengthPrefix::varint, octets({0xff, 0xff, 0xff, 0xff, 0x7f})) == "limit");
    CHECK(messages(LengthPrefix::varint, octets({0x81, 0x80, 0x80, 0x80, 0x80})) == "remote_protocol");
    CHECK(messages(LengthPrefix::uint8, octets({2, 'a'})) == "remote_protocol");
    CHECK(messages(LengthPrefix::uint32, octets({0, 0})) == "remote_protocol");
}

TEST_CASE("messages_have_a_length_that_reads_as_it_was_written") {
    for (const LengthPrefix prefix : test::all_prefixes) {
        CAPTURE(static_cast<int>(prefix));
        for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{127}, std::size_t{128}, std::size_t{255},
                                       std::size_t{256}, std::size_t{16383}, std::size_t{16384}, std::size_t{65535}, std::size_t{65536}}) {
            const Result<LengthOctets> length = encode_length(prefix, size);
            if (!length) {
                CHECK(length.error().code == ErrorCode::local_protocol);
                continue;
            }
            const std::string content(size, 'x');
            const test::Subject<MessageEngine> subject = test::message_subject(prefix, 65536);
            CHECK(told(subject, std::string(length.value().bytes()) + content) == "frame " + content + "|ended");
        }
    }
    CHECK(encode_length(LengthPrefix::uint8, 255).ok());
    CHECK_FALSE(encode_length(LengthPrefix::uint8, 256).ok());
    CHECK_FALSE(encode_length(LengthPrefix::uint16le, 65536).ok());
    CHECK_FALSE(encode_length(LengthPrefix::uint24, 1 << 24).ok());
    CHECK(encode_length(LengthPrefix::varint, 0xffffffff).value().size == 5);
    CHECK_FALSE(encode_length(LengthPrefix::varint, std::size_t{1} << 32).ok());
    CHECK(length_prefix_named("uint24le") == LengthPrefix::uint24le);
    CHECK_FALSE(length_prefix_named("uint64").has_value());
}

TEST_CASE("netstrings_are_read_and_what_is_none_is_refused") {
    CHECK(netstrings("5:hello,0:,12:123456789012,") == "frame hello|frame |frame 123456789012|ended");
    CHECK(netstrings("13:") == "limit");
    CHECK(netstrings("5:hello;") == "remote_protocol");
    CHECK(netstrings("05:hello,") == "remote_protocol");
    CHECK(netstrings("1:a,x") == "frame a|remote_protocol");
    CHECK(netstrings("-1:,") == "remote_protocol");
    CHECK(netstrings("5:hell") == "remote_protocol");
    CHECK(netstring_head(5).value() == "5:");
    CHECK(netstring_head(999999999).ok());
    CHECK(netstring_head(1000000000).error().code == ErrorCode::local_protocol);
}

TEST_CASE("netstrings_have_at_most_nine_digits_of_length") {
    const auto any = test::frame_subject<NetstringEngine>(NetstringOptions{std::size_t{1} << 40});
    CHECK(told(any, "999999999:") == "remote_protocol");  // cut short
    NetstringEngine engine({std::size_t{1} << 40});
    engine.feed("999999999:x");
    CHECK(engine.next() == Step::need_more);
    NetstringEngine other({std::size_t{1} << 40});
    other.feed("1000000000");
    CHECK(other.next() == Step::failed);
}

TEST_CASE("blocks_are_all_of_one_size") {
    const auto blocks = test::frame_subject<BlockEngine>(std::size_t{3});
    CHECK(told(blocks, "abcdef") == "frame abc|frame def|ended");
    CHECK(told(blocks, "abcd") == "frame abc|remote_protocol");
}

TEST_CASE("headers_are_followed_by_the_content_that_they_announce") {
    CHECK(headers("GET\r\nCONTENT-length: 4\r\n\r\nbodyPUT\n\n") ==
          "header <GET><CONTENT-length: 4>|content body|header <PUT>|content |ended");
    CHECK(headers("content 2\n\nabx\n\n") == "header <content 2>|content ab|header <x>|content |ended");
    CHECK(headers("content 2\nContent-Length: x\n\nab") == "header <content 2><Content-Length: x>|content ab|ended");
    CHECK(headers("\r\n") == "header |content |ended");
}

TEST_CASE("headers_that_cannot_be_believed_are_refused") {
    const auto roomy = test::header_content_subject({100, 3, 4});
    for (const std::string length : {"x", "", "+1", "-1", "1 1", "0x1", "1,1", "99999999999999999999999"}) {
        CAPTURE(length);
        CHECK(told(roomy, std::string("Content-Length: ") + length + "\n\n").ends_with("|remote_protocol"));
    }
    CHECK(told(roomy, "Content-Length: 1\nContent-Length: 1\n\nx").ends_with("|remote_protocol"));
    CHECK(headers("Content-Length: 5\n\n").ends_with("|limit"));
    CHECK(headers("content 5\n\n").ends_with("|limit"));
    CHECK(headers("a\nb\nc\n\n") == "header <a><b><c>|content |ended");
    CHECK(headers("a\nb\nc\nd\n\n") == "limit");
    CHECK(headers("123456789012345678901234567890\n\n").ends_with("|ended"));  // 32 octets
    CHECK(headers("1234567890123456789012345678901\n\n") == "limit");
    CHECK(headers("cut") == "remote_protocol");
    CHECK(headers("content 2\n\na").ends_with("|remote_protocol"));
}

TEST_CASE("headers_are_written_with_their_contents_length") {
    const Bytes lines[] = {"PUT it", "Colour: red"};
    CHECK(encode_header(lines, 5).value() == "PUT it\r\nColour: red\r\nContent-Length: 5\r\n\r\n");
    const Bytes given[] = {"content-length: 5"};
    CHECK(encode_header(given, 5).value() == "content-length: 5\r\n\r\n");
    for (const Bytes bad : {Bytes("a\r"), Bytes("a\nb"), Bytes(""), Bytes("Content-Length: 6"), Bytes("Content-Length: x")}) {
        CAPTURE(bad);
        CHECK(encode_header({&bad, 1}, 5).error().code == ErrorCode::local_protocol);
    }
}
