/* libuv's timers and ticks; measuring.h says what is measured. A tick is a uv_idle_t, started anew: libuv has no queue of calls, and one
 * idle handle for each is its own way to "call this in the next turn". A post is a locked list and uv_async_send. */
#include <stdlib.h>
#include <uv.h>

#include "measuring.h"

static size_t calls;

static void on_timer(uv_timer_t* timer) {
    (void)timer;
    ++calls;
}

/* The caller owns the timers, one struct each, as in a program whose connections contain them. */
static void insert(uv_loop_t* loop, uv_timer_t* timer, double delay) {
    uv_timer_init(loop, timer);
    uv_timer_start(timer, on_timer, (uint64_t)(delay * 1000), 0);
}

static void close_timers(uv_loop_t* loop, uv_timer_t* timers, size_t count) {
    for (size_t i = 0; i < count; ++i) uv_close((uv_handle_t*)&timers[i], NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    free(timers);
}

static double insert_and_cancel(uv_loop_t* loop, size_t outstanding, size_t pairs) {
    uv_timer_t* timers = malloc((outstanding + 1) * sizeof *timers);
    for (size_t i = 0; i < outstanding; ++i) insert(loop, &timers[i], random_delay());
    uv_timer_t* timer = &timers[outstanding];
    uv_timer_init(loop, timer);
    const double begin = cpu_ns();
    for (size_t i = 0; i < pairs; ++i) {
        uv_timer_start(timer, on_timer, (uint64_t)(random_delay() * 1000), 0);
        uv_timer_stop(timer);
    }
    const double end = cpu_ns();
    close_timers(loop, timers, outstanding + 1);
    return (end - begin) / (double)pairs;
}

static double fire(uv_loop_t* loop, size_t count) {
    uv_timer_t* timers = malloc(count * sizeof *timers);
    uv_update_time(loop);
    for (size_t i = 0; i < count; ++i) insert(loop, &timers[i], due_delay());
    sleep_until_due();
    const double begin = cpu_ns();
    uv_run(loop, UV_RUN_DEFAULT);
    const double end = cpu_ns();
    check_calls(calls, count);
    close_timers(loop, timers, count);
    return (end - begin) / (double)count;
}

static void measure_timers(size_t count) {
    uv_loop_t* loop = uv_default_loop();
    uv_timer_t* timers = malloc(count * sizeof *timers);
    size_t* order = random_order(count);
    const double begin = cpu_ns();
    for (size_t i = 0; i < count; ++i) insert(loop, &timers[i], random_delay());
    const double middle = cpu_ns();
    const size_t cancelled = count / 10 * 9;
    for (size_t i = 0; i < cancelled; ++i) uv_timer_stop(&timers[order[i]]);
    const double end = cpu_ns();
    close_timers(loop, timers, count);
    free(order);
    const double small = insert_and_cancel(loop, count / 100, count / 10);
    const double large = insert_and_cancel(loop, count, count / 10);
    print_timers((middle - begin) / (double)count, (end - middle) / (double)cancelled, fire(loop, count / 10), small, large);
}

/* ---- ticks ---- */

static size_t count_to_go;

static void on_link(uv_idle_t* idle) {
    ++calls;
    uv_idle_stop(idle);
    if (--count_to_go > 0) uv_idle_start(idle, on_link);
}

static void on_tick(uv_idle_t* idle) {
    ++calls;
    uv_idle_stop(idle);
}

struct post {
    struct post* next;
};

static uv_async_t wake_up;
static uv_mutex_t lock;
static struct post* first;
static struct post** last = &first;

static void post_all(void* context) {
    (void)context;
    for (size_t i = count_to_go; i > 0; --i) {
        struct post* post = malloc(sizeof *post);
        post->next = NULL;
        uv_mutex_lock(&lock);
        *last = post;
        last = &post->next;
        uv_mutex_unlock(&lock);
        uv_async_send(&wake_up);
    }
}

static void on_wake_up(uv_async_t* handle) {
    uv_mutex_lock(&lock);
    struct post* post = first;
    first = NULL;
    last = &first;
    uv_mutex_unlock(&lock);
    while (post != NULL) {
        struct post* done = post;
        post = post->next;
        free(done);
        ++calls;
        --count_to_go;
    }
    if (count_to_go == 0) uv_close((uv_handle_t*)handle, NULL);
}

static void measure_ticks(size_t count) {
    uv_loop_t* loop = uv_default_loop();
    uv_idle_t link;
    uv_idle_init(loop, &link);
    count_to_go = count;
    double begin = cpu_ns();
    uv_idle_start(&link, on_link);
    uv_run(loop, UV_RUN_DEFAULT);
    const double chain = (cpu_ns() - begin) / (double)count;

    uv_idle_t* ticks = malloc(count * sizeof *ticks);
    begin = cpu_ns();
    for (size_t i = 0; i < count; ++i) {
        uv_idle_init(loop, &ticks[i]);
        uv_idle_start(&ticks[i], on_tick);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    const double batch = (cpu_ns() - begin) / (double)count;

    uv_mutex_init(&lock);
    uv_async_init(loop, &wake_up, on_wake_up);
    uv_thread_t thread;
    /* count_to_go is read by the thread before its first post, and changed by the loop after it only. */
    count_to_go = count;
    begin = cpu_ns();
    uv_thread_create(&thread, post_all, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_thread_join(&thread);
    const double post = (cpu_ns() - begin) / (double)count;
    check_calls(calls, 3 * count);
    print_ticks(chain, batch, post);
}

int main(int argument_count, char** arguments) {
    const struct micro_request request = parse_micro(argument_count, arguments, uv_version_string());
    if (request.is_timers)
        measure_timers(request.count);
    else
        measure_ticks(request.count);
}
