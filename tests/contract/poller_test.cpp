// Every poller against every GUARANTEED line of core/sys/poller.h.
#include "tidemill/sys/poller.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "support/world.h"
#include "tidemill/sys/fd.h"

using namespace tidemill;
using namespace tidemill::test;

namespace {

struct SocketPair {
    Fd near;
    Fd far;

    SocketPair() {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        near = Fd(ends[0]);
        far = Fd(ends[1]);
    }
};

void put(const Fd& fd, std::string_view octets = "x") {
    REQUIRE(::write(fd.get(), octets.data(), octets.size()) == static_cast<ssize_t>(octets.size()));
}

void read_until_would_block(const Fd& fd) {
    char octets[4096];
    while (::read(fd.get(), octets, sizeof octets) > 0) {
    }
}

void write_until_would_block(const Fd& fd) {
    const std::string octets(65536, 'x');
    while (::write(fd.get(), octets.data(), octets.size()) > 0) {
    }
}

struct Fixture {
    explicit Fixture(const std::string& name) : poller(make_poller(name).value()) {}

    // The reports of one look; or of a wait, when some are expected.
    std::vector<Ready> look(Duration timeout = Duration{0}, int most = 64) {
        std::vector<Ready> ready(64);
        ready.resize(static_cast<std::size_t>(std::max(0, poller->wait(ready.data(), most, timeout))));
        return ready;
    }

    std::unique_ptr<Poller> poller;
};

template <class Body>
void with_every_poller(Body body) {
    on_every_poller([&](const std::string& name) {
        Fixture fixture(name);
        CHECK(fixture.poller->name() == name);
        body(fixture);
    });
}

}  // namespace

TEST_CASE("poller_unknown_name_is_an_argument_error") {
    const auto made = make_poller("magic");
    REQUIRE_FALSE(made.ok());
    CHECK(made.error().code == ErrorCode::argument);
}

TEST_CASE("poller_removed_and_closed_is_not_reported_nor_is_who_has_its_number_next") {
    with_every_poller([](Fixture& fixture) {
        SocketPair pair;
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::read).ok());
        put(pair.far);
        fixture.poller->remove_closing(pair.near.get());
        pair.near.reset();
        CHECK(fixture.look().empty());
        SocketPair next;
        REQUIRE(fixture.poller->add(next.near.get(), 8, Direction::read).ok());
        CHECK(fixture.look().empty());
        put(next.far);
        const std::vector<Ready> ready = fixture.look(1s);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].token == 8);
        fixture.poller->remove(next.near.get());
    });
}

TEST_CASE("poller_direction_is_reported_only_while_armed") {
    with_every_poller([](Fixture& fixture) {
        const SocketPair pair;  // the near end is writable from the start
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::read).ok());
        CHECK(fixture.look().empty());
        fixture.poller->arm(pair.near.get(), Direction::write);
        const auto ready = fixture.look(patience);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].token == 7);
        CHECK(ready[0].writable);
        CHECK_FALSE(ready[0].ended);
    });
}

TEST_CASE("poller_add_for_writing_does_not_report_reading") {
    with_every_poller([](Fixture& fixture) {
        const SocketPair pair;
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::write).ok());
        REQUIRE(fixture.look(patience).size() == 1);
        put(pair.far);
        CHECK(fixture.look().empty());
        fixture.poller->arm(pair.near.get(), Direction::read);
        const auto ready = fixture.look(patience);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].readable);
    });
}

TEST_CASE("poller_armed_direction_that_becomes_ready_is_reported") {
    with_every_poller([](Fixture& fixture) {
        const SocketPair pair;
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::read).ok());
        for (int round = 0; round < 3; ++round) {
            CAPTURE(round);
            CHECK(fixture.look().empty());
            put(pair.far);
            const auto ready = fixture.look(patience);
            REQUIRE(ready.size() == 1);
            CHECK(ready[0].readable);
            CHECK_FALSE(ready[0].ended);
            read_until_would_block(pair.near);
            fixture.poller->arm(pair.near.get(), Direction::read);
        }
    });
}

