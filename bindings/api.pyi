# The public API of the script languages, described once.
#
# Everything that documents or types the API is made from this file by tools/make_api.py: the Python stubs and docstrings, the
# RBS signatures, the LuaLS annotations, docs/reference/api.md and tests/surface's idea of which names exist. It is a Python stub
# because that syntax already has parsers, editors and readers.
#
# Conventions: times are seconds (float); payload is octets (`bytes`); names and addresses are text. A name is the same in every
# language; what differs by idiom (a Python property is a Ruby or Lua method) is decided by the generator, never by hand.
from collections.abc import Callable, Sequence
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

class LocalProtocolError(Error):
    """What was to be sent breaks the protocol; nothing was sent."""

class RemoteProtocolError(Error):
    """The peer broke the protocol."""

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

        While connecting, octets are kept until the stream is open. When the peer is gone and its last words are still being read, what is
        written is lost and the answer False; on_close tells why. Errors: ClosedError, also there if paused; StateError after end_write or
        from a foreign thread.
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
    def set_close_timeout(self, seconds: float) -> None:
        """How long a connection that close() has closed waits for the peer to take an octet before it ends with TimeoutError; 0 for ever. Default 60 seconds."""
    def set_output_limit(self, octets: int) -> None:
        """The most octets that may wait to be sent, 0 for any number; default 64 MiB. Errors: ArgumentError if negative.

        A write beyond it answers False and ends the connection: what was queued is discarded, the peer sees a reset, on_close gets LimitError.
        """
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

class LineConnection(Connection):
    """A connection whose octets are lines: up to LF or CRLF, delivered without it. on_data comes no more.

    The attributes are looked at when the object gets its stream: set them in the class (Ruby: define the method anew) or in the object. A peer
    that goes beyond one ends the connection with LimitError; one that ends in the middle of a line or a text, with RemoteProtocolError. After close(),
    become() or proxy_to() in a callback no further line is told; after pause() none until resume(), which goes on exactly there.
    """
    max_line: int
    """The most octets that a line may have, without its ending; 65536."""
    max_text: int
    """The most octets that a text may have; 1048576."""
    line_ending: str
    """What write_line ends a line with: "crlf" (the default) or "lf". Both are understood."""
    def on_line(self, line: bytes) -> None:
        """A line came, perhaps an empty one."""
    def on_lines(self, lines: list[bytes]) -> None:
        """Override this instead of on_line to get all lines that came together in one call. What is called in it takes effect behind the last of them."""
    def on_text(self, text: bytes) -> None:
        """The text that set_text asked for is there, all of it."""
    def write_line(self, line: bytes) -> bool:
        """Sends the line and its ending; answers as write(). Errors: those of write(); LocalProtocolError if there is an LF in it or a CR at its end."""
    def set_text(self, octets: int) -> None:
        """In on_line: the octets that follow, so many, are one text for on_text, perhaps an empty one; then come lines again.

        More than max_text end the connection with LimitError: the number mostly comes from the peer. Errors: ArgumentError if negative.
        """

class MessageConnection(Connection):
    """A connection whose octets are messages, each behind its length. on_data comes no more. Attributes, ends and pauses as LineConnection."""
    length_prefix: str
    """How the length is sent: "uint8", "uint16", "uint24" or "uint32" (the default), big-endian; "uint16le", "uint24le", "uint32le"; or "varint" (LEB128)."""
    max_message: int
    """The most octets that a message may have, which a peer's length is held against before anything is kept for it; 1048576."""
    def on_message(self, message: bytes) -> None:
        """A whole message came, perhaps an empty one."""
    def write_message(self, message: bytes) -> bool:
        """Sends the length and the message; answers as write(). Errors: those of write(); LocalProtocolError if the length does not fit the prefix."""

class NetstringConnection(Connection):
    """A connection whose octets are netstrings: 5:hello, on_data comes no more. Attributes, ends and pauses as LineConnection."""
    max_message: int
    """The most octets that a message may have; 1048576."""
    def on_message(self, message: bytes) -> None:
        """The content of a netstring came, perhaps an empty one."""
    def write_message(self, message: bytes) -> bool:
        """Sends the message as a netstring; answers as write(). Errors: those of write(); LocalProtocolError beyond 999999999 octets."""

class BlockConnection(Connection):
    """A connection whose octets are blocks of one size. on_data comes no more. Attributes, ends and pauses as LineConnection."""
    block_size: int
    """The octets of a block; 512."""
    def on_block(self, block: bytes) -> None:
        """A block came."""
    def write_block(self, block: bytes) -> bool:
        """Sends a block; answers as write(). Errors: those of write(); LocalProtocolError if it is not of that size."""

