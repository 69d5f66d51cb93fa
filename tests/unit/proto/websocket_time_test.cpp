// What the engine does about time: pings for a silent peer, and the ends of waiting.
#include "support/websocket_peer.h"

using namespace tidemill;
using namespace tidemill::test;
using namespace std::chrono_literals;

namespace {

using Told = std::vector<std::string>;

struct Timed {
    ManualClock clock;
    WebSocketEcho echo;

    explicit Timed(WebSocketRole role, WebSocketOptions options = {}) : echo(role, options) {}
    // How long until the next deadline.
    Duration tick() {
        const TimePoint deadline = echo.engine.tick(clock.now());
        return deadline == TimePoint::max() ? Duration::max() : deadline - clock.now();
    }
    Duration wait(Duration time) {
        clock.advance(time);
        return tick();
    }
};

}  // namespace

TEST_CASE("websocket_silent_peer_is_pinged_and_then_given_up") {
    for (const WebSocketRole role : both_roles()) {
        Timed timed(role);
        CHECK(timed.tick() == limits::websocket_ping_interval);
        CHECK(timed.wait(limits::websocket_ping_interval - 1ms) == 1ms);
        CHECK(timed.echo.engine.output().empty());
        CHECK(timed.wait(1ms) == limits::websocket_pong_timeout);
        timed.echo.drain();
        CHECK(timed.echo.frames() == Told{"9:"});
        CHECK(timed.wait(limits::websocket_pong_timeout - 1ms) == 1ms);
        CHECK(timed.echo.drain() == Step::need_more);
        CHECK(timed.wait(1ms) == Duration::max());
        CHECK(timed.echo.drain() == Step::failed);
        CHECK(timed.echo.engine.error().code == ErrorCode::timeout);
        CHECK(timed.echo.told == Told{"fail:1011"});
        CHECK(timed.echo.engine.is_done());
    }
}

TEST_CASE("websocket_peer_of_which_anything_is_heard_lives") {
    Timed timed(WebSocketRole::server);
    timed.tick();
    timed.wait(20s);
    timed.echo.feed(websocket_frame(0x82, "x", true).substr(0, 3));
    CHECK(timed.wait(0s) == limits::websocket_ping_interval);
    CHECK(timed.wait(limits::websocket_ping_interval) == limits::websocket_pong_timeout);
    timed.wait(10s);
    timed.echo.feed(websocket_frame(0x82, "x", true).substr(3));
    CHECK(timed.wait(0s) == limits::websocket_ping_interval);
    CHECK(timed.wait(limits::websocket_ping_interval) == limits::websocket_pong_timeout);
    timed.echo.feed(websocket_frame(0x8A, "", true));
    CHECK(timed.wait(1s) == limits::websocket_ping_interval - 1s);
    CHECK(timed.echo.told == Told{"binary:x", "pong:"});
}

TEST_CASE("websocket_without_an_interval_never_asks") {
    Timed timed(WebSocketRole::server, {.ping_interval = Duration::zero()});
    CHECK(timed.tick() == Duration::max());
    CHECK(timed.wait(24h) == Duration::max());
    CHECK(timed.echo.engine.output().empty());
}

TEST_CASE("websocket_close_without_an_answer_times_out") {
    for (const WebSocketRole role : both_roles()) {
        Timed timed(role);
        timed.tick();
        timed.wait(5s);
        CHECK(timed.echo.engine.close());
        timed.echo.drain();
        CHECK(timed.wait(1s) == limits::websocket_close_timeout - 1s);
        timed.echo.feed(websocket_frame(0x81, "still talking", is_masked_for(role)));
        CHECK(timed.wait(limits::websocket_close_timeout - 2s) == 1s);
        CHECK_FALSE(timed.echo.engine.is_done());
        CHECK(timed.wait(1s) == Duration::max());
        CHECK(timed.echo.drain() == Step::failed);
        CHECK(timed.echo.engine.error().code == ErrorCode::timeout);
        CHECK(timed.echo.engine.is_done());
        CHECK(timed.echo.frames().size() == 1);
    }
}

TEST_CASE("websocket_client_waits_for_the_server_to_end_the_stream_but_not_for_ever") {
    Timed timed(WebSocketRole::client);
    timed.tick();
    timed.echo.feed(websocket_frame(0x88, close_payload(1001), false));
    CHECK(timed.wait(1s) == limits::websocket_close_timeout - 1s);
    CHECK_FALSE(timed.echo.engine.is_done());
    CHECK(timed.wait(limits::websocket_close_timeout) == Duration::max());
    CHECK(timed.echo.engine.is_done());
    CHECK(timed.echo.drain() == Step::need_more);
    CHECK_FALSE(timed.echo.engine.error().is_set());
}
