# Process: what users subclass for child processes. The core's half is known by its number; state is kept in class attributes until then,
# whether or not a subclass calls super().__init__(). FileWatch, ProcessWatch and FdWatch are made by the reactor.
from . import core as _core
from .errors import StateError


class Process:
    _reactor = None
    _id = 0
    _pid = 0

    # ---- callbacks ----

    def on_stdout(self, data):
        pass

    def on_stderr(self, data):
        pass

    def on_drain(self):
        pass

    def on_exit(self, code, signal):
        pass

    # ---- calls ----

    def _of(self, operation):
        if self._reactor is None:
            raise StateError("the process has not been started; spawn does that", "state", operation=operation)
        return self._reactor._core

    def write(self, data):
        return _core.process_write(self._of("write"), self._id, data)

    def close_stdin(self):
        _core.process_close_stdin(self._of("close_stdin"), self._id)

    def kill(self, signal="TERM"):
        return _core.process_kill(self._of("kill"), self._id, signal)

    def pause(self):
        _core.process_pause(self._of("pause"), self._id)

    def resume(self):
        _core.process_resume(self._of("resume"), self._id)

    # ---- properties ----

    @property
    def pid(self):
        return self._pid

    @property
    def is_running(self):
        return self._reactor is not None and _core.process_is_running(self._reactor._core, self._id)

    @property
    def pending(self):
        return 0 if self._reactor is None else _core.process_pending(self._reactor._core, self._id)

    @property
    def reactor(self):
        return self._reactor

    def __repr__(self):
        return f"<{type(self).__qualname__} {self._pid}{' running' if self.is_running else ''}>"


class FileWatch:
    __slots__ = ("_function", "_id", "_path", "_reactor")

    def __init__(self, reactor, path, function):
        self._reactor = reactor
        self._path = path
        self._function = function

    @property
    def path(self):
        return self._path

    @property
    def is_open(self):
        return self._reactor._core.watch_is_open(self._id)

    def close(self):
        self._reactor._core.watch_close(self._id)

    def _on_file(self, event, name):
        self._function(event, name)

    def __repr__(self):
        return f"<{type(self).__name__} {self._path}{'' if self.is_open else ' closed'}>"


class ProcessWatch:
    __slots__ = ("_function", "_id", "_pid", "_reactor")

    def __init__(self, reactor, pid, function):
        self._reactor = reactor
        self._pid = pid
        self._function = function

    @property
    def pid(self):
        return self._pid

    @property
    def is_open(self):
        return self._reactor._core.watch_is_open(self._id)

    def close(self):
        self._reactor._core.watch_close(self._id)

    def _on_ended(self, pid):
        self._function(pid)

    def __repr__(self):
        return f"<{type(self).__name__} {self._pid}{'' if self.is_open else ' closed'}>"


class FdWatch:
    __slots__ = ("_fd", "_given", "_id", "_on_readable", "_on_writable", "_reactor")

    def __init__(self, reactor, given, on_readable, on_writable):
        self._reactor = reactor
        self._given = given  # an object with fileno() lives as long as its watch
        self._fd = given if isinstance(given, int) else given.fileno()
        self._on_readable = on_readable
        self._on_writable = on_writable

    @property
    def fd(self):
        return self._fd

    @property
    def is_open(self):
        return self._reactor._core.watch_is_open(self._id)

    def close(self):
        self._reactor._core.watch_close(self._id)

    def set_readable(self, is_on):
        _core.fd_watch_set_readable(self._reactor._core, self._id, bool(is_on))

    def set_writable(self, is_on):
        _core.fd_watch_set_writable(self._reactor._core, self._id, bool(is_on))

    def __repr__(self):
        return f"<{type(self).__name__} {self._fd}{'' if self.is_open else ' closed'}>"


for _class in (Process, FileWatch, ProcessWatch, FdWatch):
    _class.__module__ = "tidemill"
