# Channel and Queue: values inside the process, from the loop.
from collections import deque

from .deferred import _check_callable, reactor_or_default


class Subscription:
    __slots__ = ("_channel", "_function")

    def __init__(self, channel, function):
        self._channel = channel
        self._function = function

    def cancel(self):
        self._channel._reactor._core.check_thread("cancel")
        return self._channel._subscriptions.pop(self, None) is not None

    @property
    def is_active(self):
        return self in self._channel._subscriptions


class Channel:
    def __init__(self, reactor=None):
        self._reactor = reactor_or_default(reactor)
        self._subscriptions = {}  # an ordered set

    def subscribe(self, function):
        self._reactor._core.check_thread("subscribe")
        subscription = Subscription(self, _check_callable(function, "function"))
        self._subscriptions[subscription] = True
        return subscription

    def publish(self, value):
        self._reactor.post(lambda: self._hand_out(value))

    @property
    def subscribers(self):
        return len(self._subscriptions)

    # Each in a tick of its own: one that raises keeps no other from being called.
    def _hand_out(self, value):
        for subscription in list(self._subscriptions):
            self._reactor.next_tick(lambda subscription=subscription: subscription.is_active and subscription._function(value))


class Queue:
    def __init__(self, reactor=None):
        self._reactor = reactor_or_default(reactor)
        self._values = deque()
        self._waiting = deque()

    def push(self, value):
        self._reactor._core.check_thread("push")
        self._values.append(value)
        self._match()

    def pop(self, function):
        self._reactor._core.check_thread("pop")
        self._waiting.append(_check_callable(function, "function"))
        self._match()

    @property
    def size(self):
        return len(self._values)

    @property
    def waiting(self):
        return len(self._waiting)

    def _match(self):
        if self._values and self._waiting:
            function, value = self._waiting.popleft(), self._values.popleft()
            self._reactor._deliver(lambda: function(value))


for _class in (Subscription, Channel, Queue):
    _class.__module__ = "tidemill"
