// Every limit of the engine: at it all is well, one over it is refused with the right close code, before memory is spent on it.
#include "support/websocket_peer.h"

using namespace tidemill;
using namespace tidemill::test;
using namespace std::chrono_literals;

namespace {

using Told = std::vector<std::string>;

static_assert(Engine<WebSocketEngine>);

// A frame's header that promises so many octets, without them.
std::string promise(unsigned first, std::uint64_t size, WebSocketRole to) {
    std::string octets{static_cast<char>(first), static_cast<char>(is_masked_for(to) ? 0xFF : 0x7F)};
    for (int shift = 56; shift >= 0; shift -= 8) octets += static_cast<char>(size >> shift);
    return octets + (is_masked_for(to) ? "mask" : "");
}

}  // namespace

TEST_CASE("websocket_message_one_over_the_limit_is_refused_by_its_header") {
    for (const WebSocketRole role : both_roles()) {
        WebSocketEcho at_limit(role);
        CHECK(at_limit.feed(websocket_frame(0x82, std::string(limits::websocket_message, 'x'), is_masked_for(role))) == Step::need_more);
        CHECK(at_limit.told.size() == 1);

        WebSocketEcho over(role);
        CHECK(over.feed(promise(0x82, limits::websocket_message + 1, role)) == Step::failed);
        CHECK(over.told == Told{"fail:1009"});
        CHECK(over.engine.error().code == ErrorCode::limit);
    }
}

TEST_CASE("websocket_fragments_that_add_up_to_one_over_the_limit_are_refused") {
    for (const bool streams : {false, true}) {
        WebSocketEcho echo(WebSocketRole::server, {.message_limit = 100, .streams = streams});
        echo.feed(websocket_frame(0x02, std::string(60, 'x'), true) + websocket_frame(0x80, std::string(40, 'x'), true));
        CHECK(echo.told == Told{"binary:" + std::string(100, 'x')});
        echo.feed(websocket_frame(0x02, std::string(60, 'x'), true) + websocket_frame(0x80, std::string(41, 'x'), true));
        CHECK(echo.told.back() == "fail:1009");
    }
}

