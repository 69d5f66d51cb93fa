# asyncio's own loop over ReactorSelector: what asyncio promises holds, and a reactor's connections live in the same thread and loop.
import asyncio
import os
import selectors
import socket
import sys
import tempfile
import threading
import time
import unittest

import tidemill
from support import run_in_child
from tidemill.selector import ReactorSelector


class Echo(tidemill.Connection):
    def on_data(self, data):
        self.write(data)


class Selector(unittest.TestCase):
    def setUp(self):
        self.reactor = tidemill.Reactor()
        self.loop = asyncio.SelectorEventLoop(ReactorSelector(self.reactor))
        asyncio.set_event_loop(self.loop)
        self.loop.set_debug(True)
        self.addCleanup(asyncio.set_event_loop, None)
        self.addCleanup(self.loop.close)

    def run_it(self, coroutine):
        async def within_time():
            return await asyncio.wait_for(coroutine, 20)

        return self.loop.run_until_complete(within_time())

    def test_streams_of_asyncio_talk_to_each_other(self):
        body = os.urandom(3_000_000)

        async def serve(reader, writer):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()

        async def use(port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            reading = asyncio.ensure_future(reader.readexactly(len(body)))
            writer.write(body)
            await writer.drain()
            got = await reading
            writer.close()
            await writer.wait_closed()
            return got

        async def main():
            async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
                return await asyncio.gather(*[use(server.sockets[0].getsockname()[1]) for _ in range(4)])

        self.assertEqual(self.run_it(main()), [body] * 4)

    def test_streams_of_asyncio_talk_to_connections_of_the_reactor(self):
        endpoint = self.reactor.listen("tcp://127.0.0.1:0", Echo).endpoint
        body = os.urandom(1_000_000)

        async def main():
            reader, writer = await asyncio.open_connection("127.0.0.1", int(endpoint.rpartition(":")[2]))
            reading = asyncio.ensure_future(reader.readexactly(len(body)))
            writer.write(body)
            got = await reading
            writer.close()
            return got

        self.assertEqual(self.run_it(main()), body)

    def test_a_write_from_a_task_leaves_before_the_loop_sleeps(self):
        listener = self.reactor.listen("tcp://127.0.0.1:0", Echo)
        loop, came = self.loop, self.loop.create_future()

        class Client(tidemill.Connection):
            def on_open(self):
                opened.set_result(None)

            def on_data(self, data):
                came.set_result((data, loop.time()))

        opened = self.loop.create_future()

        async def main():
            client = self.reactor.connect(listener.endpoint, Client)
            await opened
            await asyncio.sleep(0.01)
            begin = loop.time()
            client.write(b"now")
            data, end = await came
            return data, end - begin

        data, seconds = self.run_it(main())
        self.assertEqual(data, b"now")
        self.assertLess(seconds, 5)

    def test_a_subprocess(self):
        async def main():
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", "import sys; print(sys.stdin.read()[::-1])",
                                                         stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
            output, _ = await child.communicate(b"abc")
            return output, child.returncode

        self.assertEqual(self.run_it(main()), (b"cba\n", 0))

    def test_calls_from_other_threads_wake_it(self):
        future = self.loop.create_future()
        thread = threading.Thread(target=lambda: (time.sleep(0.05), self.loop.call_soon_threadsafe(future.set_result, "from a thread")))
        thread.start()
        self.assertEqual(self.run_it(future), "from a thread")
        thread.join()
        self.assertEqual(self.run_it(asyncio.wait_for(self.loop.run_in_executor(None, time.sleep, 0.01), 5)), None)

    def test_timers_of_both_fire_in_their_order(self):
        fired = []

        async def main():
            self.reactor.call_later(0.04, lambda: fired.append("reactor, second"))
            self.loop.call_later(0.02, fired.append, "asyncio, first")
            self.loop.call_later(0.06, fired.append, "asyncio, third")
            self.reactor.next_tick(lambda: self.loop.call_soon(fired.append, "soon, from a tick"))
            await asyncio.sleep(0.1)

        self.run_it(main())
        self.assertEqual(fired, ["soon, from a tick", "asyncio, first", "reactor, second", "asyncio, third"])

    def test_a_timer_of_the_reactor_wakes_a_loop_without_timers(self):
        future = self.loop.create_future()
        self.reactor.call_later(0.05, lambda: future.set_result("woken"))
        self.loop.set_debug(False)
        self.assertEqual(self.loop.run_until_complete(future), "woken")

    def test_posts_to_the_reactor_wake_it(self):
        future = self.loop.create_future()
        thread = threading.Thread(target=lambda: (time.sleep(0.05), self.reactor.post(lambda: future.set_result("posted"))))
        thread.start()
        self.assertEqual(self.loop.run_until_complete(future), "posted")
        thread.join()

    def test_the_loop_rests_when_there_is_nothing_to_do(self):
        async def main():
            await asyncio.sleep(0.05)
            begin = time.process_time()
            await asyncio.sleep(0.3)
            return time.process_time() - begin

        self.reactor.listen("tcp://127.0.0.1:0", Echo)
        self.assertLess(self.run_it(main()), 0.1)

    def test_descriptors_come_and_go_as_in_any_selector(self):
        selector = ReactorSelector(tidemill.Reactor())
        one, other = socket.socketpair()
        with one, other, selector:
            key = selector.register(one, selectors.EVENT_READ, "data")
            self.assertEqual(selector.select(0), [])
            other.send(b"x")
            self.assertEqual(selector.select(5), [(key, selectors.EVENT_READ)])
            self.assertEqual(selector.select(5), [(key, selectors.EVENT_READ)])  # again: it is still ready
            key = selector.modify(one, selectors.EVENT_READ | selectors.EVENT_WRITE, "data")
            self.assertEqual(selector.select(5), [(key, selectors.EVENT_READ | selectors.EVENT_WRITE)])
            self.assertEqual(selector.get_key(one).data, "data")
            self.assertNotIn(selector.reactor.fd(), selector.get_map())
            selector.unregister(one)
            with self.assertRaises(KeyError):
                selector.get_key(one)
            with tempfile.TemporaryFile() as plain, self.assertRaises(PermissionError):
                selector.register(plain, selectors.EVENT_READ)

    def test_what_a_callback_raises_leaves_the_loop(self):
        def fail():
            raise KeyError("on purpose")

        self.loop.call_soon(lambda: self.reactor.next_tick(fail))
        with self.assertRaisesRegex(KeyError, "on purpose"):
            self.loop.run_until_complete(asyncio.sleep(5))
        self.assertEqual(self.run_it(asyncio.sleep(0, "goes on")), "goes on")

    def test_asyncio_run_with_signals(self):
        code = """
            import asyncio, os, signal, tidemill
            from tidemill.selector import ReactorSelector
            loop = asyncio.SelectorEventLoop(ReactorSelector())
            async def main():
                future = loop.create_future()
                loop.add_signal_handler(signal.SIGUSR1, future.set_result, "signal")
                tidemill.call_later(0.05, lambda: os.kill(os.getpid(), signal.SIGUSR1))
                print(await future)
                tidemill.call_later(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
                try:
                    await asyncio.sleep(10)
                except asyncio.CancelledError:
                    print("cancelled")
            try:
                loop.run_until_complete(main())
            except KeyboardInterrupt:
                print("interrupted")
        """
        self.assertEqual(run_in_child(code), "signal\ninterrupted\n")


if __name__ == "__main__":
    unittest.main()
