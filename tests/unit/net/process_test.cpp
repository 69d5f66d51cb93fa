#include "tidemill/net/process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "support/child.h"
#include "support/world.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

struct Seen {
    std::string out, err;
    ExitStatus status;
    int exits = 0;
    std::function<void(Process&)> on_data;
    std::function<void(Process&)> on_drain;
    std::function<void(Process&)> on_exit;
    bool takes_errors = false;
};

class Child final : public ProcessHandler {
public:
    explicit Child(Seen& seen) : seen_(seen) {}
    void on_stdout(Process& process, Bytes octets) override {
        seen_.out += octets;
        if (seen_.on_data) seen_.on_data(process);
    }
    void on_stderr(Process&, Bytes octets) override { seen_.err += octets; }
    void on_drain(Process& process) override {
        if (seen_.on_drain) seen_.on_drain(process);
    }
    void on_exit(Process& process, const ExitStatus& status) override {
        ++seen_.exits;
        seen_.status = status;
        if (seen_.on_exit) seen_.on_exit(process);
    }
    bool on_error(Process&, const std::exception_ptr&) override { return seen_.takes_errors; }

private:
    Seen& seen_;
};

Result<Process*> start(Reactor& reactor, Seen& seen, std::vector<std::string> argv, SpawnOptions options = {}) {
    return spawn(reactor, std::move(argv), std::make_unique<Child>(seen), std::move(options));
}

Result<Process*> shell(Reactor& reactor, Seen& seen, std::string text, SpawnOptions options = {}) {
    options.shell = true;
    return start(reactor, seen, {std::move(text)}, std::move(options));
}

// Of a process that does not exist any more there is nothing; a zombie still has its place.
bool is_there(int pid) {
    return ::kill(pid, 0) == 0;
}

std::vector<int> open_descriptors() {
    std::vector<int> all;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) all.push_back(std::stoi(entry.path().filename()));
    std::sort(all.begin(), all.end());
    return all;
}

}  // namespace

TEST_CASE("process_output_errors_and_code") {
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        Seen seen;
        Result<Process*> process = shell(reactor, seen, "echo out; echo err >&2; exit 7", {.errors = ChildStream::pipe});
        REQUIRE(process);
        const int pid = process.value()->pid();
        CHECK(process.value()->is_running());
        seen.on_exit = [&](Process& ended) { CHECK(!ended.is_running()); };
        REQUIRE(reactor.run());
        CHECK(seen.out == "out\n");
        CHECK(seen.err == "err\n");
        CHECK(seen.exits == 1);
        CHECK(seen.status.code == 7);
        CHECK(seen.status.signal.empty());
        CHECK(!is_there(pid));
    });
}

