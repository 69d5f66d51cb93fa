"""ASGI 3 over the HTTP server: an application runs in asyncio's own loop, whose selector is a reactor's (selector.py).

    python -m tidemill serve module:app --listen tcp://127.0.0.1:8000

    import tidemill.asgi
    tidemill.asgi.serve(app, listen="tcp://127.0.0.1:8000")

A request's coroutine begins inside the callback that told of the request and is a task of its own from the start; most are answered before the
callback returns, and the loop above never hears of them.
"""
from __future__ import annotations

import asyncio
import collections
import contextvars
import logging
import sys
from typing import Any, Callable
from urllib.parse import unquote

from . import core as _module
from .access_log import AccessLog, log_of
from .asgi_websocket import ClientDisconnected, WebSocketExchange, is_websocket, subprotocols_of
from .errors import ClosedError, Error, StateError
from .http import HttpConnection, _without_authority
from .reactor import Reactor
from .selector import ReactorSelector

__all__ = ["ClientDisconnected", "serve"]

_core = _module._core  # past SWIG's proxies
_respond, _start, _write, _finish, _fail = _core.http_respond, _core.http_start, _core.http_write, _core.http_finish, _core.http_fail
_pause, _resume = _core.http_pause, _core.http_resume

log = logging.getLogger("tidemill.asgi")
access_log = logging.getLogger("tidemill.access")

# Of a body that the application does not ask for so much is kept; then the peer is held up.
_BODY_AHEAD = 65536
# A longer answer than this goes in pieces, each behind the room for it.
_PIECE = 262144

# bindings/http_head.h
_HAS_BODY, _IS_HTTP10, _IS_UPGRADE = 1, 2, 8

_NOTHING, _BEGUN, _SENT, _DONE = range(4)  # of an answer: its start message came, its head was sent, it is whole


