# What metrics() and set_slow_callback() need: the core's text as a dict, and where a callback was defined.
import functools
import sys


def metrics_of(text):
    found = {}
    for line in text.splitlines():
        name, value, *rest = line.split()
        found[name] = _histogram(value, *rest) if rest else int(value)
    return found


def _histogram(count, total, *buckets):
    pairs = (bucket.split("=") for bucket in buckets)
    return {"count": int(count), "sum": float(total), "buckets": [(float(limit), int(below)) for limit, below in pairs]}


class SlowCallback:
    __slots__ = ("file", "language", "line", "name", "seconds")

    def __init__(self, language, name, file, line, seconds):
        self.language, self.name, self.file, self.line, self.seconds = language, name, file, line, seconds

    def __repr__(self):
        place = f" ({self.file}:{self.line})" if self.file else ""
        return f"{self.language} {self.name}{place} took {self.seconds:.6f} s"


def _place(function):
    """Name, file and line of a callable's definition; as far as it has them."""
    if isinstance(function, functools.partial):
        return _place(function.func)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    inner = function.__init__ if isinstance(function, type) else function if hasattr(function, "__code__") else type(function).__call__
    code = getattr(inner, "__code__", None) or getattr(getattr(function, "__func__", None), "__code__", None)
    return (name, code.co_filename, code.co_firstlineno) if code else (name, "", 0)


class SlowWatch:
    """Told by the core: first _locate, as long as the callback can be found, then _on_slow."""

    def __init__(self, reactor, function):
        self._reactor, self._function, self._found = reactor, function, ("", "", 0)

    def _locate(self, what, connection, ticket):
        whose = self._reactor._objects.get(ticket) or next((one for one in self._reactor._open if connection and one.id == connection), None)
        if whose is None:
            name, file, line = _place(self._reactor._callee)
            self._found = (f"{what} {name}", file, line)
        elif hasattr(whose, "_function"):
            name, file, line = _place(whose._function)
            self._found = (f"{type(whose).__qualname__} {name}", file, line)
        else:
            self._found = (f"{type(whose).__qualname__}.{what}", *_place(getattr(whose, what, None))[1:])
        self._reactor._callee = None

    def _on_slow(self, language, name, seconds):
        report = SlowCallback(language, name, "", 0, seconds) if language else SlowCallback("Python", *self._found, seconds)
        if self._function is not None:
            self._function(report)
        else:
            print(f"tidemill: slow callback: {report}", file=sys.stderr)


SlowCallback.__module__ = "tidemill"