TEST_CASE("process_echoes_16_mebibytes_with_back_pressure") {
    on_every_poller([](const std::string& poller) {
        Reactor reactor({.poller = poller});
        Seen seen;
        const std::string sent = pattern(16 * 1024 * 1024);
        std::size_t written = 0;
        int drains = 0;
        const auto write_more = [&](Process& process) {
            while (written < sent.size()) {
                const std::size_t piece = std::min<std::size_t>(100'000, sent.size() - written);
                const WriteResult result = process.write(std::string_view(sent).substr(written, piece));
                REQUIRE(!result.has_failed());
                written += piece;
                if (!result.is_flowing()) break;
            }
            if (written == sent.size()) process.close_stdin();
        };
        seen.on_drain = [&](Process& process) {
            ++drains;
            write_more(process);
        };
        Result<Process*> process = start(reactor, seen, {"cat"});
        REQUIRE(process);
        write_more(*process.value());
        CHECK(process.value()->pending() < 1'000'000);
        REQUIRE(reactor.run());
        CHECK(seen.out == sent);
        CHECK(drains > 10);
        CHECK(seen.status.is_success());
    });
}

TEST_CASE("process_ended_by_a_signal") {
    Reactor reactor;
    Seen seen;
    Result<Process*> process = start(reactor, seen, {"sleep", "1000"});
    REQUIRE(process);
    CHECK(process.value()->kill("NOSUCH").error().code == ErrorCode::argument);
    Result<bool> sent = process.value()->kill("SIGkill");
    REQUIRE(sent);
    CHECK(sent.value());
    bool asked_again = false;
    seen.on_exit = [&](Process& ended) {
        Result<bool> again = ended.kill();
        asked_again = again.ok() && !again.value();
    };
    REQUIRE(reactor.run());
    CHECK(!seen.status.code.has_value());
    CHECK(seen.status.signal == "KILL");
    CHECK(asked_again);
}

TEST_CASE("process_that_cannot_be_started") {
    const std::vector<int> before = open_descriptors();
    {
        Reactor reactor;
        Seen seen;
        CHECK(start(reactor, seen, {"/nonexistent/program"}).error().os == ENOENT);
        CHECK(start(reactor, seen, {"no-such-program-anywhere"}).error().os == ENOENT);
        CHECK(start(reactor, seen, {"/etc/passwd"}).error().os == EACCES);
        CHECK(start(reactor, seen, {"true"}, {.cwd = "/nonexistent"}).error().os == ENOENT);
        CHECK(start(reactor, seen, {}).error().code == ErrorCode::argument);
        CHECK(start(reactor, seen, {std::string("a\0b", 3)}).error().code == ErrorCode::argument);
        CHECK(start(reactor, seen, {"true"}, {.environment = {{"novalue"}}}).error().code == ErrorCode::argument);
        CHECK(start(reactor, seen, {"true"}, {.output = ChildStream::to_stdout}).error().code == ErrorCode::argument);
        CHECK(start(reactor, seen, {"true"}, {.kill_on_stop = "NOSUCH"}).error().code == ErrorCode::argument);
        CHECK(start(reactor, seen, {"echo", "a"}, {.shell = true}).error().code == ErrorCode::argument);
        REQUIRE(reactor.run());
        CHECK(seen.exits == 0);
    }
    CHECK(open_descriptors() == before);
    CHECK(::waitpid(-1, nullptr, WNOHANG) < 0);  // no child is left
}

TEST_CASE("process_gets_no_shell_and_no_descriptor_but_its_streams") {
    Reactor reactor;
    const int leaking = ::open("/dev/null", O_RDONLY);  // without CLOEXEC: another library's carelessness
    Seen words, descriptors;
    REQUIRE(start(reactor, words, {"echo", "$HOME; ls > /tmp/x", "a  b"}));
    REQUIRE(start(reactor, descriptors, {"ls", "/proc/self/fd"}, {.input = ChildStream::null}));
    REQUIRE(reactor.run());
    ::close(leaking);
    CHECK(words.out == "$HOME; ls > /tmp/x a  b\n");
    CHECK(descriptors.out == "0\n1\n2\n3\n");  // 3 is the folder that ls reads
}

TEST_CASE("process_environment_directory_and_streams") {
    Reactor reactor;
    Seen environment, directory, joined, silent;
    REQUIRE(start(reactor, environment, {"env"}, {.environment = {{"A=1", "B=x y"}}}));
    REQUIRE(start(reactor, directory, {"pwd"}, {.cwd = "/proc"}));
    REQUIRE(shell(reactor, joined, "echo one; echo two >&2", {.errors = ChildStream::to_stdout}));
    REQUIRE(shell(reactor, silent, "cat; echo nothing; echo nothing >&2",
                  {.input = ChildStream::null, .output = ChildStream::null, .errors = ChildStream::null}));
    REQUIRE(reactor.run());
    CHECK(environment.out == "A=1\nB=x y\n");
    CHECK(directory.out == "/proc\n");
    CHECK(joined.out == "one\ntwo\n");
    CHECK(silent.out.empty());
    CHECK(silent.status.is_success());
}

TEST_CASE("process_has_no_signal_blocked_or_ignored") {
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    struct sigaction ignoring{}, old{};
    ignoring.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignoring, &old);
    Reactor reactor;
    Seen seen;
    REQUIRE(start(reactor, seen, {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}));
    REQUIRE(reactor.run());
    sigaction(SIGPIPE, &old, nullptr);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    unsigned long long blocked = 1, ignored = 1;
    REQUIRE(std::sscanf(seen.out.c_str(), "SigBlk:\t%llx\nSigIgn:\t%llx", &blocked, &ignored) == 2);
    CHECK(blocked == 0);
    CHECK((ignored & 0x7fffffff) == 0);  // above are those that the C library keeps for itself
}

