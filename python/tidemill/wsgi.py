"""WSGI (PEP 3333) over the HTTP server: an application runs in the threads of Reactor.defer, and its connections stay the loop's.

    python -m tidemill serve --interface wsgi module:app --listen tcp://127.0.0.1:8000

    import tidemill.wsgi
    tidemill.wsgi.serve(app, listen="tcp://127.0.0.1:8000")

A request's body is there before the application is called, in memory or beyond 64 KiB in a file: no thread waits for a slow client to send.
One that reads slowly holds up the thread that answers it.
"""
from __future__ import annotations

import io
import logging
import os
import queue
import stat
import sys
import tempfile
from typing import Any, Callable
from urllib.parse import unquote_to_bytes

from . import core as _module
from .access_log import AccessLog, log_of
from .errors import ClosedError, Error, LimitError, StateError
from .http import HttpConnection, _without_authority
from .reactor import Reactor

__all__ = ["FileWrapper", "serve"]

_core = _module._core  # past SWIG's proxies

log = logging.getLogger("tidemill.wsgi")
access_log = logging.getLogger("tidemill.access")

_SPOOL = 65536
_PIECE = 262144  # what a body is cut into; it waits for room behind each

# bindings/http_head.h
_HAS_BODY, _IS_HTTP10, _HAS_HIGH_OCTETS = 1, 2, 4


class FileWrapper:
    """What an application finds as wsgi.file_wrapper; a file that it is made of is sent by the system."""

    def __init__(self, file, block_size=65536):
        self.file = file
        self.block_size = block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self):
        return iter(lambda: self.file.read(self.block_size), b"")

    def path(self):
        """One that leads to the file, if that is to be sent from its beginning; else None."""
        try:
            descriptor = self.file.fileno()
            is_whole = self.file.tell() == 0 and stat.S_ISREG(os.fstat(descriptor).st_mode)
        except (AttributeError, OSError, ValueError):
            return None
        path = f"/proc/self/fd/{descriptor}"
        return path if is_whole and os.path.exists(path) else None


class _Gone(ConnectionError):
    """The client has gone: raised in the application's body."""


class _Exchange:
    """One request and its answer. What begins with `_on_loop` may be called by a thread; it answers what the loop did."""

    is_gathering = False  # the request's body is on its way
    is_gone = False
    is_draining = False
    status = None
    is_begun = False

    def __init__(self, connection, number, environ):
        self.connection = connection
        self.number = number
        self.environ = environ
        self.answers = queue.SimpleQueue()  # of the loop, for the thread that waits

    # ---- in a thread ----

    def run(self):
        result = None
        try:
            result = self.connection._server.app(self.environ, self.start_response)
            self._send(result)
        except _Gone:
            pass
        except Exception as error:
            log.error("the application raised", exc_info=error)
            self._fail()
        finally:
            try:
                if hasattr(result, "close"):
                    result.close()
            except Exception as error:
                log.error("the application raised in close()", exc_info=error)
            self.environ["wsgi.input"].close()

    def start_response(self, status, headers, exc_info=None):
        if exc_info is not None:
            try:
                if self.is_begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.status is not None:
            raise AssertionError("start_response was called twice")
        self.status = int(status[:3])
        self.fields = _fields(headers)
        return self.write

    def write(self, data):
        if self.status is None:
            raise AssertionError("there was no start_response before the body")
        if not self.is_begun:
            self.is_begun = True
            self._on_loop(_core.http_start, self.status, *self.fields)
        for place in range(0, len(data), _PIECE):
            self._on_loop(_core.http_write, data[place:place + _PIECE], is_waiting=True)

    def _send(self, result):
        path = result.path() if isinstance(result, FileWrapper) and self.status is not None and not self.is_begun else None
        if path is not None and self._send_file(path):
            return
        if isinstance(result, (list, tuple)) and len(result) == 1 and not self.is_begun and len(result[0]) <= _PIECE:
            if self.status is None:
                raise AssertionError("there was no start_response before the body")
            return self._answer(result[0])
        for data in result:
            if data:
                self.write(data)
        if self.is_begun:
            self._on_loop(_core.http_finish, "", 0)
        elif self.status is None:
            raise AssertionError("there was no start_response")
        else:
            self._answer(b"")

    # All of it, for which the thread need not wait.
    def _answer(self, body):
        self.is_begun = True
        self.connection._server.reactor.post(lambda: self._call_last(body))

    # False: as any other body.
    def _send_file(self, path):
        try:
            self._on_loop(_core.http_respond_file, self.status, *self.fields, path)
        except Error:
            return False
        self.is_begun = True
        return True

    def _fail(self):
        try:
            self._on_loop(_core.http_fail)
        except (_Gone, Error):
            pass

    def _on_loop(self, call, *arguments, is_waiting=False):
        if self.is_gone:
            raise _Gone("the client has gone")
        self.connection._server.reactor.post(lambda: self._call(call, arguments, is_waiting))
        done = self.answers.get()
        if done is not None:
            raise done

    # ---- in the loop ----

    def _call(self, call, arguments, is_waiting):
        try:
            is_flowing = call(self.connection, self.number, *arguments)
        except (ClosedError, StateError):
            self.answers.put(_Gone("the client has gone"))
        except Exception as error:
            self.answers.put(error)
        else:
            self.is_draining = is_waiting and not is_flowing
            if not self.is_draining:
                self.answers.put(None)

    def _call_last(self, body):
        try:
            _core.http_respond(self.connection, self.number, self.status, *self.fields, body)
        except (ClosedError, StateError):
            pass
        except Exception as error:
            log.error("the application's answer is none", exc_info=error)
            _core.http_fail(self.connection, self.number)

    def drained(self):
        if self.is_draining:
            self.is_draining = False
            self.answers.put(None)

    def gone(self):
        self.is_gone = True
        self.answers.put(_Gone("the client has gone"))


