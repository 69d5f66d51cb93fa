# What only Python shows of the HTTP client: exceptions, garbage, threads, options that are refused.
import gc
import http.server
import threading
import time
import unittest
import weakref

import support  # noqa: F401
import tidemill


class Site(tidemill.HttpConnection):
    def on_request(self, request):
        request.respond(200, {"x": "y"}, b"x" * 100)


class Exchange(tidemill.HttpExchange):
    def __init__(self):
        self.told = []

    def on_response(self, response):
        self.told.append(response.status)

    def on_body(self, data):
        raise ValueError("in on_body")

    def on_end(self, response):
        self.told.append("end")

    def on_failure(self, error):
        self.told.append(error.code)


class HttpClientTest(unittest.TestCase):
    def setUp(self):
        self.reactor = tidemill.Reactor()
        self.url = "http" + self.reactor.listen("tcp://127.0.0.1:0", Site).endpoint[3:]
        self.client = tidemill.HttpClient(self.reactor)

    def run_a_while(self):
        self.reactor.call_later(0.2, self.reactor.stop)
        self.reactor.run()

    def test_exception_of_a_callback_leaves_run_and_ends_the_request(self):
        exchange = self.client.stream("GET", self.url, Exchange)
        with self.assertRaisesRegex(ValueError, "in on_body"):
            self.reactor.run()
        self.run_a_while()
        self.assertEqual(exchange.told, [200, "cancelled"])

    def test_exception_that_is_taken_costs_its_event_only(self):
        taken = []
        self.reactor.set_error_handler(lambda *arguments: taken.append(str(arguments[0])))
        exchange = self.client.stream("GET", self.url, Exchange)
        self.run_a_while()
        self.assertEqual((taken, exchange.told), (["in on_body"], [200, "end"]))

    def test_exchange_is_freed_after_its_last_callback(self):
        class Quiet(Exchange):
            def on_body(self, data):
                pass
        exchange = self.client.stream("GET", self.url, Quiet)
        self.run_a_while()
        self.assertEqual(exchange.told, [200, "end"])
        self.assertTrue(exchange.is_over)
        reference = weakref.ref(exchange)
        del exchange
        gc.collect()
        self.assertIsNone(reference())

    def test_reactor_and_client_that_are_dropped_take_the_request_along(self):
        for order in (("client", "reactor"), ("reactor", "client")):
            with self.subTest(order=order):
                self.setUp()
                reference = weakref.ref(self.client.stream("GET", self.url, Exchange))
                self.reactor.run_once(0)
                for name in order:
                    delattr(self, name)
                gc.collect()
                self.assertIsNone(reference())

    def test_foreign_thread_is_refused(self):
        self.reactor.run_once(0)
        seen = []

        def ask():
            try:
                self.client.get(self.url)
            except tidemill.StateError as error:
                seen.append(error.code)
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        self.assertEqual(seen, ["state"])

    def test_options_that_make_no_sense_are_refused(self):
        for option in ({"per_origin": 0}, {"max_connections": 0}, {"redirects": -1}, {"redirects": 1.5}, {"proxy": "x"}, {"proxy": "https://x"},
                       {"connect_to": "y"}, {"keep_alive": -1.0}, {"response_timeout": float("nan")}):
            with self.subTest(option=option), self.assertRaises(tidemill.ArgumentError):
                tidemill.HttpClient(self.reactor, **option)

    def test_cookies_are_true_or_a_jar_of_the_same_reactor(self):
        for wrong in (1, "yes", {}):
            with self.subTest(wrong=wrong), self.assertRaises(TypeError):
                tidemill.HttpClient(self.reactor, cookies=wrong)
        with self.assertRaises(tidemill.ArgumentError):
            tidemill.HttpClient(self.reactor, cookies=tidemill.CookieJar(tidemill.Reactor()))
        self.assertIsNone(self.client.cookies)
        self.assertIsInstance(tidemill.HttpClient(self.reactor, cookies=True).cookies, tidemill.CookieJar)

    def test_jar_and_client_are_freed_in_any_order(self):
        for order in (("client", "jar", "reactor"), ("reactor", "jar", "client"), ("jar", "reactor", "client")):
            with self.subTest(order=order):
                self.setUp()
                self.jar = tidemill.CookieJar(self.reactor)
                self.assertTrue(self.jar.set(self.url, "a=1"))
                self.client = tidemill.HttpClient(self.reactor, cookies=self.jar)
                reference = weakref.ref(self.jar)
                self.client.get(self.url)
                self.reactor.run_once(0)
                for name in order:
                    delattr(self, name)
                gc.collect()
                self.assertIsNone(reference())

    def test_exception_in_on_interim_leaves_run_and_ends_the_request(self):
        class Hinting(tidemill.Connection):
            def on_data(self, data):
                self.write(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")

        class Raising(Exchange):
            def on_interim(self, response):
                self.told.append((response.status, response.headers, self.response))
                raise ValueError("in on_interim")

        url = "http" + self.reactor.listen("tcp://127.0.0.1:0", Hinting).endpoint[3:]
        exchange = self.client.stream("GET", url, Raising)
        with self.assertRaisesRegex(ValueError, "in on_interim"):
            self.reactor.run()
        self.run_a_while()
        self.assertEqual([(status, list(map(tuple, headers)), response) for status, headers, response in exchange.told[:1]],
                         [(103, [("Link", "x")], None)])
        self.assertEqual(exchange.told[1:], ["cancelled"])

    def test_line_feed_is_refused_wherever_it_stands(self):
        with self.assertRaises(tidemill.LocalProtocolError):
            tidemill.HttpClient(self.reactor, user_agent="a\nproxy=http://b").get(self.url)
        for headers in ({"a": "b\r\nc: d"}, {"a\nb": "c"}, [("a", "b\n")]):
            with self.subTest(headers=headers), self.assertRaises(tidemill.LocalProtocolError):
                self.client.get(self.url, headers)
        with self.assertRaises(tidemill.ArgumentError):
            self.client.get(self.url + "/\r\nx: y")

    def test_exchange_is_used_once_at_a_time(self):
        exchange = Exchange()
        with self.assertRaises(tidemill.StateError):
            exchange.write(b"x")
        self.client.stream("GET", self.url, exchange)
        with self.assertRaises(tidemill.StateError):
            self.client.stream("GET", self.url, exchange)
        with self.assertRaises(TypeError):
            self.client.stream("GET", self.url, object)


class Peer(http.server.BaseHTTPRequestHandler):
    """Python's own server, which has its own mind about 100 and cookies."""
    protocol_version = "HTTP/1.1"

    def handle_expect_100(self):
        if self.path == "/no":
            self.send_error(413)
            return False
        return super().handle_expect_100()

    def do_PUT(self):
        said = f"{len(self.rfile.read(int(self.headers['Content-Length'])))} {self.headers.get('Cookie')}".encode()
        self.send_response(200)
        self.send_header("Set-Cookie", "sid=42; HttpOnly; Path=/")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *arguments):
        pass


class OtherServerTest(unittest.TestCase):
    def test_cookies_and_100_with_a_server_that_nobody_here_wrote(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            reactor = tidemill.Reactor(clock="manual")  # it stands still: nothing but 100 lets a body go
            client = tidemill.HttpClient(reactor, cookies=True)
            told = []

            def ask(*paths):
                if not paths:
                    return
                url = f"http://127.0.0.1:{server.server_port}{paths[0]}"
                answer = client.put(url, b"x" * 100_000, headers={"Expect": "100-continue"})
                answer.on_success(lambda response: (told.append((response.status, response.body[:20])), ask(*paths[1:])))
                answer.on_failure(lambda error: told.append((error, b"")))

            ask("/a", "/b", "/no", "/c")
            deadline = time.monotonic() + 20
            while len(told) < 4 and time.monotonic() < deadline:
                reactor.run_once(0.05)
            self.assertEqual([status for status, _ in told], [200, 200, 413, 200])
            self.assertEqual([body for _, body in told if body[:1] == b"1"], [b"100000 None", b"100000 sid=42", b"100000 sid=42"])
            self.assertTrue(client.cookies.cookies[0].is_http_only)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


if __name__ == "__main__":
    unittest.main()
