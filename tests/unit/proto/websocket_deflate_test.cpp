// Compressed messages: the examples of RFC 7692 7.2.3, contexts and windows, bombs and what cannot be inflated.
#include <random>

#include "support/websocket_peer.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

using Told = std::vector<std::string>;

const WebSocketDeflate forgetting;
const WebSocketDeflate keeping{.server_no_context_takeover = false, .client_no_context_takeover = false};

std::string compressed(const std::string& message, int window_bits = 15) {
    MessageDeflater deflater(window_bits, true);  // which compresses whatever comes of it
    std::string output;
    REQUIRE(deflater.compress(message, output));
    return output;
}

std::string noise(std::size_t size, unsigned seed = 1) {
    std::minstd_rand random(seed);
    std::string octets(size, '\0');
    for (char& octet : octets) octet = static_cast<char>(random() >> 8);
    return octets;
}

std::string words(std::size_t size) {
    std::minstd_rand random(7);
    std::string text;
    while (text.size() < size) text += std::to_string(random() % 1000) + (random() % 5 == 0 ? "\xC3\xA4\n" : " ");
    text.resize(size);
    while (!is_utf8(text)) text.back() = '.';
    return text;
}

// What is told when a server gets these octets, whole, octet by octet, in pieces of 1000 octets, and part by part: all the same.
Told told_by(const std::string& octets, WebSocketOptions options) {
    Told first;
    std::string first_parts;  // of a message that was not finished
    for (const bool streams : {false, true})
        for (const std::size_t size : {octets.size(), std::size_t{1}, std::size_t{1000}}) {
            options.streams = streams;
            WebSocketEcho echo(WebSocketRole::server, options);
            echo.echoes = false;
            for (std::size_t at = 0; at < octets.size(); at += size) echo.feed(std::string_view(octets).substr(at, size));
            if (first.empty()) first = echo.told;
            CHECK(echo.told == first);
            if (size == octets.size()) first_parts = echo.parts;
            CHECK(echo.parts == first_parts);
        }
    return first;
}

Told told_by(const std::string& octets) {
    return told_by(octets, {.deflate = forgetting});
}

std::string frame(unsigned first, std::string_view payload) {
    return websocket_frame(first, payload, true);
}

}  // namespace

