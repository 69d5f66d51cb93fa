# AccessLog: a file of what was served, which the core writes.
import os

from . import core as _core


class AccessLog:
    __slots__ = ("_core",)

    def __init__(self, path):
        self._core = _core.AccessLogCore(os.fsdecode(path))

    def add(self, request, status, octets):
        return self._core.add(request._connection, request._number, status, octets)

    def _add_numbered(self, connection, number, status, octets):
        """Of a request that has no object."""
        self._core.add(connection, number, status, octets)

    def reopen(self):
        self._core.reopen()

    def close(self):
        self._core.close()


def log_of(option):
    """The log that an option of a server means: a path, or one that is there; None for other options."""
    return AccessLog(option) if isinstance(option, (str, os.PathLike)) else option if isinstance(option, AccessLog) else None


AccessLog.__module__ = "tidemill"
