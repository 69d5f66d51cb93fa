# Datagram: what users subclass for datagram sockets. The core's half is known by its number; state is kept in class attributes until then,
# whether or not a subclass calls super().__init__().
from . import core as _core
from .errors import StateError


class Datagram:
    _reactor = None
    _id = 0

    # ---- callbacks ----

    def on_open(self):
        pass

    def on_data(self, data, peer):
        pass

    def on_drain(self):
        pass

    def on_lost(self, error):
        pass

    def on_close(self, reason):
        pass

    # ---- calls ----

    def _of(self, operation):
        if self._reactor is None:
            raise StateError("the datagram socket has not been opened; open_datagram does that", "state", operation=operation)
        return self._reactor._core

    def write(self, data, to=""):
        return _core.datagram_write(self._of("write"), self._id, data, to)

    def close(self):
        _core.datagram_close(self._of("close"), self._id)

    def abort(self):
        _core.datagram_abort(self._of("abort"), self._id)

    def pause(self):
        _core.datagram_pause(self._of("pause"), self._id)

    def resume(self):
        _core.datagram_resume(self._of("resume"), self._id)

    def join(self, group, interface=""):
        _core.datagram_join(self._of("join"), self._id, group, interface)

    def leave(self, group, interface=""):
        _core.datagram_leave(self._of("leave"), self._id, group, interface)

    def set_multicast_interface(self, interface):
        _core.datagram_set_multicast_interface(self._of("set_multicast_interface"), self._id, interface)

    def set_multicast_ttl(self, hops):
        _core.datagram_set_multicast_ttl(self._of("set_multicast_ttl"), self._id, hops)

    def set_multicast_loop(self, is_on):
        _core.datagram_set_multicast_loop(self._of("set_multicast_loop"), self._id, bool(is_on))

    def set_broadcast(self, is_on):
        _core.datagram_set_broadcast(self._of("set_broadcast"), self._id, bool(is_on))

    # ---- properties ----

    @property
    def local(self):
        return "" if self._reactor is None else _core.datagram_local(self._reactor._core, self._id)

    @property
    def peer(self):
        return "" if self._reactor is None else _core.datagram_peer(self._reactor._core, self._id)

    @property
    def id(self):
        return self._id

    @property
    def state(self):
        return "new" if self._reactor is None else _core.datagram_state(self._reactor._core, self._id)

    @property
    def pending(self):
        return 0 if self._reactor is None else _core.datagram_pending(self._reactor._core, self._id)

    @property
    def dropped(self):
        return 0 if self._reactor is None else _core.datagram_dropped(self._reactor._core, self._id)

    @property
    def reactor(self):
        return self._reactor

    def __repr__(self):
        return f"<{type(self).__qualname__} {self.state} {self.local}".rstrip() + ">"


Datagram.__module__ = "tidemill"
