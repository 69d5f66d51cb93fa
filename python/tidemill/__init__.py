"""tidemill: one event core, here in Python.

    import tidemill

    class Echo(tidemill.Connection):
        def on_data(self, data):
            self.write(data)

    tidemill.listen("tcp://127.0.0.1:8080", Echo)
    tidemill.run()

The public names, in the order in which one meets them. Types: __init__.pyi; both it and the docstrings are made from one description.
"""
from . import core as _core
from .channel import Channel, Queue, Subscription
from .connection import Connection
from .cookies import Cookie, CookieJar
from .datagram import Datagram
from .default import call_every, call_later, connect, default_reactor, defer, listen, next_tick, notify_systemd, open_datagram, resolve, run, stop
from .deferred import Deferred
from .errors import (
    ArgumentError,
    CancelledError,
    ClosedError,
    Error,
    LimitError,
    LocalProtocolError,
    OsError,
    RemoteProtocolError,
    ResolveError,
    StateError,
    TimeoutError,
    TlsError,
    WorkError,
)
from .framing import BlockConnection, HeaderContentConnection, LineConnection, MessageConnection, NetstringConnection, ObjectConnection
from .access_log import AccessLog
from .http import HttpConnection, HttpRequest, StaticFiles
from .http_hosts import HttpHosts
from .http_client import HttpClient, HttpExchange, HttpResponse
from .metrics import SlowCallback
from .process import FdWatch, FileWatch, Process, ProcessWatch
from .reactor import Listener, Reactor, SignalWatch, Timer
from .tls import TlsContext, TlsInfo
from .websocket import WebSocketConnection, WebSocketHandshake
from .workers import Workers

VERSION = _core.version()
__version__ = VERSION

__all__ = [
    "Connection", "Datagram", "Reactor", "Listener", "Timer", "SignalWatch", "SlowCallback", "Process", "FileWatch", "ProcessWatch", "FdWatch",
    "LineConnection", "MessageConnection", "NetstringConnection", "BlockConnection", "HeaderContentConnection", "ObjectConnection",
    "TlsContext", "TlsInfo",
    "HttpConnection", "HttpRequest", "HttpHosts", "AccessLog", "StaticFiles",
    "HttpClient", "HttpExchange", "HttpResponse", "CookieJar", "Cookie",
    "WebSocketConnection", "WebSocketHandshake",
    "Deferred", "Channel", "Subscription", "Queue", "Workers",
    "default_reactor", "run", "stop", "listen", "connect", "open_datagram", "next_tick", "call_later", "call_every", "defer", "resolve", "notify_systemd",
    "Error", "OsError", "ResolveError", "TimeoutError", "LimitError", "ArgumentError", "StateError", "TlsError", "ClosedError", "CancelledError",
    "WorkError", "LocalProtocolError", "RemoteProtocolError",
    "VERSION",
]

try:
    from . import _docs
except ImportError:  # made by the build; without it everything works, only help() says less
    pass
else:
    _docs.attach(globals(), _core.document)
