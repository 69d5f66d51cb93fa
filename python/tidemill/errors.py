# The exception classes, made from the core's table of error codes. Where Python has a class of the same meaning it is a base as well,
# so that `except OSError` or `except ConnectionError` of an existing program goes on working.
import builtins

from . import core as _core


class Error(Exception):
    def __init__(self, text="", code="", errno=0, errno_name="", operation="", endpoint=""):
        super().__init__(text)
        self.code = code
        self.errno = errno
        self.errno_name = errno_name
        self.operation = operation
        self.endpoint = endpoint

    def __str__(self):
        return str(self.args[0]) if self.args else ""


_ALSO = {
    "os": builtins.OSError,
    "timeout": builtins.TimeoutError,
    "argument": builtins.ValueError,
    "closed": builtins.ConnectionError,
}


def _make_class(code, name):
    bases = (Error, _ALSO[code]) if code in _ALSO else (Error,)
    return type(name, bases, {"__module__": "tidemill", "code": code})


_CLASSES = {code: _make_class(code, name) for code, name in (line.split() for line in _core.error_table().splitlines())}
globals().update({made.__name__: made for made in _CLASSES.values()})


def _make_error(code, errno, errno_name, operation, endpoint, text):
    return _CLASSES[code](text, code, errno, errno_name, operation, endpoint)


Error.__module__ = "tidemill"
_core.set_error_maker(_make_error)
