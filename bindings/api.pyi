# The public API of the script languages, described once.
#
# Everything that documents or types the API is made from this file by tools/make_api.py: the Python stubs and docstrings, the
# RBS signatures, the LuaLS annotations, docs/reference/api.md and tests/surface's idea of which names exist. It is a Python stub
# because that syntax already has parsers, editors and readers.
#
# Conventions: times are seconds (float); payload is octets (`bytes`); names and addresses are text. A name is the same in every
# language; what differs by idiom (a Python property is a Ruby or Lua method) is decided by the generator, never by hand.
from collections.abc import Callable
from typing import final

class Error(Exception):
    """Root of every error that tidemill raises or hands to on_close."""
    code: str
    """Which kind of error: a name from core/base/errors.def, such as "os", "timeout" or "closed"."""
    operation: str
    """What was being done: "listen", "connect", "write", ..."""
    endpoint: str
    """Whom it concerned, as endpoint text, or ""."""
    errno: int
    """The system's error number, or 0 if the system had no part in it."""
    errno_name: str
    """The symbol of that number, such as "ECONNREFUSED", or ""."""

class OsError(Error):
    """The operating system refused; errno says why."""

class ResolveError(Error):
    """The host name could not be resolved."""

class TimeoutError(Error):
    """A deadline passed: connecting took too long or the connection was idle."""

class LimitError(Error):
    """A limit of this library or of the system was reached."""

class ArgumentError(Error):
    """An argument has the right type and a value that cannot work: a malformed endpoint, a negative time."""

class StateError(Error):
    """Right call, wrong moment: running twice, from a foreign thread, after fork, writing after end_write."""

class TlsError(Error):
    """TLS failed: the peer's certificate was refused, it does not speak TLS, or the stream was cut short. The message has the reason."""

class ClosedError(Error):
    """The connection, listener or reactor is closed."""

class CancelledError(Error):
    """Given up on this side: abort(), cancel(), or the reactor stopped."""

class WorkError(Error):
    """Work that was given to defer failed, and what it raised cannot be handed over as it is (Lua); the message has it as text."""

