/* What the micro programs in C and C++ have in common: the arguments, processor time, random delays, the line of JSON.
 *
 *     PROGRAM --case timers|ticks [--count N]
 *     PROGRAM --version
 *
 * timers, with N = 1,000,000: insert N one-shot timers with random delays from 0.1 to 1000 s, cancel 90 % of them in random order; insert
 * and at once cancel one while N / 100 and while N others are outstanding; fire N / 10 that are due.
 * ticks, with N = 100,000: a chain in which each queues the next, a batch queued and then run, and posts of another thread.
 */
#ifndef BENCH_MEASURING_H
#define BENCH_MEASURING_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct micro_request {
    int is_timers;
    size_t count;
};

static inline struct micro_request parse_micro(int argument_count, char** arguments, const char* version) {
    struct micro_request request = {0, 0};
    const char* work = "";
    for (int i = 1; i < argument_count; ++i) {
        if (strcmp(arguments[i], "--version") == 0) {
            puts(version);
            exit(0);
        }
        if (i + 1 < argument_count && strcmp(arguments[i], "--case") == 0)
            work = arguments[++i];
        else if (i + 1 < argument_count && strcmp(arguments[i], "--count") == 0)
            request.count = strtoul(arguments[++i], NULL, 10);
    }
    request.is_timers = strcmp(work, "timers") == 0;
    if (!request.is_timers && strcmp(work, "ticks") != 0) {
        fprintf(stderr, "usage: PROGRAM --case timers|ticks [--count N]\n");
        exit(2);
    }
    if (request.count == 0) request.count = request.is_timers ? 1000000 : 100000;
    return request;
}

/* Processor time of the process, all threads, in nanoseconds. */
static inline double cpu_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* xorshift64*: the same numbers on every machine and in every program here. */
static inline uint64_t random_number(void) {
    static uint64_t state = 88172645463325252ULL;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ULL;
}

static inline double random_delay(void) {
    return 0.1 + (double)(random_number() >> 11) * 0x1p-53 * 999.9;
}

/* 0, 1, ... count - 1 in random order; free() it. */
static inline size_t* random_order(size_t count) {
    size_t* order = (size_t*)malloc(count * sizeof *order);
    if (order == NULL) abort();
    for (size_t i = 0; i < count; ++i) order[i] = i;
    for (size_t i = count; i > 1; --i) {
        const size_t other = random_number() % i;
        const size_t kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
    return order;
}

/* Sleeps until what is due within 10 ms is due. */
static inline void sleep_until_due(void) {
    const struct timespec time = {0, 30000000};
    nanosleep(&time, NULL);
}

static inline double due_delay(void) {
    return 0.001 + (double)(random_number() % 10) * 0.001;
}

static inline void print_timers(double insert, double cancel, double fire, double small, double large) {
    printf(
        "{\"insert_ns\": %.2f, \"cancel_ns\": %.2f, \"fire_ns\": %.2f, \"insert_cancel_small_ns\": %.2f, \"insert_cancel_large_ns\": "
        "%.2f}\n",
        insert, cancel, fire, small, large);
}

static inline void print_ticks(double chain, double batch, double post) {
    printf("{\"chain_ns\": %.2f, \"batch_ns\": %.2f, \"post_ns\": %.2f}\n", chain, batch, post);
}

/* Whoever measured calls that were not made has measured nothing. */
static inline void check_calls(size_t calls, size_t expected) {
    if (calls == expected) return;
    fprintf(stderr, "%zu calls instead of %zu\n", calls, expected);
    exit(1);
}

#endif
