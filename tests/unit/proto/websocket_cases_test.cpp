// What an engine that echoes answers to 247 conversations, in the manner and in the numbers of the Autobahn test suite's sections 1 to 7
// and 10, with data of our own: framing, pings and pongs, reserved bits, opcodes, fragmentation, UTF-8, closing, and automatic
// fragmentation. Each is played to both roles, whole, octet by octet and cut in two, message by message and part by part.
#include <algorithm>
#include <map>

#include "support/websocket_peer.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

constexpr unsigned fin = 0x80, continuation = 0, text = 1, binary = 2, close_ = 8, ping = 9, pong = 10;

struct Frame {
    unsigned first;
    std::string payload = {};
};

struct Case {
    std::string name;
    std::vector<Frame> frames;
    std::vector<std::string> told;
    std::size_t chop = 0;  // not 0: it is a big one, cut into pieces of this size besides
};

std::string big(std::size_t size, char from = 'a') {
    std::string octets(size, '\0');
    for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<char>(from + i % 23);
    return octets;
}

std::string code_point(unsigned code) {
    if (code < 0x80) return {static_cast<char>(code)};
    const auto rest = [code](unsigned shift) { return static_cast<char>(0x80 + (code >> shift) % 64); };
    if (code < 0x800) return {static_cast<char>(0xC0 + (code >> 6)), rest(0)};
    if (code < 0x10000) return {static_cast<char>(0xE0 + (code >> 12)), rest(6), rest(0)};
    return {static_cast<char>(0xF0 + (code >> 18)), rest(12), rest(6), rest(0)};
}

class Table {
public:
    std::vector<Case> cases;

    // The number within the section is counted.
    void add(const std::string& section, std::vector<Frame> frames, std::vector<std::string> told, std::size_t chop = 0) {
        cases.push_back({section + "." + std::to_string(++counts_[section]), std::move(frames), std::move(told), chop});
    }

    // The frames, and then a good end.
    void add_ending(const std::string& section, std::vector<Frame> frames, std::vector<std::string> told, std::size_t chop = 0) {
        frames.push_back({fin | close_, close_payload(1000)});
        told.push_back("close:1000:");
        add(section, std::move(frames), std::move(told), chop);
    }

    void add_utf8(const std::string& section, const std::string& octets, bool is_good) {
        if (is_good) {
            add_ending(section, {{fin | text, octets}}, {"text:" + octets});
        } else {
            add(section, {{fin | text, octets}, {fin | text, "never"}}, {"fail:1007"});
        }
    }

private:
    std::map<std::string, int> counts_;
};

void add_framing(Table& table) {
    for (const unsigned opcode : {text, binary}) {
        const std::string section = opcode == text ? "1.1" : "1.2";
        const std::string kind = opcode == text ? "text:" : "binary:";
        for (const std::size_t size : {0, 125, 126, 127, 128, 65535, 65536}) {
            const std::string payload = opcode == text ? big(size) : big(size, '\xF0');
            table.add_ending(section, {{fin | opcode, payload}}, {kind + payload});
        }
        table.add_ending(section, {{fin | opcode, big(65536, 'A')}}, {kind + big(65536, 'A')}, 997);
    }
}

