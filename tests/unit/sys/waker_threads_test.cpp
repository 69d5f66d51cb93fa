#include <doctest/doctest.h>
#include <poll.h>

#include <atomic>
#include <thread>

#include "tidemill/sys/waker.h"

using namespace tidemill;

TEST_CASE("waker_woken_while_it_is_drained_can_still_be_heard") {
    Waker waker;
    REQUIRE(waker.open().ok());
    std::atomic<bool> is_over{false};
    std::atomic<int> wakes{0};
    std::thread other([&] {
        while (!is_over) {
            waker.wake();
            ++wakes;
        }
    });
    // Whatever the two did to each other: after the last drain, a whole wake() makes the descriptor readable.
    int lost = 0;
    for (int round = 0; round < 6'000; ++round) {
        waker.drain();
        if (round % 4 != 0) continue;
        const int before = wakes;
        while (wakes < before + 2) std::this_thread::yield();  // one whole wake() has begun and ended since the drain
        pollfd entry{waker.fd(), POLLIN, 0};
        if (::poll(&entry, 1, 0) != 1) ++lost;
    }
    is_over = true;
    other.join();
    CHECK(lost == 0);
}