class HeaderContentConnection(Connection):
    """A connection whose octets are headers, lines up to an empty one, each followed by the content that it announces. on_data comes no more.

    Attributes, ends and pauses as LineConnection. The content's length is what set_content says, otherwise the number of a line Content-Length, otherwise 0.
    """
    max_header: int
    """The most octets that the lines of a header may have, with their endings and the empty line; 32768."""
    max_header_lines: int
    """The most lines that it may have; 100."""
    max_content: int
    """The most octets that a content may have; 1048576."""
    def on_header(self, lines: list[bytes]) -> None:
        """A header came: its lines without their endings."""
    def on_content(self, content: bytes) -> None:
        """The content came, all of it, perhaps empty: each on_header is followed by one."""
    def set_content(self, octets: int) -> None:
        """In on_header: how long the content is. More than max_content end the connection with LimitError. Errors: ArgumentError if negative."""
    def write_message(self, header: Sequence[bytes], content: bytes = b"") -> bool:
        """Sends the lines, a line Content-Length unless there is one, the empty line and the content; answers as write().

        Errors: those of write(); LocalProtocolError if a line is empty, has CR or LF in it, or is another Content-Length than the content's.
        """

class ObjectConnection(Connection):
    """A connection for values as JSON, each behind its length (32 bits, big-endian). on_data comes no more. Attributes, ends and pauses as LineConnection.

    A message that is no JSON ends the connection with RemoteProtocolError. Lua has no JSON of its own: lua-cjson or lua-dkjson is used if it is
    installed, or what the field json of the class has: a table with encode and decode.
    """
    max_message: int
    """The most octets that a value's JSON may have; 1048576."""
    def on_object(self, value: object) -> None:
        """A value came."""
    def write_object(self, value: object) -> bool:
        """Sends a value; answers as write(). Errors: those of write(); LocalProtocolError if JSON has no such thing."""

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
        """Reads the files again, or takes others in the first one's place: for handshakes that begin from now on. If anything is wrong all stays as it was. Errors as the constructor's."""
    def add_certificate(self, certificate: str, private_key: str = "", key_password: str = "") -> None:
        """Another one of a server, shown to clients that ask for a name (SNI, RFC 6066 3) that is in it and not in those before it.

        Who asks for no name, or for one that is in none of them, is shown the first. Errors as the constructor's, which has the first; ArgumentError without that.
        """

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

class HttpConnection(Connection):
    """A server's connection that speaks HTTP/1.1 and HTTP/1.0. Subclass it, override the callbacks that you need, and listen with the class.

    Callbacks for one request after the other: on_request (on_body* on_body_end)? on_response, with on_response_drain anywhere between an answer's
    begin and its end; those of Connection besides, but on_data and on_end. What one of them raises is answered with 500 if nothing has been
    answered yet, and ends the connection. What breaks HTTP is answered (400, 408, 413, 414, 431, ...) and never reaches on_request; so are
    requests that are too long or too slow.
    """
    @property
    def adds_date(self) -> bool:
        """Whether answers have the field Date; True unless a class says otherwise."""
    @property
    def max_header(self) -> int:
        """Octets of a request's header section, with its line ends; 32,768 unless a class says otherwise. More are answered with 431."""
    @property
    def max_body(self) -> int:
        """Octets of a request's body; 2**53, which is any number, unless a class says otherwise. More are answered with 413."""
    @property
    def max_requests(self) -> int:
        """Requests on one connection; 1000 unless a class says otherwise. The answer to the last one ends it."""

    def on_request(self, request: HttpRequest) -> None:
        """The head of a request is there; its body follows, if it has one. Answer now or later. The default answers 404."""
    def on_body(self, request: HttpRequest, data: bytes) -> None:
        """Octets of the body, as they come. Not after the answer is whole, and not of a body that collect() gathers."""
    def on_body_end(self, request: HttpRequest) -> None:
        """The request is whole, also one without a body; not if it has been answered before."""
    def on_response_drain(self, request: HttpRequest) -> None:
        """After write() answered False, or a file: the queue is short again, go on."""
    def on_response(self, request: HttpRequest, status: int, octets: int, seconds: float) -> None:
        """Only if you define it: the answer is whole, or was cut (request.is_cut); for access logs. octets: of its body; seconds: since on_request."""
    def on_refusal(self, status: int, error: Error) -> None:
        """What came is no request that may be served: error says why, and status is what the peer was answered; 0: nothing. The connection ends."""