class _Exchange:
    """One request and its answer: where the application's receive and send come from."""

    stage = _NOTHING
    is_gone = False         # the connection is closed
    is_whole = True         # the request's body has come
    is_told_whole = False
    is_paused = False
    has_trailers = False
    size = 0                # of the octets in chunks
    receivers = drainers = ()

    def __init__(self, connection, number):
        self.connection = connection
        self.number = number

    # ---- what the application calls ----

    async def receive(self):
        while not self.is_gone and self.stage != _DONE:
            if not self.is_told_whole and (self.size or self.is_whole):
                return self._take_body()
            if not self.receivers:
                self.receivers = []
            await self._wait(self.receivers)
        return {"type": "http.disconnect"}

    async def send(self, message):
        kind = message["type"]
        if self.is_gone:
            raise ClientDisconnected("the client has gone")
        try:
            if kind == "http.response.body":
                more = message.get("more_body", False)
                body = message.get("body", b"")
                if self.stage == _BEGUN and not more and not self.has_trailers and len(body) <= _PIECE:
                    self.stage = _DONE
                    _respond(self.connection, self.number, self.status, *self.fields, body)
                    if self.receivers:
                        _wake(self.receivers)
                    return
                await self._send_piece(body, more)
            elif kind == "http.response.start":
                self._begin(message)
            elif kind == "http.response.pathsend":
                self._send_file(message["path"])
            elif kind == "http.response.trailers":
                self._send_trailers(message)
            else:
                raise RuntimeError(f"not a message that a server of HTTP is sent: {kind!r}")
        except ClosedError as error:
            self.is_gone = True
            raise ClientDisconnected("the client has gone") from error
        except Error:
            if self.stage == _DONE:
                self.stage = _BEGUN  # it is not: _respond refused it
            raise

    # ---- how they are made ----

    def _take_body(self):
        body = b"".join(self.chunks) if self.size else b""
        if self.size:
            self.chunks.clear()
            self.size = 0
        self.is_told_whole = self.is_whole
        if self.is_paused:
            self.is_paused = False
            _resume(self.connection, self.number)
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    def _begin(self, message):
        if self.stage != _NOTHING:
            raise RuntimeError("http.response.start came twice")
        self.status = message["status"]
        self.fields = _fields(message.get("headers", ()))
        if "trailers" in message:
            self.has_trailers = bool(message["trailers"])
        self.stage = _BEGUN

    async def _send_piece(self, body, more):
        if self.stage == _NOTHING:
            raise RuntimeError("http.response.body came before http.response.start")
        if self.stage == _DONE:
            raise RuntimeError("http.response.body came after the end of the answer")
        if self.stage == _BEGUN:
            text, count = self.fields
            if not more and not self.has_trailers and not _has_length(text):
                text, count = f"{text}\ncontent-length\n{len(body)}" if count else f"content-length\n{len(body)}", count + 1
            _start(self.connection, self.number, self.status, text, count)
            self.stage = _SENT
        if body:
            pieces = [body] if len(body) <= _PIECE else [body[place:place + _PIECE] for place in range(0, len(body), _PIECE)]
            for piece in pieces:
                if not _write(self.connection, self.number, piece):
                    await self._drain()
        if not more and not self.has_trailers:
            self._end("", 0)

    def _send_file(self, path):
        if self.stage != _BEGUN:
            raise RuntimeError("http.response.pathsend is the one message behind http.response.start")
        _core.http_respond_file(self.connection, self.number, self.status, *self.fields, path)
        self._is_done()

    def _send_trailers(self, message):
        if self.stage != _SENT or not self.has_trailers:
            raise RuntimeError("http.response.trailers was not announced, or came before the body")
        self.trailers = [*getattr(self, "trailers", ()), *message.get("headers", ())]
        if not message.get("more_trailers", False):
            self._end(*_fields(self.trailers))

    def _end(self, trailers, count):
        _finish(self.connection, self.number, trailers, count)
        self._is_done()

    def _is_done(self):
        self.stage = _DONE
        if self.receivers:
            _wake(self.receivers)

    async def _drain(self):
        if not self.drainers:
            self.drainers = []
        await self._wait(self.drainers)
        if self.is_gone:
            raise ClientDisconnected("the client has gone")

    async def _wait(self, waiters):
        future = self.connection._server.loop.create_future()
        waiters.append(future)
        await future

    # ---- its coroutine ----

    def run(self, scope):
        server = self.connection._server
        try:
            coroutine = server.app(scope, self.receive, self.send)
            task = server.begin(coroutine if asyncio.iscoroutine(coroutine) else _await(coroutine))
        except Exception as error:  # an application that is a plain function
            return self._judge(error)
        if task.done():
            self._ended(task)
        else:
            server.tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task):
        self.connection._server.tasks.discard(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None or self.stage != _DONE:
            self._judge(error)

    def _judge(self, error):
        if error is None:
            if not self.is_gone:
                log.error("the application returned without an answer that is whole")
        elif not isinstance(error, asyncio.CancelledError) and not (self.is_gone and _tells_of_disconnect(error)):
            log.error("the application raised", exc_info=error)
        if self.stage != _DONE and not self.is_gone:
            self.stage = _DONE
            try:
                _fail(self.connection, self.number)
            except (ClosedError, StateError):
                pass


class _Connection(HttpConnection):
    _server = None
    _exchange = None
    _heads = "lower"
    _client = _local = None
    _scheme = "http"

    def _protocol(self):
        name, options = super()._protocol()
        return name, f"{options} heads={self._heads}"

    def on_open(self):
        self._server.connections.add(self)
        self._client, self._local = _address(self.peer), _address(self.local)
        if self.tls is not None:
            self._scheme = "https"

    def _on_head(self, number, method, target, flags, headers):
        server = self._server
        path, _, query = target.partition("?")
        if path[:1] != "/":
            path = _without_authority(target).partition("?")[0] or "/"
        exchange = self._exchange = _Exchange(self, number)
        if flags & _HAS_BODY:
            exchange.is_whole = False
            exchange.chunks = []
        root = server.root_path
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.0" if flags & _IS_HTTP10 else "1.1",
            "method": method,
            "scheme": self._scheme,
            "path": root + (unquote(path) if "%" in path else path),
            "raw_path": (root + path).encode("utf-8", "surrogateescape"),
            "query_string": query.encode("utf-8", "surrogateescape"),
            "root_path": root,
            "headers": headers,
            "client": self._client,
            "server": self._local,
            "state": server.state.copy(),
            "extensions": {"http.response.pathsend": {}, "http.response.trailers": {}},
        }
        if flags & _IS_UPGRADE and is_websocket(headers):
            exchange = self._exchange = WebSocketExchange(self, number, method, target)
            del scope["method"]
            scope.update(type="websocket", scheme="wss" if self._scheme == "https" else "ws", subprotocols=subprotocols_of(headers),
                         extensions={"websocket.http.response": {}})
        exchange.run(scope)

    def _on_body(self, data):
        exchange = self._exchange
        exchange.chunks.append(data)
        exchange.size += len(data)
        if exchange.receivers:
            _wake(exchange.receivers)
        if exchange.size >= _BODY_AHEAD and not exchange.is_paused:
            exchange.is_paused = True
            _pause(self, exchange.number)

    def _on_body_end(self):
        exchange = self._exchange
        exchange.is_whole = True
        if exchange.receivers:
            _wake(exchange.receivers)

    def _on_response_drain(self):
        if self._exchange is not None:
            _wake(self._exchange.drainers)

    def on_close(self, reason):
        self._server.closed(self)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.is_gone = True
            _wake(exchange.receivers)
            _wake(exchange.drainers)


