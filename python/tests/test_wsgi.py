# WSGI over real sockets, the server in a process of its own as `python -m tidemill serve` makes it; wsgi_app.py is the application, wsgiref.validate
# its judge.
import hashlib
import json
import os
import pathlib
import signal
import socket
import time
import unittest

from app_server import AppServer, check_access_log, check_many_at_once

FILE = pathlib.Path(__file__).resolve().parent / "wsgi_app.py"


class Wsgi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = AppServer("wsgi_app:app", "--threads", "8")

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        said = cls.server.said
        cls.server.kill()
        assert code == 0 and "AssertionError: Iterator garbage collected without being closed" not in said, (code, said)

    def ask(self, method, path, body=None, headers=None, **options):
        return self.server.ask(method, path, body, headers, **options)

    def test_the_environ_is_whole(self):
        seen = json.loads(self.ask("GET", "/a%20b?x=1&y=%20", headers={"X-Asked": "this", "X_Forged": "never"})[1])
        wanted = {
            "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/a b", "QUERY_STRING": "x=1&y=%20", "REQUEST_URI": "/a%20b?x=1&y=%20",
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": str(self.server.port), "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
            "HTTP_X_ASKED": "this", "wsgi.url_scheme": "http", "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False, "thread": True,
        }
        self.assertEqual({name: seen[name] for name in wanted}, wanted)
        self.assertNotIn("HTTP_X_FORGED", seen)

    def test_octets_are_characters(self):
        with self.server.socket() as stream:
            stream.sendall(b"GET /latin/%C3%A4 HTTP/1.1\r\nHost: x\r\nX-High: \xe4\xff\r\nConnection: close\r\n\r\n")
            head, _, body = stream.makefile("rb").read().partition(b"\r\n\r\n")
        self.assertIn(b"X-Latin: \xe4\r\n", head)
        self.assertIn(b"X-Seen: \xe4\xff\r\n", head)
        self.assertEqual(body, b"/latin/\xc3\xa4")

    def test_bodies_of_every_kind(self):
        self.assertEqual(self.ask("POST", "/echo", b"short")[:2], (200, b"short"))
        self.assertEqual(self.ask("GET", "/echo", headers={"Content-Length": "0"})[:2], (200, b""))
        self.assertEqual(self.ask("POST", "/echo", b"", {"Content-Type": "text/plain"})[:2], (200, b""))
        body = os.urandom(3_000_000)  # more than is kept in memory
        self.assertEqual(self.ask("POST", "/digest", body)[1].decode(), f"{hashlib.sha256(body).hexdigest()} 3000000")
        status, got, _ = self.ask("POST", "/echo", iter([b"one", b"two"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        self.assertEqual((status, got), (200, b"onetwo"))
        status, got, answer = self.ask("GET", "/each")
        self.assertEqual((got, answer.getheader("transfer-encoding")), (b"".join(b"%d\n" % number * 1000 for number in range(5)), "chunked"))
        self.server.wait_for("closed\n")
        self.assertEqual(self.ask("GET", "/generator")[1], b"lazy")
        self.assertEqual(self.ask("GET", "/write")[1], b"written, then given")
        self.assertEqual(self.ask("GET", "/file")[1], FILE.read_bytes())
        self.assertEqual(self.ask("GET", "/part")[1], FILE.read_bytes()[2:])
        self.assertEqual(self.ask("HEAD", "/file")[:2], (200, b""))
        self.assertEqual(self.ask("GET", "/204")[:2], (204, b""))
        self.assertEqual(self.ask("GET", "/instead")[:2], (503, b"something else"))
        self.assertEqual(self.ask("GET", "/errors")[0], 200)
        self.server.wait_for("an error of the application\n")

    def test_a_slow_reader_holds_the_application_up(self):
        before = self.server.resident()
        with self.server.socket() as stream:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            stream.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            time.sleep(0.5)
            self.assertLess(self.server.resident() - before, 16)
            answer = stream.makefile("rb")
            while answer.readline() != b"\r\n":
                pass
            for number in range(1024):
                self.assertEqual(answer.read(65536), bytes([number % 251]) * 65536)
        self.server.wait_for("large is over\n")

    def test_a_client_that_goes_ends_the_body(self):
        before = self.server.said.count("large is over\n")
        with self.server.socket() as stream:
            stream.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            stream.recv(100_000)
        for _ in range(200):
            if self.server.said.count("large is over\n") > before:
                break
            time.sleep(0.05)
        self.assertGreater(self.server.said.count("large is over\n"), before)

    def test_what_raises_is_answered_with_500_and_logged(self):
        for path, said in ("/raise", "RuntimeError: on purpose\n"), ("/nothing", "no start_response"), ("/bad", "LocalProtocolError"):
            with self.subTest(path):
                self.assertEqual(self.ask("GET", path)[0], 500)
                self.server.wait_for(said)
        with self.assertRaises(Exception) as caught:
            self.ask("GET", "/late")
        self.assertIn(type(caught.exception).__name__, ("IncompleteRead", "ConnectionResetError"))
        self.server.wait_for("RuntimeError: on purpose, late")

    def test_many_at_once(self):
        check_many_at_once(self, self.server, "PATH_INFO")


class WsgiProcess(unittest.TestCase):
    def test_a_term_lets_requests_finish(self):
        server = AppServer("wsgi_app:app", "--interface", "wsgi", "--access-log", "--root-path", "/under")
        self.addCleanup(server.kill)
        client = server.client()
        client.request("GET", "/slow")
        server.wait_for("slow begins")
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(client.getresponse().read(), b"slow")
        client.close()
        self.assertEqual(server.stop(None), 0)
        self.assertIn('127.0.0.1 "GET /slow HTTP/1.1" 200 4 ', server.said)

    def test_an_access_log_in_a_file(self):
        check_access_log(self, "wsgi_app:app", "--interface", "wsgi")


if __name__ == "__main__":
    unittest.main()
