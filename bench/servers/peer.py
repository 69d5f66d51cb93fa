"""What the Python peers share: their command line, the socket they listen on, and how a stream is cut into lines."""

import argparse
import socket
from io import BytesIO

BACKLOG = 4096


def parse_arguments(*flags):
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=("echo", "lines", "chat", "http", "websocket"), required=True)
    parser.add_argument("--listen", metavar="ENDPOINT", required=True, help="tcp://HOST:PORT or unix:///path")
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    return parser.parse_args()


def listen(endpoint):
    """A listening socket that does not block. Linux hands its TCP_NODELAY down to what it accepts."""
    kind, _, address = endpoint.partition("://")
    if kind == "unix":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
    else:
        host, _, port = address.rpartition(":")
        listener = socket.socket(socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, int(port)))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def announce(listener):
    name = listener.getsockname()
    print("listening on", f"unix://{name}" if listener.family == socket.AF_UNIX else "tcp://{}:{}".format(*name), flush=True)


def cut(octets):
    """The complete lines, with their LF, and the rest. BytesIO knows no line end but LF, and beats split() by a third."""
    lines = BytesIO(octets).readlines()
    rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
    return lines, rest
