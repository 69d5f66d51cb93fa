"""A selector with a tidemill reactor in it, so that asyncio's own loop and a reactor share one thread.

    import asyncio, tidemill
    from tidemill.selector import ReactorSelector

    loop = asyncio.SelectorEventLoop(ReactorSelector())     # of the thread's default reactor
    tidemill.listen("tcp://127.0.0.1:8080", Echo)
    loop.run_forever()

Why it is made like this: docs/notes/0025.
"""
import selectors

from .default import default_reactor


class ReactorSelector(selectors.BaseSelector):
    """What is registered is asked of the system's own selector; whenever that is asked the reactor has a turn, and its descriptor is among
    what wakes it. What a callback of the reactor raises leaves select(), as it would leave Reactor.run()."""

    def __init__(self, reactor=None):
        self.reactor = reactor if reactor is not None else default_reactor()
        self._inner = selectors.DefaultSelector()
        self._inner.register(self.reactor.fd(), selectors.EVENT_READ, self)

    def register(self, fileobj, events, data=None):
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj):
        return self._inner.unregister(fileobj)

    def modify(self, fileobj, events, data=None):
        return self._inner.modify(fileobj, events, data)

    def select(self, timeout=None):
        run_once = self.reactor.run_once
        # First: what was written since the last time leaves before anything sleeps. Who was called may have left work to the loop above.
        if run_once(0.0):
            timeout = 0
        ready = self._inner.select(timeout)
        for place, (key, _) in enumerate(ready):
            if key.data is self:
                del ready[place]
                run_once(0.0)
                break
        return ready

    def close(self):
        self._inner.close()

    def get_map(self):
        registered = self._inner.get_map()
        return {descriptor: registered[descriptor] for descriptor in registered if registered[descriptor].data is not self}

    def get_key(self, fileobj):
        return self._inner.get_key(fileobj)
