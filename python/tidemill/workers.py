# Workers: processes that each run a reactor, forked and watched over by this one. Python's threads share one interpreter lock, so cores
# are used by processes.
import os
import signal
import sys
import threading
import time
import traceback

from . import core as _core
from .errors import ArgumentError, LimitError, StateError
from .reactor import Reactor

# A worker that dies younger than this is taken for one that cannot run: it is restarted after a delay that doubles each time, and after
# so many in a row all give up.
_YOUNG = 5.0
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0
_MOST_FAILURES = 10

# After the deadline connections are closed, and aborted 5 s later (Reactor.drain); what still runs then is killed.
_GRACE = 6.0

_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


class _Slot:
    def __init__(self, index):
        self.index = index
        self.pid = None
        self.started = 0.0
        self.failures = 0
        self.due = 0.0       # when to start it (again); None: it has finished


class Workers:
    def __init__(self, count, setup, deadline=30.0):
        if not isinstance(count, int):
            raise TypeError(f"count must be int, not {type(count).__name__}")
        if not callable(setup):
            raise TypeError(f"setup must be callable, not {type(setup).__name__}")
        if count < 0 or not deadline >= 0:
            raise ArgumentError("count and deadline must be 0 or more", "argument", operation="make workers")
        self._setup = setup
        self._deadline = deadline
        self._slots = [_Slot(index) for index in range(count or len(os.sched_getaffinity(0)))]
        self._thread = None
        self._kill_at = None   # while it stops: when those that are left are killed
        self._problem = None

    @property
    def count(self):
        return len(self._slots)

    def run(self):
        if self._thread is not None:
            raise StateError("these workers are running already", "state", operation="run")
        _core.inherit_sockets()  # the children are not the process that systemd meant
        self._thread, self._kill_at, self._problem = threading.get_ident(), None, None
        for slot in self._slots:
            slot.failures, slot.due = 0, 0.0
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            self._watch(before)
        finally:
            self._end_all()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self._thread = None
        if self._problem is not None:
            raise self._problem

    def stop(self):
        if self._thread is not None:
            signal.pthread_kill(self._thread, signal.SIGTERM)

    # ---- in the parent ----

    def _watch(self, mask):
        while any(slot.pid is not None or slot.due is not None for slot in self._slots):
            self._start_those_due(mask)
            came = signal.sigtimedwait(_SIGNALS, self._time_to_wait())
            if came is not None and came.si_signo != signal.SIGCHLD:
                self._begin_to_stop()
            for slot in self._slots:
                if slot.pid is not None:
                    self._look_after(slot)
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                self._send(signal.SIGKILL)

    def _time_to_wait(self):
        # A second at most: another part of the program may have taken the SIGCHLD.
        times = [slot.due for slot in self._slots if slot.pid is None and slot.due is not None]
        if self._kill_at is not None:
            times.append(self._kill_at)
        return max(0.0, min([1.0, *(moment - time.monotonic() for moment in times)]))

    def _start_those_due(self, mask):
        for slot in self._slots:
            if slot.pid is None and slot.due is not None and slot.due <= time.monotonic():
                slot.started = time.monotonic()
                sys.stdout.flush()
                sys.stderr.flush()
                slot.pid = os.fork()
                if slot.pid == 0:
                    self._be_worker(slot.index, mask)

    def _look_after(self, slot):
        try:
            pid, status = os.waitpid(slot.pid, os.WNOHANG)
        except ChildProcessError:  # somebody else waited for all children; what it came to is lost
            pid, status = slot.pid, 0
        if pid == 0:
            return
        slot.pid = None
        code = os.waitstatus_to_exitcode(status)
        if code == 0 or self._kill_at is not None:
            slot.due = None
            return
        now = time.monotonic()
        slot.failures = slot.failures + 1 if now - slot.started < _YOUNG else 0
        slot.due = now + min(_FIRST_DELAY * 2 ** (slot.failures - 1), _LONGEST_DELAY) if slot.failures else now
        if slot.failures >= _MOST_FAILURES:
            how = f"exit code {code}" if code > 0 else f"signal {-code}"
            text = f"worker {slot.index} died {slot.failures} times in a row soon after its start, the last time with {how}"
            self._problem = LimitError(text, "limit", operation="run workers")
            self._begin_to_stop()

    def _begin_to_stop(self):
        # The second time it is urgent.
        is_urgent = self._kill_at is not None
        self._kill_at = time.monotonic() + (0 if is_urgent else self._deadline + _GRACE)
        for slot in self._slots:
            if slot.pid is None:
                slot.due = None
        self._send(signal.SIGTERM)

    def _send(self, number):
        for slot in self._slots:
            if slot.pid is not None:  # not waited for yet, so the number is still this child's
                os.kill(slot.pid, number)

    # However run() is left, no child stays behind.
    def _end_all(self):
        self._send(signal.SIGKILL)
        for slot in self._slots:
            if slot.pid is not None:
                try:
                    os.waitpid(slot.pid, 0)
                except ChildProcessError:
                    pass
                slot.pid = None

    # ---- in a child ----

    def _be_worker(self, index, mask):
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            reactor = Reactor()
            reactor.on_signal("TERM", lambda _name: reactor.drain(self._deadline))
            reactor.on_signal("INT", lambda _name: None)  # Ctrl-C reaches the whole group; the parent says what comes of it
            signal.pthread_sigmask(signal.SIG_SETMASK, mask - _SIGNALS)
            self._setup(reactor, index)
            reactor.run()
            status = 0
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
        except BaseException:
            traceback.print_exc()
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(status & 0xFF)  # not through the parent's exit handlers


Workers.__module__ = "tidemill"
