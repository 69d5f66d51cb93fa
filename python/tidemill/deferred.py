# Deferred: a value or an error later. Its functions wait here; the loop calls them by Reactor._deliver, which a stop does not drop.
from .errors import CancelledError, TimeoutError


def _check_callable(function, what):
    if not callable(function):
        raise TypeError(f"{what} must be callable, not {type(function).__name__}")
    return function


def reactor_or_default(reactor):
    if reactor is not None:
        return reactor
    from .default import default_reactor  # not above: it needs the reactor, which needs this
    return default_reactor()


class Deferred:
    __slots__ = ("__weakref__", "_canceller", "_hold", "_outcome", "_reactor", "_timer", "_waiters")

    def __init__(self, reactor=None, canceller=None):
        self._reactor = reactor_or_default(reactor)
        self._canceller = canceller if canceller is None else _check_callable(canceller, "canceller")
        self._waiters = []    # (for success, function)
        self._outcome = None  # (is success, value or error)
        self._timer = self._hold = None

    def succeed(self, value):
        return self._settle("succeed", True, value)

    def fail(self, error):
        if not isinstance(error, BaseException):
            raise TypeError(f"error must be an exception, not {type(error).__name__}")
        return self._settle("fail", False, error)

    def cancel(self):
        return self._give_up(CancelledError("cancel: the result was not wanted any more", "cancelled", operation="cancel"))

    def on_success(self, function):
        return self._add(True, function)

    def on_failure(self, function):
        return self._add(False, function)

    def set_timeout(self, seconds):
        timer = self._reactor.call_later(seconds, self._on_timeout)
        self._drop_timeout()
        if seconds == 0 or self.is_done:
            timer.cancel()
            return
        self._timer = timer
        # A stop drops the timer, and with it the promise that this is settled one day.
        self._hold = self._reactor._hold(self._on_stop)

    @property
    def is_done(self):
        return self._outcome is not None

    def _on_timeout(self):
        self._give_up(TimeoutError("wait for a result: no result within the deadline", "timeout", operation="wait for a result"))

    def _on_stop(self):
        self._give_up(CancelledError("run: the reactor stopped", "cancelled", operation="run"))

    def _settle(self, operation, is_success, value):
        self._reactor._core.check_thread(operation)
        if self.is_done:
            return False
        self._outcome = (is_success, value)
        self._drop_timeout()
        self._canceller = None
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            self._hand_over(*waiter)
        return True

    def _give_up(self, error):
        self._reactor._core.check_thread("cancel")
        if not self.is_done and self._canceller is not None:
            self._reactor._deliver(self._canceller)
        return self._settle("cancel", False, error)

    def _add(self, is_for_success, function):
        self._reactor._core.check_thread("on_success" if is_for_success else "on_failure")
        _check_callable(function, "function")
        if self.is_done:
            self._hand_over(is_for_success, function)
        else:
            self._waiters.append((is_for_success, function))
        return self

    def _hand_over(self, is_for_success, function):
        is_success, value = self._outcome
        if is_success == is_for_success:
            self._reactor._deliver(lambda: function(value))

    def _drop_timeout(self):
        if self._timer is not None:
            self._timer.cancel()
            self._reactor._release(self._hold)
            self._timer = self._hold = None

    def __repr__(self):
        state = "waiting" if self._outcome is None else "succeeded" if self._outcome[0] else "failed"
        return f"<Deferred {state}>"


Deferred.__module__ = "tidemill"