@final
class HttpRequest:
    """A request that is being answered. It is over when it has been read and answered to the end, or with its connection: then every call
    but path and query raises StateError or ClosedError. What is answered wrongly (a line feed in a header, an answer to one that has its
    own, more octets than Content-Length promised) raises LocalProtocolError and changes nothing.

    headers, in calls: a table by name, or a sequence of pairs. Content-Length, Transfer-Encoding and Connection are set by themselves.
    """
    @property
    def method(self) -> str:
        """GET, POST, ...; as it was sent."""
    @property
    def target(self) -> str:
        """What stood behind it, percent-encoded: mostly a path and a query."""
    @property
    def has_body(self) -> bool:
        """Whether a body follows."""
    @property
    def is_cut(self) -> bool:
        """In on_response: the connection ended before the answer was whole."""

    @property
    def path(self) -> str:
        """The target up to "?", percent-encoded, without a host."""
    @property
    def query(self) -> str:
        """The target behind "?", percent-encoded."""
    @property
    def version(self) -> str:
        """"1.1" or "1.0"."""
    @property
    def headers(self) -> list[Sequence[str]]:
        """Pairs of name and value, in the order in which they came."""
    def header(self, name: str, default: str | None = None) -> str | None:
        """The value of the first header of that name, in any case of letters."""
    @property
    def trailers(self) -> list[Sequence[str]]:
        """As headers: what came behind a chunked body; there from on_body_end on."""
    @property
    def connection(self) -> HttpConnection:
        """On which it came."""
    @property
    def number(self) -> int:
        """On its connection, from 1 on."""
    @property
    def is_answered(self) -> bool:
        """Whether its answer is whole, or it is over."""
    def log_line(self, status: int, octets: int) -> str:
        """In on_response, with what that was told: a line for an access log in the combined format, without its end. It is ASCII and at most a kibibyte;
        what the peer chose is escaped, so that nobody can forge another line."""
    def pause(self) -> None:
        """No on_body until resume(); the peer is held up."""
    def resume(self) -> None:
        """Undoes pause()."""
    def collect(self, function: Callable[[HttpRequest, bytes], object], limit: int = -1) -> None:
        """In on_request: calls the function with the whole body once it is there, instead of on_body and on_body_end. A body of more than `limit`
        octets, 1 MiB if that is -1, is answered with 413 and the function is not called."""
    def respond_continue(self) -> None:
        """100 Continue, for a client that waits for it before it sends its body. Happens by itself when on_request returns without an answer."""
    def compress(self) -> None:
        """The body of the answer goes as gzip, if the client accepts that, it is long enough, and there is no Content-Encoding among the headers; before
        respond() or start(). An answer with secrets in it beside what a peer has chosen gives them away by its length (BREACH)."""
    def respond(self, status: int, headers: Sequence[Sequence[str]] | dict[str, str] = (), body: bytes = b"") -> bool:
        """All of the answer. Answers as write()."""
    def start(self, status: int, headers: Sequence[Sequence[str]] | dict[str, str] = ()) -> bool:
        """The beginning of an answer in pieces: chunked, unless Content-Length is among the headers."""
    def write(self, data: bytes) -> bool:
        """A piece of the answer. False: enough is queued; on_response_drain tells when to go on."""
    def finish(self, trailers: Sequence[Sequence[str]] | dict[str, str] = ()) -> bool:
        """The end of an answer in pieces."""
    def start_events(self, headers: Sequence[Sequence[str]] | dict[str, str] = ()) -> bool:
        """The beginning of an answer that is a stream of server-sent events."""
    def send_event(self, data: str, event: str = "", id: str = "", retry_after: float = -1.0) -> bool:
        """One event: line feeds in data make several lines of it. retry_after: seconds until the browser connects again; -1: not said."""
    def ping(self) -> bool:
        """A comment, which keeps a stream of events alive."""
    def upgrade(self, handler: Connection | Callable[[], Connection], headers: Sequence[Sequence[str]] | dict[str, str] = (), status: int = 101) -> Connection:
        """In on_request: the connection is another object's from the request's end on. With a WebSocketConnection the handshake is done, or refused
        with 4xx if the client asked for something else; then it is never opened. headers: more of them in the answer, of which a WebSocket's own
        raise LocalProtocolError; for others they must name what follows in Upgrade."""

