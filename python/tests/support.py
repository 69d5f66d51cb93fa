# What several tests need: a pair of connections over memory, and a way to run code in a child process.
import itertools
import subprocess
import sys
import textwrap

import tidemill

_names = itertools.count(1)


class Recorder(tidemill.Connection):
    """Keeps what happened to it."""

    def __init__(self):
        self.events = []

    def on_open(self):
        self.events.append("on_open")

    def on_data(self, data):
        self.events.append(data)

    def on_close(self, reason):
        self.events.append(("on_close", reason))


class Echo(tidemill.Connection):
    def on_data(self, data):
        self.write(data)


def memory_endpoint():
    return f"memory://test{next(_names)}"


def pair(reactor, server=Recorder, client=Recorder):
    """(client connection, list of server connections, listener), open."""
    accepted = []

    def factory():
        accepted.append(server())
        return accepted[-1]

    listener = reactor.listen(memory_endpoint(), factory)
    connection = reactor.connect(listener.endpoint, client)
    turns(reactor)
    return connection, accepted, listener


def turns(reactor, most=1000):
    """Turns until one finds nothing to do."""
    for _ in range(most):
        if not reactor.run_once(0):
            return
    raise AssertionError("the reactor never rests")


def run_in_child(code, timeout=30):
    """Runs code in a new interpreter; its output, after checking that it ended well."""
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise AssertionError(f"child ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def turns_until(reactor, is_reached, most=1000):
    """Turns that may wait, until is_reached()."""
    for _ in range(most):
        if is_reached():
            return
        reactor.run_once(0.05)
    raise AssertionError("it was not reached")
