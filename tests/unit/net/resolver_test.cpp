#include "tidemill/net/resolver.h"

#include <doctest/doctest.h>

#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

static Endpoint localhost() {
    return parse_endpoint("tcp://localhost:1", "test").value();
}

TEST_CASE("resolver_answers_from_the_loop") {
    Reactor reactor;
    int answers = 0;
    bool was_running = false;
    reactor.service<Resolver>().resolve(localhost(), [&](const Result<std::vector<Address>>& found) {
        ++answers;
        was_running = reactor.is_running();
        CHECK(found.ok());
    });
    CHECK(answers == 0);
    REQUIRE(run_until(reactor, [&] { return answers > 0; }));
    CHECK(was_running);
    REQUIRE(settle(reactor));
    CHECK(answers == 1);
}

TEST_CASE("resolver_cancelled_request_is_not_answered") {
    Reactor reactor;
    Resolver& resolver = reactor.service<Resolver>();
    int cancelled = 0;
    int kept = 0;
    const std::uint64_t request = resolver.resolve(localhost(), [&](const auto&) { ++cancelled; });
    resolver.resolve(localhost(), [&](const auto&) { ++kept; });
    resolver.cancel(request);
    REQUIRE(run_until(reactor, [&] { return kept > 0; }));
    REQUIRE(settle(reactor));
    CHECK(cancelled == 0);
}

TEST_CASE("resolver_with_a_full_queue_answers_limit") {
    Reactor reactor;
    Resolver& resolver = reactor.service<Resolver>();
    const std::size_t most = limits::resolver_queue + limits::resolver_threads + 1000;
    std::size_t answers = 0;
    std::size_t refused = 0;
    for (std::size_t i = 0; i < most; ++i) {
        resolver.resolve(parse_endpoint("tcp://x.invalid:1", "test").value(), [&](const Result<std::vector<Address>>& found) {
            ++answers;
            if (found.error().code == ErrorCode::limit) ++refused;
        });
    }
    REQUIRE(run_until(reactor, [&] { return answers == most; }));
    CHECK(refused <= 1000 + limits::resolver_threads + 1);
}
