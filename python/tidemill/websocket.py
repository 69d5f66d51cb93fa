# WebSocketConnection: what users subclass for a WebSocket, of a server and of a client. An object's attributes are looked at when it gets
# its stream.
from . import core as _core
from .connection import Connection
from .http import _pairs, _text


class WebSocketConnection(Connection):
    max_message = 1_048_576
    max_fragments = 128
    compresses = True
    streams = False
    subprotocols = ()
    handshake_timeout = 10.0
    ping_interval = 30.0
    pong_timeout = 20.0

    # ---- of a client ----

    path = "/"
    host = ""
    origin = ""
    headers = ()

    # ---- callbacks ----

    def on_handshake(self, handshake):
        pass

    def on_text(self, text):
        pass

    def on_binary(self, data):
        pass

    def on_part(self, data, is_text, is_first, is_last):
        pass

    def on_ping(self, payload):
        pass

    def on_pong(self, payload):
        pass

    def on_shutdown(self):
        self.close(1001)

    # ---- calls ----

    def send_text(self, text):
        return _core.websocket_send_text(self, text)

    def send_binary(self, data):
        return _core.websocket_send_binary(self, data)

    def ping(self, payload=b""):
        return _core.websocket_ping(self, payload)

    def close(self, code=1000, reason=""):
        _core.websocket_close(self, code, reason)

    # ---- what is known ----

    @property
    def target(self):
        return _core.websocket_target(self)

    @property
    def subprotocol(self):
        return _core.websocket_subprotocol(self)

    @property
    def close_code(self):
        return _core.websocket_close_code(self)

    @property
    def close_reason(self):
        return _core.websocket_close_reason(self)

    # ---- the core's calls ----

    def _protocol(self):
        headers, count = _text(self.headers)
        words = {"subprotocols": ",".join(self.subprotocols), "path": self.path, "host": self.host, "origin": self.origin, "headers": headers}
        options = {"max_message": self.max_message, "max_fragments": self.max_fragments, "compresses": int(self.compresses),
                   "streams": int(self.streams),
                   "handshake": _microseconds(self.handshake_timeout), "ping": _microseconds(self.ping_interval),
                   "pong": _microseconds(self.pong_timeout), "header_count": count}
        options.update((name, word.encode().hex()) for name, word in words.items())
        return "websocket", " ".join(f"{name}={value}" for name, value in options.items())

    def _on_handshake(self, target, origin, protocols):
        self.on_handshake(WebSocketHandshake(self, target, origin, protocols))


class WebSocketHandshake:
    __slots__ = ("_connection", "_headers", "origin", "subprotocols", "target")

    def __init__(self, connection, target, origin, protocols):
        self._connection = connection
        self.target = target
        self.origin = origin
        self.subprotocols = protocols.split(",") if protocols else []

    @property
    def headers(self):
        try:
            return self._headers
        except AttributeError:
            self._headers = _pairs(_core.websocket_fields(self._connection))
            return self._headers

    def header(self, name, default=None):
        return next((value for known, value in self.headers if known.lower() == name.lower()), default)

    def refuse(self, status=403):
        _core.websocket_refuse(self._connection, status)

    def choose(self, subprotocol):
        _core.websocket_choose(self._connection, subprotocol)

    def add_header(self, name, value):
        _core.websocket_add_field(self._connection, name, value)

    def __repr__(self):
        return f"<WebSocketHandshake {self.target}>"


def _microseconds(seconds):
    return round(seconds * 1_000_000)


for _class in (WebSocketConnection, WebSocketHandshake):
    _class.__module__ = "tidemill"