TEST_CASE("poller_octets_that_come_between_would_block_and_arm_are_reported") {
    with_every_poller([](Fixture& fixture) {
        const SocketPair pair;
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::read).ok());
        put(pair.far);
        REQUIRE(fixture.look(patience).size() == 1);
        read_until_would_block(pair.near);
        put(pair.far);
        fixture.poller->arm(pair.near.get(), Direction::read);
        CHECK(fixture.look(patience).size() == 1);
    });
}

TEST_CASE("poller_ready_before_add_is_reported") {
    with_every_poller([](Fixture& fixture) {
        const SocketPair pair;
        put(pair.far);
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::read).ok());
        CHECK(fixture.look(patience).size() == 1);
    });
}

TEST_CASE("poller_writing_armed_after_would_block_is_reported_when_there_is_room") {
    with_every_poller([](Fixture& fixture) {
        const SocketPair pair;
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::read).ok());
        for (int round = 0; round < 2; ++round) {
            CAPTURE(round);
            write_until_would_block(pair.near);
            fixture.poller->arm(pair.near.get(), Direction::write);
            CHECK(fixture.look().empty());
            read_until_would_block(pair.far);
            const auto ready = fixture.look(patience);
            REQUIRE(ready.size() == 1);
            CHECK(ready[0].writable);
        }
    });
}

TEST_CASE("poller_half_close_is_reported_as_readable_and_ended") {
    with_every_poller([](Fixture& fixture) {
        const SocketPair pair;
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::read).ok());
        REQUIRE(::shutdown(pair.far.get(), SHUT_WR) == 0);
        const auto ready = fixture.look(patience);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].readable);
        CHECK(ready[0].ended);
        CHECK_FALSE(ready[0].writable);
    });
}

TEST_CASE("poller_end_that_comes_with_octets_is_reported_with_ended") {
    with_every_poller([](Fixture& fixture) {
        const SocketPair pair;
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::read).ok());
        put(pair.far);
        REQUIRE(::shutdown(pair.far.get(), SHUT_WR) == 0);
        const auto ready = fixture.look(patience);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].readable);
        CHECK(ready[0].ended);
    });
}

TEST_CASE("poller_hang_up_is_reported_in_every_direction_armed") {
    with_every_poller([](Fixture& fixture) {
        SocketPair pair;
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::read).ok());
        write_until_would_block(pair.near);
        fixture.poller->arm(pair.near.get(), Direction::write);
        pair.far.reset();
        const auto ready = fixture.look(patience);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].readable);
        CHECK(ready[0].writable);
        CHECK(ready[0].ended);
    });
}

TEST_CASE("poller_hang_up_with_only_writing_armed_is_reported_as_writable") {
    with_every_poller([](Fixture& fixture) {
        SocketPair pair;
        write_until_would_block(pair.near);
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::write).ok());
        CHECK(fixture.look().empty());
        pair.far.reset();
        const auto ready = fixture.look(patience);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].writable);
        CHECK(ready[0].ended);
    });
}

TEST_CASE("poller_hang_up_with_nothing_armed_does_not_spin") {
    with_every_poller([](Fixture& fixture) {
        SocketPair pair;
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::read).ok());
        put(pair.far);
        REQUIRE(fixture.look(patience).size() == 1);
        pair.far.reset();
        int reports = 0;
        for (int i = 0; i < 10; ++i) reports += static_cast<int>(fixture.look().size());
        CHECK(reports <= 1);  // the edge itself may be told
    });
}

TEST_CASE("poller_removed_descriptor_is_not_reported") {
    with_every_poller([](Fixture& fixture) {
        const SocketPair first;
        const SocketPair second;
        const SocketPair third;
        REQUIRE(fixture.poller->add(first.near.get(), 1, Direction::read).ok());
        REQUIRE(fixture.poller->add(second.near.get(), 2, Direction::read).ok());
        REQUIRE(fixture.poller->add(third.near.get(), 3, Direction::read).ok());
        put(first.far);
        put(second.far);
        put(third.far);
        fixture.poller->remove(first.near.get());
        const auto ready = fixture.look(patience);
        REQUIRE(ready.size() == 2);
        CHECK(ready[0].token + ready[1].token == 5);
        fixture.poller->remove(third.near.get());
        fixture.poller->remove(second.near.get());
        CHECK(fixture.look().empty());
    });
}