void add_pings(Table& table) {
    const std::string odd("\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 8);
    table.add_ending("2", {{fin | ping}}, {"ping:"});
    table.add_ending("2", {{fin | ping, "are you there"}}, {"ping:are you there"});
    table.add_ending("2", {{fin | ping, odd}}, {"ping:" + odd});
    table.add_ending("2", {{fin | ping, std::string(125, '\xfe')}}, {"ping:" + std::string(125, '\xfe')});
    table.add("2", {{fin | ping, std::string(126, '\xfe')}}, {"fail:1002"});
    table.add_ending("2", {{fin | ping, big(125)}}, {"ping:" + big(125)}, 1);
    table.add_ending("2", {{fin | pong}}, {"pong:"});
    table.add_ending("2", {{fin | pong, "unasked"}}, {"pong:unasked"});
    table.add_ending("2", {{fin | pong, "unasked"}, {fin | ping, "asked"}}, {"pong:unasked", "ping:asked"});
    for (const std::size_t chop : {0, 1}) {
        std::vector<Frame> frames;
        std::vector<std::string> told;
        for (int i = 0; i < 10; ++i) {
            frames.push_back({fin | ping, "ping " + std::to_string(i)});
            told.push_back("ping:ping " + std::to_string(i));
        }
        table.add_ending("2", frames, told, chop);
    }
}

void add_reserved_bits(Table& table) {
    table.add("3", {{fin | 0x10 | text, "x"}}, {"fail:1002"});
    table.add("3", {{fin | text, "before"}, {fin | 0x20 | text, "x"}, {fin | ping}}, {"text:before", "fail:1002"});
    table.add("3", {{fin | text, "before"}, {fin | 0x30 | text, "x"}, {fin | ping}}, {"text:before", "fail:1002"}, 1);
    table.add("3", {{fin | text, "before"}, {fin | 0x40 | text, "x"}, {fin | ping}}, {"text:before", "fail:1002"}, 1);
    table.add("3", {{fin | 0x50 | binary, "x"}}, {"fail:1002"});
    table.add("3", {{fin | 0x60 | ping, "x"}}, {"fail:1002"});
    table.add("3", {{fin | 0x70 | close_, close_payload(1000)}}, {"fail:1002"});
}

void add_opcodes(Table& table) {
    for (const unsigned first : {3U, 11U}) {
        const std::string section = first == 3 ? "4.1" : "4.2";
        table.add(section, {{fin | first}}, {"fail:1002"});
        table.add(section, {{fin | (first + 1), "with a payload"}}, {"fail:1002"});
        table.add(section, {{fin | text, "before"}, {fin | (first + 2)}, {fin | ping}}, {"text:before", "fail:1002"});
        table.add(section, {{fin | text, "before"}, {fin | (first + 3), "x"}, {fin | ping}}, {"text:before", "fail:1002"});
        table.add(section, {{fin | text, "before"}, {fin | (first + 4), "x"}, {fin | ping}}, {"text:before", "fail:1002"}, 1);
    }
}

void add_fragments(Table& table) {
    table.add("5", {{ping, "one"}, {fin | continuation, "two"}}, {"fail:1002"});
    table.add("5", {{pong, "one"}, {fin | continuation, "two"}}, {"fail:1002"});
    for (const std::size_t chop : {0, 0, 1}) table.add_ending("5", {{text, "one"}, {fin | continuation, "two"}}, {"text:onetwo"}, chop);
    for (const std::size_t chop : {0, 0, 1})
        table.add_ending("5", {{text, "one"}, {fin | ping, "between"}, {fin | continuation, "two"}}, {"ping:between", "text:onetwo"}, chop);
    for (const std::size_t chop : {0, 0, 1}) table.add("5", {{fin | continuation, "of nothing"}, {fin | text, "x"}}, {"fail:1002"}, chop);
    for (const std::size_t chop : {0, 0, 1}) table.add("5", {{continuation, "of nothing"}, {fin | text, "x"}}, {"fail:1002"}, chop);
    table.add("5", {{text, "one"}, {fin | continuation, "two"}, {continuation, "three"}, {fin | text, "four"}},
              {"text:onetwo", "fail:1002"});
    table.add("5", {{continuation, "one"}, {text, "two"}, {fin | continuation, "three"}}, {"fail:1002"});
    table.add("5", {{fin | continuation, "one"}, {text, "two"}, {fin | continuation, "three"}}, {"fail:1002"});
    table.add("5", {{text, "one"}, {fin | text, "two"}}, {"fail:1002"});
    const std::vector<Frame> five{{text, "1"},         {continuation, "2"}, {fin | ping, "a"},        {continuation, "3"},
                                  {continuation, "4"}, {fin | ping, "b"},   {fin | continuation, "5"}};
    for (const std::size_t chop : {0, 1}) table.add_ending("5", five, {"ping:a", "ping:b", "text:12345"}, chop);
}

std::vector<Frame> octet_frames(const std::string& octets) {
    std::vector<Frame> frames;
    for (std::size_t i = 0; i < octets.size(); ++i)
        frames.push_back({(i == 0 ? text : continuation) | (i + 1 == octets.size() ? fin : 0), octets.substr(i, 1)});
    return frames;
}

void add_text_in_frames(Table& table) {
    table.add_ending("6.1", {{fin | text}}, {"text:"});
    table.add_ending("6.1", {{text}, {continuation}, {fin | continuation}}, {"text:"});
    table.add_ending("6.1", {{text}, {continuation, "middle"}, {fin | continuation}}, {"text:middle"});

    const std::string many = "Zwölf Boxkämpfer \xE2\x82\xAC \xF0\x9F\x8C\x8A \xE6\xB0\xB4\xE8\xBB\x8A";
    table.add_utf8("6.2", many, true);
    table.add_ending("6.2", {{text, many.substr(0, 6)}, {fin | continuation, many.substr(6)}}, {"text:" + many});
    table.add_ending("6.2", octet_frames(many), {"text:" + many});
    const std::string few = "\xCE\xBA\xCF\x8D\xCE\xBC\xCE\xB1";
    table.add_ending("6.2", octet_frames(few), {"text:" + few});

    const std::string bad = few + "\xED\xA0\x80" + "later";
    table.add_utf8("6.3", bad, false);
    table.add("6.3", octet_frames(bad), {"fail:1007"});

    // Failing fast: the message is not complete, and never will be.
    table.add("6.4", {{text, few}, {continuation, "\xF4\x90\x80\x80"}}, {"fail:1007"});
    table.add("6.4", {{text, few + "\xF4"}, {continuation, "\x90"}}, {"fail:1007"});
    table.add("6.4", {{text, few + "\xF4\x90"}}, {"fail:1007"}, 1);
    table.add("6.4", {{text, few + "\xED"}, {continuation, "\xA0"}}, {"fail:1007"}, 1);
}

void add_sequences(Table& table) {
    for (const char* good : {"water", "\xC3\xA4\xC3\xB6\xC3\xBC", "\xD0\xB2\xD0\xBE\xD0\xB4\xD0\xB0", "\xE6\xB0\xB4", "\xF0\x9F\x8C\x8A"})
        table.add_utf8("6.5", good, true);
    const std::string growing = "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xC3\xA9";
    for (std::size_t size = 1; size <= growing.size(); ++size)
        table.add_utf8("6.6", growing.substr(0, size), size == 2 || size == 5 || size == 9 || size == 11);

    for (const unsigned first : {0x0U, 0x80U, 0x800U, 0x10000U}) table.add_utf8("6.7", code_point(first), true);
    for (const std::string bad : {"\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80"}) table.add_utf8("6.8", bad, false);
    for (const unsigned last : {0x7FU, 0x7FFU, 0xFFFFU, 0x10FFFFU}) table.add_utf8("6.9", code_point(last), true);
    for (const std::string bad : {"\xF7\xBF\xBF\xBF", "\xFB\xBF\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF\xBF"})
        table.add_utf8("6.10", bad, false);
    for (const unsigned edge : {0xD7FFU, 0xE000U, 0xFFFDU, 0x10FFFFU, 0x110000U}) table.add_utf8("6.11", code_point(edge), edge < 0x110000);

    // Octets that only go on with a character.
    for (const std::string bad :
         {"\x80", "\xBF", "\x80\xBF", "\x80\xBF\x80", "\x80\xBF\x80\xBF", "\x80\xBF\x80\xBF\x80", "\x80\xBF\x80\xBF\x80\xBF"})
        table.add_utf8("6.12", bad, false);
    std::string all;
    for (int octet = 0x80; octet <= 0xBF; ++octet) all += static_cast<char>(octet);
    table.add_utf8("6.12", all, false);

    // Octets that begin one, each before a space.
    for (const auto& [from, to] : std::vector<std::pair<int, int>>{{0xC0, 0xDF}, {0xE0, 0xEF}, {0xF0, 0xF7}, {0xF8, 0xFB}, {0xFC, 0xFD}}) {
        std::string lonely;
        for (int octet = from; octet <= to; ++octet) lonely += std::string{static_cast<char>(octet), ' '};
        table.add_utf8("6.13", lonely, false);
    }

    // The last octet is missing.
    const std::vector<std::string> short_ones{
        "\xC0",     std::string("\xE0\x80"), "\xF0\x80\x80",     "\xF8\x80\x80\x80",    "\xFC\x80\x80\x80\x80", "\xDF",
        "\xEF\xBF", "\xF7\xBF\xBF",          "\xFB\xBF\xBF\xBF", "\xFD\xBF\xBF\xBF\xBF"};
    std::string together;
    for (const std::string& short_one : short_ones) {
        table.add_utf8("6.14", short_one, false);
        together += short_one;
    }
    table.add_utf8("6.15", together, false);
    for (const std::string bad : {"\xFE", "\xFF", "\xFE\xFE\xFF\xFF"}) table.add_utf8("6.16", bad, false);
}

void add_forbidden(Table& table) {
    // Overlong: a slash; the largest numbers that a shorter form can hold; zero.
    for (const std::string bad : {"\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xF8\x80\x80\x80\xAF", "\xFC\x80\x80\x80\x80\xAF"})
        table.add_utf8("6.17", bad, false);
    for (const std::string bad : {"\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xF8\x87\xBF\xBF\xBF", "\xFC\x83\xBF\xBF\xBF\xBF"})
        table.add_utf8("6.18", bad, false);
    for (const std::string bad : {"\xC0\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80", "\xF8\x80\x80\x80\x80", "\xFC\x80\x80\x80\x80\x80"})
        table.add_utf8("6.19", bad, false);

    // Halves of surrogate pairs, alone and together.
    const std::vector<unsigned> firsts{0xD800, 0xDB7F, 0xDB80, 0xDBFF};
    const std::vector<unsigned> seconds{0xDC00, 0xDF80, 0xDFFF};
    for (const unsigned half : firsts) table.add_utf8("6.20", code_point(half), false);
    for (const unsigned half : seconds) table.add_utf8("6.20", code_point(half), false);
    for (const unsigned first : firsts)
        for (const unsigned second : {0xDC00U, 0xDFFFU}) table.add_utf8("6.21", code_point(first) + code_point(second), false);

    // Numbers that Unicode gives no character, which are UTF-8 all the same: the last two of each plane; and some special ones.
    for (unsigned plane = 0; plane <= 16; ++plane)
        for (const unsigned last : {0xFFFEU, 0xFFFFU}) table.add_utf8("6.22", code_point(plane * 0x10000 + last), true);
    for (const unsigned special : {0xFFF9U, 0xFFFAU, 0xFFFBU, 0xFFFCU, 0xFFFDU, 0xFDD0U, 0xFDEFU})
        table.add_utf8("6.23", code_point(special), true);
}

void add_closing(Table& table) {
    const Frame good_close{fin | close_, close_payload(1000)};
    table.add_ending("7.1", {{fin | text, "before"}}, {"text:before"});
    table.add("7.1", {good_close, good_close}, {"close:1000:"});
    table.add("7.1", {good_close, {fin | ping, "late"}}, {"close:1000:"});
    table.add("7.1", {good_close, {fin | text, "late"}}, {"close:1000:"});
    table.add("7.1", {{text, "half"}, good_close, {fin | continuation, "late"}}, {"close:1000:"});
    table.add("7.1", {{fin | text, big(256 * 1024)}, good_close, {fin | ping}}, {"text:" + big(256 * 1024), "close:1000:"}, 5000);

    table.add("7.3", {{fin | close_}}, {"close:1005:"});
    table.add("7.3", {{fin | close_, "a"}}, {"fail:1002"});
    table.add("7.3", {{fin | close_, close_payload(1000)}}, {"close:1000:"});
    table.add("7.3", {{fin | close_, close_payload(1000, "so long")}}, {"close:1000:so long"});
    table.add("7.3", {{fin | close_, close_payload(1000, big(123))}}, {"close:1000:" + big(123)});
    table.add("7.3", {{fin | close_, close_payload(1000, big(124))}}, {"fail:1002"});
    table.add("7.5", {{fin | close_, close_payload(1000, "\xCE\xBA\xED\xA0\x80")}}, {"fail:1007"});

    for (const unsigned code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999})
        table.add("7.7", {{fin | close_, close_payload(code)}}, {"close:" + std::to_string(code) + ":"});
    for (const unsigned code : {0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999})
        table.add("7.9", {{fin | close_, close_payload(code)}}, {"fail:1002"});
    for (const unsigned code : {5000, 65535}) table.add("7.13", {{fin | close_, close_payload(code)}}, {"fail:1002"});
}