class WebSocketConnection(Connection):
    """A WebSocket, of a server or of a client: which it is says how it began. Subclass it, then listen with the class, answer an HttpRequest
    with upgrade(), or connect with an object.

    Callbacks: on_handshake? on_open (on_text | on_binary | on_part | on_ping | on_pong | on_drain)* on_close. on_open comes when the opening handshake is
    done; if it fails only on_close comes. Pings and close frames are answered by themselves. on_close has no reason after an orderly end,
    whoever began it. Messages are compressed (permessage-deflate) if the peer can. The attributes are looked at when the object gets its stream.
    """
    @property
    def max_message(self) -> int:
        """Octets of the longest message, inflated; more end the connection with LimitError, and the peer is told 1009."""
    @property
    def max_fragments(self) -> int:
        """The most frames of a message; more end the connection with LimitError."""
    @property
    def compresses(self) -> bool:
        """Whether compression is offered and taken; True unless a class says otherwise."""
    @property
    def streams(self) -> bool:
        """Whether on_part tells messages as they come, instead of on_text and on_binary; False unless a class says otherwise."""
    @property
    def subprotocols(self) -> Sequence[str]:
        """Names: a server takes the first of the client's that is among its own."""
    @property
    def handshake_timeout(self) -> float:
        """Seconds for the opening handshake."""
    @property
    def ping_interval(self) -> float:
        """Seconds after which a silent peer is asked whether it lives; 0: never."""
    @property
    def pong_timeout(self) -> float:
        """Seconds that it has for any answer; then the connection ends with TimeoutError."""
    @property
    def path(self) -> str:
        """A client's: what it asks for, with the query; "/" unless a class or an object says otherwise."""
    @property
    def host(self) -> str:
        """A client's: the field Host; "": the host that it connects to."""
    @property
    def origin(self) -> str:
        """A client's: the field Origin; "": none."""
    @property
    def headers(self) -> Sequence[Sequence[str]]:
        """A client's: more fields of its request, such as Authorization."""

    def on_handshake(self, handshake: WebSocketHandshake) -> None:
        """A server's: a client asks for a WebSocket. It gets it unless handshake.refuse() is called. Not after HttpRequest.upgrade()."""
    def on_text(self, text: str) -> None:
        """A message of text, valid UTF-8."""
    def on_binary(self, data: bytes) -> None:
        """A message of octets."""
    def on_part(self, data: str | bytes, is_text: bool, is_first: bool, is_last: bool) -> None:
        """If streams: some of a message, as it comes; is_text says which kind it is. Text comes in whole characters. Only what is_last may be empty.
        max_message holds all the same."""
    def on_ping(self, payload: bytes) -> None:
        """The peer has asked whether we live, and has been answered."""
    def on_pong(self, payload: bytes) -> None:
        """The peer has answered a ping, or says that it lives."""

    def send_text(self, text: str) -> bool:
        """A message. False: enough is queued; on_drain tells when to go on. Errors: StateError before on_open, ClosedError, LocalProtocolError."""
    def send_binary(self, data: bytes) -> bool:
        """A message of octets."""
    def ping(self, payload: bytes = b"") -> bool:
        """Asks whether the peer lives; payload: at most 125 octets."""
    def close(self, code: int = 1000, reason: str = "") -> None:
        """Says good-bye; on_close comes when the peer has answered, and no message before it. code: 1000 to 1003, 1007 to 1014, 3000 to 4999.
        reason: at most 123 octets. Errors: LocalProtocolError."""

    @property
    def target(self) -> str:
        """The path and query that the client asked for."""
    @property
    def subprotocol(self) -> str:
        """Which was agreed on; "": none."""
    @property
    def close_code(self) -> int:
        """In on_close: what the peer's close frame said; 1005 if it gave no code, 1006 if it sent none."""
    @property
    def close_reason(self) -> str:
        """In on_close: the words beside it."""

@final
class WebSocketHandshake:
    """What a client asks a server for. Good during on_handshake; after it calls raise StateError."""
    @property
    def target(self) -> str:
        """Path and query, percent-encoded."""
    @property
    def origin(self) -> str:
        """Of the page that asks; "": no browser does. Any page can ask, and the browser sends its user's cookies."""
    @property
    def subprotocols(self) -> list[str]:
        """What the client would speak, in its order of preference."""
    @property
    def headers(self) -> list[Sequence[str]]:
        """Pairs of name and value, in the order in which they came."""
    def header(self, name: str, default: str | None = None) -> str | None:
        """The value of the first header of that name, in any case of letters."""
    def refuse(self, status: int = 403) -> None:
        """400 to 599 instead of a WebSocket. Errors: ArgumentError."""
    def choose(self, subprotocol: str) -> None:
        """One of subprotocols, or "" for none. Errors: ArgumentError."""
    def add_header(self, name: str, value: str) -> None:
        """One more header of the answer, such as Set-Cookie; not sent with a refusal. Errors: LocalProtocolError, for one of the handshake's own."""

@final
class HttpHosts:
    """Several sites behind one listener, told apart by the host that a request names (RFC 9110 7.2). A host is a name without a port, in any case of
    letters; "*.example.org" stands for all below example.org, and "*" for every other."""

    def __init__(self, sites: dict[str, Callable[[HttpRequest], object]]) -> None:
        """By host, what is called with a request in place of on_request; more can be added."""
    def add(self, host: str, site: Callable[[HttpRequest], object]) -> None:
        """The host's requests are that site's from now on."""
    def serve(self, request: HttpRequest) -> None:
        """In on_request: calls the site, or answers 421 if there is none. What follows of the request (on_body) is told to its connection as ever, so
        that sites mostly collect() their bodies."""

@final
class AccessLog:
    """A file, pipe or standard output with a line of HttpRequest.log_line for each request: for on_response. No loop waits for it: lines gather for a
    tenth of a second, then a thread writes them, each as a whole, so that several processes can share a file. When a mebibyte waits, further ones
    are dropped; the metric access_log_drops counts them. run() does not return before what was added is written; stop() writes what there is room for."""

    def __init__(self, path: str) -> None:
        """Is appended to, and made if it is not there; "-": standard output. Errors: OsError, ArgumentError."""
    def add(self, request: HttpRequest, status: int, octets: int) -> bool:
        """In on_response, with what that was told. False: dropped, or the log is closed."""
    def reopen(self) -> None:
        """Opens the path again, for whoever has moved the file away; if that fails it stays with the file it had. Errors: OsError, ClosedError."""
    def close(self) -> None:
        """Writes what waits, as far as there is room for it, and forgets the rest."""