class _LoggedConnection(_Connection):
    """With a line for every request in the logger tidemill.access."""

    _asked = None

    def _on_head(self, number, method, target, flags, headers):
        self._asked = (method, target, "1.0" if flags & _IS_HTTP10 else "1.1")
        super()._on_head(number, method, target, flags, headers)

    def on_response(self):
        """There for HttpConnection to see; _on_response is what is called."""

    def _on_response(self, status, octets, seconds, was_cut):
        method, target, version = self._asked
        who = self._client[0] if self._client else "-"
        access_log.info('%s "%s %s HTTP/%s" %d %d %.6f%s', who, method, ascii(target)[1:-1], version, status, octets, seconds, " cut" if was_cut else "")


class _FiledConnection(_Connection):
    """With a line for every request in an AccessLog."""

    _number = 0

    def _on_head(self, number, method, target, flags, headers):
        self._number = number
        super()._on_head(number, method, target, flags, headers)

    def on_response(self):
        """There for HttpConnection to see; _on_response is what is called."""

    def _on_response(self, status, octets, seconds, was_cut):
        self._server.access_log._add_numbered(self, self._number, status, octets)


class _Server:
    """An application, its tasks and its connections, on one loop."""

    def __init__(self, app, loop, reactor, root_path="", access_log=False):
        self.app = app
        self.loop = loop
        self.reactor = reactor
        self.root_path = root_path.rstrip("/")
        self.state: dict[str, Any] = {}
        self.tasks: set[asyncio.Task[Any]] = set()
        self.connections: set[_Connection] = set()
        self._is_empty = None  # a future, while somebody waits for it
        self.access_log = log_of(access_log)
        base = _FiledConnection if self.access_log else _LoggedConnection if access_log else _Connection
        self.handler = type("AsgiConnection", (base,), {"_server": self})

    if sys.version_info >= (3, 12):
        def begin(self, coroutine):
            return asyncio.Task(coroutine, loop=self.loop, eager_start=True)
    else:
        # A task asks its loop to call its first step soon: here it is called at once.
        def begin(self, coroutine):
            loop = self.loop
            loop.call_soon = self._take_step
            try:
                task = asyncio.Task(coroutine, loop=loop, name="asgi")
            finally:
                del loop.call_soon
            step, context = self._step
            self._step = None
            context.run(step)
            return task

        def _take_step(self, step, *_, context=None):
            self._step = (step, context if context is not None else contextvars.copy_context())

    def listen(self, endpoint, **options):
        return self.reactor.listen(endpoint, self.handler, **options)

    def closed(self, connection):
        self.connections.discard(connection)
        if not self.connections and self._is_empty is not None and not self._is_empty.done():
            self._is_empty.set_result(None)

    async def drain(self, deadline):
        """No new connections; those that are there finish what they are doing, at most so many seconds."""
        end = self.loop.time() + deadline
        self.reactor.drain(deadline)
        if self.connections:
            self._is_empty = self.loop.create_future()
            await self._is_empty
        # What an application does behind its answer.
        if self.tasks:
            await asyncio.wait(set(self.tasks), timeout=max(0.1, end - self.loop.time()))
        for task in list(self.tasks):
            task.cancel()
        if self.tasks:
            await asyncio.wait(set(self.tasks), timeout=1.0)


