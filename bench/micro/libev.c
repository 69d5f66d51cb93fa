/* libev's timers; measuring.h says what is measured. It has no ticks. */
#include <ev.h>
#include <stdlib.h>

#include "measuring.h"

static size_t calls;

static void on_timer(struct ev_loop* loop, ev_timer* timer, int events) {
    (void)loop, (void)timer, (void)events;
    ++calls;
}

/* The caller owns the timers, one struct each, as in a program whose connections contain them. */
static void insert(struct ev_loop* loop, ev_timer* timer, double delay) {
    ev_timer_init(timer, on_timer, delay, 0.);
    ev_timer_start(loop, timer);
}

static double insert_and_cancel(size_t outstanding, size_t pairs) {
    struct ev_loop* loop = ev_loop_new(EVFLAG_AUTO);
    ev_timer* timers = malloc(outstanding * sizeof *timers);
    for (size_t i = 0; i < outstanding; ++i) insert(loop, &timers[i], random_delay());
    ev_timer timer;
    const double begin = cpu_ns();
    for (size_t i = 0; i < pairs; ++i) {
        insert(loop, &timer, random_delay());
        ev_timer_stop(loop, &timer);
    }
    const double end = cpu_ns();
    ev_loop_destroy(loop);
    free(timers);
    return (end - begin) / (double)pairs;
}

static double fire(size_t count) {
    struct ev_loop* loop = ev_loop_new(EVFLAG_AUTO);
    ev_timer* timers = malloc(count * sizeof *timers);
    for (size_t i = 0; i < count; ++i) insert(loop, &timers[i], due_delay());
    sleep_until_due();
    const double begin = cpu_ns();
    ev_run(loop, 0);
    const double end = cpu_ns();
    check_calls(calls, count);
    ev_loop_destroy(loop);
    free(timers);
    return (end - begin) / (double)count;
}

int main(int argument_count, char** arguments) {
    const struct micro_request request = parse_micro(argument_count, arguments, "libev");
    if (!request.is_timers) return 3;
    const size_t count = request.count;
    struct ev_loop* loop = ev_loop_new(EVFLAG_AUTO);
    ev_timer* timers = malloc(count * sizeof *timers);
    size_t* order = random_order(count);
    const double begin = cpu_ns();
    for (size_t i = 0; i < count; ++i) insert(loop, &timers[i], random_delay());
    const double middle = cpu_ns();
    const size_t cancelled = count / 10 * 9;
    for (size_t i = 0; i < cancelled; ++i) ev_timer_stop(loop, &timers[order[i]]);
    const double end = cpu_ns();
    ev_loop_destroy(loop);
    free(timers);
    free(order);
    const double small = insert_and_cancel(count / 100, count / 10);
    const double large = insert_and_cancel(count, count / 10);
    print_timers((middle - begin) / (double)count, (end - middle) / (double)cancelled, fire(count / 10), small, large);
}
