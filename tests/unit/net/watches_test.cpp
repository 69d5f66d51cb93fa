#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/child.h"
#include "support/world.h"
#include "tidemill/net/fd_watch.h"
#include "tidemill/net/file_watch.h"
#include "tidemill/net/input.h"
#include "tidemill/net/process_watch.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

struct Log {
    std::string lines;
    FileWatch::Function function() {
        return [this](std::string_view event, std::string_view name) { lines += std::string(event) + "(" + std::string(name) + ") "; };
    }
};

void put(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::app) << text;
}

}  // namespace

TEST_CASE("file_watch_of_a_file") {
    on_every_poller([](const std::string& poller) {
        Scratch scratch;
        const std::string path = scratch.path("file");
        put(path, "a");
        Reactor reactor({.poller = poller});
        Log first, second;
        Result<FileWatch*> watch = watch_file(reactor, path, first.function());
        REQUIRE(watch);
        Result<FileWatch*> other = watch_file(reactor, path, second.function());
        REQUIRE(other);
        put(path, "b");
        CHECK(first.lines.empty());
        REQUIRE(settle(reactor));
        CHECK(first.lines == "modified() ");
        CHECK(second.lines == first.lines);
        other.value()->close();
        std::filesystem::rename(path, path + "2");
        put(path + "2", "c");
        REQUIRE(settle(reactor));
        CHECK(first.lines == "modified() moved() modified() ");
        const SourceId id = watch.value()->id();
        std::filesystem::remove(path + "2");
        REQUIRE(reactor.run());  // the last watch closes itself
        CHECK(first.lines == "modified() moved() modified() deleted() ");
        CHECK(second.lines == "modified() ");
        CHECK(find_watch(reactor, id) == nullptr);
    });
}

TEST_CASE("file_watch_of_a_folder") {
    Scratch scratch;
    const std::string folder = scratch.path("folder");
    std::filesystem::create_directory(folder);
    Reactor reactor;
    Log log;
    REQUIRE(watch_file(reactor, folder, log.function()));
    put(folder + "/a", "1");
    std::filesystem::rename(folder + "/a", folder + "/b");
    std::filesystem::remove(folder + "/b");
    ::chmod(folder.c_str(), 0700);
    REQUIRE(settle(reactor));
    CHECK(log.lines == "created(a) modified(a) moved(a) created(b) deleted(b) ");
    log.lines.clear();
    std::filesystem::remove(folder);
    REQUIRE(reactor.run());
    CHECK(log.lines == "deleted() ");
}

TEST_CASE("file_watch_of_a_file_that_somebody_holds_open_when_it_is_deleted") {
    Scratch scratch;
    const std::string path = scratch.path("log");
    put(path, "a");
    const int held = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    Reactor reactor;
    Log log;
    REQUIRE(watch_file(reactor, path, log.function()));
    std::filesystem::remove(path);
    REQUIRE(reactor.run());
    CHECK(log.lines == "deleted() ");
    ::close(held);
}

TEST_CASE("file_watch_errors_closing_and_stop") {
    Scratch scratch;
    Reactor reactor;
    CHECK(watch_file(reactor, scratch.path("none"), [](auto, auto) {}).error().os == ENOENT);
    put(scratch.path("file"), "a");
    Log log;
    FileWatch* other = nullptr;
    REQUIRE(watch_file(reactor, scratch.path("file"), [&](auto, auto) { other->close(); }));
    Result<FileWatch*> second = watch_file(reactor, scratch.path("file"), log.function());
    REQUIRE(second);
    other = second.value();
    put(scratch.path("file"), "b");
    REQUIRE(settle(reactor));
    CHECK(log.lines.empty());  // closed by the first in the same turn
    reactor.next_tick([&] { reactor.stop(); });
    REQUIRE(reactor.run());
    REQUIRE(watch_file(reactor, scratch.path("file"), log.function()));  // the reactor makes a new descriptor
    put(scratch.path("file"), "c");
    REQUIRE(settle(reactor));
    CHECK(log.lines == "modified() ");
}

TEST_CASE("file_watch_tells_of_lost_events") {
    Scratch scratch;
    put(scratch.path("a"), "");
    put(scratch.path("b"), "");
    Reactor reactor;
    bool is_told = false;
    REQUIRE(watch_file(reactor, scratch.path("."), [&](std::string_view event, std::string_view) { is_told |= event == "overflow"; }));
    std::ifstream limit("/proc/sys/fs/inotify/max_queued_events");
    int most = 0;
    limit >> most;
    REQUIRE(most > 0);
    REQUIRE(most < 200'000);
    const int files[] = {::open(scratch.path("a").c_str(), O_WRONLY | O_CLOEXEC), ::open(scratch.path("b").c_str(), O_WRONLY | O_CLOEXEC)};
    for (int i = 0; i <= most; ++i) REQUIRE(::pwrite(files[i % 2], "x", 1, 0) == 1);  // alternating: the same event twice would be one
    REQUIRE(run_until(reactor, [&] { return is_told; }));
    ::close(files[0]);
    ::close(files[1]);
}

TEST_CASE("process_watch_tells_once_and_reaps_nothing") {
    on_every_poller([](const std::string& poller) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::pause();
            ::_exit(0);
        }
        Reactor reactor({.poller = poller});
        int told = 0;
        Result<ProcessWatch*> watch = watch_process(reactor, child, [&](int pid) { told += pid; });
        REQUIRE(watch);
        REQUIRE(settle(reactor));
        CHECK(told == 0);
        ::kill(child, SIGKILL);
        REQUIRE(reactor.run());
        CHECK(told == child);
        CHECK(::waitpid(child, nullptr, 0) == child);
        CHECK(watch_process(reactor, child, [](int) {}).error().os == ESRCH);
        CHECK(watch_process(reactor, 0, [](int) {}).error().code == ErrorCode::argument);
    });
}