TEST_CASE("websocket_deflate_examples_of_the_rfc_are_inflated") {
    const std::string hello("\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    CHECK(told_by(frame(0xC1, hello)) == Told{"text:Hello"});                                                          // 7.2.3.1
    CHECK(told_by(frame(0x41, hello.substr(0, 3)) + frame(0x80, hello.substr(3))) == Told{"text:Hello"});  // the same in fragments
    CHECK(told_by(frame(0xC1, hello) + frame(0xC1, std::string("\xf2\x00\x11\x00\x00", 5)), {.deflate = keeping}) ==
          Told{"text:Hello", "text:Hello"});  // 7.2.3.2
    CHECK(told_by(frame(0xC1, std::string("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11))) == Told{"text:Hello"});  // 7.2.3.3
    CHECK(told_by(frame(0xC1, std::string("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8))) == Told{"text:Hello"});  // 7.2.3.4
    CHECK(told_by(frame(0xC1, std::string("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13))) == Told{"text:Hello"});  // 7.2.3.5
    CHECK(told_by(frame(0xC1, std::string(1, '\0'))) == Told{"text:"});  // 7.2.3.6
}

TEST_CASE("websocket_deflate_context_that_was_not_kept_cannot_be_referred_to") {
    const std::string hello("\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    CHECK(told_by(frame(0xC1, hello) + frame(0xC1, std::string("\xf2\x00\x11\x00\x00", 5))) == Told{"text:Hello", "fail:1007"});
}

TEST_CASE("websocket_deflate_last_blocks_keep_the_context_and_are_bounded") {
    const std::string last_hello("\xf3\x48\xcd\xc9\xc9\x07\x00", 7);  // a last block; the next one refers to it
    const std::string again("\xf2\x00\x11\x00\x00", 5);
    CHECK(told_by(frame(0xC1, last_hello + again)) == Told{"text:HelloHello"});
    CHECK(told_by(frame(0xC1, last_hello + '\0') + frame(0xC1, again), {.deflate = keeping}) == Told{"text:Hello", "text:Hello"});

    const auto empty_last_blocks = [](std::size_t count) {
        std::string octets;
        for (std::size_t i = 0; i < count; ++i) octets += std::string("\x03\x00", 2);
        return octets + '\0';
    };
    CHECK(told_by(frame(0xC2, empty_last_blocks(limits::websocket_final_blocks))) == Told{"binary:"});
    CHECK(told_by(frame(0xC2, empty_last_blocks(limits::websocket_final_blocks + 1))) == Told{"fail:1008"});
}

TEST_CASE("websocket_deflate_what_cannot_be_inflated_is_refused") {
    const std::string whole = compressed(words(3000));
    for (std::size_t size = 0; size < whole.size(); size += 1 + size / 20) {
        CAPTURE(size);
        CHECK(told_by(frame(0xC1, whole.substr(0, size))) == Told{"fail:1007"});
    }
    CHECK(told_by(frame(0xC1, "\x07")) == Told{"fail:1007"});  // a kind of block that there is not
    CHECK(told_by(frame(0x41, whole) + frame(0x80, "\xff\xff\xff")) == Told{"fail:1007"});
    CHECK(told_by(frame(0xC1, "")) == Told{"fail:1007"});
}

TEST_CASE("websocket_deflate_text_is_checked_after_inflation") {
    CHECK(told_by(frame(0xC1, compressed("\xED\xA0\x80"))) == Told{"fail:1007"});
    CHECK(told_by(frame(0xC1, compressed("half \xC3"))) == Told{"fail:1007"});
    CHECK(told_by(frame(0xC2, compressed("\xED\xA0\x80"))) == Told{"binary:\xED\xA0\x80"});
}

TEST_CASE("websocket_deflate_plain_and_compressed_messages_and_control_frames_mix") {
    const std::string hello("\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    CHECK(told_by(frame(0x81, "plain") + frame(0x41, hello.substr(0, 2)) + frame(0x89, "?") + frame(0x80, hello.substr(2)) +
                  frame(0x82, "plain")) == Told{"text:plain", "ping:?", "text:Hello", "binary:plain"});
    CHECK(told_by(frame(0x41, hello) + frame(0xC0, "")) == Told{"fail:1002"});
    CHECK(told_by(frame(0xC9, "")) == Told{"fail:1002"});
    CHECK(told_by(frame(0x01, "x") + frame(0xC0, "x")) == Told{"fail:1002"});
}

TEST_CASE("websocket_deflate_message_one_over_the_limit_after_inflation_is_refused") {
    for (const std::size_t limit : {1, 1000, 16 * 1024, 50'000}) {
        const WebSocketOptions options{.deflate = forgetting, .message_limit = limit};
        const std::string message = words(limit + 1);
        CHECK(told_by(frame(0xC2, compressed(message.substr(0, limit))), options) == Told{"binary:" + message.substr(0, limit)});
        CHECK(told_by(frame(0xC2, compressed(message)), options) == Told{"fail:1009"});
    }
    // Noise, which becomes larger by compression, of just the limit.
    const std::string message = noise(10'000);
    CHECK(told_by(frame(0xC2, compressed(message)), {.deflate = forgetting, .message_limit = 10'000}) == Told{"binary:" + message});
}

TEST_CASE("websocket_deflate_bomb_is_refused_early") {
    // A megabyte of zeros in a kilobyte; that they fit into the message limit does not help.
    const std::string bomb = compressed(std::string(1024 * 1024, '\0'));
    CHECK(bomb.size() < 1200);
    CHECK(told_by(frame(0xC2, bomb)) == Told{"fail:1009"});
    CHECK(told_by(frame(0xC2, bomb), {.deflate = forgetting, .ratio_limit = 0}) == Told{"binary:" + std::string(1024 * 1024, '\0')});
    // Zeros up to where nobody looks yet, and one more.
    const std::string small(limits::websocket_ratio_from, '\0');
    CHECK(told_by(frame(0xC2, compressed(small))) == Told{"binary:" + small});
    CHECK(told_by(frame(0xC2, compressed(small + '\0'))) == Told{"fail:1009"});

    // However much it would become, the inflater makes no more than was asked for.
    const std::string huge = compressed(std::string(64 * 1024 * 1024, '\0'));
    WebSocketEngine engine(WebSocketRole::server, {.deflate = forgetting, .ratio_limit = 0, .streams = true});
    const std::string octets = frame(0xC2, huge);
    engine.feed(octets);
    std::size_t made = 0, largest = 0;
    while (engine.next() == Step::event) {
        made += engine.event().data.size();
        largest = std::max(largest, engine.event().data.size());
    }
    CHECK(engine.error().code == ErrorCode::limit);
    CHECK(made == limits::websocket_message);
    CHECK(largest <= limits::inflate_step);
}

TEST_CASE("websocket_deflate_ratio_is_allowed_up_to_the_limit") {
    // Zeros with so many octets of noise strewn in that the ratio is about the same everywhere.
    const auto strewn = [](std::size_t every) {
        std::string message(200'000, '\0');
        const std::string grains = noise(message.size() / every + 1);
        for (std::size_t at = 0; at < message.size(); at += every) message[at] = grains[at / every];
        return message;
    };
    const auto ratio = [](const std::string& message) { return message.size() / compressed(message).size(); };
    const std::string dense = strewn(320), too_dense = strewn(450);
    REQUIRE(ratio(dense) > 75);
    REQUIRE(ratio(dense) < 98);
    REQUIRE(ratio(too_dense) > 102);
    REQUIRE(ratio(too_dense) < 130);
    CHECK(told_by(frame(0xC2, compressed(dense))) == Told{"binary:" + dense});
    CHECK(told_by(frame(0xC2, compressed(too_dense))) == Told{"fail:1009"});
}

TEST_CASE("websocket_deflate_peer_that_refers_farther_back_than_was_agreed_on_is_understood_however_it_is_cut") {
    for (const int bits : {9, 15}) {
        const std::string message = noise(200) + noise(200) + words(20'000) + noise(200, 3) + words(20'000);
        const std::string octets = compressed(message, bits);
        REQUIRE(octets.size() < message.size() / 2);
        CHECK(told_by(frame(0xC2, octets), {.deflate = WebSocketDeflate{true, true, 15, 8}}) == Told{"binary:" + message});
    }
}

TEST_CASE("websocket_deflate_too_many_compressed_octets_for_any_allowed_message_are_refused_by_the_header") {
    const WebSocketOptions options{.deflate = forgetting, .message_limit = 1000};
    CHECK(told_by(frame(0xC2, std::string(2000, '\0')).substr(0, 8), options) == Told{"fail:1009"});
    // Many empty blocks: nothing comes of them, but they are work.
    std::string fragments = frame(0x42, std::string(600, '\0'));
    CHECK(told_by(fragments + frame(0x00, std::string(700, '\0')), options).back().starts_with("fail:"));
}

TEST_CASE("websocket_deflate_round_trips_with_every_window_with_and_without_context") {
    std::vector<std::string> messages{
        "small", words(100), words(5000), words(5000), noise(3000), words(300'000), std::string(60'000, 'z'), noise(40'000), words(20)};
    for (const bool forgets : {false, true})
        for (int bits = 8; bits <= 15; ++bits)
            for (const WebSocketRole sender : both_roles()) {
                const WebSocketDeflate agreed{forgets, forgets, bits, bits};
                const WebSocketRole receiver = sender == WebSocketRole::server ? WebSocketRole::client : WebSocketRole::server;
                WebSocketEcho from(sender, {.deflate = agreed, .compress_from = 50});
                WebSocketEcho to(receiver, {.deflate = agreed, .ratio_limit = 0});
                to.echoes = false;
                for (const std::string& message : messages) {
                    REQUIRE(from.engine.send_binary(message));
                    from.drain();
                }
                to.feed(from.sent);
                REQUIRE(to.told.size() == messages.size());
                for (std::size_t i = 0; i < messages.size(); ++i) CHECK(to.told[i] == "binary:" + messages[i]);
                std::size_t compressed_frames = 0;
                for (const std::string& one : from.frames()) compressed_frames += one.starts_with("z") ? 1 : 0;
                // All but those below the threshold; of noise only what later messages may refer to.
                CHECK(compressed_frames == (bits == 8 ? 0U : forgets ? 5U : 7U));
            }
}

TEST_CASE("websocket_deflate_context_makes_a_repeated_message_small") {
    const std::string message = words(5000);
    WebSocketEcho keeps(WebSocketRole::server, {.deflate = keeping}), forgets(WebSocketRole::server, {.deflate = forgetting});
    for (WebSocketEcho* echo : {&keeps, &forgets}) {
        REQUIRE(echo->engine.send_text(message));
        REQUIRE(echo->engine.send_text(message));
        echo->drain();
    }
    const Told kept = keeps.frames(), forgotten = forgets.frames();
    CHECK(kept[1].size() < 100);
    CHECK(forgotten[0] == forgotten[1]);
    CHECK(forgotten[1].size() > 1000);
}

TEST_CASE("websocket_deflate_below_the_threshold_and_in_pieces_nothing_is_compressed") {
    WebSocketEcho echo(WebSocketRole::server, {.deflate = keeping});
    const std::string below(limits::websocket_compress_from - 1, 'x'), at(limits::websocket_compress_from, 'x');
    REQUIRE(echo.engine.send_text(below));
    REQUIRE(echo.engine.send_text(at));
    REQUIRE(echo.engine.begin_text(at));
    REQUIRE(echo.engine.end_message(at));
    REQUIRE(echo.engine.frame_header(true, ""));
    echo.drain();
    const Told frames = echo.frames();
    REQUIRE(frames.size() == 5);
    CHECK(frames[0] == "1:" + below);
    CHECK(frames[1].starts_with("z1:"));
    CHECK(frames[2] == "+1:" + at);
    CHECK(frames[4] == "1:");
}

TEST_CASE("websocket_deflate_empty_messages_are_sent_as_they_are") {
    WebSocketEcho echo(WebSocketRole::server, {.deflate = keeping, .compress_from = 0});
    REQUIRE(echo.engine.send_text(""));
    REQUIRE(echo.engine.send_text("x"));
    REQUIRE(echo.engine.send_text(""));
    echo.drain();
    CHECK(echo.frames()[0] == "1:");
    CHECK(echo.frames()[1].starts_with("z1:"));
    CHECK(echo.frames()[2] == "1:");
}

TEST_CASE("websocket_deflate_two_messages_in_progress_in_one_thread_do_not_disturb_each_other") {
    const std::string one = words(9000), other = noise(100) + words(7000);
    const std::string one_octets = frame(0xC2, compressed(one)), other_octets = frame(0xC2, compressed(other));
    WebSocketEcho first(WebSocketRole::server, {.deflate = forgetting}), second(WebSocketRole::server, {.deflate = forgetting});
    first.echoes = second.echoes = false;
    for (int round = 0; round < 3; ++round) {
        first.feed(std::string_view(one_octets).substr(0, 500));
        second.feed(other_octets);
        first.feed(std::string_view(one_octets).substr(500));
    }
    CHECK(first.told == Told(3, "binary:" + one));
    CHECK(second.told == Told(3, "binary:" + other));
}
