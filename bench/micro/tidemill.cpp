// tidemill's timers and ticks in C++; measuring.h says what is measured.
#include <tidemill/tidemill.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <thread>

#include "measuring.h"

namespace {

std::size_t calls = 0;

tidemill::Duration seconds(double value) {
    return std::chrono::duration_cast<tidemill::Duration>(std::chrono::duration<double>(value));
}

// The user owns the timers, one object each, as in a program whose connections contain them: the objects never move.
class OwnTimers {
public:
    explicit OwnTimers(std::size_t count) : memory_(std::allocator<tidemill::OwnTimer>().allocate(count)), count_(count) {}
    ~OwnTimers() {
        std::destroy_n(memory_, made_);
        std::allocator<tidemill::OwnTimer>().deallocate(memory_, count_);
    }
    OwnTimers(const OwnTimers&) = delete;
    OwnTimers& operator=(const OwnTimers&) = delete;

    void insert(tidemill::Reactor& reactor, double delay) {
        std::construct_at(&memory_[made_++], reactor, [] { ++calls; })->start(seconds(delay));
    }
    tidemill::OwnTimer& operator[](std::size_t i) { return memory_[i]; }

private:
    tidemill::OwnTimer* memory_;
    std::size_t count_;
    std::size_t made_ = 0;
};

double insert_and_cancel(std::size_t outstanding, std::size_t pairs) {
    tidemill::Reactor reactor;
    OwnTimers timers(outstanding);
    for (std::size_t i = 0; i < outstanding; ++i) timers.insert(reactor, random_delay());
    const double begin = cpu_ns();
    for (std::size_t i = 0; i < pairs; ++i) {
        tidemill::OwnTimer timer(reactor, [] { ++calls; });
        timer.start(seconds(random_delay()));
        timer.cancel();
    }
    return (cpu_ns() - begin) / static_cast<double>(pairs);
}

double fire(std::size_t count) {
    tidemill::Reactor reactor;
    calls = 0;
    OwnTimers timers(count);
    for (std::size_t i = 0; i < count; ++i) timers.insert(reactor, due_delay());
    sleep_until_due();
    const double begin = cpu_ns();
    (void)reactor.run();
    const double end = cpu_ns();
    check_calls(calls, count);
    return (end - begin) / static_cast<double>(count);
}

void measure_timers(std::size_t count) {
    double insert_ns = 0;
    double cancel_ns = 0;
    {
        tidemill::Reactor reactor;
        OwnTimers timers(count);
        std::size_t* order = random_order(count);
        const double begin = cpu_ns();
        for (std::size_t i = 0; i < count; ++i) timers.insert(reactor, random_delay());
        const double middle = cpu_ns();
        const std::size_t cancelled = count / 10 * 9;
        for (std::size_t i = 0; i < cancelled; ++i) timers[order[i]].cancel();
        const double end = cpu_ns();
        insert_ns = (middle - begin) / static_cast<double>(count);
        cancel_ns = (end - middle) / static_cast<double>(cancelled);
        std::free(order);
    }
    const double small = insert_and_cancel(count / 100, count / 10);
    const double large = insert_and_cancel(count, count / 10);
    print_timers(insert_ns, cancel_ns, fire(count / 10), small, large);
}

void chain(tidemill::Reactor& reactor, std::size_t left) {
    ++calls;
    if (left > 1) reactor.next_tick([&reactor, left] { chain(reactor, left - 1); });
}

void measure_ticks(std::size_t count) {
    const auto per_tick = [count](double begin) { return (cpu_ns() - begin) / static_cast<double>(count); };
    tidemill::Reactor reactor;

    double begin = cpu_ns();
    reactor.next_tick([&] { chain(reactor, count); });
    (void)reactor.run();
    const double chain_ns = per_tick(begin);

    begin = cpu_ns();
    for (std::size_t i = 0; i < count; ++i) reactor.next_tick([] { ++calls; });
    (void)reactor.run();
    const double batch_ns = per_tick(begin);

    // A timer far away keeps the loop waiting until the last post has come.
    reactor.call_later(std::chrono::hours{1}, [] {});
    std::size_t posted = 0;
    begin = cpu_ns();
    std::thread poster([&] {
        for (std::size_t i = 0; i < count; ++i) {
            reactor.post([&] {
                if (++posted == count) reactor.stop();
            });
        }
    });
    (void)reactor.run();
    poster.join();
    const double post_ns = per_tick(begin);
    check_calls(calls + posted, 3 * count);
    print_ticks(chain_ns, batch_ns, post_ns);
}

}  // namespace

int main(int argument_count, char** arguments) {
    const micro_request request = parse_micro(argument_count, arguments, "tidemill");
    if (request.is_timers) {
        measure_timers(request.count);
    } else {
        measure_ticks(request.count);
    }
}