class Connection:
    """A stream: TCP, UNIX or memory, with TLS or without. Subclass it and override the callbacks that you need.

    Callbacks come in this order: on_open? (on_data | on_drain)* (on_end on_drain*)? on_close, and anywhere after on_open on_shutdown once and on_proxy_end. on_close comes exactly once and last, also when
    connecting failed and when the reactor stops. No callback ever runs inside a call that you make. The reactor keeps the object
    alive from listen/connect until on_close has returned.
    """

    def on_open(self) -> None:
        """The stream is established; write what you like."""
    def on_data(self, data: bytes) -> None:
        """Octets arrived: at least one, in order, cut anywhere."""
    def on_tls(self, info: TlsInfo) -> None:
        """The TLS handshake succeeded: right after on_open for tls:// and the option tls, whose on_open waits for it; alone after start_tls."""
    def on_drain(self) -> None:
        """The output queue fell to the low watermark after it had risen above the high one: write again."""
    def on_shutdown(self) -> None:
        """The reactor drains (Reactor.drain): finish what is under way and close. Once at most; who goes on is closed at the deadline."""
    def on_proxy_end(self, reason: Error | None) -> None:
        """proxy_to() has ended and what arrives is for on_data again. reason is nothing when the length it was given is reached.

        Otherwise it says why the other can be written to no more; what the other had taken and not sent is lost with it. Does not come
        after stop_proxy(), nor when this connection's peer ends: on_end tells that.
        """
    def on_end(self) -> None:
        """The peer will send no more. The default closes; an override may go on writing."""
    def on_close(self, reason: Error | None) -> None:
        """The stream is gone. reason is nothing after an orderly end, otherwise the error that ended it. Always the last callback."""
    def on_error(self, error: Exception) -> None:
        """Only if you define it: one of this connection's callbacks raised `error`. The connection stays open; what happens next is yours.

        Without it the reactor's error handler is asked; without that the connection is aborted, the loop stops and the exception
        leaves run().
        """
    def write(self, data: bytes) -> bool:
        """Queues octets; they leave in one system call at the end of the turn. Copied. False: the queue is above the high watermark, wait for on_drain.

        While connecting, octets are kept until the stream is open. Errors: ClosedError; StateError after end_write or from a foreign thread.
        """
    def close(self) -> None:
        """Sends what was written, then closes; on_data comes no more. A second close does nothing."""
    def abort(self) -> None:
        """Closes now and discards what was not sent; over TCP the peer sees a reset. on_close gets CancelledError."""
    def pause(self) -> None:
        """No on_data and no on_end until resume(); the peer is slowed down by the transport."""
    def resume(self) -> None:
        """Undoes pause()."""
    def end_write(self) -> None:
        """Half-close: sends what was written, then tells the peer that no more will come. Reading goes on."""
    def set_idle_timeout(self, seconds: float) -> None:
        """Ends the connection with TimeoutError when no octet moved either way for this long. 0 turns it off (the default)."""
    def set_watermarks(self, low: int, high: int) -> None:
        """When write() answers False (queue above `high` octets) and when on_drain comes (at or below `low`). 0 <= low <= high."""
    def send_file(self, path: str, offset: int = 0, length: int = -1) -> None:
        """Sends `length` octets of a regular file from `offset` on (-1: all that it has now), behind what was written before and ahead of what follows.

        The system copies it where it can; no octet of it enters the script or waits in memory. While a file is queued write() answers
        False, and on_drain comes when the last one has left. close() sends it first. If the file becomes shorter meanwhile, the connection
        ends with OsError and over TCP the peer sees a reset. Errors: OsError if it cannot be opened; ArgumentError if it is no regular
        file or the range goes beyond its end; ClosedError; StateError after end_write.
        """
    def proxy_to(self, other: Connection, length: int = -1) -> None:
        """From now on what arrives here goes to the other's output, and not to on_data; at most `length` octets, -1 for all.

        While the other's queue is above its high watermark, this connection is not read. Both directions at once are two calls. The
        peer's end is told by on_end and not passed on. Calling it again takes another target and counts anew. Errors: ArgumentError
        (length); ClosedError; StateError if the other is this connection, closed, of another reactor, has ended writing, or is the
        target of a third connection.
        """
    def stop_proxy(self) -> None:
        """What arrives from here on is for on_data again; on_proxy_end does not come."""
    @property
    def proxied(self) -> int:
        """Octets that the last proxy_to() has moved so far; still there in on_close."""
    def become(self, handler: Connection | Callable[[], Connection], leftover: bytes = b"") -> Connection:
        """Gives the stream to another connection object, which is returned: a fresh one, or what makes one.

        It gets on_open, then `leftover` (octets that this object was given and has not used) as on_data, then all that comes; on_end too,
        if this object had it already. This object is closed: it gets no more callbacks, but for on_error if the callback under way
        raises. Id, queued output, watermarks, timeouts and a proxy stay with the stream. Errors: ClosedError; StateError if the other
        object has a stream.
        """
    def start_tls(self, context: TlsContext, server_name: str = "") -> None:
        """TLS from here on, in mid-stream: what was written before leaves in plain text, what is written from now on waits for the handshake.

        An accepted connection is the server. on_tls or on_close with TlsError tells how it went. server_name: whom a client wants to
        reach, by default the host that it connected to. Octets that on_data has got already stay plain: end the protocol there, or an
        intruder could have put words in. Errors: ArgumentError, ClosedError, StateError (TLS already, after an end).
        """
    @property
    def tls(self) -> TlsInfo | None:
        """What the handshake agreed on; nothing before its end and on a plain stream. Still there in on_close."""
    @property
    def peer(self) -> str:
        """The other side as endpoint text; "" before the stream is open."""
    @property
    def local(self) -> str:
        """This side as endpoint text; "" before the stream is open."""
    @property
    def id(self) -> int:
        """A number that no other connection of this reactor ever has; 0 before listen/connect."""
    @property
    def state(self) -> str:
        """"new", "connecting", "open", "closing" (close() called, not done) or "closed"."""
    @property
    def pending(self) -> int:
        """Octets written, and octets of files to send, that the system has not taken yet."""
    @property
    def reactor(self) -> Reactor | None:
        """The reactor that it belongs to; nothing before listen/connect."""

