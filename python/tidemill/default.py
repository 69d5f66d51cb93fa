# The current thread's reactor, and the calls that go to it: small programs need not name one.
import os
import threading

from . import core as _core
from .reactor import Reactor

_local = threading.local()


def default_reactor():
    # A forked child does not inherit its parent's: it makes its own.
    if getattr(_local, "pid", None) != os.getpid():
        _local.reactor = Reactor()
        _local.pid = os.getpid()
    return _local.reactor


def run(setup=None):
    default_reactor().run(setup)


def stop():
    default_reactor().stop()


def listen(endpoint, factory, backlog=1024, mode=-1, reuse_port=False, max_connections=0, tls=None):
    return default_reactor().listen(endpoint, factory, backlog, mode, reuse_port, max_connections, tls)


def connect(endpoint, handler, connect_timeout=30.0, tls=None, server_name=""):
    return default_reactor().connect(endpoint, handler, connect_timeout, tls, server_name)


def open_datagram(endpoint, handler, connect_to="", reuse_address=False, reuse_port=False, receive_buffer=0, send_buffer=0, mode=-1):
    return default_reactor().open_datagram(endpoint, handler, connect_to, reuse_address, reuse_port, receive_buffer, send_buffer, mode)


def next_tick(function):
    default_reactor().next_tick(function)


def call_later(seconds, function):
    return default_reactor().call_later(seconds, function)


def call_every(seconds, function):
    return default_reactor().call_every(seconds, function)


def defer(work, done=None, arguments=()):
    return default_reactor().defer(work, done, arguments)


def resolve(host):
    return default_reactor().resolve(host)


def notify_systemd(state):
    return _core.notify_systemd(state)


for _function in (default_reactor, run, stop, listen, connect, open_datagram, next_tick, call_later, call_every, defer, resolve, notify_systemd):
    _function.__module__ = "tidemill"
