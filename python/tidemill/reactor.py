# Reactor and Listener over the wrapped core. Functions and open connections are kept here, in ordinary dicts and sets, and the core knows
# them by number: so Python's garbage collector sees every reference, and a reactor that nobody holds goes with all it has. Those of
# timers, ticks and posts are kept by ReactorBase (bindings/python_reactor.h), which has call_later, call_every, next_tick and post.
import itertools
import os
import signal
import threading
import weakref

from . import core as _core
from .connection import Connection
from .datagram import Datagram
from .deferred import Deferred, _check_callable
from .errors import CancelledError, Error, StateError
from .metrics import SlowWatch, metrics_of
from .process import FdWatch, FileWatch, Process, ProcessWatch
from .pool import Pool
from .tls import core_of


class Listener:
    __slots__ = ("_endpoint", "_id", "_reactor", "_ticket")

    def __init__(self, reactor, ticket, number):
        self._reactor = reactor
        self._ticket = ticket
        self._id = number
        self._endpoint = reactor._core.listener_endpoint(number)

    @property
    def endpoint(self):
        return self._endpoint

    @property
    def is_open(self):
        return self._reactor._core.listener_is_open(self._id)

    def pause(self):
        self._reactor._core.listener_pause(self._id)

    def resume(self):
        self._reactor._core.listener_resume(self._id)

    def close(self):
        self._reactor._core.listener_close(self._id)
        self._reactor._factories.pop(self._ticket, None)

    def __repr__(self):
        return f"<Listener {self._endpoint}{'' if self.is_open else ' closed'}>"


class SignalWatch:
    __slots__ = ("_function", "_id", "_name", "_reactor")

    def __init__(self, reactor, name, function):
        self._reactor = reactor
        self._name = name
        self._function = function

    @property
    def name(self):
        return self._name

    @property
    def is_open(self):
        return self._reactor._core.watch_is_open(self._id)

    def close(self):
        self._reactor._core.watch_close(self._id)

    def _on_signal(self, name):
        self._function(name)

    def __repr__(self):
        return f"<SignalWatch {self._name}{'' if self.is_open else ' closed'}>"


class _Job:
    __slots__ = ("arguments", "deferred", "hold", "reactor", "work")

    # In a worker thread.
    def run(self):
        work, arguments, self.work, self.arguments = self.work, self.arguments, None, None
        try:
            outcome = (True, work(*arguments))
        except BaseException as error:
            outcome = (False, error)
        del work, arguments
        reactor = self.reactor()
        if reactor is not None:
            reactor.post(lambda: self.finish(outcome))

    # In the loop.
    def finish(self, outcome):
        is_success, value = outcome
        reactor = self.reactor()
        if self.deferred.is_done:
            return
        reactor._release(self.hold)
        (self.deferred.succeed if is_success else self.deferred.fail)(value)


Timer = _core.Timer