class Datagram:
    """A socket for messages that stay whole: UDP or UNIX. Subclass it and override the callbacks that you need.

    Callbacks come in this order: on_open? (on_data | on_drain | on_lost)* on_close, from the loop only, never inside a call that you make.
    The reactor keeps the object alive from open_datagram until on_close has returned.
    """

    def on_open(self) -> None:
        """The socket is open and the loop runs."""
    def on_data(self, data: bytes, peer: str) -> None:
        """One whole datagram of 0 to 65536 octets came; peer: its sender as endpoint text, good for write()."""
    def on_drain(self) -> None:
        """After write() dropped a datagram: three quarters of the queue are free again."""
    def on_lost(self, error: Error) -> None:
        """A datagram did not get through, and the socket goes on. error.endpoint: whose it was; error.operation: "write" for one that you sent
        (OsError, such as ECONNREFUSED reported by the network), "read" for one that came and was longer than 65536 octets (LimitError)."""
    def on_close(self, reason: Error | None) -> None:
        """The socket is gone. reason is nothing after close(), otherwise the error that ended it. Exactly once, always the last callback."""
    def on_error(self, error: Exception) -> None:
        """Only if you define it: one of this socket's callbacks raised `error`. As Connection.on_error."""
    def write(self, data: bytes, to: str = "") -> bool:
        """Queues one datagram; those of a turn leave together at its end. False: the queue is full (1,024 datagrams or 1 MiB) and this one was dropped.

        to: "udp://address:port" or "unix-datagram://path", a literal address; left out on a connected socket. Errors: ArgumentError (a host name,
        nowhere to go, or longer than 65507 octets over IPv4, 65527 over IPv6, 65536 over UNIX); ClosedError; StateError from a foreign thread.
        """
    def close(self) -> None:
        """Sends what was written, then closes; on_data comes no more. A second close does nothing."""
    def abort(self) -> None:
        """Closes now and discards what was not sent. on_close gets CancelledError."""
    def pause(self) -> None:
        """No on_data until resume(); the system queues what comes, and drops what does not fit."""
    def resume(self) -> None:
        """Undoes pause()."""
    def join(self, group: str, interface: str = "") -> None:
        """Receives what is sent to a multicast group, a literal address such as "239.1.2.3" or "ff02::1234". interface: a name such as "eth0" or a number,
        "" for the system's choice. UDP only. Errors: ArgumentError, OsError, ClosedError."""
    def leave(self, group: str, interface: str = "") -> None:
        """Undoes join() with the same arguments."""
    def set_multicast_interface(self, interface: str) -> None:
        """The interface by which what is sent to a group leaves; "" for the system's choice. Errors as join()."""
    def set_multicast_ttl(self, hops: int) -> None:
        """How many hops what is sent to a group may go: 0 (this machine) to 255; the system's default is 1. Errors as join()."""
    def set_multicast_loop(self, is_on: bool) -> None:
        """Whether this machine gets what it sends to a group itself; the default is yes. Errors as join()."""
    def set_broadcast(self, is_on: bool) -> None:
        """Whether datagrams may be sent to a broadcast address; the default is no, and on_lost tells EACCES. Errors as join()."""
    @property
    def local(self) -> str:
        """This side as endpoint text, with the real port or name."""
    @property
    def peer(self) -> str:
        """The endpoint that it is connected to; "" if it is not."""
    @property
    def id(self) -> int:
        """A number that nothing else of this reactor ever has; 0 before open_datagram."""
    @property
    def state(self) -> str:
        """"new", "open", "closing" (close() called, not done) or "closed"."""
    @property
    def pending(self) -> int:
        """Octets written and not yet taken by the system."""
    @property
    def dropped(self) -> int:
        """Datagrams that write() dropped, because the queue was full."""
    @property
    def reactor(self) -> Reactor | None:
        """The reactor that it belongs to; nothing before open_datagram."""