class _Connection(HttpConnection):
    _server = None
    _exchange = None

    def _protocol(self):
        name, options = super()._protocol()
        return name, f"{options} heads=cgi"

    def on_open(self):
        server = self._server
        self._base = dict(server.base)
        self._base["wsgi.url_scheme"] = "http" if self.tls is None else "https"
        self._base["REMOTE_ADDR"], self._base["REMOTE_PORT"] = _address(self.peer)
        self._base["SERVER_NAME"], self._base["SERVER_PORT"] = _address(self.local)

    def _on_head(self, number, method, target, flags, fields):
        environ = self._base.copy()
        if flags & _HAS_HIGH_OCTETS:
            fields = [(name, _native(value)) for name, value in fields]
            target = _native(target)
        environ.update(fields)
        path, _, query = (target if target[:1] == "/" else _without_authority(target) or "/").partition("?")
        environ["REQUEST_METHOD"] = method
        environ["REQUEST_URI"] = target
        environ["PATH_INFO"] = unquote_to_bytes(path.encode("latin-1")).decode("latin-1") if "%" in path else path
        environ["QUERY_STRING"] = query
        environ["SERVER_PROTOCOL"] = "HTTP/1.0" if flags & _IS_HTTP10 else "HTTP/1.1"
        exchange = self._exchange = _Exchange(self, number, environ)
        if flags & _HAS_BODY:
            exchange.is_gathering = True
            environ["wsgi.input"] = tempfile.SpooledTemporaryFile(_SPOOL)
        else:
            environ["wsgi.input"] = io.BytesIO()
            self._begin(exchange)

    def _on_body(self, data):
        self._exchange.environ["wsgi.input"].write(data)

    def _on_body_end(self):
        exchange = self._exchange
        if exchange.is_gathering:
            exchange.is_gathering = False
            body = exchange.environ["wsgi.input"]
            exchange.environ["CONTENT_LENGTH"] = str(body.tell())  # also of one that was chunked
            body.seek(0)
            self._begin(exchange)

    def _begin(self, exchange):
        try:
            self._server.reactor.defer(exchange.run)
        except LimitError:  # all threads are busy, and so are those who wait for one
            _core.http_respond(self, exchange.number, 503, "content-type\ntext/plain\nretry-after\n1", 2, b"503 Service Unavailable\n")

    def _on_response_drain(self):
        if self._exchange is not None:
            self._exchange.drained()

    def on_close(self, reason):
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.gone()