TEST_CASE("fd_watch_is_called_each_turn_while_ready") {
    on_every_poller([](const std::string& poller) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        Reactor reactor({.poller = poller});
        int reads = 0, writes = 0;
        Result<FdWatch*> made = watch_fd(reactor, ends[0], [&] { ++reads; }, [&] { ++writes; });
        REQUIRE(made);
        FdWatch& watch = *made.value();
        REQUIRE(run_until(reactor, [&] { return writes > 3; }));
        CHECK(reads == 0);
        REQUIRE(watch.set_writable(false));
        REQUIRE(settle(reactor));
        const int writes_before = writes;
        REQUIRE(::write(ends[1], "x", 1) == 1);
        REQUIRE(run_until(reactor, [&] { return reads > 3; }));  // nobody reads: it is ready in every turn
        REQUIRE(watch.set_readable(false));
        REQUIRE(settle(reactor));
        const int reads_before = reads;
        REQUIRE(watch.set_readable(true));
        REQUIRE(run_until(reactor, [&] { return reads > reads_before; }));
        char octet;
        REQUIRE(::read(ends[0], &octet, 1) == 1);
        REQUIRE(settle(reactor));  // no longer ready, and not called
        const int quiet = reads;
        REQUIRE(::write(ends[1], "y", 1) == 1);
        REQUIRE(run_until(reactor, [&] { return reads > quiet; }));
        CHECK(writes == writes_before);
        watch.close();
        REQUIRE(reactor.run());
        CHECK(::fcntl(ends[0], F_GETFD) >= 0);
        ::close(ends[0]);
        ::close(ends[1]);
    });
}

TEST_CASE("fd_watch_twice_and_errors") {
    on_every_poller([](const std::string& poller) {
        Scratch scratch;
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        Reactor reactor({.poller = poller});
        int first = 0, second = 0;
        Result<FdWatch*> one = watch_fd(reactor, ends[0], [&] { ++first; });
        REQUIRE(one);
        Result<FdWatch*> other = watch_fd(reactor, ends[0], [&] { ++second; });
        REQUIRE(other);
        CHECK(one.value()->set_writable(true).error().code == ErrorCode::argument);
        CHECK(watch_fd(reactor, ends[0], {}).error().code == ErrorCode::argument);
        CHECK(watch_fd(reactor, 100'000, [] {}).error().os == EBADF);
        const int file = ::open(scratch.path("plain").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        CHECK(watch_fd(reactor, file, [] {}).error().os == EPERM);
        ::close(file);
        REQUIRE(::write(ends[1], "x", 1) == 1);
        REQUIRE(run_until(reactor, [&] { return first > 1 && second > 1; }));
        one.value()->close();
        const int seen = first;
        ::close(ends[0]);  // before the second watch is closed: it has its own
        REQUIRE(run_until(reactor, [&, before = second] { return second > before + 2; }));
        CHECK(first == seen);
        other.value()->close();
        ::close(ends[1]);
        REQUIRE(reactor.run());
    });
}

namespace {

// The trace of an input that is this descriptor.
std::string read_input(int fd, const std::string& poller) {
    ::dup2(fd, 0);
    Reactor reactor({.poller = poller});
    auto party = std::make_shared<Party>();
    if (!open_input(reactor, handler_of(party)) || !reactor.run()) return "failed";
    return party->trace + " " + party->received;
}

}  // namespace

TEST_CASE("input_from_files_pipes_and_nothing") {
    on_every_poller([](const std::string& poller) {
        CHECK(in_child([&] {
                  Scratch scratch;
                  put(scratch.path("in"), "words");
                  int ends[2];
                  if (::pipe(ends) != 0 || ::write(ends[1], "piped", 5) != 5) return 1;
                  ::close(ends[1]);
                  if (read_input(ends[0], poller) != "open data end close piped") return 2;
                  if ((::fcntl(0, F_GETFL) & O_NONBLOCK) != 0) return 3;
                  if (read_input(::open(scratch.path("in").c_str(), O_RDONLY), poller) != "open data end close words") return 4;
                  return read_input(::open("/dev/null", O_RDWR), poller) == "open end close " ? 0 : 5;
              }) == 0);
    });
}