void add_fragmented_big(Table& table) {
    const std::string all = big(65536);
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < all.size(); at += 1300)
        frames.push_back({(at == 0 ? text : continuation) | (at + 1300 >= all.size() ? fin : 0), all.substr(at, 1300)});
    table.add_ending("10.1", frames, {"text:" + all});
}

const std::vector<Case>& all_cases() {
    static const std::vector<Case> made = [] {
        Table table;
        add_framing(table);
        add_pings(table);
        add_reserved_bits(table);
        add_opcodes(table);
        add_fragments(table);
        add_text_in_frames(table);
        add_sequences(table);
        add_forbidden(table);
        add_closing(table);
        add_fragmented_big(table);
        return table.cases;
    }();
    return made;
}

// What the engine has to send for what it told.
std::vector<std::string> answers(const std::vector<std::string>& told) {
    std::vector<std::string> frames;
    for (const std::string& event : told) {
        const std::string rest = event.substr(event.find(':') + 1);
        if (event.starts_with("text:")) frames.push_back("1:" + rest);
        if (event.starts_with("binary:")) frames.push_back("2:" + rest);
        if (event.starts_with("ping:")) frames.push_back("10:" + rest);
        if (event.starts_with("fail:")) frames.push_back("8:" + close_payload(static_cast<unsigned>(std::stoul(rest))));
        if (event.starts_with("close:1005"))
            frames.push_back("8:");
        else if (event.starts_with("close:"))
            frames.push_back("8:" + close_payload(static_cast<unsigned>(std::stoul(rest))));
    }
    return frames;
}

