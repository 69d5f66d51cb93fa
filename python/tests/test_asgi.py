# ASGI over real sockets, each server in a process of its own as `python -m tidemill serve` makes it; asgi_app.py is the application.
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

from app_server import AppServer, check_access_log, check_many_at_once

HERE = pathlib.Path(__file__).resolve().parent


class Asgi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = AppServer("asgi_app:app")

    @classmethod
    def tearDownClass(cls):
        begin = time.monotonic()
        code = cls.server.stop()
        assert time.monotonic() - begin < 10, "something was still open"
        said = cls.server.said
        cls.server.kill()
        assert code == 0 and "ended" in said, (code, said)

    def ask(self, method, path, body=None, headers=None, **options):
        return self.server.ask(method, path, body, headers, **options)

    def test_the_scope_is_whole(self):
        client = self.server.client()
        client.request("GET", "/a%20b/%C3%A4?x=1&y=%20", headers={"X-Two": "one", "Cookie": "a=b"})
        scope = json.loads(client.getresponse().read())
        here = client.sock.getsockname()
        client.close()
        self.assertEqual(scope["type"], "http")
        self.assertEqual(scope["asgi"], {"version": "3.0", "spec_version": "2.4"})
        self.assertEqual((scope["http_version"], scope["method"], scope["scheme"]), ("1.1", "GET", "http"))
        self.assertEqual((scope["path"], scope["raw_path"], scope["query_string"]), ("/a b/\u00e4", "/a%20b/%C3%A4", "x=1&y=%20"))
        self.assertEqual((scope["client"], scope["server"], scope["root_path"]), (list(here), ["127.0.0.1", self.server.port], ""))
        self.assertIn(["x-two", "one"], scope["headers"])
        self.assertIn(["cookie", "a=b"], scope["headers"])
        self.assertEqual(scope["state"], {"made": "at startup"})
        self.assertEqual(sorted(scope["extensions"]), ["http.response.pathsend", "http.response.trailers"])

    def test_http_1_0_and_head(self):
        with self.server.socket() as stream:
            stream.sendall(b"GET /x HTTP/1.0\r\n\r\n")
            head, _, body = stream.makefile("rb").read().partition(b"\r\n\r\n")
        self.assertEqual(json.loads(body)["http_version"], "1.0")
        status, body, answer = self.ask("HEAD", "/whole")
        self.assertEqual((status, body, answer.getheader("content-length")), (200, b"", str(24 << 20)))
        self.assertEqual(self.ask("HEAD", "/echo")[:2], (200, b""))
        self.assertEqual(self.ask("GET", "/204")[:2], (204, b""))
        status, body, answer = self.ask("GET", "/chunked")
        self.assertEqual((status, body, answer.getheader("transfer-encoding"), answer.getheader("x-a")), (200, b"not chunked", None, "1"))

    def test_bodies_stream_both_ways(self):
        body = os.urandom(5_000_000)
        self.assertEqual(self.ask("POST", "/echo", body)[:2], (200, body))
        pieces = [body[:1], body[1:100_000], body[100_000:]]
        status, got, answer = self.ask("POST", "/echo", iter(pieces), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        self.assertEqual((status, got, answer.getheader("transfer-encoding")), (200, body, "chunked"))
        self.assertEqual(self.ask("POST", "/count", body)[:2], (200, b"5000000"))
        self.assertEqual(self.ask("GET", "/echo")[:2], (200, b""))

    def test_an_application_runs_in_a_task(self):
        self.assertEqual(self.ask("GET", "/task")[:2], (200, b"from a thread"))

    def test_a_slow_reader_holds_the_application_up(self):
        before = self.server.resident()
        for path in "/large", "/whole":
            with self.subTest(path), self.server.socket() as stream:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                stream.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                time.sleep(0.5)
                if path == "/large":  # the other has its whole body in memory by itself
                    self.assertLess(self.server.resident() - before, 16)
                answer = stream.makefile("rb")
                while answer.readline() != b"\r\n":
                    pass
                if path == "/large":
                    for number in range(1024):
                        self.assertEqual(answer.read(65536), bytes([number % 251]) * 65536)
                else:
                    self.assertEqual(answer.read(), b"w" * (24 << 20))

    def test_an_application_that_does_not_read_holds_the_client_up(self):
        with self.server.socket() as stream:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            stream.sendall(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
            stream.settimeout(0.3)
            sent = 0
            with self.assertRaises(socket.timeout):
                while sent < 100_000_000:
                    sent += stream.send(bytes(65536))
            self.assertLess(sent, 20_000_000)  # what systems keep for both sides
            # After the answer nothing waits for ever: what is left of the body is read and told to nobody.
            stream.settimeout(20)
            while sent < 100_000_000:
                sent += stream.send(bytes(min(65536, 100_000_000 - sent)))
            self.assertTrue(stream.makefile("rb").read().endswith(b"\r\n\r\nenough"))

    def test_trailers_and_files(self):
        with self.server.socket() as stream:
            stream.sendall(b"GET /trailers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertTrue(stream.makefile("rb").read().endswith(b"6\r\na body\r\n0\r\nx-sum: 7\r\n\r\n"))
        status, body, answer = self.ask("GET", "/file")
        self.assertEqual((status, answer.getheader("content-type")), (200, "text/x-python"))
        self.assertEqual(body, (HERE / "asgi_app.py").read_bytes())

    def test_what_raises_is_answered_with_500_and_logged(self):
        self.assertEqual(self.ask("GET", "/raise")[0], 500)
        self.server.wait_for("RuntimeError: on purpose\n")
        self.assertEqual(self.ask("GET", "/nothing")[0], 500)
        self.server.wait_for("returned without an answer")
        with self.assertRaises((ConnectionError, Exception)) as caught:
            self.ask("GET", "/raise_late")
        self.assertIn(type(caught.exception).__name__, ("IncompleteRead", "ConnectionResetError"))
        self.server.wait_for("RuntimeError: on purpose, late")

    def test_wrong_messages_raise_in_the_application(self):
        self.assertEqual(self.ask("GET", "/wrong")[0], 500)
        self.server.wait_for("wrong: RuntimeError RuntimeError RuntimeError taken LocalProtocolError\n")

    def test_a_disconnect_is_told(self):
        with self.server.socket() as stream:
            stream.sendall(b"GET /disconnect HTTP/1.1\r\nHost: x\r\n\r\n")
            self.server.wait_for("waits http.request\n")
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
        self.server.wait_for("then http.disconnect\n")
        self.server.wait_for("send raised ClientDisconnected\n")
        self.assertEqual(self.ask("GET", "/after")[:2], (200, b"done"))
        self.server.wait_for("after http.disconnect\nbehind the answer\n")

    def test_many_at_once(self):
        check_many_at_once(self, self.server, "path")

    def test_pipelined_requests_are_answered_in_order(self):
        with self.server.socket() as stream:
            stream.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n%s\r\n" % (number, b"Connection: close\r\n" * (number == 9)) for number in range(10)))
            text = stream.makefile("rb").read().decode()
        self.assertEqual([part.split('"')[0] for part in text.split('"path": "/')[1:]], [str(number) for number in range(10)])


class AsgiProcess(unittest.TestCase):
    def start(self, app, *options, **more):
        server = AppServer(app, *options, **more)
        self.addCleanup(server.kill)
        return server

    def test_a_term_lets_requests_finish(self):
        server = self.start("asgi_app:app", "--access-log")
        client = server.client()
        client.request("GET", "/slow")
        server.wait_for("slow begins")
        server.process.send_signal(signal.SIGTERM)
        answer = client.getresponse()
        self.assertEqual((answer.read(), answer.getheader("connection")), (b"slow", "close"))
        client.close()
        self.assertEqual(server.stop(None), 0)
        self.assertIn("started", server.said)
        self.assertIn("ended", server.said)
        self.assertIn('127.0.0.1 "GET /slow HTTP/1.1" 200 4 ', server.said)

    def test_an_access_log_in_a_file(self):
        check_access_log(self, "asgi_app:app")

    def test_a_term_waits_no_longer_than_it_was_told(self):
        server = self.start("asgi_app:app", "--drain", "0.1")
        with server.socket() as stream:
            stream.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            server.wait_for("slow begins")
            begin = time.monotonic()
            self.assertEqual(server.stop(signal.SIGINT), 0)
            self.assertLess(time.monotonic() - begin, 10)

    def test_applications_of_other_shapes(self):
        self.assertEqual(self.start("asgi_app:plain", "--interface", "asgi").ask("GET", "/task")[:2], (200, b"from a thread"))
        server = self.start("asgi_app:no_lifespan")
        self.assertEqual(server.ask("GET", "/")[:2], (200, b"without a lifespan"))
        self.assertEqual(server.stop(), 0)
        self.assertNotIn("ERROR", server.said)
        for app, options in ("asgi_app:failing", []), ("asgi_app:no_lifespan", ["--lifespan", "on"]), ("asgi_app:app", ["--interface", "none"]):
            with self.subTest(app, options=options), self.assertRaisesRegex(AssertionError, "did not start"):
                self.start(app, *options)
        for app in "asgi_app", "nowhere:app", "no.where:app":
            with self.assertRaisesRegex(AssertionError, "did not start(.|\n)*error:"):
                self.start(app)

    def test_a_root_path_and_a_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            server = self.start("asgi_app:app", "--root-path", "/under", listen=f"unix://{folder}/app")
            with socket.socket(socket.AF_UNIX) as stream:
                stream.connect(f"{folder}/app")
                stream.sendall(b"GET /x%20y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                scope = json.loads(stream.makefile("rb").read().partition(b"\r\n\r\n")[2])
            self.assertEqual((scope["root_path"], scope["path"], scope["raw_path"]), ("/under", "/under/x y", "/under/x%20y"))
            self.assertEqual((scope["client"], scope["server"]), (None, [f"{folder}/app", None]))
            self.assertEqual(server.stop(), 0)

    def test_over_tls_the_scheme_is_https(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = f"{folder}/certificate.pem", f"{folder}/key.pem"
            made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
            subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
            trust = ssl.create_default_context(cafile=certificate)
            for app, options, name in ("asgi_app:app", [], "scheme"), ("wsgi_app:app", ["--interface", "wsgi"], "wsgi.url_scheme"):
                server = self.start(app, "--tls-certificate", certificate, "--tls-key", key, *options)
                client = http.client.HTTPSConnection("localhost", server.port, timeout=20, context=trust)
                client.request("GET", "/")
                self.assertEqual(json.loads(client.getresponse().read())[name], "https")
                client.close()
                self.assertEqual(server.stop(), 0)

    def test_workers_share_a_port(self):
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.bind(("127.0.0.1", 0))
            port = holder.getsockname()[1]
            server = self.start("asgi_app:app", "--workers", "2", listen=f"tcp://127.0.0.1:{port}")
            for _ in range(200):
                if server.said.count("listening on") == 2:
                    break
                time.sleep(0.05)
            for _ in range(10):
                self.assertEqual(server.ask("GET", "/task")[:2], (200, b"from a thread"))
            self.assertEqual(server.stop(), 0)
            self.assertEqual(server.said.count("ended"), 2)

    def test_the_command_tells_its_version(self):
        done = subprocess.run([sys.executable, "-m", "tidemill", "--version"], capture_output=True, text=True, timeout=20)
        self.assertRegex(done.stdout, r"^tidemill \d+\.\d+")


if __name__ == "__main__":
    unittest.main()
