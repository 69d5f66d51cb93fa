#!/usr/bin/env python3
"""CPython's own tests of asyncio, with ReactorSelector under the loop. No step of ./dev test: it takes most of a minute and needs what Debian has in
libpython3.11-testsuite.

    asyncio_suite.py        with the environment of ./dev env
"""
import asyncio
import sys
import unittest

import tidemill
from tidemill.selector import ReactorSelector

try:
    from test.test_asyncio import test_events
except ImportError:
    sys.exit("CPython's tests are missing; on Debian: apt-get install libpython3.11-testsuite")

MODULES = ("test_streams", "test_subprocess", "test_sock_lowlevel", "test_server", "test_buffered_proto", "test_sendfile", "test_timeouts", "test_taskgroups",
           "test_unix_events")


def make_loop():
    return asyncio.SelectorEventLoop(ReactorSelector(tidemill.Reactor()))


class Policy(asyncio.DefaultEventLoopPolicy):
    _loop_factory = staticmethod(make_loop)


class ReactorLoop(test_events.UnixEventLoopTestsMixin, test_events.SubprocessTestsMixin, test_events.test_utils.TestCase):
    def create_event_loop(self):
        return make_loop()


if __name__ == "__main__":
    asyncio.set_event_loop_policy(Policy())
    asyncio.new_event_loop = make_loop
    load = unittest.defaultTestLoader
    suite = unittest.TestSuite([load.loadTestsFromTestCase(ReactorLoop)])
    suite.addTests(load.loadTestsFromNames([f"test.test_asyncio.{name}" for name in MODULES]))
    done = unittest.TextTestRunner(verbosity=0).run(suite)
    failed, skipped = len(done.failures) + len(done.errors), len(done.skipped)
    print(f"{done.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed > 0)