// Answers what else must not depend on the cuts: what was told of a message that was not finished, and the words of the error.
std::string play(const Case& conversation, WebSocketRole role, bool streams, const std::vector<std::string_view>& pieces) {
    WebSocketEcho echo(role, {.streams = streams});
    Step step = Step::need_more;
    for (const std::string_view piece : pieces) step = echo.feed(piece);
    CHECK(echo.told == conversation.told);
    CHECK(echo.frames() == answers(conversation.told));
    const bool has_failed = conversation.told.back().starts_with("fail");
    CHECK(step == (has_failed ? Step::failed : Step::need_more));
    CHECK(echo.engine.error().is_set() == has_failed);
    CHECK(echo.engine.is_done() == (has_failed || role == WebSocketRole::server));
    echo.engine.finish();
    CHECK(echo.drain() == (has_failed ? Step::failed : Step::ended));
    CHECK(echo.engine.is_done());
    CHECK(echo.told.size() == conversation.told.size());
    return echo.parts + echo.engine.error().text();
}

std::vector<std::string_view> pieces_of(std::string_view octets, std::size_t size) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < octets.size(); at += size) pieces.push_back(octets.substr(at, size));
    return pieces;
}

void play_in_all_ways(const Case& conversation, WebSocketRole role, bool streams) {
    std::string octets;
    for (const Frame& frame : conversation.frames) octets += websocket_frame(frame.first, frame.payload, is_masked_for(role));
    const std::string_view all = octets;
    const std::string rest = play(conversation, role, streams, {all});
    CHECK(play(conversation, role, streams, pieces_of(all, 1)) == rest);
    if (conversation.chop != 0) CHECK(play(conversation, role, streams, pieces_of(all, conversation.chop)) == rest);
    // Of a big one, only around its headers and here and there.
    const std::size_t stride = std::max<std::size_t>(1, all.size() / 40);
    for (std::size_t at = 1; at < all.size(); at += at < 40 || at + 40 > all.size() || stride == 1 ? 1 : stride)
        CHECK(play(conversation, role, streams, {all.substr(0, at), all.substr(at)}) == rest);
}

}  // namespace

TEST_CASE("websocket_conversations_are_247") {
    CHECK(all_cases().size() == 247);
}

TEST_CASE("websocket_conversation_goes_as_the_rfc_says_however_it_is_cut") {
    for (const Case& conversation : all_cases()) {
        CAPTURE(conversation.name);
        for (const WebSocketRole role : both_roles())
            for (const bool streams : {false, true}) play_in_all_ways(conversation, role, streams);
    }
}
