"""tidemill's timers and ticks in Python: tidemill.py --case timers|ticks [--count N]; measuring.h says what is measured."""

import argparse
import json
import random
import sys
import threading
import time

# This file has the module's name: the module must not be sought beside it.
sys.path.pop(0)
import tidemill  # noqa: E402

calls = 0


def call():
    global calls
    calls += 1


def insert(reactor, source):
    return reactor.call_later(source.uniform(0.1, 1000.0), call)


def insert_and_cancel(outstanding, pairs):
    reactor, source = tidemill.Reactor(), random.Random(1)
    timers = [insert(reactor, source) for _ in range(outstanding)]
    delays = [source.uniform(0.1, 1000.0) for _ in range(pairs)]
    begin = time.process_time_ns()
    for delay in delays:
        reactor.call_later(delay, call).cancel()
    end = time.process_time_ns()
    del timers
    return (end - begin) / pairs


def fire(count):
    reactor, source = tidemill.Reactor(), random.Random(1)
    for _ in range(count):
        reactor.call_later(source.randint(1, 10) / 1000, call)
    time.sleep(0.03)
    before, begin = calls, time.process_time_ns()
    reactor.run()
    end = time.process_time_ns()
    check_calls(calls - before, count)
    return (end - begin) / count


def check_calls(made, expected):
    if made != expected:
        sys.exit(f"{made} calls instead of {expected}")


def measure_timers(count):
    reactor, source = tidemill.Reactor(), random.Random(1)
    delays = [source.uniform(0.1, 1000.0) for _ in range(count)]
    begin = time.process_time_ns()
    timers = [reactor.call_later(delay, call) for delay in delays]
    insert_ns = (time.process_time_ns() - begin) / count
    victims = source.sample(timers, count // 10 * 9)
    begin = time.process_time_ns()
    for timer in victims:
        timer.cancel()
    cancel_ns = (time.process_time_ns() - begin) / len(victims)
    del reactor, timers, victims, delays
    return {
        "insert_ns": insert_ns, "cancel_ns": cancel_ns, "fire_ns": fire(count // 10),
        "insert_cancel_small_ns": insert_and_cancel(count // 100, count // 10),
        "insert_cancel_large_ns": insert_and_cancel(count, count // 10),
    }


def measure_ticks(count):
    reactor = tidemill.Reactor()
    left = count

    def link():
        nonlocal left
        left -= 1
        if left > 0:
            reactor.next_tick(link)

    def timed(start):
        begin = time.process_time_ns()
        start()
        reactor.run()
        return (time.process_time_ns() - begin) / count

    def start_batch():
        for _ in range(count):
            reactor.next_tick(call)

    chain_ns = timed(lambda: reactor.next_tick(link))
    check_calls(count - left, count)
    batch_ns = timed(start_batch)
    check_calls(calls, count)

    def posted():
        nonlocal left
        left += 1
        if left == count:
            reactor.stop()

    def post_all():
        for _ in range(count):
            reactor.post(posted)

    reactor.call_later(3600, call)  # keeps the loop waiting until the last post has come
    thread = threading.Thread(target=post_all)
    post_ns = timed(thread.start)
    thread.join()
    check_calls(left, count)
    return {"chain_ns": chain_ns, "batch_ns": batch_ns, "post_ns": post_ns}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=["timers", "ticks"], required=True)
    parser.add_argument("--count", type=int)
    arguments = parser.parse_args()
    if arguments.case == "timers":
        print(json.dumps(measure_timers(arguments.count or 1_000_000)))
    else:
        print(json.dumps(measure_ticks(arguments.count or 100_000)))


if __name__ == "__main__":
    main()