TEST_CASE("process_that_closes_its_input_early") {
    CHECK(in_child([] {
              ::signal(SIGPIPE, SIG_DFL);  // a signal from the write would end this child
              Reactor reactor;
              Seen seen;
              Result<Process*> process = shell(reactor, seen, "exec <&-; echo closed; exec sleep 1000");
              if (!process) return 1;
              const std::string many(1'000'000, 'x');
              seen.on_data = [&](Process& ready) { static_cast<void>(ready.write(many)); };
              if (!run_until(reactor, [&] { return !seen.out.empty() && process.value()->pending() == 0; })) return 2;
              const WriteResult refused = process.value()->write("more");
              if (!refused.has_failed() || refused.code != ErrorCode::closed) return 3;
              if (!process.value()->kill()) return 4;
              if (!reactor.run()) return 5;
              return seen.status.signal == "TERM" ? 0 : 6;
          }) == 0);
}

TEST_CASE("process_writing_without_a_pipe_is_refused") {
    Reactor reactor;
    Seen seen;
    Result<Process*> process = start(reactor, seen, {"true"}, {.input = ChildStream::null});
    REQUIRE(process);
    CHECK(process.value()->write("x").code == ErrorCode::state);
    Result<Process*> other = start(reactor, seen, {"cat"});
    REQUIRE(other);
    other.value()->close_stdin();
    other.value()->close_stdin();
    CHECK(other.value()->write("x").code == ErrorCode::closed);
    REQUIRE(reactor.run());
    CHECK(seen.exits == 2);
}

TEST_CASE("process_grandchild_that_keeps_the_pipe") {
    World world("epoll", "memory");  // a clock that is moved by hand
    Seen seen;
    Result<Process*> process = shell(world.reactor, seen, "sleep 1000 & echo $!; exit 3");
    REQUIRE(process);
    REQUIRE(world.until([&] { return !process.value()->is_running() && seen.out.ends_with("\n"); }));
    REQUIRE(settle(world.reactor));
    CHECK(seen.exits == 0);
    world.clock.advance(limits::process_grace);
    REQUIRE(settle(world.reactor));
    CHECK(seen.exits == 1);
    CHECK(seen.status.code == 3);
    ::kill(std::stoi(seen.out), SIGKILL);
}

TEST_CASE("process_paused_keeps_everything_for_later") {
    World world("epoll", "memory");
    Seen seen;
    Result<Process*> process = shell(world.reactor, seen, "echo late; exit 4");
    REQUIRE(process);
    process.value()->pause();
    REQUIRE(world.until([&] { return !process.value()->is_running(); }));
    world.clock.advance(limits::process_grace * 3);
    REQUIRE(settle(world.reactor));
    CHECK(seen.out.empty());
    CHECK(seen.exits == 0);
    process.value()->resume();
    REQUIRE(world.until([&] { return seen.exits == 1; }));
    CHECK(seen.out == "late\n");
    CHECK(seen.status.code == 4);
}