TEST_CASE("poller_descriptor_added_again_has_its_new_token") {
    with_every_poller([](Fixture& fixture) {
        const SocketPair pair;
        REQUIRE(fixture.poller->add(pair.near.get(), 1, Direction::write).ok());
        fixture.poller->remove(pair.near.get());
        REQUIRE(fixture.poller->add(pair.near.get(), 2, Direction::read).ok());
        CHECK(fixture.look().empty());  // and nothing of the old arming
        put(pair.far);
        const auto ready = fixture.look(patience);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].token == 2);
    });
}

TEST_CASE("poller_wait_does_not_return_before_its_timeout") {
    with_every_poller([](Fixture& fixture) {
        for (const Duration timeout : {Duration{1}, Duration{1500us}, Duration{20ms}}) {
            const auto before = std::chrono::steady_clock::now();
            CHECK(fixture.look(timeout).empty());
            CHECK(std::chrono::steady_clock::now() - before >= timeout);
        }
    });
}

TEST_CASE("poller_wait_ends_with_minus_one_when_a_signal_comes") {
    struct sigaction old{};
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, &old);
    with_every_poller([](Fixture& fixture) {
        Ready ready;
        ::ualarm(20'000, 20'000);  // repeated: the first may come before the wait
        CHECK(fixture.poller->wait(&ready, 1, patience) == -1);
        ::ualarm(0, 0);
    });
    ::sigaction(SIGALRM, &old, nullptr);
}

TEST_CASE("poller_more_ready_than_room_gets_all_their_turn") {
    with_every_poller([](Fixture& fixture) {
        const std::vector<SocketPair> pairs(10);
        std::vector<int> reports(10, 0);
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            REQUIRE(fixture.poller->add(pairs[i].near.get(), i, Direction::read).ok());
            put(pairs[i].far);
        }
        // All are served and become ready again; with room for three, ten looks are thirty reports.
        for (int i = 0; i < 10; ++i) {
            const auto ready = fixture.look(patience, 3);
            CHECK(ready.size() == 3);
            for (const Ready& one : ready) {
                ++reports[one.token];
                read_until_would_block(pairs[one.token].near);
                fixture.poller->arm(pairs[one.token].near.get(), Direction::read);
                put(pairs[one.token].far);
            }
        }
        for (const int count : reports) CHECK(count >= 2);
    });
}

TEST_CASE("poller_descriptor_is_readable_while_wait_would_report") {
    with_every_poller([](Fixture& fixture) {
        if (fixture.poller->fd() < 0) return;
        const SocketPair pair;
        Fixture outer("poll");
        REQUIRE(outer.poller->add(fixture.poller->fd(), 1, Direction::read).ok());
        REQUIRE(fixture.poller->add(pair.near.get(), 7, Direction::read).ok());
        CHECK(outer.look().empty());
        put(pair.far);
        CHECK(outer.look(patience).size() == 1);
        CHECK(fixture.look().size() == 1);
        outer.poller->arm(fixture.poller->fd(), Direction::read);
        CHECK(outer.look().empty());
    });
}

TEST_CASE("poller_refuses_what_cannot_be_watched_with_an_error") {
    // Only epoll knows what it cannot watch; poll(2) says that plain files are always ready.
    Fixture fixture("epoll");
    const Scratch scratch;
    const Fd file(::open(scratch.path("file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    REQUIRE(file.is_open());
    const Result<void> added = fixture.poller->add(file.get(), 1, Direction::read);
    REQUIRE_FALSE(added.ok());
    CHECK(added.error().os == EPERM);
}

TEST_CASE("poll_milliseconds_rounds_up_and_stays_in_range") {
    CHECK(poll_milliseconds(Duration{-1}) == -1);
    CHECK(poll_milliseconds(Duration{0}) == 0);
    CHECK(poll_milliseconds(Duration{1}) == 1);
    CHECK(poll_milliseconds(1ms) == 1);
    CHECK(poll_milliseconds(1ms + 1ns) == 2);
    CHECK(poll_milliseconds(limits::longest_time) > 1'000'000'000);
}
