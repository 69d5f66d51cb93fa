# HttpConnection: what users subclass to serve HTTP, and HttpRequest, which it is handed. The core keeps the request; here is its number.
import os

from . import core as _core
from .connection import Connection


class HttpConnection(Connection):
    adds_date = True
    max_header = 32_768
    max_body = 2**53
    max_requests = 1000
    _request = None

    # ---- callbacks; also on_response(request, status, octets, seconds), which costs nothing as long as it is not defined ----

    def on_request(self, request):
        request.respond(404)

    def on_body(self, request, data):
        pass

    def on_body_end(self, request):
        pass

    def on_response_drain(self, request):
        pass

    def on_refusal(self, status, error):
        pass

    # ---- the core's calls ----

    def _protocol(self):
        limits = f"max_header={self.max_header} max_body={self.max_body} max_requests={self.max_requests}"
        return "http", f"has_log={int(hasattr(self, 'on_response'))} adds_date={int(self.adds_date)} {limits}"

    def _on_request(self, number, method, target, has_body):
        request = self._request = HttpRequest(self, number, method, target, has_body)
        self.on_request(request)

    def _on_body(self, data):
        self.on_body(self._request, data)

    def _on_body_end(self):
        self.on_body_end(self._request)

    def _on_collected(self, body):
        self._request._collected(self._request, body)

    def _on_response_drain(self):
        self.on_response_drain(self._request)

    def _on_response(self, status, octets, seconds, was_cut):
        self._request.is_cut = was_cut
        self.on_response(self._request, status, octets, seconds)

    def _on_refusal(self, status, error):
        self.on_refusal(status, error)


class HttpRequest:
    __slots__ = ("_collected", "_connection", "_headers", "_number", "has_body", "is_cut", "method", "target")

    def __init__(self, connection, number, method, target, has_body):
        self._connection = connection
        self._number = number
        self.method = method
        self.target = target
        self.has_body = has_body
        self.is_cut = False

    # ---- what was asked ----

    @property
    def path(self):
        rest = _without_authority(self.target)
        return rest.partition("?")[0] or "/"

    @property
    def query(self):
        return self.target.partition("?")[2]

    @property
    def version(self):
        return _core.http_version(self._connection, self._number)

    @property
    def headers(self):
        try:
            return self._headers
        except AttributeError:
            self._headers = _pairs(_core.http_fields(self._connection, self._number))
            return self._headers

    def header(self, name, default=None):
        value = _core.http_header(self._connection, self._number, name)
        return value[1:] if value else default

    @property
    def trailers(self):
        return _pairs(_core.http_trailers(self._connection, self._number))

    @property
    def connection(self):
        return self._connection

    @property
    def number(self):
        return self._number

    @property
    def is_answered(self):
        return _core.http_is_answered(self._connection, self._number)

    def log_line(self, status, octets):
        return _core.http_log_line(self._connection, self._number, status, octets)

    # ---- its body ----

    def pause(self):
        _core.http_pause(self._connection, self._number)

    def resume(self):
        _core.http_resume(self._connection, self._number)

    def collect(self, function, limit=-1):
        if not callable(function):
            raise TypeError(f"function must be callable, not {type(function).__name__}")
        self._collected = function
        _core.http_collect(self._connection, self._number, limit)

    def respond_continue(self):
        _core.http_respond_continue(self._connection, self._number)

    def compress(self):
        _core.http_compress(self._connection, self._number)

    # ---- the answer ----

    def respond(self, status, headers=(), body=b""):
        text, count = _text(headers)
        return _core.http_respond(self._connection, self._number, status, text, count, body)

    def start(self, status, headers=()):
        return _core.http_start(self._connection, self._number, status, *_text(headers))

    def write(self, data):
        return _core.http_write(self._connection, self._number, data)

    def finish(self, trailers=()):
        return _core.http_finish(self._connection, self._number, *_text(trailers))

    def start_events(self, headers=()):
        return _core.http_start_events(self._connection, self._number, *_text(headers))

    def send_event(self, data, event="", id="", retry_after=-1.0):
        return _core.http_send_event(self._connection, self._number, data, event, id, retry_after)

    def ping(self):
        return _core.http_ping(self._connection, self._number)

    def upgrade(self, handler, headers=(), status=101):
        return self._connection._reactor._upgrade(self, handler, status, *_text(headers))

    def __repr__(self):
        return f"<HttpRequest {self.method} {self.target}>"


class StaticFiles:
    __slots__ = ("_core",)

    def __init__(self, folder, index="index.html", cache_control=""):
        self._core = _core.StaticFilesCore(os.fsdecode(folder), index, cache_control)

    def serve(self, request, path=""):
        self._core.serve(request._connection, request._number, path)


def _without_authority(target):
    scheme = -1 if target.startswith("/") else target.find("://")
    if scheme < 0:
        return target
    rest = target[scheme + 3:]
    ends = [place for place in (rest.find("/"), rest.find("?")) if place >= 0]
    return rest[min(ends):] if ends else ""


def _pairs(text):
    parts = text.split("\n") if text else []
    return list(zip(parts[::2], parts[1::2]))


# Headers that a program answers with again and again are mostly one constant of its own. What was made of the last one is kept if nobody
# can change it: a tuple of tuples (of str, or join() would have raised). Both in one, for threads.
_last = (), ("", 0)


def _text(headers):
    """How fields cross the border: text and count."""
    global _last
    last, known = _last
    if headers is last:
        return known
    if not headers:
        return "", 0
    pairs = headers.items() if hasattr(headers, "items") else headers
    lines = []
    for name, value in pairs:
        lines += name, value
    text = "\n".join(lines), len(lines) // 2
    if type(headers) is tuple and all([type(pair) is tuple for pair in headers]):
        _last = headers, text
    return text


for _class in (HttpConnection, HttpRequest, StaticFiles):
    _class.__module__ = "tidemill"
