# AccessLog: a file of what was served, which the core writes.
import os

from . import core as _core


class AccessLog:
    __slots__ = ("_core",)

    def __init__(self, path):
        self._core = _core.AccessLogCore(os.fsdecode(path))

    def add(self, request, status, octets):
        return self._core.add(request._connection, request._number, status, octets)

    def reopen(self):
        self._core.reopen()

    def close(self):
        self._core.close()


AccessLog.__module__ = "tidemill"
