"""A contestant's process: started, pinned to a core, and ended together with all its children.

What lives here: everything about the life of one server process.
What must not: what is measured (measure.py) and how it is compared (run.py).
"""

import ctypes
import os
import re
import resource
import select
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 20  # from the start of a server to its `listening on` line
END_SECONDS = 3  # from SIGTERM to SIGKILL
PR_SET_PDEATHSIG = 1  # prctl(2)
CRASHES = [-number for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)]


class Failure(Exception):
    """A contestant that did not do its work; the text says why."""


def name_of(signal_number):
    return signal.Signals(signal_number).name


def end_with_parent():
    """For the child, before its program starts: no life after this script's own."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def pin_to(core):
    """For the child as well: one core, and as many open connections as the system allows."""
    os.sched_setaffinity(0, {core})
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    end_with_parent()


class Server:
    """A contestant in a process group of its own, ended as a whole on leaving the `with` block."""

    def __init__(self, argv, core, environment):
        self.errors = tempfile.TemporaryFile()  # a file, not a pipe: nobody reads it while it is written
        self.process = subprocess.Popen(
            argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.errors, start_new_session=True, preexec_fn=lambda: pin_to(core))

    def __enter__(self):
        try:
            self.endpoint = self.wait_until_ready()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, kind, *_):
        early_end = self.explain() if self.has_ended() else None
        self.end()
        if kind is not None:
            return  # the failure on its way out says more
        if early_end is not None:
            raise Failure("the server did not live until SIGTERM" + early_end)
        if self.process.returncode in CRASHES:
            raise Failure(f"the server crashed on SIGTERM: {name_of(-self.process.returncode)}")

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        line, pipe = b"", self.process.stdout.fileno()
        while b"\n" not in line:
            ready, _, _ = select.select([pipe], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise Failure(f"no `listening on` line within {READY_SECONDS} s{self.explain()}")
            octets = os.read(pipe, 4096)
            if not octets:
                raise Failure(f"no `listening on` line{self.explain()}")
            line += octets
        found = re.match(rb"listening on (\S+)\r?\n", line)
        if not found:
            raise Failure(f"expected `listening on ENDPOINT`, got {line!r}")
        return found[1].decode()

    def end_state(self):
        # Leaves the zombie: while it exists its process group cannot be anybody else's.
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def has_ended(self):
        return self.end_state() is not None

    def end(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        while not self.has_ended() and time.monotonic() < deadline:
            time.sleep(0.005)
        os.killpg(self.process.pid, signal.SIGKILL)  # always: the leader may have had children
        self.process.wait()
        self.process.stdout.close()

    def explain(self):
        """How the server ended, if it did, and its last lines on stderr. Call before end()."""
        time.sleep(0.2)  # its sockets close a moment before it becomes a zombie
        lines = []
        state = self.end_state()
        if state is not None:
            was_killed = state.si_code in (os.CLD_KILLED, os.CLD_DUMPED)
            how = name_of(state.si_status) if was_killed else f"exit code {state.si_status}"
            lines.append(f"the server ended with {how}")
        self.errors.seek(0)
        lines += self.errors.read().decode(errors="replace").strip().splitlines()[-8:]
        return "".join(f"\n    {line}" for line in lines)