@final
class Deferred:
    """A value or an error later, exactly once, always from the loop.

    Functions are called in the order of registration, never from inside a call that you make, each in a call of its own: one that raises keeps no
    other from being called. One that is registered afterwards is called as well. A failure that nobody listens to is dropped silently.
    stop() does not drop what is settled: it is delivered before run() returns. Those that the library makes (defer, resolve) and those with a
    timeout then fail with CancelledError; one of your own stays as it is. All calls belong to the reactor's thread: StateError from another.
    """

    def __init__(self, reactor: Reactor | None = None, canceller: Callable[[], object] | None = None) -> None:
        """reactor: nothing for default_reactor(). canceller: called from the loop if the value is given up, by cancel(), the timeout or a stop."""
    def succeed(self, value: object) -> bool:
        """Settles it with the value. False: it was settled before; nothing happens, as a producer may finish just after it was given up."""
    def fail(self, error: Exception) -> bool:
        """Settles it with the error. False: it was settled before; nothing happens."""
    def cancel(self) -> bool:
        """Fails it with CancelledError and has the canceller called. False: it was settled before."""
    def on_success(self, function: Callable[[object], object]) -> Deferred:
        """Calls function(value) once it succeeded. Answers itself."""
    def on_failure(self, function: Callable[[Exception], object]) -> Deferred:
        """Calls function(error) once it failed. Answers itself."""
    def set_timeout(self, seconds: float) -> None:
        """Fails with TimeoutError unless it is settled in this time (>= 0); replaces the timeout before, 0 turns it off."""
    @property
    def is_done(self) -> bool:
        """Whether it is settled; the functions may still be about to be called."""

@final
class Subscription:
    """A function that a channel calls. Made by Channel.subscribe; stays until cancel(), whether you keep it or not."""

    def cancel(self) -> bool:
        """Not called after this. False: it was cancelled before."""
    @property
    def is_active(self) -> bool:
        """Whether the function may still be called."""

@final
class Channel:
    """Publish and subscribe inside the process: every subscriber is called with every value, from the loop, in the order of subscription.

    A value goes to those who are subscribed when the loop takes it up, in its next turn. One subscriber that raises keeps no other from
    being called. stop() drops what has not been delivered.
    """

    def __init__(self, reactor: Reactor | None = None) -> None:
        """reactor: whose loop calls the subscribers; nothing for default_reactor()."""
    def subscribe(self, function: Callable[[object], object]) -> Subscription:
        """Calls function(value) for every value from now on."""
    def publish(self, value: object) -> None:
        """From any thread, as Reactor.post."""
    @property
    def subscribers(self) -> int:
        """How many there are."""

@final
class Queue:
    """Values on one side, functions that wait for one on the other; first come, first served on both. Each value goes to one function.

    What is called is called from the loop. stop() does not drop what found its function, and leaves the rest in the queue. All calls belong
    to the reactor's thread: StateError from another.
    """

    def __init__(self, reactor: Reactor | None = None) -> None:
        """reactor: whose loop calls the functions; nothing for default_reactor()."""
    def push(self, value: object) -> None:
        """For the function that has waited longest, or the next one."""
    def pop(self, function: Callable[[object], object]) -> None:
        """Calls function(value) once, with the oldest value, as soon as there is one."""
    @property
    def size(self) -> int:
        """Values that wait for a function."""
    @property
    def waiting(self) -> int:
        """Functions that wait for a value."""