TEST_CASE("websocket_sizes_near_the_largest_do_not_wrap_around") {
    for (const std::uint64_t size : {std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
        WebSocketEcho echo(WebSocketRole::server);
        echo.feed(promise(0x82, size, WebSocketRole::server));
        CHECK(echo.told == Told{"fail:1002"});
    }
    for (const std::uint64_t size : {(std::uint64_t{1} << 63) - 1, (std::uint64_t{1} << 63) - 50}) {
        WebSocketEcho echo(WebSocketRole::server);
        echo.feed(websocket_frame(0x02, std::string(100, 'x'), true) + promise(0x80, size, WebSocketRole::server));
        CHECK(echo.told == Told{"fail:1009"});
    }
}

TEST_CASE("websocket_sizes_in_more_octets_than_needed_are_refused") {
    for (const std::uint64_t size : {0, 125, 126, 65535}) {
        WebSocketEcho echo(WebSocketRole::client);
        echo.feed(promise(0x82, size, WebSocketRole::client));
        CHECK(echo.told == Told{"fail:1002"});
    }
    WebSocketEcho echo(WebSocketRole::client);
    echo.feed(std::string("\x82\x7E\x00\x7D", 4));
    CHECK(echo.told == Told{"fail:1002"});
}

TEST_CASE("websocket_control_frame_with_a_long_size_is_too_large_whatever_the_size_is_however_it_is_cut") {
    for (const std::uint64_t size : {0, 125, 126, 65536}) {
        const std::string octets = promise(0x89, size, WebSocketRole::server);
        WebSocketEcho whole(WebSocketRole::server), dripped(WebSocketRole::server);
        whole.feed(octets);
        for (const char octet : octets) dripped.feed(std::string(1, octet));
        CHECK(whole.told == Told{"fail:1002"});
        CHECK(dripped.told == whole.told);
        CHECK(dripped.engine.error().text() == whole.engine.error().text());
    }
}

TEST_CASE("websocket_fragment_one_over_the_limit_is_refused_empty_ones_too") {
    std::string octets = websocket_frame(0x01, "", true);
    for (std::size_t i = 1; i < limits::websocket_fragments - 1; ++i) octets += websocket_frame(0x00, "", true);
    WebSocketEcho at_limit(WebSocketRole::server);
    at_limit.feed(octets + websocket_frame(0x80, "", true));
    CHECK(at_limit.told == Told{"text:"});
    WebSocketEcho over(WebSocketRole::server);
    over.feed(octets + websocket_frame(0x00, "", true) + websocket_frame(0x80, "", true));
    CHECK(over.told == Told{"fail:1008"});
    CHECK(over.engine.error().code == ErrorCode::limit);
}

TEST_CASE("websocket_wrong_masks_are_refused") {
    for (const WebSocketRole role : both_roles()) {
        WebSocketEcho echo(role);
        echo.feed(websocket_frame(0x81, "x", !is_masked_for(role)));
        CHECK(echo.told == Told{"fail:1002"});
    }
}

TEST_CASE("websocket_compressed_frame_is_refused_where_that_was_not_agreed_on") {
    WebSocketEcho echo(WebSocketRole::server);
    echo.feed(websocket_frame(0xC1, "x", true));
    CHECK(echo.told == Told{"fail:1002"});
}

TEST_CASE("websocket_controls_one_over_the_limit_within_a_second_are_refused") {
    for (const unsigned first : {0x89U, 0x8AU}) {
        ManualClock clock;
        WebSocketEcho echo(WebSocketRole::server);
        echo.engine.tick(clock.now());
        for (int second = 0; second < 3; ++second) {
            for (std::size_t i = 0; i < limits::websocket_controls_per_second; ++i) echo.feed(websocket_frame(first, "", true));
            clock.advance(1s);
            echo.engine.tick(clock.now());
        }
        CHECK(echo.told.size() == 3 * limits::websocket_controls_per_second);
        for (std::size_t i = 0; i < limits::websocket_controls_per_second; ++i) echo.feed(websocket_frame(first, "", true));
        CHECK(echo.told.size() == 4 * limits::websocket_controls_per_second);
        clock.advance(999ms);
        echo.engine.tick(clock.now());
        CHECK(echo.feed(websocket_frame(first, "", true)) == Step::failed);
        CHECK(echo.told.back() == "fail:1008");
        CHECK(echo.engine.error().code == ErrorCode::limit);
    }
}

TEST_CASE("websocket_pongs_that_were_asked_for_are_no_flood") {
    WebSocketEcho echo(WebSocketRole::server);
    std::string pongs;
    for (int i = 0; i < 100; ++i) {
        CHECK(echo.engine.ping("x"));
        pongs += websocket_frame(0x8A, "x", true);
    }
    CHECK(echo.feed(pongs) == Step::need_more);
    CHECK(echo.told.size() == 100);
}

TEST_CASE("websocket_pongs_beyond_those_that_were_asked_for_are_a_flood") {
    WebSocketEcho echo(WebSocketRole::server);
    CHECK(echo.engine.ping("x"));
    for (std::size_t i = 0; i < limits::websocket_controls_per_second + 1; ++i)
        CHECK(echo.feed(websocket_frame(0x8A, "x", true)) == Step::need_more);
    CHECK(echo.feed(websocket_frame(0x8A, "x", true)) == Step::failed);
}

TEST_CASE("websocket_octets_after_the_close_frame_are_not_even_kept") {
    WebSocketEcho echo(WebSocketRole::client);
    echo.feed(websocket_frame(0x88, "", false) + websocket_frame(0x81, "late", false));
    CHECK(echo.engine.leftover().empty());
    echo.feed(websocket_frame(0x81, "later", false));
    CHECK(echo.engine.leftover().empty());
}

TEST_CASE("websocket_output_over_the_limit_refuses_to_send_until_it_was_taken") {
    WebSocketEcho echo(WebSocketRole::server, {.output_limit = 1000});
    CHECK(echo.engine.send_binary(std::string(998, 'x')));
    CHECK(echo.engine.output().size() == 1002);
    const Result<void> refused = echo.engine.send_binary("x");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::limit);
    CHECK(echo.engine.output().size() == 1002);
    CHECK(echo.engine.close());
    echo.engine.output().clear();

    WebSocketEcho silent(WebSocketRole::server, {.output_limit = 100});
    CHECK(silent.engine.send_binary(std::string(100, 'x')));
    const std::string ping = websocket_frame(0x89, "?", true);
    silent.engine.feed(ping);
    CHECK(silent.engine.next() == Step::failed);
    CHECK(silent.engine.error().code == ErrorCode::limit);
}

TEST_CASE("websocket_failure_is_for_good_and_ends_everything") {
    WebSocketEcho echo(WebSocketRole::server);
    echo.feed(websocket_frame(0x83, "", true));
    const std::string sent = echo.sent;
    CHECK(echo.feed(websocket_frame(0x81, "more", true)) == Step::failed);
    CHECK(echo.feed(websocket_frame(0x81, "more", true)) == Step::failed);
    echo.engine.finish();
    CHECK(echo.drain() == Step::failed);
    CHECK(echo.told == Told{"fail:1002"});
    CHECK(echo.engine.is_done());
    for (const Result<void>& refused : {echo.engine.send_text("x"), echo.engine.close(), echo.engine.ping()}) {
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::local_protocol);
    }
    CHECK(echo.engine.output().empty());
    CHECK(echo.sent == sent);
}

TEST_CASE("websocket_end_without_a_close_frame_is_a_failure") {
    for (const std::string& begun : {std::string(), websocket_frame(0x81, "x", true), websocket_frame(0x81, "xyz", true).substr(0, 8),
                                     websocket_frame(0x01, "x", true)}) {
        WebSocketEcho echo(WebSocketRole::server);
        echo.echoes = false;
        echo.feed(begun);
        echo.engine.finish();
        CHECK(echo.drain() == Step::failed);
        CHECK(echo.engine.error().code == ErrorCode::remote_protocol);
        CHECK(echo.sent.empty());
    }
}