@final
class StaticFiles:
    """A folder over HTTP: GET and HEAD, ranges, ETag and Last-Modified, index files. Nothing outside of it is found, not by links either, and no
    name that begins with a dot."""

    def __init__(self, folder: str, index: str = "index.html", cache_control: str = "") -> None:
        """index: the file that stands for a folder; cache_control: that field of every answer. Errors: OsError."""
    def serve(self, request: HttpRequest, path: str = "") -> None:
        """Answers the request with a file; path: which, instead of the request's own."""

class HttpClient:
    """Requests of HTTP/1.1, over connections that are kept for the next ones: http and https, verified unless the TLS context says otherwise.

    A whole answer is a Deferred; a status of 400 or more is an answer like any other. stream() is for answers and bodies in pieces. Errors say
    in their operation which phase they come from: connect, send, receive, redirect, request for the whole. Redirects are followed by the rules
    of RFC 9110 15.4; Authorization and Cookie go to no other origin, and nothing goes from https to http unless leave_tls. An idempotent
    request whose kept connection the server had just closed is sent again, once. Idle connections do not keep run() running.

    headers, in calls: a table by name, or a sequence of pairs. Host, Content-Length and the like are set by themselves. With
    "Expect: 100-continue" the body waits for the server's 100, for a second at most, and is not sent if it answers with an error instead.
    """
    def __init__(self, reactor: Reactor | None = None, connect_timeout: float = 30.0, response_timeout: float = 60.0,
                 idle_timeout: float = 30.0, total_timeout: float = 0.0, per_origin: int = 6, max_connections: int = 256,
                 max_waiting: int = 1024, keep_alive: float = 30.0, redirects: int = 10, leave_tls: bool = False,
                 decompress: bool = False, max_body: int = 16777216, proxy: str = "", proxy_authorization: str = "",
                 connect_to: str = "", user_agent: str = "tidemill", tls: TlsContext | None = None,
                 cookies: CookieJar | bool = False) -> None:
        """Seconds, 0 for no limit: connect_timeout with TLS and proxy; response_timeout from the whole request to the answer; idle_timeout
        without an octet of its body; total_timeout with everything; keep_alive: how long an idle connection is kept. per_origin,
        max_connections: connections at once; max_waiting: requests that wait for one. max_body: of whole answers. decompress: asks for gzip, and
        answers what was compressed. proxy: "http://host:port"; https goes through it by CONNECT. proxy_authorization: that field's value.
        connect_to: an endpoint that every connection goes to, whatever the host: "unix:///run/app.sock". cookies: True for a CookieJar of its own,
        or one that clients of the reactor share. Errors: ArgumentError."""
    def request(self, method: str, url: str, headers: Sequence[Sequence[str]] | dict[str, str] = (), body: bytes = b"", timeout: float = -1.0,
                redirects: int = -1) -> Deferred:
        """The whole answer; cancelling the Deferred ends the request. timeout: as total_timeout; it and redirects: -1 for the client's. Errors:
        ArgumentError, LimitError, LocalProtocolError, StateError, and in the Deferred everything later."""
    def get(self, url: str, headers: Sequence[Sequence[str]] | dict[str, str] = ()) -> Deferred:
        """request("GET", ...)."""
    def head(self, url: str, headers: Sequence[Sequence[str]] | dict[str, str] = ()) -> Deferred:
        """request("HEAD", ...)."""
    def post(self, url: str, body: bytes, headers: Sequence[Sequence[str]] | dict[str, str] = ()) -> Deferred:
        """request("POST", ...)."""
    def put(self, url: str, body: bytes, headers: Sequence[Sequence[str]] | dict[str, str] = ()) -> Deferred:
        """request("PUT", ...)."""
    def delete(self, url: str, headers: Sequence[Sequence[str]] | dict[str, str] = ()) -> Deferred:
        """request("DELETE", ...)."""
    def stream(self, method: str, url: str, handler: HttpExchange | Callable[[], HttpExchange],
               headers: Sequence[Sequence[str]] | dict[str, str] = (), body: bytes = b"", streamed: bool = False, timeout: float = -1.0,
               redirects: int = -1) -> HttpExchange:
        """The answer comes to the exchange in pieces. streamed: so goes the body, by write() and finish(); it is chunked unless Content-Length is
        among the headers, and cannot be sent twice, so a redirect that needs it again fails. Errors as request()."""
    def close(self) -> None:
        """Idle connections close, and none is kept from now on. Requests go on."""
    @property
    def cookies(self) -> CookieJar | None:
        """Its jar, if it has one."""
    @property
    def connections(self) -> int:
        """Those that are open or opening."""
    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""
    @property
    def reactor(self) -> Reactor:
        """Its reactor."""