class _Lifespan:
    """The application's own beginning and end. mode: "auto" (one that raises at the question has none), "on", "off"."""

    def __init__(self, app, loop, mode, state):
        self._app = app
        self._loop = loop
        self._mode = mode
        self._state = state
        self._task = None
        self._messages = collections.deque()
        self._receiver = self._answer = None

    async def start(self):
        if self._mode == "off":
            return
        self._task = self._loop.create_task(self._run())
        answer = await self._ask("startup")
        if answer["type"] == "lifespan.startup.failed":
            raise RuntimeError(f"the application failed to start: {answer.get('message', '')}")
        if answer["type"] == "none":
            error, self._task = answer["error"], None
            if self._mode == "on":
                raise RuntimeError("the application has no lifespan") from error
            if error is not None:
                log.debug("the application has no lifespan: %r", error)

    async def stop(self):
        if self._task is None:
            return
        answer = await self._ask("shutdown")
        if answer["type"] == "lifespan.shutdown.failed":
            log.error("the application failed to end: %s", answer.get("message", ""))
        elif answer["type"] == "none" and answer["error"] is not None:
            log.error("the application raised at its end", exc_info=answer["error"])

    async def _ask(self, what):
        self._answer = self._loop.create_future()
        if self._task is not None and self._task.done():
            return {"type": "none", "error": None}
        self._messages.append({"type": f"lifespan.{what}"})
        if self._receiver is not None and not self._receiver.done():
            self._receiver.set_result(None)
        return await self._answer

    async def _run(self):
        error = None
        try:
            await self._app({"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}, self._receive, self._send)
        except Exception as raised:
            error = raised
        if not self._answer.done():
            self._answer.set_result({"type": "none", "error": error})

    async def _receive(self):
        while not self._messages:
            self._receiver = self._loop.create_future()
            await self._receiver
        return self._messages.popleft()

    async def _send(self, message):
        if message["type"] not in _LIFESPAN_ANSWERS:
            raise RuntimeError(f"not a message of the lifespan: {message['type']!r}")
        if not self._answer.done():
            self._answer.set_result(message)


_LIFESPAN_ANSWERS = {f"lifespan.{what}.{how}" for what in ("startup", "shutdown") for how in ("complete", "failed")}


def serve(app: Callable[..., Any], listen: str | list[str] = "tcp://127.0.0.1:8000", *, root_path: str = "", lifespan: str = "auto",
          drain: float = 30.0, access_log: bool | str | AccessLog = False, tls: Any = None, reuse_port: bool = False, max_connections: int = 0,
          reactor: Reactor | None = None, on_listening: Callable[[list[str]], object] | None = None) -> None:
    """Serves an ASGI 3 application until SIGTERM or SIGINT, and then for at most `drain` seconds what it has begun.

    listen: endpoints; tls, reuse_port and max_connections: as of Reactor.listen. lifespan: "auto", "on" or "off". access_log: True for
    messages of the logger tidemill.access; a path ("-" is standard output) or an AccessLog for lines in the combined format. on_listening is called with the
    real endpoints. In the main thread of a process, outside of any loop. Errors: those of Reactor.listen; RuntimeError if the application
    fails to start.
    """
    reactor = reactor if reactor is not None else Reactor()
    loop = asyncio.SelectorEventLoop(ReactorSelector(reactor))
    server = _Server(app, loop, reactor, root_path, access_log)
    endpoints = [listen] if isinstance(listen, str) else listen

    async def main():
        stopped = loop.create_future()

        def stop(_name):
            if not stopped.done():
                stopped.set_result(None)

        for name in ("TERM", "INT"):
            reactor.on_signal(name, stop)
        # One connection's mistake is not the others' end.
        reactor.set_error_handler(lambda error, _party: log.error("a callback raised", exc_info=error))
        life = _Lifespan(app, loop, lifespan, server.state)
        await life.start()
        try:
            listeners = [server.listen(endpoint, tls=tls, reuse_port=reuse_port, max_connections=max_connections) for endpoint in endpoints]
            if on_listening is not None:
                on_listening([listener.endpoint for listener in listeners])
            await stopped
            await server.drain(drain)
        finally:
            await life.stop()

    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main())
    finally:
        try:
            _end_tasks(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _end_tasks(loop):
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


def _tells_of_disconnect(error):
    """Also if a framework made an exception of its own of it."""
    while error is not None and not isinstance(error, ClientDisconnected):
        error = error.__cause__ or error.__context__
    return error is not None


async def _await(awaitable):
    return await awaitable


def _wake(waiters):
    for future in waiters:
        if not future.done():
            future.set_result(None)
    if waiters:
        waiters.clear()


def _fields(headers):
    """How fields cross the border: text and count."""
    parts = [part for pair in headers for part in pair]
    text = b"\n".join(parts)
    if b"transfer-encoding" in text:  # the server's own affair: the specification has it ignored
        parts = [part for name, value in headers if name.lower() != b"transfer-encoding" for part in (name, value)]
        text = b"\n".join(parts)
    return text.decode("utf-8", "surrogateescape"), len(parts) // 2


def _has_length(text):
    return any(name.lower() == "content-length" for name in text.split("\n")[::2])


def _address(endpoint):
    """("127.0.0.1", 80) of tcp://127.0.0.1:80; (path, None) of a UNIX socket's; None of nothing."""
    scheme, _, rest = endpoint.partition("://")
    if scheme in ("unix", "memory"):
        return (rest, None) if rest else None
    host, _, port = rest.rpartition(":")
    return (host.strip("[]"), int(port)) if port.isdigit() else None
