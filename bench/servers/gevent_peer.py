"""gevent's servers: a greenlet for each connection, in chat a second one that sends.

    gevent_peer.py --case echo|lines|chat --listen ENDPOINT
"""

import signal

import gevent
import peer
from gevent.event import Event
from gevent.server import StreamServer
from gevent.socket import socket

RECEIVE_SIZE = 65536


def send(connection, octets):
    """sendall() at once costs a system call more: it asks how large the socket's buffer is."""
    sent = connection.send(octets)
    if sent < len(octets):
        connection.sendall(octets[sent:])


def echo(connection, _address):
    while data := connection.recv(RECEIVE_SIZE):
        send(connection, data)


def answer_lines(connection, _address):
    rest = b""
    while data := connection.recv(RECEIVE_SIZE):
        lines, rest = peer.cut(rest + data)
        for line in lines:
            send(connection, line)


class Outbox:
    """What one member of the chat has still to be sent. Senders never wait for a slow member, and never cut into each other's lines."""

    def __init__(self, connection):
        self.connection = connection
        self.lines = []
        self.is_filled = Event()

    def put(self, line):
        self.lines.append(line)
        self.is_filled.set()

    def send_all(self):
        while self.is_filled.wait():
            self.is_filled.clear()
            octets = b"".join(self.lines)
            self.lines.clear()
            try:
                send(self.connection, octets)
            except OSError:
                return  # the greenlet that receives notices it, too


everybody = set()


def chat(connection, _address):
    outbox = Outbox(connection)
    everybody.add(outbox)
    sender = gevent.spawn(outbox.send_all)
    rest = b""
    try:
        while data := connection.recv(RECEIVE_SIZE):
            lines, rest = peer.cut(rest + data)
            for line in lines:
                for member in everybody:
                    member.put(line)
    finally:
        everybody.discard(outbox)
        sender.kill()


HANDLERS = {"echo": echo, "lines": answer_lines, "chat": chat}


def forgiving(handler):
    """A peer that resets its connection is no reason for a traceback."""

    def handle(connection, address):
        try:
            handler(connection, address)
        except OSError:
            pass

    return handle


def main():
    arguments = peer.parse_arguments()
    listener = peer.listen(arguments.listen)
    server = StreamServer(socket(fileno=listener.detach()), forgiving(HANDLERS[arguments.case]))
    server.max_accept = 100
    server.start()
    peer.announce(server.socket)
    gevent.signal_handler(signal.SIGTERM, server.stop, 0)
    server.serve_forever()


if __name__ == "__main__":
    main()