class Reactor(_core.ReactorBase):
    def __init__(self, poller="", clock=""):
        self._open = set()       # connections from listen/connect until on_close has returned
        self._functions = {}     # ticket -> what the loop calls once: an answer, a delivery, the end of a hold
        self._factories = {}     # ticket -> factory
        self._objects = {}       # ticket -> what else has callbacks: watches, ...; the core takes it out after its last one
        self._tickets = itertools.count(1)
        self._error_handler = None
        self._slow_watch = 0     # its ticket
        self._callee = None      # the function that was called last, kept only while slow callbacks are watched
        self._pool = None        # made when defer is first called
        self._core = _core.ReactorCore(poller, clock)
        _core.attach_reactor(self, self._core, self._core)

    # ---- running ----

    def run(self, setup=None):
        # Posted, not ticked: the reactor of another thread is taken over by run, not before. One that runs already refuses below.
        if setup is not None and _check_callable(setup, "setup") and not self._core.is_running():
            self.post(setup)
        previous = self._announce_signals()
        try:
            self._core.run(self)
        finally:
            if previous is not None:
                signal.set_wakeup_fd(previous)
            self._forget_if_stopped()

    def run_once(self, timeout=0.0):
        try:
            return self._core.run_once(self, timeout)
        finally:
            self._forget_if_stopped()

    def poll(self, timeout=0.0, budget=0.0):
        try:
            return self._core.poll(self, timeout, budget)
        finally:
            self._forget_if_stopped()

    def stop(self):
        self._core.stop()

    def drain(self, deadline=30.0):
        self._core.drain(deadline)

    # A signal that arrives just before the loop falls asleep must wake it: Python's C handler writes into this descriptor.
    def _announce_signals(self):
        if self._core.is_running() or threading.current_thread() is not threading.main_thread():
            return None
        return signal.set_wakeup_fd(self._core.wake_fd(), warn_on_full_buffer=False)

    def _forget_if_stopped(self):
        if self._core.take_stopped():
            self._drop_waiting()
            self._functions.clear()
            self._factories.clear()

    # ---- what the loop calls ----

    def _call_function(self, ticket):
        function = self._functions.pop(ticket)
        if self._slow_watch:
            self._callee = function
        function()

    def _accept(self, ticket):
        factory = self._factories[ticket]
        if self._slow_watch:
            self._callee = factory
        return self._adopt(factory())

    def _adopt(self, connection):
        if not isinstance(connection, Connection):
            raise TypeError(f"a tidemill.Connection is needed, not {type(connection).__name__}")
        if not _core.connection_is_free(connection):
            raise StateError("this connection object is in use already", "state", operation="connect", endpoint=connection.peer)
        if connection._protocol is not None:
            _core.connection_set_protocol(connection, *connection._protocol())
        connection._reactor = self
        self._open.add(connection)
        return connection

    # ---- what comes later ----

    def defer(self, work, done=None, arguments=()):
        _check_callable(work, "work")
        self._core.check_going("defer")
        if self._pool is None:
            self._pool = Pool(self._core.threads())
            weakref.finalize(self, self._pool.close).atexit = False
        job = _Job()
        job.reactor, job.work, job.arguments = weakref.ref(self), work, tuple(arguments)
        deferred = job.deferred = Deferred(self, lambda: self._end_job(job))
        if done is not None:
            deferred.on_success(done)
        self._pool.submit(job.run)
        job.hold = self._hold(lambda: self._stop_job(job))
        return deferred

    def _end_job(self, job):
        self._pool.drop(job.run)
        self._release(job.hold)

    def _stop_job(self, job):
        job.deferred._give_up(CancelledError("defer: the reactor stopped before it was done", "cancelled", operation="defer"))

    @property
    def threads(self):
        return self._core.threads()

    def set_threads(self, count):
        self._core.set_threads(count)
        if self._pool is not None:
            self._pool.set_most(count)

    def resolve(self, host):
        ticket = next(self._tickets)
        deferred = Deferred(self, lambda: self._cancel_look_up(ticket))
        self._core.resolve(host, ticket)
        self._functions[ticket] = lambda: self._take_addresses(deferred)
        return deferred

    def _take_addresses(self, deferred):
        try:
            deferred.succeed(self._core.take_answer().split("\n"))
        except Error as error:
            deferred.fail(error)

    def _cancel_look_up(self, ticket):
        self._core.resolve_cancel(ticket)
        self._functions.pop(ticket, None)

    # A tick that a stop does not drop.
    def _deliver(self, function):
        ticket = next(self._tickets)
        self._core.deliver(ticket)
        self._functions[ticket] = function

    # Keeps run() running until _release; a stop calls function instead.
    def _hold(self, function):
        ticket = next(self._tickets)
        hold = (self._core.hold(ticket), ticket)
        self._functions[ticket] = function
        return hold

    def _release(self, hold):
        number, ticket = hold
        self._core.release(number)
        self._functions.pop(ticket, None)

    # ---- streams ----

    def listen(self, endpoint, factory, backlog=1024, mode=-1, reuse_port=False, max_connections=0, tls=None):
        ticket = next(self._tickets)
        _check_callable(factory, "factory")
        number = self._core.listen(endpoint, ticket, backlog, mode, bool(reuse_port), max_connections, core_of(tls))
        self._factories[ticket] = factory
        return Listener(self, ticket, number)

    def connect(self, endpoint, handler, connect_timeout=30.0, tls=None, server_name=""):
        tls = core_of(tls)
        connection = self._adopt(handler if isinstance(handler, Connection) else _check_callable(handler, "handler")())
        try:
            self._core.connect(endpoint, connection, connect_timeout, tls, server_name)
        except BaseException:
            self._open.discard(connection)
            raise
        return connection

    # Connection.become: the stream of one connection object goes to another.
    def _replace(self, replaced, handler, leftover):
        connection = self._adopt(handler if isinstance(handler, Connection) else _check_callable(handler, "handler")())
        try:
            _core.connection_become(replaced, connection, leftover)
        except BaseException:
            self._open.discard(connection)
            raise
        return connection

    # HttpRequest.upgrade: the same, once the request is over.
    def _upgrade(self, request, handler, status, fields, count):
        connection = self._adopt(handler if isinstance(handler, Connection) else _check_callable(handler, "handler")())
        try:
            _core.http_upgrade(request._connection, request._number, connection, status, fields, count)
        except BaseException:
            self._open.discard(connection)
            raise
        return connection

    # ---- datagrams ----

    def open_datagram(self, endpoint, handler, connect_to="", reuse_address=False, reuse_port=False, receive_buffer=0, send_buffer=0, mode=-1):
        made = handler if isinstance(handler, Datagram) else _check_callable(handler, "handler")()
        if not isinstance(made, Datagram):
            raise TypeError(f"a tidemill.Datagram is needed, not {type(made).__name__}")
        if made.state not in ("new", "closed"):
            raise StateError("this datagram object is in use already", "state", operation="open_datagram", endpoint=made.local)
        self._add_object(made, _core.open_datagram, self._core, endpoint, connect_to, bool(reuse_address), bool(reuse_port), receive_buffer,
                         send_buffer, mode)
        made._reactor = self
        return made

    # ---- other things that happen ----

    def on_signal(self, name, function):
        return self._add_object(SignalWatch(self, name, _check_callable(function, "function")), self._core.on_signal, name)

    def watch_file(self, path, function):
        path = os.fsdecode(path)
        return self._add_object(FileWatch(self, path, _check_callable(function, "function")), _core.watch_file, self._core, path)

    def watch_process(self, pid, function):
        return self._add_object(ProcessWatch(self, pid, _check_callable(function, "function")), _core.watch_process, self._core, pid)

    def watch_fd(self, fd, on_readable=None, on_writable=None):
        for function, what in (on_readable, "on_readable"), (on_writable, "on_writable"):
            if function is not None:
                _check_callable(function, what)
        watch = FdWatch(self, fd, on_readable, on_writable)
        return self._add_object(watch, _core.watch_fd, self._core, watch.fd, on_readable is not None, on_writable is not None)

    # ---- processes and the standard input ----

    def spawn(self, argv, handler, cwd="", environment=None, stdin="pipe", stdout="pipe", stderr="inherit", shell=False, kill_on_stop=""):
        made = handler if isinstance(handler, Process) else _check_callable(handler, "handler")()
        if not isinstance(made, Process):
            raise TypeError(f"a tidemill.Process is needed, not {type(made).__name__}")
        if made._reactor is not None and _core.process_is_there(made._reactor._core, made._id):
            raise StateError("this process object is in use already", "state", operation="spawn")
        if shell != isinstance(argv, str):
            raise TypeError("argv must be a list of arguments, or with shell=True one text")
        words = [argv] if shell else [os.fsdecode(word) for word in argv]
        variables = [f"{os.fsdecode(name)}={os.fsdecode(value)}" for name, value in (environment or {}).items()]
        self._add_object(made, _core.spawn_process, self._core, "\0".join(words), len(words), os.fsdecode(cwd), "\0".join(variables),
                         -1 if environment is None else len(variables), f"{stdin} {stdout} {stderr}", bool(shell), kill_on_stop)
        made._reactor = self
        made._pid = _core.process_pid(self._core, made._id)
        return made

    def open_input(self, handler, raw=False):
        connection = self._adopt(handler if isinstance(handler, Connection) else _check_callable(handler, "handler")())
        try:
            _core.open_input(self._core, connection, bool(raw))
        except BaseException:
            self._open.discard(connection)
            raise
        return connection

    # add: a call of the core with the object's ticket as its last argument; answers its number there.
    def _add_object(self, made, add, *arguments):
        ticket = next(self._tickets)
        self._objects[ticket] = made
        try:
            made._id = add(*arguments, ticket)
        except BaseException:
            self._objects.pop(ticket, None)
            raise
        return made

    # ---- the rest ----

    def set_error_handler(self, function):
        self._error_handler = None if function is None else _check_callable(function, "function")

    def set_slow_callback(self, seconds, function=None):
        if function is not None:
            _check_callable(function, "function")
        watch = next(self._tickets)
        self._core.set_slow_callback(seconds, watch)
        self._objects.pop(self._slow_watch, None)
        self._slow_watch, self._callee = (watch if seconds > 0 else 0), None
        if seconds > 0:
            self._objects[watch] = SlowWatch(self, function)

    def set_spin(self, seconds):
        self._core.set_spin(seconds)

    def metrics(self):
        return metrics_of(self._core.metrics())

    def prometheus(self):
        return self._core.prometheus()

    def fd(self):
        return self._core.fd()

    def now(self):
        return self._core.now()

    def advance(self, seconds):
        self._core.advance(seconds)

    @property
    def poller(self):
        return self._core.poller()

    @property
    def is_draining(self):
        return self._core.is_draining()

    @property
    def is_running(self):
        return self._core.is_running()


for _class in (Listener, SignalWatch, Reactor):
    _class.__module__ = "tidemill"
