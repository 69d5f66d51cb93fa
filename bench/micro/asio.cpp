// asio's timers and ticks; measuring.h says what is measured. A tick and a post are both asio::post.
#include <asio.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "measuring.h"

namespace {

std::size_t calls = 0;

using Timer = asio::steady_timer;

std::chrono::nanoseconds seconds(double value) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(value));
}

void count_call(const asio::error_code& error) {
    if (!error) ++calls;
}

void insert(Timer& timer, double delay) {
    timer.expires_after(seconds(delay));
    timer.async_wait(count_call);
}

std::vector<Timer> make_timers(asio::io_context& context, std::size_t count) {
    std::vector<Timer> timers;
    timers.reserve(count);
    for (std::size_t i = 0; i < count; ++i) timers.emplace_back(context);
    return timers;
}

double insert_and_cancel(std::size_t outstanding, std::size_t pairs) {
    asio::io_context context(1);
    auto timers = make_timers(context, outstanding + 1);
    Timer& timer = timers.back();
    for (std::size_t i = 0; i < outstanding; ++i) insert(timers[i], random_delay());
    const double begin = cpu_ns();
    for (std::size_t i = 0; i < pairs; ++i) {
        insert(timer, random_delay());
        timer.cancel();
        context.poll_one();  // its call, with operation_aborted: else they would pile up
    }
    return (cpu_ns() - begin) / static_cast<double>(pairs);
}

double fire(std::size_t count) {
    asio::io_context context(1);
    auto timers = make_timers(context, count);
    calls = 0;
    for (auto& timer : timers) insert(timer, due_delay());
    sleep_until_due();
    const double begin = cpu_ns();
    context.run();
    const double end = cpu_ns();
    check_calls(calls, count);
    return (end - begin) / static_cast<double>(count);
}

void measure_timers(std::size_t count) {
    double insert_ns = 0;
    double cancel_ns = 0;
    {
        asio::io_context context(1);
        auto timers = make_timers(context, count);
        std::size_t* order = random_order(count);
        const double begin = cpu_ns();
        for (auto& timer : timers) insert(timer, random_delay());
        const double middle = cpu_ns();
        const std::size_t cancelled = count / 10 * 9;
        for (std::size_t i = 0; i < cancelled; ++i) timers[order[i]].cancel();
        context.poll();  // their calls, with operation_aborted, are a part of it
        const double end = cpu_ns();
        insert_ns = (middle - begin) / static_cast<double>(count);
        cancel_ns = (end - middle) / static_cast<double>(cancelled);
        std::free(order);
    }
    const double small = insert_and_cancel(count / 100, count / 10);
    const double large = insert_and_cancel(count, count / 10);
    print_timers(insert_ns, cancel_ns, fire(count / 10), small, large);
}

void chain(asio::io_context& context, std::size_t left) {
    ++calls;
    if (left > 1) asio::post(context, [&context, left] { chain(context, left - 1); });
}

void measure_ticks(std::size_t count) {
    const auto per_tick = [count](double begin) { return (cpu_ns() - begin) / static_cast<double>(count); };
    double chain_ns = 0;
    double batch_ns = 0;
    {
        asio::io_context context(1);
        double begin = cpu_ns();
        asio::post(context, [&] { chain(context, count); });
        context.run();
        chain_ns = per_tick(begin);

        context.restart();
        begin = cpu_ns();
        for (std::size_t i = 0; i < count; ++i) asio::post(context, [] { ++calls; });
        context.run();
        batch_ns = per_tick(begin);
    }
    asio::io_context context;
    std::size_t posted = 0;
    auto guard = asio::make_work_guard(context);
    const double begin = cpu_ns();
    std::thread poster([&] {
        for (std::size_t i = 0; i < count; ++i) {
            asio::post(context, [&] {
                if (++posted == count) guard.reset();
            });
        }
    });
    context.run();
    poster.join();
    const double post_ns = per_tick(begin);
    check_calls(calls + posted, 3 * count);
    print_ticks(chain_ns, batch_ns, post_ns);
}

}  // namespace

int main(int argument_count, char** arguments) {
    const micro_request request = parse_micro(argument_count, arguments, "asio");
    if (request.is_timers) {
        measure_timers(request.count);
    } else {
        measure_ticks(request.count);
    }
}
