#!/usr/bin/env python3
"""Tries `./dev demo` as a person would: starts it, joins every chat with two clients and a listener, presses Ctrl-C.

Proves the protocol (`Please enter your name: `; the first data, stripped, is the name; all data goes to all as `NAME says: DATA`), that
Ctrl-C ends everything and leaves no process behind, and that a port in use is told. Standard library only.
"""
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PATIENCE = 15  # seconds for anything that has to happen once the demo is up
BUILDING = 600  # seconds for `./dev demo` to get there
PROMPT = b"Please enter your name: "


class Demo:
    """`./dev demo PORT` in a process group of its own, as in a terminal; leaves no process behind."""

    def __init__(self, port):
        self.process = subprocess.Popen(["./dev", "demo", str(port)], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.output = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.is_anyone_left():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def read_until(self, mark):
        """What it prints up to the line with the mark, or up to its end."""
        watch = threading.Timer(BUILDING, self.process.kill)
        watch.start()
        for line in self.process.stdout:
            self.output.append(line)
            if mark in line:
                break
        watch.cancel()
        return "".join(self.output)

    def wait(self):
        rest, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, rest

    def is_anyone_left(self):
        try:
            os.killpg(self.process.pid, 0)
            return True
        except ProcessLookupError:
            return False


class Client:
    def __init__(self, where):
        self.stream = socket.create_connection(where, PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def says(self, octets):
        self.stream.sendall(octets)

    def hears(self, octets):
        heard = b""
        while len(heard) < len(octets):
            piece = self.stream.recv(len(octets) - len(heard))
            if not piece:
                break
            heard += piece
        assert heard == octets, f"heard {heard!r} where {octets!r} was due"


def check_protocol(where):
    with Client(where) as listener:
        listener.hears(PROMPT)
        with Client(where) as anna, Client(where) as bob:
            for client in (anna, bob):
                client.hears(PROMPT)

            def everybody_hears(octets):
                for client in (listener, anna, bob):
                    client.hears(octets)

            anna.says(b"  anna \r\n")
            everybody_hears(b"anna says:   anna \r\n")
            bob.says(b"bob\n")
            everybody_hears(b"bob says: bob\n")
            anna.says(b"hello\n")
            everybody_hears(b"anna says: hello\n")
            bob.says(b"\xff\0\n")
            everybody_hears(b"bob says: \xff\0\n")
        # Both have gone; the others are none the worse for it.
        listener.says(b"carl\n")
        listener.hears(b"carl says: carl\n")


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, title, condition, detail=""):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            print(f"{title}: {detail}", flush=True)


def check_demo(report):
    with Demo(0) as demo:
        text = demo.read_until("Ctrl-C ends all")
        chats = re.findall(r"^(\S+) +nc (\S+) (\d+)$", text, re.MULTILINE)
        page = re.search(r"^browser +http://(\S+):(\d+)/$", text, re.MULTILINE)
        report.check("demo", page is not None, f"the browser's chat has no address:\n{text}")
        if page:
            with urllib.request.urlopen(page[0].split()[1], timeout=PATIENCE) as answer:
                report.check("browser", b"new WebSocket(" in answer.read(), "that is not the chat's page")
        skipped = re.findall(r"^\S+ is skipped; .*$", text, re.MULTILINE)
        report.check("demo", chats and len(chats) + len(skipped) == 4, f"four chats or reasons were due:\n{text}")
        for language, host, port in chats:
            try:
                check_protocol((host, int(port)))
                report.check(language, True)
            except (AssertionError, OSError) as error:
                report.check(f"chat in {language}", False, error)
        if demo.process.poll() is None:
            os.killpg(demo.process.pid, signal.SIGINT)
        status, rest = demo.wait()
        report.check("Ctrl-C", status == 0 and "badly" not in rest, f"status {status}:\n{rest}")
        for language, host, port in chats:
            report.check(f"{language} ended", f"{language} ended\n" in rest and not answers((host, int(port))), rest)
        report.check("Ctrl-C", not demo.is_anyone_left(), "a process is left behind")
    print(*skipped, sep="\n", end="\n" if skipped else "")
    return len(skipped)


def answers(where):
    try:
        socket.create_connection(where, PATIENCE).close()
        return True
    except OSError:
        return False


def check_port_in_use(report):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with Demo(port) as demo:
            text = demo.read_until("Ctrl-C ends all")
            status, _ = demo.wait()
            report.check("port in use", status == 1 and f"port {port} is in use" in text, f"status {status}:\n{text}")
            report.check("port in use", not demo.is_anyone_left(), "a process is left behind")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report = Report()
    skipped = check_demo(report)
    check_port_in_use(report)
    print(f"{report.passed} passed, {report.failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
