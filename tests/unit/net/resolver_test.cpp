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
    reactor.service<Resolver>().resolve(localhost(), "test", [&](const Result<std::vector<Address>>& found) {
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
    const std::uint64_t request = resolver.resolve(localhost(), "test", [&](const auto&) { ++cancelled; });
    resolver.resolve(localhost(), "test", [&](const auto&) { ++kept; });
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
        resolver.resolve(parse_endpoint("tcp://x.invalid:1", "test").value(), "test", [&](const Result<std::vector<Address>>& found) {
            ++answers;
            if (found.error().code == ErrorCode::limit) ++refused;
        });
    }
    REQUIRE(run_until(reactor, [&] { return answers == most; }));
    CHECK(refused <= 1000 + limits::resolver_threads + 1);
}

static void follow(const Deferred<std::vector<std::string>>& deferred, std::string& trace) {
    deferred.on_success([&](const std::vector<std::string>& addresses) {
        for (const std::string& address : addresses) trace += address + " ";
        trace += "; ";
    });
    deferred.on_failure([&](const Error& error) { trace += std::string(code_name(error.code)) + " " + error.endpoint + "; "; });
}

static std::string resolved(Reactor& reactor, std::string_view host) {
    std::string trace;
    const auto deferred = resolve(reactor, host);
    if (!deferred) return std::string(code_name(deferred.error().code));
    follow(deferred.value(), trace);
    CHECK(trace.empty());
    REQUIRE(reactor.run().ok());
    return trace;
}

TEST_CASE("resolve_of_a_literal_address_answers_with_it") {
    Reactor reactor;
    CHECK(resolved(reactor, "127.0.0.1") == "127.0.0.1 ; ");
    CHECK(resolved(reactor, "::1") == "::1 ; ");
    CHECK(resolved(reactor, "fe80:0::1%7") == "fe80::1%7 ; ");
    CHECK(resolved(reactor, "localhost").find("1 ; ") != std::string::npos);
}

TEST_CASE("resolve_of_what_is_no_host_is_an_argument_error") {
    Reactor reactor;
    for (const std::string host : {"", "two words", "[::1]", "host:80", "a\nb", "x]:1", "tcp://host"}) {
        CAPTURE(host);
        CHECK(resolved(reactor, host) == "argument");
    }
    CHECK(resolved(reactor, std::string(254, 'a')) == "argument");
}

TEST_CASE("resolve_of_a_name_that_is_not_there_fails") {
    Reactor reactor;
    CHECK(resolved(reactor, "no.such.host.invalid") == "resolve no.such.host.invalid; ");
    CHECK(resolved(reactor, "NO.such.host.invalid") == "resolve NO.such.host.invalid; ");
}

TEST_CASE("resolver_keeps_a_preset_as_long_as_it_says") {
    ManualClock clock;
    Reactor reactor({.clock = &clock});
    Resolver& resolver = reactor.service<Resolver>();
    REQUIRE(resolver.preset("twins.invalid", {"10.0.0.1", "fd00::1"}, 60s).ok());
    CHECK(resolver.preset("bad.invalid", {"other.name"}, 60s).error().code == ErrorCode::argument);
    CHECK(resolved(reactor, "Twins.Invalid") == "10.0.0.1 fd00::1 ; ");
    clock.advance(60s - 1ns);
    CHECK(resolved(reactor, "twins.invalid") == "10.0.0.1 fd00::1 ; ");
    clock.advance(1ns);
    CHECK(resolved(reactor, "twins.invalid") == "resolve twins.invalid; ");
    // What was found out is kept as well, for a moment.
    REQUIRE(resolver.preset("none.test", {}, 60s).ok());
    CHECK(resolved(reactor, "none.test") == "resolve none.test; ");
}

TEST_CASE("resolver_keeps_a_failure_for_a_moment_and_forgets_on_demand") {
    ManualClock clock;
    Reactor reactor({.clock = &clock});
    Resolver& resolver = reactor.service<Resolver>();
    CHECK(resolved(reactor, "gone.invalid") == "resolve gone.invalid; ");
    CHECK(resolver.look_ups() == 1);
    CHECK(resolved(reactor, "gone.invalid") == "resolve gone.invalid; ");
    CHECK(resolver.look_ups() == 1);
    clock.advance(limits::resolver_keeps_failure);
    CHECK(resolved(reactor, "gone.invalid") == "resolve gone.invalid; ");
    CHECK(resolver.look_ups() == 2);
    CHECK(resolved(reactor, "localhost") != "");
    clock.advance(limits::resolver_keeps - 1ns);
    CHECK(resolved(reactor, "localhost") != "");
    CHECK(resolver.look_ups() == 3);
    clock.advance(1ns);
    CHECK(resolved(reactor, "localhost") != "");
    CHECK(resolver.look_ups() == 4);
    resolver.forget();
    CHECK(resolved(reactor, "localhost") != "");
    CHECK(resolver.look_ups() == 5);
}

TEST_CASE("resolver_joins_requests_for_one_name_and_lets_each_be_cancelled") {
    Reactor reactor;
    std::string trace;
    const auto first = resolve(reactor, "gone.invalid").value(), second = resolve(reactor, "GONE.invalid").value();
    follow(first, trace);
    follow(second, trace);
    CHECK(reactor.service<Resolver>().look_ups() == 1);
    CHECK(first.cancel());
    REQUIRE(reactor.run().ok());
    CHECK(trace == "cancelled ; resolve GONE.invalid; ");
}

TEST_CASE("resolver_holds_nothing_once_every_request_is_cancelled") {
    Reactor reactor;
    std::string trace;
    const auto deferred = resolve(reactor, "gone.invalid").value();
    follow(deferred, trace);
    deferred.cancel();
    REQUIRE(reactor.run().ok());
    CHECK(trace == "cancelled ; ");
    CHECK(resolved(reactor, "gone.invalid") == "resolve gone.invalid; ");
}

TEST_CASE("resolve_outstanding_at_a_stop_is_cancelled") {
    Reactor reactor;
    std::string trace;
    reactor.next_tick([&] {
        follow(resolve(reactor, "gone.invalid").value(), trace);
        follow(resolve(reactor, "127.0.0.1").value(), trace);
        reactor.stop();
        CHECK(resolve(reactor, "127.0.0.1").error().code == ErrorCode::state);
    });
    REQUIRE(reactor.run().ok());
    CHECK(trace == "127.0.0.1 ; cancelled gone.invalid; ");
    CHECK(resolved(reactor, "gone.invalid") == "resolve gone.invalid; ");
}
