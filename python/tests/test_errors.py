# Exceptions: both directions, and the errors of this library as Python classes.
import errno
import pathlib
import sys
import tempfile
import traceback
import unittest

import support
import tidemill


class ErrorClasses(unittest.TestCase):
    def setUp(self):
        self.reactor = tidemill.Reactor()

    def raised_by(self, kind, call, *arguments, **options):
        with self.assertRaises(kind) as caught:
            call(*arguments, **options)
        return caught.exception

    def test_malformed_endpoint_is_an_argument_error_and_a_value_error(self):
        error = self.raised_by(tidemill.ArgumentError, self.reactor.listen, "tcp://127.0.0.1", support.Echo)
        self.assertIsInstance(error, ValueError)
        self.assertEqual((error.code, error.operation, error.endpoint), ("argument", "listen", "tcp://127.0.0.1"))
        self.assertIn("port is missing", str(error))

    def test_port_in_use_says_operation_endpoint_and_errno(self):
        listener = self.reactor.listen("tcp://127.0.0.1:0", support.Echo)
        error = self.raised_by(OSError, self.reactor.listen, listener.endpoint, support.Echo)
        self.assertIsInstance(error, tidemill.OsError)
        self.assertEqual((error.errno, error.errno_name), (errno.EADDRINUSE, "EADDRINUSE"))
        self.assertIn(listener.endpoint, str(error))
        self.assertIn("listen", str(error))

    def test_missing_folder_of_a_unix_socket_is_reported(self):
        error = self.raised_by(tidemill.OsError, self.reactor.listen, "unix:///nowhere/at/all.sock", support.Echo)
        self.assertEqual(error.errno_name, "ENOENT")

    def test_path_too_long_is_an_argument_error(self):
        self.raised_by(tidemill.ArgumentError, self.reactor.listen, "unix:///" + "x" * 108, support.Echo)

    def test_wrong_types_are_type_errors(self):
        for call in (
            lambda: self.reactor.listen(7, support.Echo),
            lambda: self.reactor.listen("memory://x", 7),
            lambda: self.reactor.connect("memory://x", 7),
            lambda: self.reactor.connect("memory://x", lambda: 7),
            lambda: self.reactor.call_later("soon", print),
            lambda: self.reactor.call_later(1, "print"),
            lambda: self.reactor.next_tick(None),
            lambda: self.reactor.post(None),
            lambda: self.reactor.run(7),
            lambda: self.reactor.set_error_handler(7),
            lambda: tidemill.Reactor(poller=7),
        ):
            self.raised_by(TypeError, call)

    def test_values_that_cannot_work_are_argument_errors(self):
        for call in (
            lambda: tidemill.Reactor(poller="select"),
            lambda: tidemill.Reactor(clock="sundial"),
            lambda: self.reactor.call_later(-1, print),
            lambda: self.reactor.call_every(float("nan"), print),
            lambda: self.reactor.run_once(-1),
        ):
            self.raised_by(tidemill.ArgumentError, call)

    def test_write_wants_octets(self):
        client, accepted, _ = support.pair(self.reactor)
        self.raised_by(TypeError, client.write, "text")
        for octets in (b"a", bytearray(b"b"), memoryview(b"cd")[1:]):
            self.assertTrue(client.write(octets))
        support.turns(self.reactor)
        self.assertEqual(accepted[0].events, ["on_open", b"abd"])

    def test_write_before_and_after_the_stream(self):
        self.raised_by(tidemill.StateError, tidemill.Connection().write, b"x")
        client, _, _ = support.pair(self.reactor)
        client.close()
        support.turns(self.reactor)
        error = self.raised_by(ConnectionError, client.write, b"x")
        self.assertIsInstance(error, tidemill.ClosedError)

    def test_an_object_in_use_cannot_be_connected_again_until_it_is_closed(self):
        client, _, listener = support.pair(self.reactor)
        self.raised_by(tidemill.StateError, self.reactor.connect, listener.endpoint, client)
        client.abort()
        support.turns(self.reactor)
        first_id = client.id
        self.reactor.connect(listener.endpoint, client)
        support.turns(self.reactor)
        self.assertEqual(client.state, "open")
        self.assertNotEqual(client.id, first_id)

    def test_listening_with_a_mode_sets_the_permissions(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "s")
            self.reactor.listen(f"unix://{path}", support.Echo, mode=0o600)
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)


