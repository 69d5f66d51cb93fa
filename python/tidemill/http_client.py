# HttpClient: requests of HTTP. A whole answer is a Deferred of an HttpResponse; HttpExchange is what users subclass to have it in pieces. The
# core knows each request by the ticket of its object.
from . import core as _core
from .cookies import jar_of
from .deferred import Deferred, reactor_or_default
from .errors import StateError
from .http import _pairs, _text
from .tls import core_of


class HttpResponse:
    __slots__ = ("body", "headers", "reason", "redirects", "status", "trailers", "url", "version")

    def __init__(self, status, reason, version, headers, url, redirects, body=b""):
        self.status = status
        self.reason = reason
        self.version = version
        self.headers = _pairs(headers)
        self.url = url
        self.redirects = redirects
        self.body = body
        self.trailers = []

    def header(self, name, default=None):
        name = name.lower()
        for known, value in self.headers:
            if known.lower() == name:
                return value
        return default

    def __repr__(self):
        return f"<HttpResponse {self.status} {self.url}>"


class HttpExchange:
    """State is kept in class attributes until request() starts it, whether or not a subclass calls super().__init__()."""

    _client = None
    _id = 0
    _response = None

    # ---- callbacks ----

    def on_interim(self, response):
        pass

    def on_response(self, response):
        pass

    def on_body(self, data):
        pass

    def on_drain(self):
        pass

    def on_end(self, response):
        pass

    def on_failure(self, error):
        pass

    # ---- calls ----

    def _of(self, operation):
        if self._client is None:
            raise StateError("the request has not been started; stream does that", "state", operation=operation)
        return self._client._core

    def write(self, data):
        return self._of("write").write(self._id, data)

    def finish(self):
        self._of("finish").finish(self._id)

    def cancel(self):
        self._of("cancel").cancel(self._id)

    def pause(self):
        self._of("pause").pause(self._id)

    def resume(self):
        self._of("resume").resume(self._id)

    @property
    def is_over(self):
        return self._client is not None and self._client._core.is_over(self._id)

    @property
    def response(self):
        return self._response

    # ---- the core's calls ----

    def _on_interim(self, *head):
        self.on_interim(HttpResponse(*head))

    def _on_head(self, *head):
        self._response = HttpResponse(*head)
        self.on_response(self._response)

    def _on_body(self, data):
        self.on_body(data)

    def _on_body_end(self, trailers):
        self._response.trailers = _pairs(trailers)
        self.on_end(self._response)

    def _on_failure(self, error):
        self.on_failure(error)


class _Whole:
    """A request whose answer comes in one piece."""

    __slots__ = ("_deferred", "_id")

    def __init__(self, deferred):
        self._deferred = deferred

    def _on_reply(self, *reply):
        self._deferred.succeed(HttpResponse(*reply))

    def _on_failure(self, error):
        self._deferred.fail(error)

    def on_drain(self):
        pass


class HttpClient:
    def __init__(self, reactor=None, connect_timeout=30.0, response_timeout=60.0, idle_timeout=30.0, total_timeout=0.0, per_origin=6,
                 max_connections=256, max_waiting=1024, keep_alive=30.0, redirects=10, leave_tls=False, decompress=False,
                 max_body=16 * 1024 * 1024, proxy="", proxy_authorization="", connect_to="", user_agent="tidemill", tls=None,
                 cookies=False):
        self._reactor = reactor_or_default(reactor)
        self._jar = jar_of(cookies, self._reactor)
        options = {
            "connect_timeout": connect_timeout, "response_timeout": response_timeout, "idle_timeout": idle_timeout,
            "total_timeout": total_timeout, "per_origin": per_origin, "max_connections": max_connections, "max_waiting": max_waiting,
            "keep_alive": keep_alive, "redirects": redirects, "leave_tls": int(leave_tls), "decompress": int(decompress),
            "max_body": max_body, "proxy": proxy, "proxy_authorization": proxy_authorization, "connect_to": connect_to,
            "user_agent": user_agent,
        }
        self._core = _core.HttpClientCore(self._reactor._core, "\0".join(f"{name}={value}" for name, value in options.items()), core_of(tls),
                                          self._jar and self._jar._core)

    def request(self, method, url, headers=(), body=b"", timeout=-1.0, redirects=-1):
        deferred = Deferred(self._reactor, lambda: self._core.cancel(whole._id))
        whole = self._start(_Whole(deferred), method, url, headers, body, False, True, timeout, redirects)
        return deferred

    def get(self, url, headers=()):
        return self.request("GET", url, headers)

    def head(self, url, headers=()):
        return self.request("HEAD", url, headers)

    def post(self, url, body, headers=()):
        return self.request("POST", url, headers, body)

    def put(self, url, body, headers=()):
        return self.request("PUT", url, headers, body)

    def delete(self, url, headers=()):
        return self.request("DELETE", url, headers)

    def stream(self, method, url, handler, headers=(), body=b"", streamed=False, timeout=-1.0, redirects=-1):
        made = handler if isinstance(handler, HttpExchange) else handler()
        if not isinstance(made, HttpExchange):
            raise TypeError(f"a tidemill.HttpExchange is needed, not {type(made).__name__}")
        if made._client is not None and not made.is_over:
            raise StateError("this exchange object is in use already", "state", operation="stream")
        self._start(made, method, url, headers, body, bool(streamed), False, timeout, redirects)
        made._client = self
        return made

    def _start(self, made, method, url, headers, body, streamed, gathered, timeout, redirects):
        def begin(ticket):
            self._core.request(method, url, *_text(headers), body, streamed, gathered, timeout, redirects, ticket)
            return ticket
        return self._reactor._add_object(made, begin)

    def close(self):
        self._core.close()

    @property
    def cookies(self):
        return self._jar

    @property
    def connections(self):
        return self._core.connections()

    @property
    def waiting(self):
        return self._core.waiting()

    @property
    def reactor(self):
        return self._reactor


for _class in (HttpClient, HttpExchange, HttpResponse):
    _class.__module__ = "tidemill"