@final
class Listener:
    """Accepts connections. Made by Reactor.listen; stays until close() or until the reactor stops."""

    @property
    def endpoint(self) -> str:
        """Where it listens, with the real port if 0 was asked for."""
    @property
    def is_open(self) -> bool:
        """Whether it is listening."""
    def pause(self) -> None:
        """Accepts no more for now; the system queues up to the backlog."""
    def resume(self) -> None:
        """Undoes pause()."""
    def close(self) -> None:
        """Stops listening; connections already accepted go on. A second close does nothing."""

class TlsContext:
    """What TLS streams have in common. Serves any number of streams and reactors, listening and connecting.

    TLS 1.2 or newer with forward secrecy only; a client verifies the chain and the name of its server and remembers its session.
    """

    def __init__(self, certificate: str = "", private_key: str = "", key_password: str = "", authorities: str = "", alpn: str = "", client_certificates: str = "none", needs_tls13: bool = False, dangerous_no_verification: bool = False, handshake_timeout: float = 10.0) -> None:
        """certificate, private_key: PEM text or the path of a PEM file; the chain with the own certificate first. A server needs them, a client may have them.

        authorities: who may sign the peer's certificate: PEM text, a file or a folder; "" for the system's. alpn: application protocols
        parted by commas, best first. client_certificates: whether a server asks for them: "none", "optional", "required".
        handshake_timeout: seconds, 0 for none; connecting has its own deadline. Errors: ArgumentError, OsError, TlsError.
        """
    def reload(self, certificate: str = "", private_key: str = "", key_password: str = "") -> None:
        """Reads the files again, or takes others: for handshakes that begin from now on. If anything is wrong all stays as it was. Errors as the constructor's."""

@final
class TlsInfo:
    """What a handshake agreed on."""

    @property
    def protocol(self) -> str:
        """"TLSv1.3" or "TLSv1.2"."""
    @property
    def cipher(self) -> str:
        """OpenSSL's name, such as "TLS_AES_256_GCM_SHA384"."""
    @property
    def alpn(self) -> str:
        """The application protocol; "" if none was agreed on."""
    @property
    def server_name(self) -> str:
        """Which server the client asked for; "" if it did not say."""
    @property
    def is_resumed(self) -> bool:
        """Whether a session of before was taken up."""
    @property
    def peer_certificate(self) -> str:
        """PEM; "" if the peer showed none."""
    @property
    def peer_subject(self) -> str:
        """Whom that certificate names, as RFC 2253: "CN=example.org,O=Example"; "" without one."""

@final
class Timer:
    """A call in the future. Made by call_later and call_every."""

    def cancel(self) -> bool:
        """Real and final: the function is not called after this, even if it was due. True if there was something to cancel."""
    @property
    def is_active(self) -> bool:
        """Whether a call is still to come."""

@final
class SignalWatch:
    """A function that is called when a signal comes. Made by Reactor.on_signal; stays until close() or until the reactor stops."""

    @property
    def name(self) -> str:
        """The signal's name, as it was given."""
    @property
    def is_open(self) -> bool:
        """Whether the function may still be called."""
    def close(self) -> None:
        """The function is not called after this; the signal's old action comes back with its last watch. A second close does nothing."""

