# HTTP over real sockets with clients that nobody here wrote: http.client, and h11 as a judge of what the server sends.
import http.client
import threading
import unittest

import tidemill

try:
    import h11
except ImportError:
    h11 = None


CONSTANT = (("x-way", "constant"), ("x-more", "yes"))
CHANGING = (["x-way", "changing"],)
LIST = [("x-way", "list")]


class Site(tidemill.HttpConnection):
    log: list

    def on_request(self, request):
        if request.path == "/echo":
            request.start(200)
        elif request.path == "/form":
            request.collect(lambda whole, body: whole.respond(200, {"x-length": str(len(body))}, body), limit=100)
        elif request.path == "/headers":
            assert request.header("ABSENT") is None
            request.respond(200, [("x-seen", request.header("X-Asked", "nothing")), ("x-count", str(len(request.headers)))], request.query.encode())
        elif request.path.startswith("/of/"):
            request.respond(200, {"constant": CONSTANT, "changing": CHANGING, "list": LIST}[request.path[4:]])
        elif request.path == "/later":
            self.reactor.call_later(0.01, lambda: request.respond(200, {}, b"late"))
        elif request.path == "/raise":
            raise RuntimeError("on purpose")
        else:
            super().on_request(request)

    def on_body(self, request, data):
        if not request.write(data):
            request.pause()

    def on_response_drain(self, request):
        request.resume()

    def on_body_end(self, request):
        if request.path == "/echo":
            request.finish({"x-end": "yes"})

    def on_response(self, request, status, octets, seconds):
        self.log.append((request.method, request.target, status, octets, request.is_cut))

    def on_error(self, error):
        self.log.append(str(error))


class HttpServer(unittest.TestCase):
    def setUp(self):
        started = threading.Event()
        self.log = []

        def serve():
            self.reactor = tidemill.Reactor()
            site = type("LoggedSite", (Site,), {"log": self.log})
            endpoint = self.reactor.listen("tcp://127.0.0.1:0", site).endpoint
            self.port = int(endpoint.rpartition(":")[2])
            started.set()
            self.reactor.run()

        self.thread = threading.Thread(target=serve)
        self.thread.start()
        self.assertTrue(started.wait(20))
        self.client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def tearDown(self):
        self.client.close()
        self.reactor.post(self.reactor.stop)
        self.thread.join(20)

    def ask(self, method, path, body=None, headers=None, **options):
        self.client.request(method, path, body, headers or {}, **options)
        answer = self.client.getresponse()
        return answer.status, answer.read(), answer

    def test_requests_in_a_row_use_one_connection(self):
        for _ in range(3):
            self.assertEqual(self.ask("GET", "/headers?a=b", headers={"X-Asked": "this"})[:2], (200, b"a=b"))
        status, _, answer = self.ask("GET", "/headers")
        self.assertEqual((status, answer.getheader("x-seen"), answer.getheader("x-count")), (200, "nothing", "2"))
        self.assertEqual(self.ask("GET", "/unknown")[0], 404)
        self.assertEqual(self.ask("GET", "/later")[:2], (200, b"late"))

    def test_headers_are_those_of_now(self):
        def ways(name):
            return [self.ask("GET", "/of/" + name)[2].getheader("x-way") for _ in range(2)]

        self.assertEqual(ways("constant"), ["constant"] * 2)
        self.assertEqual(ways("changing"), ["changing"] * 2)
        self.assertEqual(ways("list"), ["list"] * 2)
        CHANGING[0][1], LIST[0] = "changed", ("x-way", "another")
        self.assertEqual(ways("changing"), ["changed"] * 2)
        self.assertEqual(ways("list"), ["another"] * 2)
        self.assertEqual(ways("constant"), ["constant"] * 2)

    def test_bodies_stream_back(self):
        body = bytes(range(256)) * 20_000
        self.assertEqual(self.ask("POST", "/echo", body)[:2], (200, body))
        pieces = [body[:100_000], body[100_000:100_001], body[100_001:]]
        self.assertEqual(self.ask("POST", "/echo", iter(pieces), {"Transfer-Encoding": "chunked"}, encode_chunked=True)[:2], (200, body))
        self.assertIn(("POST", "/echo", 200, len(body), False), self.log)

    def test_a_body_is_gathered_up_to_its_limit(self):
        self.assertEqual(self.ask("POST", "/form", b"x" * 100)[0], 200)
        self.assertEqual(self.ask("POST", "/form", b"x" * 101)[0], 413)

    def test_a_raise_is_answered_with_500(self):
        self.assertEqual(self.ask("GET", "/raise")[0], 500)
        self.assertIn("on purpose", self.log)

    @unittest.skipIf(h11 is None, "h11 is not installed")
    def test_h11_agrees_with_what_is_sent(self):
        judge = h11.Connection(h11.CLIENT)
        target = "/echo"
        sent = judge.send(h11.Request(method="POST", target=target, headers=[("Host", "x"), ("Transfer-Encoding", "chunked")]))
        sent += judge.send(h11.Data(data=b"one")) + judge.send(h11.Data(data=b"two")) + judge.send(h11.EndOfMessage())
        self.client.connect()
        self.client.sock.sendall(sent)
        events = []
        while not events or type(events[-1]) is not h11.EndOfMessage:
            event = judge.next_event()
            if event is h11.NEED_DATA:
                judge.receive_data(self.client.sock.recv(65536))
            else:
                events.append(event)
        self.assertEqual(events[0].status_code, 200)
        self.assertEqual(b"".join(event.data for event in events if type(event) is h11.Data), b"onetwo")
        self.assertEqual(list(events[-1].headers), [(b"x-end", b"yes")])


if __name__ == "__main__":
    unittest.main()
