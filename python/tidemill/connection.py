# Connection: what users subclass. The base type holds the stream itself, write() and the callbacks that do nothing; it keeps its state
# whether or not a subclass calls super().__init__().
import os

from . import core as _core
from .tls import core_of, info_of


class Connection(_core.ConnectionBase):
    _reactor = None
    _protocol = None  # in a subclass: a method that answers its name and options (bindings/protocol.h)

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

    def set_close_timeout(self, seconds):
        _core.connection_set_close_timeout(self, seconds)

    def set_output_limit(self, octets):
        _core.connection_set_output_limit(self, octets)

    def set_watermarks(self, low, high):
        _core.connection_set_watermarks(self, low, high)

    def send_file(self, path, offset=0, length=-1):
        _core.connection_send_file(self, os.fsdecode(path), offset, length)

    def proxy_to(self, other, length=-1):
        _core.connection_proxy_to(self, other, length)

    def stop_proxy(self):
        _core.connection_stop_proxy(self)

    def become(self, handler, leftover=b""):
        _core.connection_check_become(self)
        return self._reactor._replace(self, handler, leftover)

    @property
    def proxied(self):
        return _core.connection_proxied(self)

    def start_tls(self, context, server_name=""):
        _core.connection_start_tls(self, core_of(context), server_name)

    def on_tls(self, info):
        pass

    def _on_tls(self):
        self.on_tls(info_of(self))

    @property
    def tls(self):
        return info_of(self)

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
