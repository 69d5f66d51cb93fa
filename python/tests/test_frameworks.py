# FastAPI and Starlette on the ASGI server, under a little load, every answer checked. They are installed by ./dev setup, for this alone.
import asyncio
import concurrent.futures
import hashlib
import json
import os
import socket
import time
import unittest

from app_server import AppServer

try:
    import fastapi
except ImportError:
    fastapi = None
try:
    import websockets
except ImportError:
    websockets = None

STREAM = b"".join(b"%d\n" % number for number in range(300))


@unittest.skipIf(fastapi is None, "FastAPI is not installed")
class Frameworks(unittest.TestCase):
    def start(self, app):
        server = AppServer(f"framework_app:{app}")
        self.addCleanup(server.kill)
        return server

    def load(self, server, use, clients=12, turns=15):
        """use(client's number, ask): the same for many at once, each on one connection."""
        def one(number):
            client = server.client()

            def ask(method, path, body=None, headers=None):
                client.request(method, path, body, headers or {})
                answer = client.getresponse()
                return answer.status, answer.read(), answer

            try:
                for turn in range(turns):
                    use(number * 100 + turn, ask)
            finally:
                client.close()

        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            for done in [pool.submit(one, number) for number in range(clients)]:
                done.result(60)

    @unittest.skipIf(websockets is None, "websockets is not installed")
    def test_websockets(self):
        server = self.start("fast")

        async def talk(number):
            url = f"ws://127.0.0.1:{server.port}/echo/n{number}"
            async with websockets.connect(url, subprotocols=["shout"] if number % 2 else None) as socket:
                self.assertEqual(socket.subprotocol, "shout" if number % 2 else None)
                self.assertEqual(socket.response.headers["x-name"], f"n{number}")
                self.assertEqual(await socket.recv(), f"hello n{number}")
                for count in (1, 300, 40_000):
                    text = "x".join(map(str, range(count)))  # octets that are all alike would be taken for a bomb
                    await socket.send(text)
                    self.assertEqual(await socket.recv(), text.upper())
                    await socket.send(text.encode())
                    self.assertEqual(await socket.recv(), text.encode())
                if number == 0:
                    await socket.close(3002)
                    return
                await socket.send("raise" if number == 1 else "end")
                await socket.wait_closed()
                self.assertEqual((socket.close_code, socket.close_reason), (1011, "") if number == 1 else (3001, "as asked"))

        async def main():
            await asyncio.gather(*(talk(number) for number in range(12)))
            with self.assertRaises(websockets.InvalidStatus) as refused:
                await websockets.connect(f"ws://127.0.0.1:{server.port}/echo/nobody")
            self.assertEqual(refused.exception.response.status_code, 403)
            with self.assertRaises(websockets.InvalidStatus) as denied:
                await websockets.connect(f"ws://127.0.0.1:{server.port}/echo/stranger")
            answer = denied.exception.response
            self.assertEqual((answer.status_code, json.loads(answer.body), answer.headers["www-authenticate"]), (401, {"who": "stranger"}, "Basic"))

        asyncio.run(asyncio.wait_for(main(), 60))
        # An upgrade that is none: accepted by the application, refused by the handshake.
        with server.socket() as stream:
            stream.sendall(b"GET /echo/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           b"Sec-WebSocket-Version: 13\r\n\r\n")  # no key
            self.assertTrue(stream.recv(65536).startswith(b"HTTP/1.1 400 "))
        server.wait_for("left with 3002\n")
        self.assertIn("as asked", server.said)
        self.assertEqual(server.stop(), 0)

    def test_fastapi(self):
        server = self.start("fast")

        def use(number, ask):
            self.assertEqual(json.loads(ask("GET", f"/hello/n{number}?times=2")[1]), {"text": f"hello n{number} hello n{number}"})
            self.assertEqual(json.loads(ask("GET", f"/thread/{number}")[1]), {"square": number * number})
            body = json.dumps({"name": f"item{number}", "size": number})
            self.assertEqual(json.loads(ask("POST", "/items", body, {"content-type": "application/json"})[1]), {"twice": number * 2})
            upload = os.urandom(200_000 + number)
            self.assertEqual(json.loads(ask("POST", "/digest", upload)[1]), {"digest": hashlib.sha256(upload).hexdigest()})
            self.assertEqual(ask("GET", "/stream/300")[:2], (200, STREAM))

        self.load(server, use, turns=8)
        server.wait_for("behind item1107\n")
        self.assertEqual(server.ask("POST", "/items", b"{}", {"content-type": "application/json"})[0], 422)
        self.assertEqual(json.loads(server.ask("GET", "/teapot")[1]), {"detail": "short and stout"})
        self.assertEqual(server.ask("GET", "/raise")[0], 500)
        server.wait_for("RuntimeError: on purpose, in FastAPI")
        status, body, answer = server.ask("GET", "/file")
        with open(os.path.join(os.path.dirname(__file__), "framework_app.py"), "rb") as file:
            self.assertEqual((status, body), (200, file.read()))
        self.assertTrue(answer.getheader("etag"))
        status, body, answer = server.ask("GET", "/file", headers={"Range": "bytes=2-10"})
        self.assertEqual((status, body), (206, b"The same "))
        self.assertEqual(server.ask("HEAD", "/hello/x")[0], 405)
        self.assertEqual(server.ask("GET", "/openapi.json")[0], 200)
        self.assertEqual(server.stop(), 0)
        self.assertIn("framework started", server.said)
        self.assertIn("framework ended", server.said)

    def test_starlette_with_middleware(self):
        server = self.start("star")

        def use(number, ask):
            status, body, answer = ask("GET", f"/hello/n{number}")
            self.assertEqual((status, body, answer.getheader("x-stamp")), (200, b"hello n%d" % number, f"/hello/n{number}"))
            upload = os.urandom(100_000 + number)
            self.assertEqual(json.loads(ask("POST", "/digest", upload)[1]), {"digest": hashlib.sha256(upload).hexdigest()})
            self.assertEqual(ask("GET", "/stream/300")[:2], (200, STREAM))

        self.load(server, use, turns=8)
        self.assertEqual(server.ask("HEAD", "/hello/x")[:2], (200, b""))
        self.assertEqual(server.stop(), 0)

    def test_a_slow_reader_of_a_stream_that_is_long(self):
        server = self.start("fast")
        before = server.resident()
        with server.socket() as stream:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            stream.sendall(b"GET /stream/100000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(1.0)
            self.assertLess(server.resident() - before, 16)
        server.wait_for("framework started")  # and it goes away while the stream is on its way:
        self.assertEqual(server.ask("GET", "/hello/x")[0], 200)
        begin = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertNotIn("ERROR", server.said)


if __name__ == "__main__":
    unittest.main()
