# The answers of ASGI's scope "websocket" to the opening handshake: headers of an acceptance, and denials (the extension websocket.http.response).
# Other WebSockets are in test_frameworks.py; asgi_websocket_app.py is the application.
import time
import unittest

from app_server import AppServer

ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # of the key below, RFC 6455 1.3


def request(path, protocols=""):
    fields = f"Sec-WebSocket-Protocol: {protocols}\r\n" if protocols else ""
    return (f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n").encode()


def read_head(stream):
    """The status line, and the fields as pairs."""
    lines = []
    while line := stream.readline().rstrip(b"\r\n"):
        lines.append(line)
    return lines[0], [tuple(line.split(b": ", 1)) for line in lines[1:]]


def read_body(stream, fields):
    if b"chunked" not in dict(fields).get(b"Transfer-Encoding", b""):
        return stream.read(int({name.lower(): value for name, value in fields}[b"content-length"]))
    body = b""
    while size := int(stream.readline(), 16):
        body += stream.read(size)
        assert stream.readline() == b"\r\n"
    assert stream.readline() == b"\r\n"
    return body


class AsgiWebSocket(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = AppServer("asgi_websocket_app:app")

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.kill()
        assert code == 0, cls.server.said

    def denied(self, stream, path):
        """Asks, and answers status, fields and body of the denial."""
        stream.sendall(request(path))
        with stream.makefile("rb") as octets:
            status, fields = read_head(octets)
            return int(status.split()[1]), dict(fields), read_body(octets, fields)

    def test_headers_of_an_acceptance_are_sent(self):
        with self.server.socket() as stream, stream.makefile("rb") as octets:
            stream.sendall(request("/headers", "news, chat"))
            status, fields = read_head(octets)
            self.assertEqual(status, b"HTTP/1.1 101 Switching Protocols")
            self.assertEqual([value for name, value in fields if name.lower() == b"sec-websocket-accept"], [ACCEPT.encode()])
            self.assertEqual([value for name, value in fields if name.lower() == b"sec-websocket-protocol"], [b"chat"])
            self.assertIn((b"set-cookie", b"a=\xc3\xa4"), fields)
            self.assertIn((b"x-two", b"2"), fields)
            self.assertEqual(octets.read(11), b"\x81\x05hello\x88\x02\x03\xe8")

    def test_headers_of_the_handshake_itself_raise(self):
        with self.server.socket() as stream, stream.makefile("rb") as octets:
            stream.sendall(request("/wrong"))
            status, fields = read_head(octets)
            self.assertEqual(status, b"HTTP/1.1 101 Switching Protocols")
            self.assertEqual(sorted(name.lower() for name, _ in fields if name.lower() != b"date"),
                             [b"connection", b"sec-websocket-accept", b"upgrade", b"x-good"])
            self.assertEqual(octets.read(4), b"\x88\x02\x03\xe8")
        self.assertEqual(self.server.said.count("refused: LocalProtocolError\n"), 9, self.server.said)
        self.assertNotIn("taken:", self.server.said)

    def test_a_denial_is_a_response_of_http(self):
        with self.server.socket() as stream:
            for _ in range(2):  # the connection goes on
                status, fields, body = self.denied(stream, "/deny")
                self.assertEqual((status, body, fields[b"www-authenticate"]), (401, b"who are you?\n", b"Basic"))
        self.server.wait_for("then websocket.disconnect 1006\n")
        self.server.wait_for("send raised ClientDisconnected\n")

    def test_a_denial_may_come_in_pieces(self):
        with self.server.socket() as stream:
            for path, body in (("/pieces", b"one two three"), ("/length", b"one two")):
                with self.subTest(path):
                    self.assertEqual(self.denied(stream, path)[::2], (404, body))

    def test_a_slow_reader_holds_a_denial_up(self):
        with self.server.socket() as stream:
            stream.sendall(request("/large"))
            time.sleep(0.5)
            self.assertNotIn("all was sent", self.server.said)
            with stream.makefile("rb") as octets:
                status, fields = read_head(octets)
                self.assertEqual(read_body(octets, fields), b"".join(bytes([number]) * 1_000_000 for number in range(24)))
        self.server.wait_for("all was sent\n")

    def test_a_denial_that_is_not_whole_is_none(self):
        with self.server.socket() as stream:
            self.assertEqual(self.denied(stream, "/half")[0], 500)
        self.server.wait_for("without an answer that is whole")
        with self.server.socket() as stream, stream.makefile("rb") as octets:
            stream.sendall(request("/raise"))
            with self.assertRaises((ConnectionResetError, ValueError)):  # cut in the midst of the chunks
                read_body(octets, read_head(octets)[1])
        self.server.wait_for("on purpose")

    def test_wrong_messages_raise_in_the_application(self):
        with self.server.socket() as stream:
            self.assertEqual(self.denied(stream, "/order")[::2], (418, b"tea"))
        self.server.wait_for("order: RuntimeError RuntimeError taken RuntimeError RuntimeError RuntimeError\n")


if __name__ == "__main__":
    unittest.main()
