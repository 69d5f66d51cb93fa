"""Metrics and the watch over slow callbacks: what a report says, in Python's words."""
import contextlib
import inspect
import io
import time
import unittest

import tidemill


def be_busy(seconds=0.004):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


class Slow(tidemill.Connection):
    def on_data(self, data):
        be_busy()


def line_of(function):
    return inspect.unwrap(function).__code__.co_firstlineno


class SlowCallbacks(unittest.TestCase):
    def setUp(self):
        self.reactor = tidemill.Reactor(clock="manual")
        self.told = []
        self.reactor.set_slow_callback(0.003, self.told.append)

    def run_until_told(self, count=1):
        for _ in range(1000):
            if len(self.told) >= count:
                return
            self.reactor.run_once()
        self.fail("nothing was told")

    def check(self, report, name, line):
        self.assertEqual((report.language, report.name, report.file, report.line), ("Python", name, __file__, line))
        self.assertGreaterEqual(report.seconds, 0.003)

    def test_a_callback_of_a_connection(self):
        listener = self.reactor.listen("memory://slow", Slow)
        client = self.reactor.connect(listener.endpoint, tidemill.Connection)
        client.write(b"x")
        self.run_until_told()
        self.check(self.told[0], "Slow.on_data", line_of(Slow.on_data))

    def test_ticks_posts_timers_and_factories(self):
        def factory():
            be_busy()
            return tidemill.Connection()
        self.reactor.next_tick(be_busy)
        self.run_until_told(1)
        self.check(self.told[0], "tick be_busy", line_of(be_busy))
        self.reactor.post(be_busy)
        self.run_until_told(2)
        self.check(self.told[1], "tick be_busy", line_of(be_busy))
        self.reactor.call_later(0, be_busy)
        self.run_until_told(3)
        self.check(self.told[2], "timer be_busy", line_of(be_busy))
        self.reactor.connect(self.reactor.listen("memory://slow", factory).endpoint, tidemill.Connection)
        self.run_until_told(4)
        self.check(self.told[3], f"factory {factory.__qualname__}", line_of(factory))
        self.assertEqual(self.reactor.metrics()["slow_callbacks"], 4)

    def test_zero_turns_it_off_and_another_function_replaces_the_first(self):
        self.reactor.set_slow_callback(0)
        self.reactor.next_tick(be_busy)
        self.reactor.run_once()
        others = []
        self.reactor.set_slow_callback(0.003, others.append)
        self.reactor.next_tick(be_busy)
        self.reactor.run_once()
        self.assertEqual((len(self.told), len(others)), (0, 1))

    def test_without_a_function_a_line_goes_to_stderr(self):
        self.reactor.set_slow_callback(0.003)
        self.reactor.next_tick(be_busy)
        with contextlib.redirect_stderr(io.StringIO()) as written:
            self.reactor.run_once()
        self.assertIn("slow callback: Python tick be_busy", written.getvalue())

    def test_what_the_function_raises_leaves_run(self):
        def tell(report):
            raise RuntimeError("told")
        self.reactor.set_slow_callback(0.003, tell)
        self.reactor.next_tick(be_busy)
        self.assertRaisesRegex(RuntimeError, "told", self.reactor.run)

    def test_bad_arguments(self):
        self.assertRaises(tidemill.ArgumentError, self.reactor.set_slow_callback, -1)
        self.assertRaises(TypeError, self.reactor.set_slow_callback, 1, 2)


class Metrics(unittest.TestCase):
    def test_histograms_have_count_sum_and_buckets(self):
        reactor = tidemill.Reactor()
        reactor.next_tick(lambda: None)
        reactor.run()
        took = reactor.metrics()["callback_seconds"]
        self.assertEqual((took["count"], took["buckets"][-1]), (1, (float("inf"), 1)))
        self.assertGreater(took["sum"], 0)
        self.assertEqual(sorted(took["buckets"]), took["buckets"])

    def test_every_metric_is_in_the_text_for_prometheus(self):
        reactor = tidemill.Reactor()
        text = reactor.prometheus()
        for name, value in reactor.metrics().items():
            kind = "histogram" if isinstance(value, dict) else "counter" if f"tidemill_{name}_total " in text else "gauge"
            self.assertIn(f"# TYPE tidemill_{name}{'_total' if kind == 'counter' else ''} {kind}\n", text)


if __name__ == "__main__":
    unittest.main()