class Reactor:
    """The loop. One thread owns it: the one that runs it; `post` is what other threads may call."""

    def __init__(self, poller: str = "", clock: str = "") -> None:
        """poller: "epoll", "poll" or "" for the best of this system. clock: "" for the system's, "manual" for one that moves by advance() only (for tests)."""
    def run(self, setup: Callable[[], object] | None = None) -> None:
        """Calls setup, then serves until stop() or until nothing is left to wait for. An exception of a callback that no handler took leaves here.

        Errors: StateError if it runs already, from a callback or another thread, or after fork.
        """
    def run_once(self, timeout: float = 0.0) -> bool:
        """One turn; waits at most `timeout` seconds for something to do. True if anything was done. Errors as run()."""
    def poll(self, timeout: float = 0.0, budget: float = 0.0) -> bool:
        """For a host with a loop of its own: turns until nothing is ready or `budget` seconds are spent (0: one turn); what is left comes next time.

        Waits at most `timeout` for the first event. True if work is left over. Errors as run().
        """
    def stop(self) -> None:
        """Ends run() before the next callback; every connection gets on_close with CancelledError, listeners close, timers, ticks and posts are dropped.

        Outside a run it takes effect in the next turn.
        """
    def drain(self, deadline: float = 30.0) -> None:
        """The orderly end: listeners close, each connection gets on_shutdown and goes on until it closes by itself; after the last one run() returns.

        Those left after `deadline` seconds (>= 0) are closed, and 5 seconds later aborted. What else there is (timers, watches) ends with the
        last connection. A second call can only bring the deadline nearer; listening is refused meanwhile. Errors: ArgumentError, StateError.
        """
    def fd(self) -> int:
        """A descriptor that becomes readable whenever poll() has something to do, timers included. Errors: StateError if the poller has none ("poll")."""
    def now(self) -> float:
        """The turn's time in seconds; monotonic, the start is arbitrary."""
    def advance(self, seconds: float) -> None:
        """Moves a manual clock. Errors: StateError with the system's clock."""
    def next_tick(self, function: Callable[[], object]) -> None:
        """Calls function in the next turn; what a tick queues runs in the turn after it."""
    def post(self, function: Callable[[], object]) -> None:
        """As next_tick, from any thread: wakes the loop."""
    def call_later(self, seconds: float, function: Callable[[], object]) -> Timer:
        """Calls function once, `seconds` (>= 0) from now; never early, 1 ms resolution."""
    def call_every(self, seconds: float, function: Callable[[], object]) -> Timer:
        """Calls function again and again, at least 1 ms apart; a beat that was missed is skipped, not caught up."""
    def listen(self, endpoint: str, factory: Callable[[], Connection], backlog: int = 1024, mode: int = -1, reuse_port: bool = False, tls: TlsContext | None = None) -> Listener:
        """Listens; every accepted stream gets the connection that factory (a Connection class will do) makes.

        endpoint: "tcp://host:port" (port 0: any free one), "unix:///path", "unix://@abstract", "memory://name" (this reactor only), "tls://host:port".
        tls: every stream is TLS from its start; needed for tls://, possible on any of them.
        mode: permission bits of a UNIX socket's file, -1 for the umask's. reuse_port (TCP only): several reactors or processes listen on the same
        address and the system spreads the connections; all of them must ask for it. Errors: ArgumentError, OsError, ResolveError.
        """
    def connect(self, endpoint: str, handler: Connection | Callable[[], Connection], connect_timeout: float = 30.0, tls: TlsContext | None = None, server_name: str = "") -> Connection:
        """Starts connecting and returns the connection at once; on_open or on_close tells how it went. Names are resolved off the loop.

        handler: a Connection, or what makes one. connect_timeout: seconds for everything until on_open, 0 for none. tls: TLS from
        the start; tls:// without it trusts whom the system trusts. server_name: whom the peer has to be, by default the endpoint's host.
        Errors: ArgumentError.
        """
    def open_datagram(self, endpoint: str, handler: Datagram | Callable[[], Datagram], connect_to: str = "", reuse_address: bool = False, reuse_port: bool = False, receive_buffer: int = 0, send_buffer: int = 0, mode: int = -1) -> Datagram:
        """Opens a datagram socket: "udp://address:port" (port 0: any free one), "unix-datagram:///path", "unix-datagram://@abstract" or "unix-datagram://@"
        for any free abstract name. Addresses are literal: resolve names before.

        handler: a Datagram, or what makes one. connect_to: the one endpoint that everything goes to and comes from. reuse_address, reuse_port (UDP only):
        several sockets on one port, for multicast and for sharing the load. receive_buffer, send_buffer: octets asked of the system, which may give less; 0
        for its default. mode: permission bits of a UNIX socket's file, -1 for the umask's. Errors: ArgumentError, OsError, StateError.
        """
    def on_signal(self, name: str, function: Callable[[str], object]) -> SignalWatch:
        """Calls function(name) from the loop when the signal ("TERM" or "SIGTERM") came; signals that come close together are one.

        While there is a watch, the signal's old action rests (the program's end, the interpreter's own handler). A watch alone does not keep run() running.
        Errors: ArgumentError (unknown, or one that cannot be waited for, such as KILL), LimitError.
        """
    def defer(self, work: Callable[[], object], done: Callable[[object], object] | None = None, arguments: list | tuple = ()) -> Deferred:
        """Calls work with the arguments in another thread; the Deferred has what it answers, or what it raised. done: a shortcut for on_success.

        run() goes on until the work is done. cancel() takes back work that has not begun; work under way goes on, its result is dropped, and so it is
        at stop(). In Python and Ruby the threads share the interpreter's lock. In Lua each has a state of its own: work is a Lua function
        without upvalues; what goes in and out are nil, booleans, numbers, strings and plain tables of these; what it raises becomes a WorkError.
        Errors: ArgumentError (Lua: what cannot cross), StateError, LimitError (4096 wait for a thread).
        """
    @property
    def threads(self) -> int:
        """The most threads that defer uses at once; 20 unless set."""
    def set_threads(self, count: int) -> None:
        """1 to 1024 threads for defer: started when they are needed, ended when there are too many. Errors: ArgumentError."""
    def resolve(self, host: str) -> Deferred:
        """Looks up a host name; the Deferred has its addresses as text, in the system's order of preference, or a ResolveError.

        The system is asked in another thread; its answer is kept for 10 s, that there is no such name for 1 s. A literal address (IPv6 without
        brackets, with a scope or without) is its own answer. Errors: ArgumentError, StateError.
        """
    def set_error_handler(self, function: Callable[[Exception, Connection | None], object] | None) -> None:
        """function(error, connection or nothing) takes what a callback raised, unless the connection has on_error; nothing restores the default: run() raises it."""
    @property
    def poller(self) -> str:
        """The poller in use: "epoll" or "poll"."""
    @property
    def is_draining(self) -> bool:
        """Whether drain() was called and has not come to its end."""
    @property
    def is_running(self) -> bool:
        """Whether run(), run_once() or poll() is under way."""