class RaisingCallbacks(unittest.TestCase):
    def setUp(self):
        self.reactor = tidemill.Reactor()

    def test_the_exception_leaves_run_with_its_traceback(self):
        class Bad(tidemill.Connection):
            def on_data(self, data):
                raise KeyError("deep inside")

        client, _, _ = support.pair(self.reactor, server=Bad)
        client.write(b"x")
        text = ""
        try:  # assertRaises would drop the traceback
            self.reactor.run()
        except KeyError:
            text = traceback.format_exc()
        self.assertIn("in on_data", text)
        self.assertIn("deep inside", text)
        support.turns(self.reactor)
        self.assertEqual(client.events[-1][0], "on_close")

    def test_on_error_takes_it_and_the_connection_goes_on(self):
        seen = []

        class Careful(tidemill.Connection):
            def on_data(self, data):
                raise ValueError(data)

            def on_error(self, error):
                seen.append(error)
                self.write(b"sorry")

        client, _, _ = support.pair(self.reactor, server=Careful)
        client.write(b"x")
        support.turns(self.reactor)
        self.assertEqual([type(error) for error in seen], [ValueError])
        self.assertEqual(client.events[-1], b"sorry")

    def test_on_error_that_raises_passes_its_own_on_with_the_first_as_context(self):
        class Careless(tidemill.Connection):
            def on_data(self, data):
                raise ValueError("first")

            def on_error(self, error):
                raise RuntimeError("second")

        client, _, _ = support.pair(self.reactor, server=Careless)
        client.write(b"x")
        with self.assertRaises(RuntimeError) as caught:
            self.reactor.run()
        self.assertIsInstance(caught.exception.__context__, ValueError)

    def test_the_error_handler_gets_error_and_connection(self):
        seen = []
        self.reactor.set_error_handler(lambda error, connection: seen.append((str(error), connection)))

        class Bad(tidemill.Connection):
            def on_data(self, data):
                raise ValueError("a")

        client, accepted, _ = support.pair(self.reactor, server=Bad)
        client.write(b"x")
        self.reactor.next_tick(lambda: 1 / 0)
        support.turns(self.reactor)
        self.assertEqual(sorted(seen, key=str), sorted([("a", accepted[0]), ("division by zero", None)], key=str))
        self.assertEqual(accepted[0].state, "open")

    def test_a_second_exception_in_the_same_turn_is_not_lost(self):
        unraisable = []
        previous, sys.unraisablehook = sys.unraisablehook, lambda args: unraisable.append(args.exc_value)
        try:
            client, _, _ = support.pair(self.reactor)

            class Bad(support.Recorder):
                def on_close(self, reason):
                    raise ValueError(len(unraisable))

            for _ in range(2):
                self.reactor.connect("memory://nobody", Bad)
            self.reactor.stop()
            with self.assertRaises(ValueError):
                self.reactor.run()
        finally:
            sys.unraisablehook = previous
        self.assertEqual(len(unraisable), 1)

    def test_a_raising_factory_refuses_the_stream(self):
        listener = self.reactor.listen(support.memory_endpoint(), lambda: 1 / 0)
        client = self.reactor.connect(listener.endpoint, support.Recorder)
        with self.assertRaises(ZeroDivisionError):
            self.reactor.run()
        support.turns(self.reactor)
        self.assertEqual(client.events[-1][1].errno_name, "ECONNRESET")

    def test_a_factory_that_makes_something_else_is_a_type_error(self):
        listener = self.reactor.listen(support.memory_endpoint(), lambda: 7)
        self.reactor.connect(listener.endpoint, support.Recorder)
        with self.assertRaises(TypeError):
            self.reactor.run()

    def test_running_twice_is_a_state_error(self):
        seen = []

        def nested():
            for call in (self.reactor.run, self.reactor.run_once, self.reactor.poll):
                try:
                    call()
                except tidemill.StateError as error:
                    seen.append(error.operation)

        self.reactor.next_tick(nested)
        self.reactor.run()
        self.assertEqual(seen, ["run", "run_once", "poll"])

    def test_a_run_refused_inside_a_callback_does_not_raise_what_another_callback_left(self):
        refused_with = []

        class Raising(tidemill.Connection):
            def on_close(self, reason):
                raise ValueError("the one that leaves")

        class Nested(tidemill.Connection):
            def on_close(self, reason):
                try:
                    self.reactor.run()
                except Exception as error:
                    refused_with.append(type(error))

        listener = self.reactor.listen(support.memory_endpoint(), support.Recorder)
        for kind in (Raising, Nested):
            self.reactor.connect(listener.endpoint, kind)
        support.turns(self.reactor)
        self.reactor.stop()
        with self.assertRaisesRegex(ValueError, "the one that leaves"):
            self.reactor.run()
        self.assertEqual(refused_with, [tidemill.StateError])

    def test_system_exit_leaves_at_once_and_aborts_nothing(self):
        client, _, _ = support.pair(self.reactor)
        self.reactor.set_error_handler(lambda error, connection: self.fail("asked about SystemExit"))
        self.reactor.next_tick(lambda: sys.exit(3))
        with self.assertRaises(SystemExit):
            self.reactor.run()
        self.assertEqual(client.state, "open")


if __name__ == "__main__":
    unittest.main()
