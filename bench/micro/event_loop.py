"""What timers and ticks cost on an asyncio event loop, asyncio's own or uvloop's. Prints nanoseconds of processor time as JSON.

Timers that were cancelled may stay in a loop until a turn sweeps them out; such a turn is part of what is measured.
"""

import argparse
import json
import threading
import time
from random import Random

DUE = 100_000
PAIRS = 100_000
PAIRS_IN_A_TURN = 1_000
TICKS = 100_000
SMALL, LARGE = 10_000, 1_000_000


class Stopwatch:
    """Processor time of all threads for each of so many operations."""

    def __init__(self):
        self.start = time.process_time_ns()

    def each(self, count):
        return round((time.process_time_ns() - self.start) / count, 1)


def do_nothing():
    pass


def run_turn(loop):
    loop.call_soon(loop.stop)
    loop.run_forever()


class Countdown:
    """Stops the loop at the last of so many calls."""

    def __init__(self, loop, count):
        self.loop, self.left = loop, count

    def __call__(self):
        self.left -= 1
        if not self.left:
            self.loop.stop()


def draw_delays(random, count):
    return [random.uniform(0.1, 1000) for _ in range(count)]


def measure_insert_and_cancel(loop, count):
    random = Random(1)
    delays = draw_delays(random, count)
    doomed = random.sample(range(count), count * 9 // 10)
    call_later = loop.call_later
    stopwatch = Stopwatch()
    handles = [call_later(delay, do_nothing) for delay in delays]
    insert = stopwatch.each(count)
    stopwatch = Stopwatch()
    for index in doomed:
        handles[index].cancel()
    run_turn(loop)
    return insert, stopwatch.each(len(doomed))


def measure_fire(loop):
    random = Random(2)
    countdown = Countdown(loop, DUE)
    for _ in range(DUE):
        loop.call_later(random.uniform(0.001, 0.01), countdown)
    time.sleep(0.1)
    stopwatch = Stopwatch()
    loop.run_forever()
    return stopwatch.each(DUE)


def measure_pairs(loop, outstanding):
    random = Random(3)
    delays = draw_delays(random, PAIRS)
    handles = [loop.call_later(delay, do_nothing) for delay in draw_delays(random, outstanding)]
    run_turn(loop)
    stopwatch = Stopwatch()
    for start in range(0, PAIRS, PAIRS_IN_A_TURN):
        for delay in delays[start : start + PAIRS_IN_A_TURN]:
            loop.call_later(delay, do_nothing).cancel()
        run_turn(loop)
    each = stopwatch.each(PAIRS)
    del handles
    return each


def measure_timers(new_loop, count):
    insert, cancel = measure_insert_and_cancel(new_loop(), count)
    return {
        "insert_ns": insert,
        "cancel_ns": cancel,
        "fire_ns": measure_fire(new_loop()),
        "insert_cancel_small_ns": measure_pairs(new_loop(), SMALL),
        "insert_cancel_large_ns": measure_pairs(new_loop(), LARGE),
    }


def measure_chain(loop):
    left = TICKS

    def tick():
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(tick)
        else:
            loop.stop()

    stopwatch = Stopwatch()
    loop.call_soon(tick)
    loop.run_forever()
    return stopwatch.each(TICKS)


def measure_batch(loop):
    countdown = Countdown(loop, TICKS)
    stopwatch = Stopwatch()
    for _ in range(TICKS):
        loop.call_soon(countdown)
    loop.run_forever()
    return stopwatch.each(TICKS)


def measure_post(loop):
    countdown = Countdown(loop, TICKS)

    def post_all():
        for _ in range(TICKS):
            loop.call_soon_threadsafe(countdown)

    poster = threading.Thread(target=post_all)
    stopwatch = Stopwatch()
    poster.start()
    loop.run_forever()
    poster.join()
    return stopwatch.each(TICKS)


def measure_ticks(new_loop):
    return {"chain_ns": measure_chain(new_loop()), "batch_ns": measure_batch(new_loop()), "post_ns": measure_post(new_loop())}


def main(new_loop):
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=("timers", "ticks"), required=True)
    parser.add_argument("--count", type=int, default=1_000_000, help="timers that are inserted")
    arguments = parser.parse_args()
    print(json.dumps(measure_timers(new_loop, arguments.count) if arguments.case == "timers" else measure_ticks(new_loop)))
