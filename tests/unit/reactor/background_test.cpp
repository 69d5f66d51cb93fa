// What is in the background does not keep run() running, and is served all the same while something else does.
#include <doctest/doctest.h>

#include "tidemill/reactor/reactor.h"

using namespace tidemill;
using namespace std::chrono_literals;

namespace {

class Idle : public Source {
public:
    void on_ready(const Ready&) override {}
    void on_stop() override {}
    void abandon(bool) override {}
};

}  // namespace

TEST_CASE("background_timer_does_not_keep_run_running_and_fires_beside_others") {
    Reactor reactor;
    int fired = 0;
    const Timer far = reactor.call_later_in_background(1h, [&] { ++fired; });
    CHECK(reactor.run().ok());
    CHECK(far.is_active());
    reactor.call_later_in_background(1ms, [&] { ++fired; });
    reactor.call_later(20ms, [] {});
    CHECK(reactor.run().ok());
    CHECK(fired == 1);
    CHECK(far.is_active());
}

TEST_CASE("background_timer_that_is_cancelled_or_fired_hides_no_other") {
    Reactor reactor;
    bool has_fired = false;
    Timer cancelled = reactor.call_later_in_background(1h, [] {});
    cancelled.cancel();
    reactor.call_later_in_background(0ms, [] {});
    reactor.call_later(5ms, [&] { has_fired = true; });
    CHECK(reactor.run().ok());
    CHECK(has_fired);
}

TEST_CASE("background_source_does_not_keep_run_running_until_it_is_one_no_more") {
    Reactor reactor;
    auto made = std::make_unique<Idle>();
    Idle& source = *made;
    reactor.add(std::move(made));
    reactor.set_background(source, true);
    reactor.set_background(source, true);
    CHECK(reactor.run().ok());
    reactor.set_background(source, false);
    bool was_stopped = false;
    reactor.call_later(1ms, [&] {
        reactor.call_later_in_background(1ms, [&] {
            was_stopped = true;
            reactor.finish_later(source);
        });
    });
    CHECK(reactor.run().ok());  // it is the source that keeps it, until it ends
    CHECK(was_stopped);
    CHECK(reactor.run().ok());
}
