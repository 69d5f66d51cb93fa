#!/usr/bin/env python3
"""Tries the echo examples as a user would: over TCP, UNIX and TLS, silent, too many, with a wrong endpoint, a busy one, Ctrl-C.

    echo_check.py [--here] LANGUAGE=COMMAND...     for example  "Ruby=ruby examples/echo/echo.rb"

Each command is started with `--listen ENDPOINT`, in the root of the repository or, with --here, in the current folder. Standard library only.
"""
import contextlib
import os
import queue
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 15  # seconds for anything that has to happen
OCTETS = bytes(range(256)) * 4096  # a megabyte, every octet in it


class Server:
    """A started example; leaves no process behind."""

    def __init__(self, command, endpoint):
        self.process = subprocess.Popen([*command.split(), "--listen", endpoint], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def endpoint(self):
        """What it says that it listens on."""
        lines = queue.Queue()
        threading.Thread(target=lambda: lines.put(self.process.stdout.readline()), daemon=True).start()
        line = lines.get(timeout=PATIENCE)
        if not line.startswith("listening on "):
            _, problem = self.process.communicate(timeout=PATIENCE)
            raise AssertionError(f"it did not start: {line}{problem}")
        return line.split()[-1]

    def end(self, number):
        """Its status and what it complained of, after the signal."""
        self.process.send_signal(number)
        return self.outcome()

    def outcome(self):
        _, problem = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, problem


def make_certificates(folder):
    """The names are in certificates.sh."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support", "certificates.sh")
    subprocess.run(["sh", script, folder], capture_output=True, check=True)


def connect(endpoint):
    scheme, _, rest = endpoint.partition("://")
    if scheme == "unix":
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(PATIENCE)
        stream.connect(rest)
        return stream
    host, _, port = rest.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), PATIENCE)


def read(stream, count):
    octets = bytearray()
    while len(octets) < count:
        piece = stream.recv(65536)
        if not piece:
            break
        octets += piece
    return bytes(octets)


def echoes(stream, octets):
    sender = threading.Thread(target=stream.sendall, args=[octets])
    sender.start()
    answer = read(stream, len(octets))
    sender.join()
    assert answer == octets, f"{len(answer)} octets came back for {len(octets)}, or others"


def check_serves(command, endpoint):
    with Server(command, endpoint) as server:
        where = server.endpoint()
        with connect(where) as first, connect(where) as second:
            for stream in (first, second, first):
                echoes(stream, b"hello")
            echoes(second, OCTETS)
            second.shutdown(socket.SHUT_WR)
            assert second.recv(1) == b"", "the end was not answered with an end"
            echoes(first, b"still there")
        status, problem = server.end(signal.SIGTERM)
        assert status in (0, 143, -signal.SIGTERM), f"SIGTERM ended it with {status}: {problem}"
        assert not problem, f"it complained: {problem}"


def check_serves_tls(command, folder):
    """Beside TCP, in one server."""
    command = f"{command} --listen tcp://127.0.0.1:0 --certificate {folder}/server.pem --key {folder}/server.key"
    trusting = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    with Server(command, "tls://127.0.0.1:0") as server:
        plain, secured = server.endpoint(), server.endpoint()
        assert secured.startswith("tls://"), f"it listens on {plain} and {secured}"
        with connect(plain) as first, trusting.wrap_socket(connect(secured), server_hostname="localhost") as second:
            echoes(first, b"hello")
            second.sendall(OCTETS)  # Python's TLS is not for two threads at once, so the server has to keep this for us
            assert read(second, len(OCTETS)) == OCTETS, "other octets came back over TLS"
            second.unwrap().close()  # says goodbye and waits for the answer
            echoes(first, b"still there")
        status, problem = server.end(signal.SIGTERM)
        assert status in (0, 143, -signal.SIGTERM) and not problem, f"SIGTERM ended it with {status}: {problem}"


def check_lets_go(command):
    with Server(f"{command} --idle 0.2", "tcp://127.0.0.1:0") as server, connect(server.endpoint()) as stream:
        echoes(stream, b"hello")
        try:
            assert stream.recv(1) == b"", "something came unasked"
        except ConnectionResetError:
            pass


def cpu_time(process):
    """Seconds that it has used so far; proc(5)."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check_survives_starvation(command):
    """More peers than it may have descriptors: it waits nearly for free, and serves the others as soon as there is room."""
    with Server(f"prlimit --nofile=40:40 {command}", "tcp://127.0.0.1:0") as server:
        where = server.endpoint()
        with contextlib.ExitStack() as everything:
            served = everything.enter_context(connect(where))
            echoes(served, b"hello")
            early = [everything.enter_context(connect(where)) for _ in range(40)]
            late = [everything.enter_context(connect(where)) for _ in range(20)]
            echoes(served, b"still there")  # it has come to the end of its descriptors by now
            began, used = time.monotonic(), cpu_time(server.process)
            time.sleep(2)
            share = (cpu_time(server.process) - used) / (time.monotonic() - began)
            assert share < 0.05, f"out of descriptors it takes {share:.0%} of a processor"
            late[-1].settimeout(0.2)
            late[-1].sendall(b"x")
            try:
                assert not late[-1].recv(1), "it had descriptors for all of them"
            except socket.timeout:
                pass
            for stream in early:
                stream.close()
            late[-1].settimeout(PATIENCE)
            assert read(late[-1], 1) == b"x", "the last one was not served when there was room"
            for stream in (*late, served):
                echoes(stream, b"hello again")
        status, problem = server.end(signal.SIGTERM)
        assert status in (0, 143, -signal.SIGTERM) and not problem, f"SIGTERM ended it with {status}: {problem}"


def check_ends_with_ctrl_c(command, endpoint):
    with Server(command, endpoint) as server:
        with connect(server.endpoint()) as stream:
            echoes(stream, b"hello")
            status, problem = server.end(signal.SIGINT)
        assert status in (0, 1, 130, -signal.SIGINT), f"Ctrl-C ended it with {status}: {problem}"


def check_refuses(command, endpoint, *words):
    with Server(command, endpoint) as server:
        status, problem = server.outcome()
        assert status > 0, f"status {status}, not an orderly failure"
        # The interpreter of Lua 5.1 cannot show an error object, whatever its tostring() says.
        assert "(error object is not a string)" in problem or all(word in problem for word in words), f"its message lacks one of {words}: {problem}"


def checks(command, folder):
    """What is tried, each with its title."""
    busy = socket.create_server(("127.0.0.1", 0))
    taken = f"tcp://127.0.0.1:{busy.getsockname()[1]}"
    try:
        yield "tcp", lambda: check_serves(command, "tcp://127.0.0.1:0")
        yield "unix", lambda: check_serves(command, f"unix://{folder}/echo.sock")
        yield "tls", lambda: check_serves_tls(command, folder)
        yield "a silent peer", lambda: check_lets_go(command)
        yield "no descriptors left", lambda: check_survives_starvation(command)
        yield "tls without a certificate", lambda: check_refuses(command, "tls://127.0.0.1:0", "certificate")
        yield "Ctrl-C", lambda: check_ends_with_ctrl_c(command, "tcp://127.0.0.1:0")
        yield "malformed endpoint", lambda: check_refuses(command, "nonsense", "nonsense")
        yield "port in use", lambda: check_refuses(command, taken, taken, "EADDRINUSE")
    finally:
        busy.close()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    passed = failed = 0
    for language, _, command in (argument.partition("=") for argument in sys.argv[1:]):
        with tempfile.TemporaryDirectory(prefix="tidemill-") as folder:
            make_certificates(folder)
            for title, check in checks(command, folder):
                try:
                    check()
                    passed += 1
                except (AssertionError, OSError, queue.Empty, subprocess.TimeoutExpired) as error:
                    failed += 1
                    print(f"echo in {language}, {title}: {error or type(error).__name__}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if "--here" in sys.argv:
        sys.argv.remove("--here")
    else:
        os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    main()