VERSION: str
"""This library's version."""

def default_reactor() -> Reactor:
    """The current thread's reactor, made when first asked for."""
def run(setup: Callable[[], object] | None = None) -> None:
    """default_reactor().run(setup)"""
def stop() -> None:
    """default_reactor().stop()"""
def listen(endpoint: str, factory: Callable[[], Connection], backlog: int = 1024, mode: int = -1, reuse_port: bool = False, tls: TlsContext | None = None) -> Listener:
    """default_reactor().listen(...)"""
def connect(endpoint: str, handler: Connection | Callable[[], Connection], connect_timeout: float = 30.0, tls: TlsContext | None = None, server_name: str = "") -> Connection:
    """default_reactor().connect(...)"""
def open_datagram(endpoint: str, handler: Datagram | Callable[[], Datagram], connect_to: str = "", reuse_address: bool = False, reuse_port: bool = False, receive_buffer: int = 0, send_buffer: int = 0, mode: int = -1) -> Datagram:
    """default_reactor().open_datagram(...)"""
def next_tick(function: Callable[[], object]) -> None:
    """default_reactor().next_tick(function)"""
def call_later(seconds: float, function: Callable[[], object]) -> Timer:
    """default_reactor().call_later(seconds, function)"""
def call_every(seconds: float, function: Callable[[], object]) -> Timer:
    """default_reactor().call_every(seconds, function)"""
def defer(work: Callable[[], object], done: Callable[[object], object] | None = None, arguments: list | tuple = ()) -> Deferred:
    """default_reactor().defer(...)"""
def resolve(host: str) -> Deferred:
    """default_reactor().resolve(host)"""