TEST_CASE("process_two_hundred_at_once") {
    on_every_poller([](const std::string& poller) {
        const std::vector<int> before = open_descriptors();
        {
            Reactor reactor({.poller = poller});
            std::vector<Seen> seen(200);
            for (std::size_t i = 0; i < seen.size(); ++i) {
                Result<Process*> process = start(reactor, seen[i], {"sh", "-c", "read line; echo $line; exit $line"});
                REQUIRE(process);
                process.value()->write(std::to_string(i) + "\n");
            }
            REQUIRE(reactor.run());
            for (std::size_t i = 0; i < seen.size(); ++i) {
                CHECK(seen[i].out == std::to_string(i) + "\n");
                CHECK(seen[i].status.code == static_cast<int>(i));
            }
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("process_stop_while_it_runs_leaves_no_zombie") {
    Seen seen;
    int pid = 0;
    {
        Reactor reactor;
        Result<Process*> process = start(reactor, seen, {"sleep", "1000"}, {.kill_on_stop = "KILL"});
        REQUIRE(process);
        pid = process.value()->pid();
        reactor.next_tick([&] { reactor.stop(); });
        REQUIRE(reactor.run());
        CHECK(seen.exits == 1);
        CHECK(!seen.status.code.has_value());
        CHECK(seen.status.signal.empty());
    }
    while (is_there(pid)) ::usleep(1000);
}

TEST_CASE("process_destroyed_reactor_kills_nothing_and_reaps_later") {
    Seen seen;
    int pid = 0;
    {
        Reactor reactor;
        Result<Process*> process = start(reactor, seen, {"sleep", "1000"});
        REQUIRE(process);
        pid = process.value()->pid();
    }
    CHECK(seen.exits == 0);
    CHECK(is_there(pid));
    ::kill(pid, SIGTERM);
    while (is_there(pid)) ::usleep(1000);
    // A second one finds the thread that waits, or starts another.
    Seen next;
    {
        Reactor reactor;
        Result<Process*> process = start(reactor, next, {"cat"});
        REQUIRE(process);
        pid = process.value()->pid();
    }
    while (is_there(pid)) ::usleep(1000);  // its input ended
}

TEST_CASE("process_does_not_touch_other_children") {
    const pid_t other = ::fork();
    if (other == 0) ::_exit(42);
    Reactor reactor;
    Seen seen;
    REQUIRE(start(reactor, seen, {"true"}));
    REQUIRE(reactor.run());
    int status = 0;
    CHECK(::waitpid(other, &status, 0) == other);
    CHECK(WEXITSTATUS(status) == 42);
}

TEST_CASE("process_somebody_else_took_its_status") {
    Reactor reactor;
    Seen seen;
    Result<Process*> process = start(reactor, seen, {"true"});
    REQUIRE(process);
    CHECK(::waitpid(process.value()->pid(), nullptr, 0) == process.value()->pid());
    REQUIRE(reactor.run());
    CHECK(seen.exits == 1);
    CHECK(!seen.status.code.has_value());
}

TEST_CASE("process_of_a_parent_is_left_alone_by_a_fork") {
    Reactor reactor;
    Seen seen;
    auto process = start(reactor, seen, {"cat"}, {.kill_on_stop = "KILL"});
    REQUIRE(process);
    CHECK(in_child([&] {
              if (process.value()->write("no").code != ErrorCode::state) return 1;
              if (process.value()->kill().ok()) return 2;
              process.value()->abandon(true);
              return 0;
          }) == 0);
    static_cast<void>(process.value()->write("yes"));
    process.value()->close_stdin();
    REQUIRE(reactor.run());
    CHECK(seen.out == "yes");
    CHECK(seen.status.is_success());
}

TEST_CASE("process_exceptions_go_the_usual_way") {
    Reactor reactor;
    Seen seen;
    seen.on_data = [](Process&) { throw std::runtime_error("oops"); };
    REQUIRE(start(reactor, seen, {"echo", "a"}));
    CHECK_THROWS_WITH(static_cast<void>(reactor.run()), "oops");
    seen.takes_errors = true;
    REQUIRE(reactor.run());
    CHECK(seen.exits == 1);
    REQUIRE(start(reactor, seen, {"echo", "b"}));
    REQUIRE(reactor.run());
    CHECK(seen.exits == 2);
}

TEST_CASE("process_drain_waits_for_it") {
    World world("epoll", "memory");
    Seen seen;
    REQUIRE(start(world.reactor, seen, {"cat"}));
    Result<void> drained = world.reactor.drain(5s);
    REQUIRE(drained);
    REQUIRE(settle(world.reactor));
    CHECK(seen.exits == 0);
    world.clock.advance(5s);  // its streams close at the deadline, and it ends
    REQUIRE(world.until([&] { return seen.exits == 1; }));
    CHECK(seen.status.is_success());
}