class CookieJar:
    """The cookies of HTTP clients of one reactor (RFC 6265), whose clock says what has expired. Cookies that are marked Secure go over https
    alone. It knows no public suffixes: a site below co.uk could set cookies for all of them, so give servers that do not trust each other
    a jar each. At most 50 cookies a domain and 3000 in all are kept, the most recently used ones; none longer than 400 days.
    """
    def __init__(self, reactor: Reactor | None = None) -> None:
        """An empty one."""
    def set(self, url: str, text: str) -> bool:
        """As if that URL had answered with "Set-Cookie: text". False: it was refused or ignored. Errors: ArgumentError."""
    def header(self, url: str) -> str:
        """What a request for that URL would say in its field Cookie; "" for nothing. Errors: ArgumentError."""
    def clear(self) -> None:
        """Forgets them all."""
    @property
    def cookies(self) -> list[Cookie]:
        """What is in it, by domain."""

@final
class Cookie:
    """What a server wants to be told again."""

    @property
    def name(self) -> str:
        """In the server's letters."""
    @property
    def value(self) -> str:
        """With its quotation marks, if it has any."""
    @property
    def domain(self) -> str:
        """In lower case, without a dot before it."""
    @property
    def path(self) -> str:
        """For this and what is below it."""
    @property
    def expires(self) -> int | None:
        """Seconds since 1970; none if it stays as long as the jar."""
    @property
    def is_host_only(self) -> bool:
        """Not for hosts below the domain."""
    @property
    def is_secure(self) -> bool:
        """For https alone."""
    @property
    def is_http_only(self) -> bool:
        """Not for programs in a page. Nothing here obeys it."""

class HttpExchange:
    """A request whose answer comes in pieces. Subclass it, override the callbacks that you need, and give it to HttpClient.stream. on_end or
    on_failure comes exactly once and last."""

    def on_interim(self, response: HttpResponse) -> None:
        """An answer before the answer: a status of 1xx but 100, as 103 with what will be needed. It has no body. Those of redirects as well."""
    def on_response(self, response: HttpResponse) -> None:
        """The head of the answer, after redirects; the body follows."""
    def on_body(self, data: bytes) -> None:
        """A piece of the body, never empty."""
    def on_drain(self) -> None:
        """After write() answered False: go on."""
    def on_end(self, response: HttpResponse) -> None:
        """The answer is whole."""
    def on_failure(self, error: Error) -> None:
        """It will not become whole: error says why."""
    def write(self, data: bytes) -> bool:
        """A piece of a streamed body. False: enough is queued; on_drain tells when to go on. Errors: ClosedError, LocalProtocolError, StateError."""
    def finish(self) -> None:
        """The end of a streamed body. Errors as write()."""
    def cancel(self) -> None:
        """Ends it with CancelledError. Nothing once it is over."""
    def pause(self) -> None:
        """No on_body and no on_end until resume(); the server is held up."""
    def resume(self) -> None:
        """Undoes pause()."""
    @property
    def is_over(self) -> bool:
        """Whether on_end or on_failure has been told, or is about to be."""
    @property
    def response(self) -> HttpResponse | None:
        """From on_response on."""

@final
class HttpResponse:
    """A server's answer."""

    @property
    def status(self) -> int:
        """200, 404, ..."""
    @property
    def reason(self) -> str:
        """The words beside the status; perhaps none."""
    @property
    def version(self) -> str:
        """"1.1" or "1.0"."""
    @property
    def headers(self) -> list[Sequence[str]]:
        """Pairs of name and value, in the order in which they came."""
    def header(self, name: str, default: str | None = None) -> str | None:
        """The value of the first header of that name, in any case of letters."""
    @property
    def url(self) -> str:
        """Of the last request, after redirects."""
    @property
    def redirects(self) -> int:
        """How many were followed."""
    @property
    def body(self) -> bytes:
        """The whole body; empty in an exchange, which had it in pieces."""
    @property
    def trailers(self) -> list[Sequence[str]]:
        """As headers, in on_end: what came behind a chunked body."""

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

@final
class SlowCallback:
    """A callback that held the loop up, as set_slow_callback tells of it."""
    language: str
    """In which language it is written: "Python", "Ruby", "Lua" or "C++"."""
    name: str
    """What it was: class and event ("Echo.on_data"), or "timer", "tick", "factory", with the function's name if it has one."""
    file: str
    """The file of its definition, or "" if that is not known."""
    line: int
    """The line of its definition, or 0."""
    seconds: float
    """How long it took."""
