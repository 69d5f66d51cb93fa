# Datagram sockets, as far as only Python has it: types, forgotten super().__init__(), garbage collection, Ctrl-C.
import gc
import unittest
import weakref

import tidemill


class Sink(tidemill.Datagram):
    def __init__(self):  # on purpose without super().__init__()
        self.seen = []

    def on_data(self, data, peer):
        self.seen.append((data, peer))
        if data == b"interrupt":
            raise KeyboardInterrupt


class Datagrams(unittest.TestCase):
    def setUp(self):
        self.reactor = tidemill.Reactor()
        self.sink = self.reactor.open_datagram("udp://127.0.0.1:0", Sink)

    def turn_until_seen(self, count):
        for _ in range(1000):
            if len(self.sink.seen) >= count:
                return
            self.reactor.run_once(0.02)
        self.fail("nothing came")

    def test_payload_is_whatever_has_a_buffer(self):
        for data in (b"bytes", bytearray(b"bytearray"), memoryview(b"memoryview")):
            self.assertTrue(self.sink.write(data, self.sink.local))
        self.turn_until_seen(3)
        self.assertEqual([data for data, _ in self.sink.seen], [b"bytes", b"bytearray", b"memoryview"])
        self.assertEqual({peer for _, peer in self.sink.seen}, {self.sink.local})

    def test_wrong_types_are_type_errors(self):
        for data in ("text", 5, None, [1, 2]):
            self.assertRaises(TypeError, self.sink.write, data, self.sink.local)
        self.assertRaises(TypeError, self.sink.write, b"x", 5)
        self.assertRaises(TypeError, self.reactor.open_datagram, "udp://127.0.0.1:0", tidemill.Connection)
        self.assertRaises(TypeError, self.reactor.open_datagram, "udp://127.0.0.1:0", 5)

    def test_an_object_that_is_not_open_says_so(self):
        new = Sink()
        self.assertEqual((new.state, new.local, new.id, new.pending, new.reactor), ("new", "", 0, 0, None))
        self.assertRaises(tidemill.StateError, new.write, b"x", "udp://127.0.0.1:9")
        self.assertRaises(tidemill.StateError, new.close)
        self.assertRaises(tidemill.StateError, self.reactor.open_datagram, "udp://127.0.0.1:0", self.sink)

    def test_an_object_may_be_opened_again(self):
        self.sink.close()
        self.reactor.run()
        self.assertEqual(self.sink.state, "closed")
        self.reactor.open_datagram("udp://127.0.0.1:0", self.sink)
        self.sink.write(b"again", self.sink.local)
        self.turn_until_seen(1)

    def test_ctrl_c_leaves_run_and_closes_nothing(self):
        self.sink.write(b"interrupt", self.sink.local)
        self.sink.write(b"after", self.sink.local)
        self.assertRaises(KeyboardInterrupt, self.reactor.run)
        self.assertEqual(self.sink.state, "open")
        self.turn_until_seen(2)

    def test_a_reactor_that_nobody_holds_goes_with_its_sockets(self):
        sink, reactor = weakref.ref(self.sink), weakref.ref(self.reactor)
        self.sink = self.reactor = None
        gc.collect()
        self.assertIsNone(sink())
        self.assertIsNone(reactor())

    def test_a_call_that_failed_leaves_nothing(self):
        sink = Sink()
        self.assertRaises(tidemill.ArgumentError, self.reactor.open_datagram, "udp://localhost:0", sink)
        gone = weakref.ref(sink)
        del sink
        gc.collect()
        self.assertIsNone(gone())


if __name__ == "__main__":
    unittest.main()
