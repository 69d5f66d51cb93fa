# Framed connections: what only Python has: attributes, buffers, garbage collection, JSON's values.
import gc
import unittest
import weakref

import support
import tidemill


class Framing(unittest.TestCase):
    def setUp(self):
        self.reactor = tidemill.Reactor()

    def joined(self, server):
        """A plain client, and the server's object."""
        made = []

        def factory():
            made.append(server())
            return made[0]

        listener = self.reactor.listen(support.memory_endpoint(), factory)
        client = self.reactor.connect(listener.endpoint, support.Recorder)
        support.turns(self.reactor)
        return client, made[0]

    def test_on_lines_is_asked_for_in_a_class_or_in_an_object(self):
        class InClass(tidemill.LineConnection):
            def on_lines(self, lines):
                self.got = lines

        class InObject(tidemill.LineConnection):
            def __init__(self):
                self.on_lines = lambda lines: setattr(self, "got", lines)

        for server in InClass, InObject:
            client, object_ = self.joined(server)
            client.write(b"a\r\nb\n\nc")
            support.turns(self.reactor)
            self.assertEqual(object_.got, [b"a", b"b", b""])

    def test_frames_are_written_from_any_buffer(self):
        client, server = self.joined(tidemill.LineConnection)
        for line in (b"a", bytearray(b"b"), memoryview(b"c")):
            self.assertIs(server.write_line(line), True)
        support.turns(self.reactor)
        self.assertEqual(b"".join(event for event in client.events if isinstance(event, bytes)), b"a\r\nb\r\nc\r\n")
        with self.assertRaises(TypeError):
            server.write_line("text")
        with self.assertRaises(tidemill.LocalProtocolError):
            server.write_line(b"a\nb")
        with self.assertRaises(tidemill.StateError):
            tidemill.LineConnection().write_line(b"a")
        with self.assertRaises(tidemill.StateError):
            client_without_protocol = support.Recorder()
            tidemill.LineConnection.write_line(client_without_protocol, b"a")

    def test_an_attribute_that_cannot_be_is_refused_and_the_object_stays_free(self):
        listener = self.reactor.listen(support.memory_endpoint(), support.Recorder)
        line = tidemill.LineConnection()
        for wrong in (-1, "x", None, 1.5):
            line.max_line = wrong
            with self.assertRaises(tidemill.ArgumentError):
                self.reactor.connect(listener.endpoint, line)
        line.max_line = 10
        self.reactor.connect(listener.endpoint, line)
        for made, attribute, wrong in ((tidemill.MessageConnection(), "length_prefix", "uint64"), (tidemill.BlockConnection(), "block_size", 0)):
            setattr(made, attribute, wrong)
            with self.assertRaises(tidemill.ArgumentError):
                self.reactor.connect(listener.endpoint, made)

    def test_an_object_may_have_one_stream_after_another(self):
        class Client(tidemill.LineConnection):
            lines = ()

            def on_line(self, line):
                self.lines += (line,)

        listener = self.reactor.listen(support.memory_endpoint(), lambda: Greeter())

        class Greeter(tidemill.Connection):
            def on_open(self):
                self.write(b"hello\nhalf a li")
                self.close()

        client = Client()
        for times in (1, 2):
            self.reactor.connect(listener.endpoint, client)
            support.turns(self.reactor)
            self.assertEqual(client.lines, (b"hello",) * times)

    def test_objects_go_with_their_connections(self):
        made = weakref.WeakSet()

        class Server(tidemill.LineConnection):
            def __init__(self):
                made.add(self)

        listener = self.reactor.listen(support.memory_endpoint(), Server)
        clients = [self.reactor.connect(listener.endpoint, support.Recorder) for _ in range(50)]
        support.turns(self.reactor)
        for client in clients:
            client.write(b"half a line")
        support.turns(self.reactor)
        self.assertEqual(len(made), 50)
        for client in clients:
            client.abort()
        support.turns(self.reactor)
        gc.collect()
        self.assertEqual(len(made), 0)

    def test_values_that_json_does_not_have_are_refused(self):
        _, server = self.joined(tidemill.ObjectConnection)
        endless = []
        endless.append(endless)
        for value in (object(), float("nan"), b"octets", endless, {(1, 2): 3}):
            with self.assertRaises(tidemill.LocalProtocolError):
                server.write_object(value)

    def test_a_peers_message_that_is_no_json_is_its_own_fault(self):
        for message in (b"NaN", b"[1,", b"\xff", b"", b"[" * 100_000):
            seen = []

            class Server(tidemill.ObjectConnection):
                def on_close(self, reason, seen=seen):
                    seen.append(reason)

            client, _ = self.joined(Server)
            client.write(len(message).to_bytes(4, "big") + message)
            support.turns(self.reactor)
            self.assertIsInstance(seen[0], tidemill.RemoteProtocolError, message[:10])

    def test_a_header_line_with_a_line_feed_cannot_become_two(self):
        client, server = self.joined(tidemill.HeaderContentConnection)
        for header in ([b"a\nb"], [b"a", b""], [b"\n"], [b""], [b"a\r\nb"]):
            with self.assertRaises(tidemill.LocalProtocolError):
                server.write_message(header)
        server.write_message([])
        server.write_message([b"a"], b"x")
        support.turns(self.reactor)
        self.assertEqual(b"".join(event for event in client.events if isinstance(event, bytes)),
                         b"Content-Length: 0\r\n\r\na\r\nContent-Length: 1\r\n\r\nx")


if __name__ == "__main__":
    unittest.main()
