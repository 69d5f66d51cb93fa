#include "tidemill/net/signal_watch.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

using namespace tidemill;

namespace {

void turn_until(Reactor& reactor, const std::vector<std::string>& seen, std::size_t count) {
    for (int i = 0; i < 100 && seen.size() < count; ++i) REQUIRE(reactor.run_once(std::chrono::milliseconds(50)));
}

}  // namespace

TEST_CASE("signal_watch_calls_from_the_loop") {
    Reactor reactor;
    std::vector<std::string> seen;
    Result<SignalWatch*> watch = on_signal(reactor, "SIGUSR1", [&](const std::string& name) { seen.push_back(name); });
    REQUIRE(watch);
    raise(SIGUSR1);
    CHECK(seen.empty());
    turn_until(reactor, seen, 1);
    CHECK(seen == std::vector<std::string>{"SIGUSR1"});
}

TEST_CASE("signal_watch_reaches_every_reactor_and_again") {
    Reactor first, second;
    std::vector<std::string> seen_first, seen_second;
    REQUIRE(on_signal(first, "usr1", [&](const std::string& name) { seen_first.push_back(name); }));
    REQUIRE(on_signal(second, "USR1", [&](const std::string& name) { seen_second.push_back(name); }));
    for (std::size_t time = 1; time <= 3; ++time) {
        raise(SIGUSR1);
        turn_until(first, seen_first, time);
        turn_until(second, seen_second, time);
        CHECK(seen_first.size() == time);
        CHECK(seen_second.size() == time);
    }
}

TEST_CASE("signal_watch_closed_gives_the_old_action_back") {
    static int old_action_calls = 0;
    struct sigaction old_action{};
    old_action.sa_handler = [](int) { ++old_action_calls; };
    struct sigaction before{};
    sigaction(SIGUSR2, &old_action, &before);
    Reactor reactor;
    int calls = 0;
    Result<SignalWatch*> watch = on_signal(reactor, "USR2", [&](const std::string&) { ++calls; });
    REQUIRE(watch);
    raise(SIGUSR2);
    CHECK(old_action_calls == 0);
    watch.value()->close();
    raise(SIGUSR2);
    CHECK(old_action_calls == 1);
    for (int i = 0; i < 5; ++i) REQUIRE(reactor.run_once());
    CHECK(calls == 0);  // closed before the loop looked
    sigaction(SIGUSR2, &before, nullptr);
}

TEST_CASE("signal_watch_alone_does_not_keep_the_loop_running") {
    Reactor reactor;
    REQUIRE(on_signal(reactor, "USR1", [](const std::string&) {}));
    CHECK(reactor.run());
}

TEST_CASE("signal_watch_refuses_what_cannot_be_waited_for") {
    Reactor reactor;
    for (const char* name : {"KILL", "STOP", "SEGV", "NONSENSE", ""}) {
        Result<SignalWatch*> watch = on_signal(reactor, name, [](const std::string&) {});
        REQUIRE_FALSE(watch);
        CHECK(watch.error().code == ErrorCode::argument);
    }
}

TEST_CASE("signal_watch_of_the_parent_leaves_a_child_its_old_action") {
    struct sigaction before{};  // doctest's, which would print a report in the child
    struct sigaction default_action{};
    default_action.sa_handler = SIG_DFL;
    sigaction(SIGTERM, &default_action, &before);
    Reactor reactor;
    int calls = 0;
    REQUIRE(on_signal(reactor, "TERM", [&](const std::string&) { ++calls; }));
    const pid_t child = fork();
    if (child == 0) {
        raise(SIGTERM);  // the action before the watch was to end the process
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
    sigaction(SIGTERM, &before, nullptr);
    for (int i = 0; i < 5; ++i) REQUIRE(reactor.run_once());
    CHECK(calls == 0);
}
