# CookieJar: the cookies of HTTP clients, which the core keeps; Cookie: what is in it.
from . import core as _core
from .deferred import reactor_or_default


class Cookie:
    __slots__ = ("domain", "expires", "is_host_only", "is_http_only", "is_secure", "name", "path", "value")

    def __init__(self, name, value, domain, path, expires, marks):
        self.name = name
        self.value = value
        self.domain = domain
        self.path = path
        self.expires = int(expires) if expires else None
        self.is_host_only = "o" in marks
        self.is_secure = "s" in marks
        self.is_http_only = "h" in marks

    def __repr__(self):
        return f"<Cookie {self.name} of {self.domain}{self.path}>"


class CookieJar:
    def __init__(self, reactor=None):
        self._reactor = reactor_or_default(reactor)
        self._core = _core.CookieJarCore(self._reactor._core)

    def set(self, url, text):
        return self._core.take(self._reactor._core, url, text)

    def header(self, url):
        return self._core.header(self._reactor._core, url)

    def clear(self):
        self._core.clear()

    @property
    def cookies(self):
        parts = self._core.cookies(self._reactor._core).split("\n")
        return [Cookie(*parts[place:place + 6]) for place in range(0, len(parts) - 5, 6)]


def jar_of(cookies, reactor):
    """What the option cookies means: a jar or None."""
    if cookies is None or cookies is False:
        return None
    if cookies is True:
        return CookieJar(reactor)
    if not isinstance(cookies, CookieJar):
        raise TypeError(f"True or a tidemill.CookieJar is needed, not {type(cookies).__name__}")
    return cookies


for _class in (Cookie, CookieJar):
    _class.__module__ = "tidemill"