class Process:
    """A child process with its standard streams. Subclass it and override the callbacks that you need.

    Callbacks come in this order: (on_stdout | on_stderr | on_drain)* on_exit. on_exit comes exactly once and last, also when the reactor stops. The
    reactor keeps the object alive from spawn until on_exit has returned.
    """

    def on_stdout(self, data: bytes) -> None:
        """Octets of its standard output: at least one, in order, cut anywhere."""
    def on_stderr(self, data: bytes) -> None:
        """Octets of its error output, if spawn was asked for stderr="pipe"."""
    def on_drain(self) -> None:
        """What is queued for its input fell to the low watermark after it had risen above the high one: write again."""
    def on_exit(self, code: int | None, signal: str | None) -> None:
        """It has ended and its outputs have: with a code (0 to 255), or by a signal such as "KILL"; the other one is nothing. Always the last callback.

        Both are nothing when that is not known: the reactor stopped while it ran, or the program took the status itself. Others that hold its outputs,
        such as a daemon that it started, delay this by a second at most.
        """
    def on_error(self, error: Exception) -> None:
        """Only if you define it: one of this process's callbacks raised `error`. Without it the reactor's error handler is asked; without that the exception leaves run()."""
    def write(self, data: bytes) -> bool:
        """Queues octets for its standard input. False: the queue is above the high watermark, wait for on_drain.

        Errors: ClosedError after close_stdin, when nobody reads it any more, and after the end; StateError if its input is no pipe.
        """
    def close_stdin(self) -> None:
        """It reads the end after what was written. A second call does nothing."""
    def kill(self, signal: str = "TERM") -> bool:
        """Sends it a signal. False if it has ended; no other process ever gets it. Errors: ArgumentError (no such signal), OsError."""
    def pause(self) -> None:
        """No on_stdout, on_stderr and on_exit until resume(); a child that goes on writing waits."""
    def resume(self) -> None:
        """Undoes pause()."""
    @property
    def pid(self) -> int:
        """Its number in the system; 0 before spawn."""
    @property
    def is_running(self) -> bool:
        """Whether its end has not been noticed yet."""
    @property
    def pending(self) -> int:
        """Octets written and not yet taken by its input."""
    @property
    def reactor(self) -> Reactor | None:
        """The reactor that it belongs to; nothing before spawn."""

@final
class FileWatch:
    """A function that is called when a file or folder changes. Made by Reactor.watch_file; stays until close(), the file's deletion or the reactor's stop."""

    @property
    def path(self) -> str:
        """What is watched, as it was given."""
    @property
    def is_open(self) -> bool:
        """Whether the function may still be called."""
    def close(self) -> None:
        """The function is not called after this. A second close does nothing."""

@final
class ProcessWatch:
    """A function that is called once when a process has ended. Made by Reactor.watch_process; closes itself then."""

    @property
    def pid(self) -> int:
        """The process that is watched."""
    @property
    def is_open(self) -> bool:
        """Whether the function may still be called."""
    def close(self) -> None:
        """The function is not called after this. A second close does nothing."""

