// AccessLog with files that take nothing, little, or never again: the loop goes on, and what is lost is counted.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "support/world.h"
#include "tidemill/serve/access_log.h"
#include "tidemill/serve/http_connection.h"
#include "tidemill/serve/http_log.h"
#include "tidemill/sys/fd.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

HttpServerOptions many_requests() {
    HttpServerOptions made;
    made.limits.requests = 1'000'000;
    return made;
}

// Answers nothing and logs it.
struct Site : HttpConnection {
    explicit Site(AccessLog& log) : HttpConnection(many_requests()), log_(log) {}
    void on_request(HttpRequest& request) override { request.respond(204); }
    void on_response(HttpRequest& request, int status, std::uint64_t octets, Duration) override {
        last_line() = combined_log_line(request, status, octets);
        ++(log_.add(request, status, octets) ? taken() : refused());
    }

    static std::string& last_line() {
        static std::string line;
        return line;
    }
    static std::uint64_t& taken() {
        static std::uint64_t count;
        return count;
    }
    static std::uint64_t& refused() {
        static std::uint64_t count;
        return count;
    }

private:
    AccessLog& log_;
};

// A server that logs, and a client of it.
struct Logged {
    explicit Logged(AccessLog& log) {
        Site::taken() = Site::refused() = 0;
        Result<Listener*> made = listen(world.reactor, world.fresh_endpoint(), [&log] { return HandlerPtr(new Site(log)); });
        REQUIRE(made.ok());
        listener = made.value();
        Result<Connection*> connected = connect(world.reactor, listener->endpoint(), handler_of(client));
        REQUIRE(connected.ok());
        connection = connected.value();
    }

    // Each has a line of some 350 octets, with its number.
    void ask(int count) {
        const std::uint64_t before = Site::taken() + Site::refused();
        for (int i = 0; i < count; ++i) {
            connection->write("GET /" + std::to_string(asked++) + " HTTP/1.1\r\nHost: x\r\nUser-Agent: " + std::string(290, 'u') +
                              "\r\n\r\n");
            if (i % 50 == 49) settle(world.reactor);
        }
        REQUIRE(world.until([&] { return Site::taken() + Site::refused() == before + static_cast<std::uint64_t>(count); }));
    }

    std::uint64_t drops() { return world.reactor.metrics().access_log_drops; }

    World world{"epoll", "memory"};
    PartyPtr client = std::make_shared<Party>();
    Listener* listener = nullptr;
    Connection* connection = nullptr;
    int asked = 0;
};

// A named pipe with its reader.
struct Pipe {
    Pipe() {
        REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
        reader = Fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        REQUIRE(reader.is_open());
    }

    void read(std::string& all) {
        std::array<char, 65536> room;
        for (ssize_t count; (count = ::read(reader.get(), room.data(), room.size())) > 0;)
            all.append(room.data(), static_cast<std::size_t>(count));
    }

    Scratch scratch;
    std::string path = scratch.path("pipe");
    Fd reader;
};

AccessLog opened(const std::string& path) {
    Result<AccessLog> log = AccessLog::open(path);
    REQUIRE(log.ok());
    return std::move(log).value();
}

}  // namespace

TEST_CASE("access_log_does_not_wait_for_a_reader_and_counts_what_it_drops") {
    Pipe pipe;
    AccessLog log = opened(pipe.path);
    Logged logged(log);
    // A pipe takes 64 KiB, the log a mebibyte: most of these find no room, and the loop goes on serving.
    logged.ask(100);
    logged.world.clock.advance(100ms);
    settle(logged.world.reactor);
    logged.ask(5000);
    CHECK(Site::refused() > 1000);
    CHECK(Site::taken() > limits::access_log_waiting / 400);
    CHECK(Site::taken() < (limits::access_log_waiting + 2 * 65536) / 300);
    CHECK(logged.drops() == Site::refused());

    // The reader is back: all that was taken comes, whole and in order.
    std::string text;
    const auto all_came = [&] {
        logged.world.clock.advance(10ms);
        pipe.read(text);
        return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) == Site::taken();
    };
    CHECK(logged.world.until(all_came));
    std::istringstream lines(text);
    int last = -1;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t at = line.find("\"GET /");
        REQUIRE(at != line.npos);
        const int number = std::stoi(line.substr(at + 6));
        CHECK(number > last);
        CHECK(line.ends_with("u\""));
        last = number;
    }
    // And it has room again.
    const std::uint64_t refused = Site::refused();
    logged.ask(1);
    CHECK(Site::refused() == refused);
}

TEST_CASE("access_log_survives_a_reader_that_has_gone") {
    Pipe pipe;
    AccessLog log = opened(pipe.path);
    Logged logged(log);
    pipe.reader.reset();
    logged.ask(3);
    logged.world.clock.advance(100ms);
    CHECK(logged.world.until([&] { return logged.drops() == 3; }));  // and SIGPIPE has ended nobody
    logged.ask(2);
    log.close();  // writes here and now
    CHECK_FALSE(log.reopen().ok());
}

TEST_CASE("access_log_counts_what_a_full_disk_refuses") {
    AccessLog log = opened("/dev/full");
    Logged logged(log);
    logged.ask(4);
    logged.world.clock.advance(100ms);
    CHECK(logged.world.until([&] { return logged.drops() == 4; }));
}

TEST_CASE("access_log_needs_a_file_that_can_be_opened") {
    Scratch scratch;
    CHECK(AccessLog::open(scratch.path("")).error().os == EISDIR);
    CHECK(AccessLog::open(scratch.path("no/such")).error().os == ENOENT);
    CHECK(AccessLog::open(std::string("a\0b", 3)).error().code == ErrorCode::argument);
    REQUIRE(::mkfifo(scratch.path("pipe").c_str(), 0600) == 0);
    CHECK(AccessLog::open(scratch.path("pipe")).error().os == ENXIO);  // nobody reads it; it does not wait for who does
    CHECK(AccessLog::open("-").ok());
}

TEST_CASE("log_line_has_no_path_that_the_peer_of_a_unix_socket_chose") {
    Scratch scratch;
    AccessLog log = opened("/dev/null");
    Reactor reactor;
    Site::last_line().clear();
    const std::string path = scratch.path("server");
    Result<Listener*> listener = listen(reactor, "unix://" + path, [&log] { return HandlerPtr(new Site(log)); });
    REQUIRE(listener.ok());
    const auto address_of = [](const std::string& name) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        REQUIRE(name.size() < sizeof address.sun_path);
        std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
        return address;
    };
    const Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un own = address_of(scratch.path("x\ny")), server = address_of(path);
    REQUIRE(::bind(client.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0);
    REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0);
    const std::string_view request = "GET / HTTP/1.0\r\n\r\n";
    REQUIRE(::write(client.get(), request.data(), request.size()) == static_cast<ssize_t>(request.size()));
    REQUIRE(run_until(reactor, [&] { return !Site::last_line().empty(); }));
    CHECK(Site::last_line().starts_with("- - - ["));
    CHECK(Site::last_line().find('\n') == std::string::npos);
}
