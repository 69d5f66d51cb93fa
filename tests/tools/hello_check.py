#!/usr/bin/env python3
"""Tries the HTTP examples as a user would: with http.client, with curl where it is, and with requests in one packet.

    hello_check.py LANGUAGE=COMMAND...     for example  "Ruby=ruby examples/http/hello.rb"

Each command is started with `--listen ENDPOINT`, in the root of the repository. Standard library only, and curl.
"""
import http.client
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from echo_check import OCTETS, PATIENCE, Server


def check_hello(port):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    for path, status, body in (("/", 200, b"hello\n"), ("/none", 404, b"not found\n"), ("/", 200, b"hello\n")):
        client.request("GET", path)
        answer = client.getresponse()
        assert (answer.status, answer.read()) == (status, body), f"GET {path}: {answer.status}"
    client.request("HEAD", "/")
    answer = client.getresponse()
    assert (answer.status, answer.getheader("content-length"), answer.read()) == (200, "6", b""), "HEAD"
    client.close()


def check_echo(port):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    for options in ({"body": OCTETS}, {"body": iter([OCTETS[:1], OCTETS[1:]]), "encode_chunked": True, "headers": {"Transfer-Encoding": "chunked"}}):
        client.request("POST", "/echo", **options)
        answer = client.getresponse()
        assert answer.read() == OCTETS, "what came back is not what was sent"
    client.close()


def check_pipelined(port):
    one = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as stream:
        stream.sendall(one * 15 + last)
        received = b""
        while piece := stream.recv(65536):
            received += piece
    assert received.count(b"HTTP/1.1 200 OK\r\n") == received.count(b"hello\n") == 16, f"{received.count(b'hello')} answers to 16 requests"
    assert received.count(b"Connection: close\r\n") == 1, "the end is not announced once"


def check_refusal(port):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as stream:
        stream.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        received = b""
        while piece := stream.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 400 "), "two lengths were not refused"


def check_curl(port):
    if not shutil.which("curl"):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "octets")
        path.write_bytes(OCTETS)
        for more in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]):
            done = subprocess.run(["curl", "-s", "-S", "--data-binary", f"@{path}", *more, f"http://127.0.0.1:{port}/echo"], capture_output=True,
                                  timeout=60, check=True)
            assert done.stdout == OCTETS, f"curl {more}"


CHECKS = (check_hello, check_echo, check_pipelined, check_refusal, check_curl)


def main():
    passed = failed = 0
    for argument in sys.argv[1:]:
        language, _, command = argument.partition("=")
        with Server(command, "tcp://127.0.0.1:0") as server:
            port = int(server.endpoint().rpartition(":")[2])
            for check in CHECKS:
                try:
                    check(port)
                    passed += 1
                except (AssertionError, OSError, subprocess.SubprocessError, http.client.HTTPException) as problem:
                    failed += 1
                    print(f"{language}: {check.__name__}: {problem or repr(problem)}")
            server.process.send_signal(signal.SIGKILL)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
