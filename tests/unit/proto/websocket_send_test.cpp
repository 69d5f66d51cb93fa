// What the engine sends, what it refuses to send, and its part in the closing handshake.
#include "support/websocket_peer.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

using Told = std::vector<std::string>;

void check_refused(WebSocketEcho& echo, const Result<void>& result, ErrorCode code = ErrorCode::local_protocol) {
    REQUIRE_FALSE(result);
    CHECK(result.error().code == code);
    CHECK_FALSE(result.error().detail.empty());
    CHECK(echo.engine.output().empty());
}

}  // namespace

TEST_CASE("websocket_sends_every_kind_of_frame_in_both_roles") {
    for (const WebSocketRole role : both_roles()) {
        WebSocketEcho echo(role);
        WebSocketEngine& engine = echo.engine;
        CHECK(engine.send_text("h\xC3\xA4"));
        CHECK(engine.send_binary("\xFF"));
        CHECK(engine.send_text(""));
        CHECK(engine.begin_text("\xC3"));
        CHECK(engine.ping("1"));
        CHECK(engine.continue_message(""));
        CHECK(engine.pong(std::string(125, 'p')));
        CHECK(engine.end_message("\xA4"));
        CHECK(engine.begin_binary("\xFF"));
        CHECK(engine.end_message(""));
        CHECK(engine.close(1001, "gone"));
        CHECK(engine.is_closing());
        echo.drain();
        CHECK(echo.frames() == Told{"1:h\xC3\xA4", "2:\xFF", "1:", "+1:\xC3", "9:1", "+0:", "10:" + std::string(125, 'p'), "0:\xA4",
                                    "+2:\xFF", "0:", "8:" + close_payload(1001, "gone")});
    }
}

TEST_CASE("websocket_refuses_to_send_what_the_protocol_does_not_allow_and_goes_on") {
    WebSocketEcho echo(WebSocketRole::server);
    WebSocketEngine& engine = echo.engine;
    check_refused(echo, engine.send_text("\xFF"));
    check_refused(echo, engine.send_text("half \xC3"));
    check_refused(echo, engine.begin_text("\xC3\x28"));
    check_refused(echo, engine.frame_header(true, "\xFF"));
    check_refused(echo, engine.ping(std::string(126, 'p')));
    check_refused(echo, engine.pong(std::string(126, 'p')));
    check_refused(echo, engine.continue_message("of nothing"));
    check_refused(echo, engine.end_message("of nothing"));
    for (const std::uint16_t code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535}) check_refused(echo, engine.close(code));
    check_refused(echo, engine.close(1000, std::string(124, 'r')));
    check_refused(echo, engine.close(1000, "\xFF"));
    CHECK_FALSE(engine.is_closing());

    CHECK(engine.begin_text("\xC3"));
    echo.drain();
    check_refused(echo, engine.send_text("inside"));
    check_refused(echo, engine.send_binary("inside"));
    check_refused(echo, engine.begin_text("inside"));
    check_refused(echo, engine.frame_header(false, "inside"));
    check_refused(echo, engine.end_message(""));
    check_refused(echo, engine.continue_message("\x28"));
    CHECK(engine.end_message("\xA4"));
    CHECK(engine.close(4999, std::string(123, 'r')));
    echo.drain();
    CHECK(echo.frames().back() == "8:" + close_payload(4999, std::string(123, 'r')));
    for (const Result<void>& refused :
         {engine.send_text("x"), engine.send_binary("x"), engine.begin_text("x"), engine.ping(), engine.pong(), engine.close()})
        check_refused(echo, refused);
}

TEST_CASE("websocket_message_begun_before_close_cannot_be_ended_after_it") {
    WebSocketEcho echo(WebSocketRole::server);
    CHECK(echo.engine.begin_text("x"));
    CHECK(echo.engine.close());
    echo.drain();
    check_refused(echo, echo.engine.end_message("y"));
}

TEST_CASE("websocket_frame_header_alone_is_followed_by_the_payload_from_elsewhere") {
    const std::string payload(100'000, 'p');
    WebSocketEcho echo(WebSocketRole::server);
    CHECK(echo.engine.frame_header(true, payload));
    CHECK(echo.engine.output().size() == 10);
    echo.drain();
    echo.sent += payload;
    CHECK(echo.engine.send_text("next"));
    echo.drain();
    CHECK(echo.frames() == Told{"1:" + payload, "1:next"});
    WebSocketEcho client(WebSocketRole::client);
    check_refused(client, client.engine.frame_header(true, payload));
}

TEST_CASE("websocket_client_masks_each_frame_with_other_octets_of_its_source") {
    WebSocketEcho echo(WebSocketRole::client);
    CHECK(echo.engine.send_binary(std::string(4, '\0')));
    CHECK(echo.engine.ping(std::string(4, '\0')));
    CHECK(echo.engine.output() == "\x82\x84\x01\x02\x03\x04\x01\x02\x03\x04\x89\x84\x05\x06\x07\x08\x05\x06\x07\x08");
}

TEST_CASE("websocket_client_without_random_octets_sends_nothing") {
    CountingRandom none(false);
    for (RandomSource* source : {static_cast<RandomSource*>(nullptr), static_cast<RandomSource*>(&none)}) {
        WebSocketEngine engine(WebSocketRole::client, {.random = source});
        for (const Result<void>& refused : {engine.send_text("x"), engine.begin_text("x"), engine.ping(), engine.close()}) {
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code == ErrorCode::os);
        }
        CHECK(engine.output().empty());
        CHECK_FALSE(engine.is_closing());
        const std::string close = websocket_frame(0x88, "", false);
        engine.feed(close);
        CHECK(engine.next() == Step::failed);
        CHECK(engine.error().code == ErrorCode::os);
        CHECK(engine.is_done());
    }
}

TEST_CASE("websocket_closing_first_still_hears_what_was_under_way_and_answers_nothing") {
    for (const WebSocketRole role : both_roles()) {
        WebSocketEcho echo(role);
        CHECK(echo.engine.close(1000, "enough"));
        echo.drain();
        const bool masked = is_masked_for(role);
        echo.feed(websocket_frame(0x81, "under way", masked) + websocket_frame(0x89, "ping", masked));
        CHECK(echo.told == Told{"text:under way", "ping:ping"});
        CHECK_FALSE(echo.engine.is_done());
        echo.feed(websocket_frame(0x88, close_payload(1000), masked) + websocket_frame(0x81, "late", masked));
        CHECK(echo.told.back() == "close:1000:");
        CHECK(echo.frames() == Told{"8:" + close_payload(1000, "enough")});
        CHECK(echo.engine.is_done() == (role == WebSocketRole::server));
        echo.engine.finish();
        CHECK(echo.drain() == Step::ended);
        CHECK(echo.engine.is_done());
    }
}

TEST_CASE("websocket_broken_answer_to_close_fails_without_a_second_close_frame") {
    WebSocketEcho echo(WebSocketRole::server);
    CHECK(echo.engine.close());
    echo.drain();
    CHECK(echo.feed(websocket_frame(0x88, "x", true)) == Step::failed);
    CHECK(echo.engine.error().code == ErrorCode::remote_protocol);
    CHECK(echo.frames().size() == 1);
}

TEST_CASE("websocket_event_of_a_whole_unmasked_frame_is_no_copy") {
    const std::string octets = websocket_frame(0x82, "where it lies", false);
    WebSocketEngine engine(WebSocketRole::client);
    engine.feed(octets);
    REQUIRE(engine.next() == Step::event);
    CHECK(engine.event().data.data() == octets.data() + 2);
}