@final
class FdWatch:
    """Functions that are called while a descriptor is ready. Made by Reactor.watch_fd; stays until close() or until the reactor stops."""

    @property
    def fd(self) -> int:
        """The descriptor's number, as it was given."""
    def set_readable(self, is_on: bool) -> None:
        """Whether on_readable is called. Errors: ArgumentError if there is no such function."""
    def set_writable(self, is_on: bool) -> None:
        """Whether on_writable is called. Errors: ArgumentError if there is no such function."""
    @property
    def is_open(self) -> bool:
        """Whether the functions may still be called."""
    def close(self) -> None:
        """The functions are not called after this; the descriptor stays open. A second close does nothing."""

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
    def listen(self, endpoint: str, factory: Callable[[], Connection], backlog: int = 1024, mode: int = -1, reuse_port: bool = False, max_connections: int = 0, tls: TlsContext | None = None) -> Listener:
        """Listens; every accepted stream gets the connection that factory (a Connection class will do) makes.

        endpoint: "tcp://host:port" (port 0: any free one), "unix:///path", "unix://@abstract", "memory://name" (this reactor only), "tls://host:port",
        "systemd://name" or "systemd://0" (a socket that systemd opened and passed on, by name or place).
        tls: every stream is TLS from its start; needed for tls://, possible on any of them.
        mode: permission bits of a UNIX socket's file, -1 for the umask's. reuse_port (TCP only): several reactors or processes listen on the same
        address and the system spreads the connections; all of them must ask for it. max_connections: accepted and open at once, 0 for any number;
        at the maximum accepting waits until one is gone. Errors: ArgumentError, OsError, ResolveError.
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
    def set_slow_callback(self, seconds: float, function: Callable[[SlowCallback], object] | None = None) -> None:
        """Tells function, or else stderr in one line, of every callback that held the loop up at least `seconds`; 0 turns it off (the default).

        The steady clock counts, also on a manual one. Another call replaces the function. Errors: ArgumentError if negative.
        """
    def set_spin(self, seconds: float) -> None:
        """How long the loop looks again and again before it sleeps: from 0, the default (never), to 0.01.

        What comes meanwhile is served some 5 to 50 microseconds sooner, at the price of a processor that does nothing else. It pays where metrics() counts
        most `spins` as `spin_hits`. Errors: ArgumentError beyond these bounds, StateError from a foreign thread.
        """
    def metrics(self) -> dict:
        """What the reactor counted since it was made, by name: integers, and for times {count, sum, buckets}.

        Each bucket is a pair: a limit in seconds, and how many took at most as long; the last limit is infinite. The names are in
        docs/cookbook/limits-and-metrics.md. Errors: StateError from a foreign thread.
        """
    def prometheus(self) -> str:
        """The metrics in Prometheus's text exposition format 0.0.4; every name begins with tidemill_. Errors as metrics()."""
    def watch_file(self, path: str, function: Callable[[str, str], object]) -> FileWatch:
        """Calls function(event, name) when a file or folder changes. name: the entry of a watched folder, "" for what is watched itself.

        event: "modified"; "created" (also moved in); "moved" (away; a watch of the file itself stays on it); "deleted" (of what is watched
        itself: the watch then is closed); "overflow" (the system lost events: look for yourself). Several watches of a path are all called.
        Errors: OsError (ENOENT, EACCES, ENOSPC).
        """
    def watch_process(self, pid: int, function: Callable[[int], object]) -> ProcessWatch:
        """Calls function(pid) once when that process, whoever's child it is, has ended; its exit status stays for its parent. Errors: OsError (ESRCH), ArgumentError."""
    def watch_fd(self, fd: int, on_readable: Callable[[], object] | None = None, on_writable: Callable[[], object] | None = None) -> FdWatch:
        """Calls the functions in every turn in which the descriptor (a number, in Python what has fileno(), in Ruby an IO) is ready, for other libraries' sockets.

        It is neither read nor changed nor closed; a duplicate is watched, so close the watch before what it watches. A hang-up is both.
        Errors: OsError (EBADF; EPERM for a plain file), ArgumentError without any function.
        """
    def spawn(self, argv: list[str], handler: Process | Callable[[], Process], cwd: str = "", environment: dict[str, str] | None = None, stdin: str = "pipe", stdout: str = "pipe", stderr: str = "inherit", shell: bool = False, kill_on_stop: str = "") -> Process:
        """Starts a program (argv[0], looked up in PATH) with arguments, never through a shell unless shell is true: then argv is one text for /bin/sh -c.

        environment: all of it, nothing for this process's. stdin, stdout, stderr: "pipe", "null", "inherit"; stderr also "stdout". The child
        gets no other descriptor. kill_on_stop: the signal for a child that runs when the reactor ends, "" for none; it is reaped in any case.
        Errors: OsError (ENOENT, EACCES: it could not be started), ArgumentError, StateError.
        """
    def open_input(self, handler: Connection | Callable[[], Connection], raw: bool = False) -> Connection:
        """This program's standard input, whatever it is, as a connection that can be read. raw: a terminal gives each key at once and shows none, until on_close.

        Descriptor 0 is neither closed nor made non-blocking. Errors: OsError, StateError.
        """
    def defer(self, work: Callable[[], object], done: Callable[[object], object] | None = None, arguments: Sequence[object] = ()) -> Deferred:
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

@final
class Workers:
    """Several reactors that share nothing, to use many cores: in Python and Ruby forked processes, in Lua and C++ threads.

    With listen(..., reuse_port=True) each listens on the same port and the system spreads the connections.
    """

    def __init__(self, count: int, setup: Callable[[Reactor, int], object], deadline: float = 30.0) -> None:
        """setup(reactor, index), index 0, 1, ..., is called in each worker with its reactor, which then runs. count: 0 for one on each usable core.

        deadline: seconds that connections may go on when the workers stop. In Lua setup is a file's name (its `...` are reactor and index) or a function
        without upvalues; the option `arguments` is a list of plain values that follow. Errors: ArgumentError.
        """
    @property
    def count(self) -> int:
        """How many there are."""
    def run(self) -> None:
        """Starts the workers and returns when all have ended. SIGTERM and SIGINT stop them meanwhile (not in C++).

        Python, Ruby: a process that dies is started again; one that lived less than 5 s after a delay of 0.1 s that doubles up to 5 s, and after 10
        such deaths in a row all are stopped: LimitError. A second signal kills. Lua, C++: the error of one stops all and leaves here. Errors: StateError.
        """
    def stop(self) -> None:
        """Each worker drains (Reactor.drain) with the deadline; run() then returns. From any thread (in Lua from the state that made it)."""

VERSION: str
"""This library's version."""

def default_reactor() -> Reactor:
    """The current thread's reactor, made when first asked for."""
def run(setup: Callable[[], object] | None = None) -> None:
    """default_reactor().run(setup)"""
def stop() -> None:
    """default_reactor().stop()"""
def listen(endpoint: str, factory: Callable[[], Connection], backlog: int = 1024, mode: int = -1, reuse_port: bool = False, max_connections: int = 0, tls: TlsContext | None = None) -> Listener:
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
def defer(work: Callable[[], object], done: Callable[[object], object] | None = None, arguments: Sequence[object] = ()) -> Deferred:
    """default_reactor().defer(...)"""
def resolve(host: str) -> Deferred:
    """default_reactor().resolve(host)"""
def notify_systemd(state: str) -> bool:
    """Tells the service manager how this service is: "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..." (sd_notify(3)).

    False if there is none (no NOTIFY_SOCKET). Never waits. Errors: OsError, ArgumentError.
    """
