"""The scope "websocket" of ASGI 3: a request that becomes a WebSocketConnection when the application accepts it (asgi.py has the server)."""
from __future__ import annotations

import asyncio
import collections
import logging

from . import core as _core
from .errors import ClosedError, Error, StateError
from .http import HttpRequest
from .websocket import WebSocketConnection

log = logging.getLogger("tidemill.asgi")

# Messages, and octets of them, that wait for the application; then the peer is held up.
_MESSAGES_AHEAD, _OCTETS_AHEAD = 64, 65536

# _DENYING: the application answers with a response of HTTP.
_ASKED, _DENYING, _OPENING, _OPEN, _CLOSED = range(5)


class ClientDisconnected(OSError):
    """send() after the client has gone."""


def is_websocket(headers):
    return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in headers)


def subprotocols_of(headers):
    values = (value.decode("latin-1") for name, value in headers if name == b"sec-websocket-protocol")
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


class WebSocketExchange:
    """One WebSocket: where the application's receive and send come from. Its HTTP connection calls it as it does an exchange of asgi.py."""

    is_whole = True
    is_paused = False
    size = 0

    def __init__(self, connection, number, method, target):
        self.connection = connection
        self._request = HttpRequest(connection, number, method, target, False)
        self._server = connection._server
        self._stage = _ASKED
        self._messages = collections.deque([{"type": "websocket.connect"}])
        self._socket = None
        self._response = None
        self._octets = 0          # in _messages
        self.receivers = []       # futures of who waits: for a message, for room, for the opening
        self.drainers = []

    # ---- what the application calls ----

    async def receive(self):
        while not self._messages:
            await self._wait(self.receivers)
        message = self._messages.popleft()
        self._octets -= _size(message)
        if self.is_paused and self._octets < _OCTETS_AHEAD // 2 and len(self._messages) < _MESSAGES_AHEAD // 2:
            self.is_paused = False
            self._socket.resume()
        if message["type"] == "websocket.disconnect":
            self._messages.append(message)  # for every later call
        return message

    async def send(self, message):
        kind = message["type"]
        if self._stage == _CLOSED:
            raise ClientDisconnected("the client has gone, or the WebSocket was closed")
        try:
            if self._stage == _ASKED:
                await self._answer(kind, message)
            elif self._stage == _DENYING:
                await self._deny(kind, message)
            elif kind == "websocket.send":
                text = message.get("text")
                is_flowing = self._socket.send_binary(message["bytes"]) if text is None else self._socket.send_text(text)
                if not is_flowing:
                    await self._wait(self.drainers)
            elif kind == "websocket.close":
                self._stage = _CLOSED
                self._socket.close(message.get("code", 1000), message.get("reason") or "")
            else:
                raise RuntimeError(f"not a message that a WebSocket is sent: {kind!r}")
        except ClosedError as error:
            raise ClientDisconnected("the client has gone") from error

    async def _answer(self, kind, message):
        if kind == "websocket.accept":
            chosen = message.get("subprotocol")
            socket = _Socket(self, (chosen,) if chosen else ())
            self._request.upgrade(socket, _pairs(message))
            self._socket = socket
            self._stage = _OPENING
            if self._request.is_answered:  # its handshake is none that can be granted, and the client was told so
                self._stage = _CLOSED
                self._messages.append({"type": "websocket.disconnect", "code": 1006, "reason": ""})
                raise ClientDisconnected("the client's handshake was refused")
            self._request.resume()
            while self._stage == _OPENING:
                await self._wait(self.drainers)
            if self._stage == _CLOSED:
                raise ClientDisconnected("the client has gone")
        elif kind == "websocket.close":
            self._request.respond(403)
            self._denied()
        elif kind == "websocket.http.response.start":
            self._response = message["status"], [pair for pair in _pairs(message) if pair[0].lower() != "transfer-encoding"]
            self._stage = _DENYING
        else:
            raise RuntimeError(f"websocket.accept, websocket.close or websocket.http.response.start was due, not {kind!r}")

    # The extension websocket.http.response: the body behind the head that _response keeps until it is sent.
    async def _deny(self, kind, message):
        if kind != "websocket.http.response.body":
            raise RuntimeError(f"websocket.http.response.body was due, not {kind!r}")
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._response and not more:
            self._request.respond(*self._response, body)
            return self._denied()
        if self._response:
            self._request.start(*self._response)
            self._response = None
        is_flowing = not body or self._request.write(body)
        if not more:
            self._request.finish()
            return self._denied()
        if not is_flowing:
            await self._wait(self.drainers)
            if self._stage == _CLOSED:
                raise ClientDisconnected("the client has gone")

    def _denied(self):
        self._stage = _CLOSED
        self._messages.append({"type": "websocket.disconnect", "code": 1006, "reason": ""})
        self._wake_all()

    async def _wait(self, waiters):
        future = self._server.loop.create_future()
        waiters.append(future)
        await future

    # ---- what the connections tell ----

    def opened(self):
        self._stage = _OPEN
        self._server.connections.add(self._socket)
        self._server.closed(self.connection)
        self._wake_all()

    def put(self, message):
        self._messages.append(message)
        self._octets += _size(message)
        _wake(self.receivers)
        if not self.is_paused and (self._octets >= _OCTETS_AHEAD or len(self._messages) >= _MESSAGES_AHEAD):
            self.is_paused = True
            self._socket.pause()

    def closed(self, code, reason):
        self._stage = _CLOSED
        self._messages.append({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._wake_all()
        if self._socket is not None:
            self._server.closed(self._socket)

    # The HTTP connection ended before the application had answered.
    @property
    def is_gone(self):
        return self._stage == _CLOSED

    @is_gone.setter
    def is_gone(self, _value):
        if self._stage in (_ASKED, _DENYING, _OPENING):
            self.closed(1006, "")

    def _wake_all(self):
        _wake(self.receivers)
        _wake(self.drainers)

    # ---- its coroutine ----

    def run(self, scope):
        self._request.pause()  # an upgrade is asked for before the end of the request, and the application may take its time
        task = self._server.loop.create_task(self._call(scope))
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    async def _call(self, scope):
        is_over = False
        try:
            await self._server.app(scope, self.receive, self.send)
            is_over = True
        except ClientDisconnected:
            is_over = True
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.error("the application raised", exc_info=error)
        finally:
            self._leave(is_over)

    # The application has ended: so does what it left open.
    def _leave(self, is_over):
        try:
            if self._stage == _ASKED:
                self._request.respond(403 if is_over else 500)
                self._denied()
            elif self._stage == _DENYING:
                if is_over:
                    log.error("the application returned without an answer that is whole")
                _core.http_fail(self.connection, self._request._number)
                self._denied()
            elif self._stage == _OPEN:
                self._stage = _CLOSED
                self._socket.close(1000 if is_over else 1011)
        except (ClosedError, StateError, Error):
            pass


class _Socket(WebSocketConnection):
    def __init__(self, exchange, subprotocols):
        super().__init__()
        self._exchange = exchange
        self.subprotocols = subprotocols

    def on_open(self):
        self._exchange.opened()

    def on_text(self, text):
        self._exchange.put({"type": "websocket.receive", "text": text})

    def on_binary(self, data):
        self._exchange.put({"type": "websocket.receive", "bytes": data})

    def on_drain(self):
        _wake(self._exchange.drainers)

    def on_close(self, reason):
        self._exchange.closed(self.close_code, self.close_reason)


def _pairs(message):
    return [[part.decode("utf-8", "surrogateescape") for part in pair] for pair in message.get("headers") or ()]


def _size(message):
    return len(message.get("text") or message.get("bytes") or b"")


def _wake(waiters):
    for future in waiters:
        if not future.done():
            future.set_result(None)
    waiters.clear()
