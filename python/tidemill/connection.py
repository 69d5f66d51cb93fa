# Connection: what users subclass. The base type holds the stream itself, write() and the callbacks that do nothing; it keeps its state
# whether or not a subclass calls super().__init__().
from . import core as _core


class Connection(_core.ConnectionBase):
    _reactor = None

    def abort(self):
        _core.connection_abort(self)

    def pause(self):
        _core.connection_pause(self)

    def resume(self):
        _core.connection_resume(self)

    def end_write(self):
        _core.connection_end_write(self)

    def set_idle_timeout(self, seconds):
        _core.connection_set_idle_timeout(self, seconds)

    def set_watermarks(self, low, high):
        _core.connection_set_watermarks(self, low, high)

    @property
    def peer(self):
        return _core.connection_peer(self)

    @property
    def local(self):
        return _core.connection_local(self)

    @property
    def id(self):
        return _core.connection_id(self)

    @property
    def state(self):
        return _core.connection_state(self)

    @property
    def pending(self):
        return _core.connection_pending(self)

    @property
    def reactor(self):
        return self._reactor

    def __repr__(self):
        return f"<{type(self).__qualname__} {self.state} {self.peer}".rstrip() + ">"


Connection.__module__ = "tidemill"
