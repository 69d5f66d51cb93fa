# Objects live exactly as long as their connection; cycles are collected; nothing grows.
import abc
import dataclasses
import gc
import typing
import unittest
import weakref

import support
import tidemill


class Lifetimes(unittest.TestCase):
    def setUp(self):
        gc.collect()
        self.reactor = tidemill.Reactor()

    def test_handlers_live_while_open_and_go_after_close(self):
        made = weakref.WeakSet()

        class Server(tidemill.Connection):
            def __init__(self):
                made.add(self)

        listener = self.reactor.listen(support.memory_endpoint(), Server)
        clients = [self.reactor.connect(listener.endpoint, support.Recorder) for _ in range(100)]
        support.turns(self.reactor)
        gc.collect()
        self.assertEqual(len(made), 100)
        for client in clients[:60]:
            client.close()
        support.turns(self.reactor)
        gc.collect()
        self.assertEqual(len(made), 40)
        self.assertEqual(len(self.reactor._open), 80)

    def test_a_dropped_reactor_goes_with_its_open_connections(self):
        client, accepted, listener = support.pair(self.reactor)
        client.reactor_again = self.reactor  # a cycle through the user's own attribute
        self.reactor.call_later(1000, lambda reactor=self.reactor: reactor)
        gone = [weakref.ref(client), weakref.ref(accepted[0])]
        reactor = weakref.ref(self.reactor)
        del client, listener, self.reactor
        accepted.clear()
        gc.collect()
        self.assertEqual([reference() for reference in gone], [None, None])
        self.assertIsNone(reactor())

    def test_a_connection_that_outlives_its_reactor_is_closed_and_harmless(self):
        client, accepted, listener = support.pair(self.reactor)
        client._reactor = None
        accepted.clear()
        del listener, self.reactor
        gc.collect()
        self.assertEqual(client.state, "closed")
        with self.assertRaises(tidemill.ClosedError):
            client.write(b"x")
        client.close()

    def test_init_without_super_is_fine(self):
        class Forgetful(tidemill.Connection):
            def __init__(self, word):
                self.word = word

        client, _, _ = support.pair(self.reactor, client=lambda: Forgetful("w"))
        self.assertEqual((client.state, client.word), ("open", "w"))

    def test_the_class_can_be_mixed_with_python_s_own_kinds(self):
        T = typing.TypeVar("T")

        class Abstract(tidemill.Connection, abc.ABC):
            pass

        class Typed(tidemill.Connection, typing.Generic[T]):
            pass

        @dataclasses.dataclass(eq=False)
        class Data(tidemill.Connection):
            count: int = 0

        for made in (Abstract, Typed[int], Data):
            client, _, _ = support.pair(self.reactor, client=made)
            self.assertEqual(client.state, "open")
        Data.count = 5
        self.assertEqual(Data.count, 5)

    def test_a_callback_can_be_replaced_at_run_time(self):
        client, accepted, _ = support.pair(self.reactor)
        seen = []
        accepted[0].on_data = seen.append
        client.write(b"new")
        support.turns(self.reactor)
        self.assertEqual(seen, [b"new"])

    def test_hundred_thousand_connections_leave_nothing(self):
        class Server(tidemill.Connection):
            pass

        class Client(tidemill.Connection):
            def on_open(self):
                self.close()

        listener = self.reactor.listen(support.memory_endpoint(), Server)

        def round_of(count):
            for _ in range(count // 100):
                for _ in range(100):
                    self.reactor.connect(listener.endpoint, Client)
                support.turns(self.reactor)
            gc.collect()
            return resident_pages()

        before = round_of(20_000)
        after = round_of(80_000)
        self.assertEqual(len(self.reactor._open), 0)
        # 80,000 objects of 300 octets would be 24 MB; a megabyte of allocator noise is allowed.
        self.assertLess((after - before) * 4096, 1_000_000)


def resident_pages():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1])


if __name__ == "__main__":
    unittest.main()