class _LoggedConnection(_Connection):
    """With a line for every request in the logger tidemill.access."""

    def on_response(self):
        """There for HttpConnection to see; _on_response is what is called."""

    def _on_response(self, status, octets, seconds, was_cut):
        asked = self._exchange.environ if self._exchange is not None else {}
        access_log.info('%s "%s %s %s" %d %d %.6f%s', self._base["REMOTE_ADDR"], asked.get("REQUEST_METHOD", "-"), ascii(asked.get("REQUEST_URI", "-"))[1:-1],
                        asked.get("SERVER_PROTOCOL", "-"), status, octets, seconds, " cut" if was_cut else "")


class _FiledConnection(_Connection):
    """With a line for every request in an AccessLog."""

    _number = 0

    def _on_head(self, number, method, target, flags, fields):
        self._number = number
        super()._on_head(number, method, target, flags, fields)

    def on_response(self):
        """There for HttpConnection to see; _on_response is what is called."""

    def _on_response(self, status, octets, seconds, was_cut):
        self._server.access_log._add_numbered(self, self._number, status, octets)


class _Server:
    def __init__(self, app, reactor, root_path, is_shared, access_log):
        self.app = app
        self.reactor = reactor
        self.base = {
            "SCRIPT_NAME": root_path.rstrip("/"), "SERVER_SOFTWARE": "tidemill", "GATEWAY_INTERFACE": "CGI/1.1",
            "wsgi.version": (1, 0), "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": is_shared, "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper, "wsgi.input_terminated": True,
        }
        self.access_log = log_of(access_log)
        base = _FiledConnection if self.access_log else _LoggedConnection if access_log else _Connection
        self.handler = type("WsgiConnection", (base,), {"_server": self})


def serve(app: Callable[..., Any], listen: str | list[str] = "tcp://127.0.0.1:8000", *, threads: int = 0, root_path: str = "", drain: float = 30.0,
          access_log: bool | str | AccessLog = False, tls: Any = None, reuse_port: bool = False, max_connections: int = 0, reactor: Reactor | None = None,
          on_listening: Callable[[list[str]], object] | None = None) -> None:
    """Serves a WSGI application until SIGTERM or SIGINT, and then for at most `drain` seconds what it has begun.

    listen: endpoints; tls, reuse_port and max_connections: as of Reactor.listen. threads: how many the application runs in; 0 for as many as
    Reactor.defer has by itself. access_log: True for messages of the logger tidemill.access; a path ("-" is standard output) or an AccessLog for
    lines in the combined format. on_listening is called with the real endpoints. In the main thread of a process. Errors: those of Reactor.listen.
    """
    is_shared = reactor is not None
    reactor = reactor if reactor is not None else Reactor()
    if threads:
        reactor.set_threads(threads)
    server = _Server(app, reactor, root_path, is_shared, access_log)
    for name in ("TERM", "INT"):
        reactor.on_signal(name, lambda _name: reactor.drain(drain))
    # One connection's mistake is not the others' end.
    reactor.set_error_handler(lambda error, _party: log.error("a callback raised", exc_info=error))
    endpoints = [listen] if isinstance(listen, str) else listen
    listeners = [reactor.listen(endpoint, server.handler, tls=tls, reuse_port=reuse_port, max_connections=max_connections) for endpoint in endpoints]
    if on_listening is not None:
        on_listening([listener.endpoint for listener in listeners])
    reactor.run()


def _native(text):
    """The octets of text as PEP 3333 wants them in a str: each a character."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _fields(headers):
    """How fields cross the border: text and count."""
    text = "\n".join([part for pair in headers for part in pair])
    if not text.isascii():
        text = text.encode("latin-1").decode("utf-8", "surrogateescape")
    return text, len(headers)


def _address(endpoint):
    """("127.0.0.1", "80") of tcp://127.0.0.1:80; for a UNIX socket what stands for nobody."""
    host, _, port = endpoint.partition("://")[2].rpartition(":")
    return (host.strip("[]"), port) if port.isdigit() else ("127.0.0.1", "0")
