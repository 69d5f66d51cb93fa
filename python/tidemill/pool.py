# The threads of Reactor.defer: the interpreter's own, started when they are needed. They know their pool and not the reactor, so that a
# reactor that nobody holds is collected while work is under way.
import threading
from collections import deque

from . import core as _core
from .errors import LimitError


class Pool:
    def __init__(self, most):
        self._news = threading.Condition()
        self._jobs = deque()
        self._most = most
        self._threads = self._idle = 0
        self._is_closed = False

    def submit(self, job):
        with self._news:
            if len(self._jobs) >= _core.worker_queue():
                raise LimitError("defer: too much work is waiting for a thread", "limit", operation="defer")
            self._jobs.append(job)
            self._start_threads()
            self._news.notify()

    # Takes back a job that has not begun.
    def drop(self, job):
        with self._news:
            if job in self._jobs:
                self._jobs.remove(job)

    def set_most(self, most):
        with self._news:
            self._most = most
            self._start_threads()
            self._news.notify_all()

    def close(self):
        with self._news:
            self._is_closed = True
            self._jobs.clear()
            self._news.notify_all()

    def _start_threads(self):
        for _ in range(min(len(self._jobs) - self._idle, self._most - self._threads)):
            # A daemon: a call that blocks must not hold up the end of the program.
            threading.Thread(target=self._work, name="tidemill defer", daemon=True).start()
            self._threads += 1

    def _next_job(self):
        with self._news:
            self._idle += 1
            self._news.wait_for(lambda: self._is_closed or self._jobs or self._threads > self._most)
            self._idle -= 1
            if self._is_closed or self._threads > self._most:
                self._threads -= 1
                return None
            return self._jobs.popleft()

    def _work(self):
        while (job := self._next_job()) is not None:
            job()
            del job  # what it holds goes now, not with the next one
