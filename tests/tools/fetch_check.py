#!/usr/bin/env python3
"""Tries the HTTP client examples as a user would: against Python's http.server, in plain text and over TLS, and against nothing at all.

    fetch_check.py LANGUAGE=COMMAND...     for example  "Ruby=ruby examples/http/fetch.rb"

Each command is started with a URL, in the root of the repository. Standard library only.
"""
import contextlib
import http.server
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

from echo_check import OCTETS, PATIENCE, make_certificates

LONG = OCTETS * 4


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, *fields):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/long":
            self.answer(200, LONG)
        elif self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(OCTETS), 100_000):
                piece = OCTETS[start:start + 100_000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/close":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(OCTETS)
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x")
            self.close_connection = True
        elif self.path == "/moved":
            self.answer(302, b"elsewhere", ("Location", "/agent"))
        elif self.path == "/round":
            self.answer(302, b"", ("Location", "/round"))
        elif self.path == "/agent":
            self.answer(200, self.headers["User-Agent"].encode())
        else:
            self.answer(404, b"there is no such thing\n")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def fetch(command, *arguments):
    done = subprocess.run([*command.split(), *arguments], capture_output=True, timeout=PATIENCE * 2, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


def check_bodies(command, port, folder):
    url = f"http://127.0.0.1:{port}"
    for path, body in (("/long", LONG), ("/chunked", OCTETS), ("/close", OCTETS), ("/moved", b"tidemill")):
        code, output, said = fetch(command, url + path)
        assert (code, output) == (0, body), f"{path}: code {code}, {len(output)} octets, {said}"
        if path == "/long":
            assert f"octets of {len(LONG)}" in said, f"no progress is told: {said}"
    path = pathlib.Path(folder, "output")
    code, output, _ = fetch(command, url + "/long", "--output", str(path))
    assert (code, output) == (0, b""), f"--output: code {code}, {len(output)} octets"
    assert path.read_bytes() == LONG, "--output: not what was sent"


def check_problems(command, port, _):
    url = f"http://127.0.0.1:{port}"
    code, output, said = fetch(command, url + "/none")
    assert code == 1 and output == b"there is no such thing\n" and "404 Not Found" in said, f"404: {code} {said}"
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))  # nobody listens
        for bad, words in ((f"http://127.0.0.1:{busy.getsockname()[1]}/", "refused"), ("http://name.invalid/", "name.invalid"),
                           (url + "/cut", "in the middle"), (url + "/round", "more redirects"), ("ftp://x/", "http://"), ("nonsense", "http://")):
            code, output, said = fetch(command, bad)
            assert code == 2 and words in said, f"{bad}: code {code}: {said}"
            assert "Traceback" not in said and "terminate" not in said, said


def check_tls(command, _, folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
    with serving(context) as port:
        url = f"https://localhost:{port}/long"
        code, output, said = fetch(command, url, "--authorities", f"{folder}/ca.pem")
        assert (code, output) == (0, LONG), f"code {code}, {len(output)} octets, {said}"
        code, output, said = fetch(command, url)
        assert (code, output) == (2, b""), f"a certificate of nobody knows whom was trusted: code {code}"
        assert "certificate" in said, said
        code, output, _ = fetch(command, f"http://127.0.0.1:{port}/")
        assert (code, output) == (2, b""), "plain HTTP to a TLS server"


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder, serving() as port:
        make_certificates(folder)
        for argument in sys.argv[1:]:
            language, _, command = argument.partition("=")
            for check in (check_bodies, check_problems, check_tls):
                try:
                    check(command, port, folder)
                    passed += 1
                except (AssertionError, OSError, subprocess.SubprocessError) as problem:
                    failed += 1
                    print(f"{language}: {check.__name__}: {problem or repr(problem)}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
