# Processes, watches and the standard input from Python.
import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import weakref

import tidemill


class Child(tidemill.Process):
    def __init__(self):  # on purpose without super().__init__()
        self.out, self.err, self.ended, self.drains = b"", b"", None, 0

    def on_stdout(self, data):
        self.out += data

    def on_stderr(self, data):
        self.err += data

    def on_drain(self):
        self.drains += 1

    def on_exit(self, code, signal):
        self.ended = (code, signal)


class Spawning(unittest.TestCase):
    def setUp(self):
        self.reactor = tidemill.Reactor()

    def test_streams_and_codes(self):
        child = self.reactor.spawn(["sh", "-c", "cat; echo é >&2; exit 3"], Child, stderr="pipe")
        self.assertTrue(child.is_running)
        self.assertGreater(child.pid, 0)
        self.assertTrue(child.write(bytearray(b"a\0b")))
        child.close_stdin()
        self.reactor.run()
        self.assertEqual((child.out, child.err, child.ended, child.is_running), (b"a\0b", "é\n".encode(), (3, None), False))
        self.assertFalse(child.kill())
        with self.assertRaises(tidemill.ClosedError):
            child.write(b"x")

    def test_much_with_back_pressure(self):
        child = self.reactor.spawn(["cat"], Child)
        self.assertFalse(child.write(b"x" * 4_000_000))
        self.assertGreater(child.pending, 0)
        child.close_stdin()
        self.reactor.run()
        self.assertEqual((len(child.out), child.ended), (4_000_000, (0, None)))

    def test_signals(self):
        child = self.reactor.spawn(["sleep", "1000"], Child())
        with self.assertRaises(tidemill.ArgumentError):
            child.kill("NONSENSE")
        self.assertTrue(child.kill("KILL"))
        with self.assertRaises(tidemill.StateError):
            self.reactor.spawn(["true"], child)
        self.reactor.run()
        self.assertEqual(child.ended, (None, "KILL"))
        self.reactor.spawn(["true"], child)
        self.reactor.run()
        self.assertEqual(child.ended, (0, None))

    def test_what_cannot_be_started(self):
        with self.assertRaises(tidemill.OsError) as raised:
            self.reactor.spawn(["/nonexistent"], Child)
        self.assertEqual(raised.exception.errno_name, "ENOENT")
        for wrong in (["a\0b"], [], [""]):
            with self.assertRaises(tidemill.ArgumentError):
                self.reactor.spawn(wrong, Child)
        with self.assertRaises(tidemill.ArgumentError):
            self.reactor.spawn(["true"], Child, stdout="nonsense")
        with self.assertRaises(tidemill.ArgumentError):
            self.reactor.spawn(["true"], Child, environment={"A": "b\0c"})
        for wrong, options in ("true", {}), (["true"], {"shell": True}), ([1], {}):
            with self.assertRaises(TypeError):
                self.reactor.spawn(wrong, Child, **options)
        with self.assertRaises(tidemill.StateError):
            tidemill.Process().write(b"")
        self.reactor.run()

    def test_environment_directory_and_shell(self):
        child = self.reactor.spawn("echo $A; pwd; echo two >&2", Child, shell=True, environment={"A": "1 é"}, cwd="/proc", stderr="stdout")
        self.reactor.run()
        self.assertEqual(child.out.decode(), "1 é\n/proc\ntwo\n")
        child = self.reactor.spawn(["env"], Child, environment={})
        self.reactor.run()
        self.assertEqual(child.out, b"")

    def test_exceptions_and_stop(self):
        class Raising(Child):
            def on_stdout(self, data):
                raise ValueError("oops")
        self.reactor.spawn(["echo", "a"], Raising)
        with self.assertRaisesRegex(ValueError, "oops"):
            self.reactor.run()
        taken = []
        self.reactor.set_error_handler(lambda error, whose: taken.append(type(whose).__name__))
        self.reactor.spawn(["echo", "a"], Raising)
        self.reactor.run()
        self.assertEqual(taken[-1], "Raising")
        child = self.reactor.spawn(["sleep", "1000"], Child, kill_on_stop="KILL")
        self.reactor.next_tick(self.reactor.stop)
        self.reactor.run()
        self.assertEqual(child.ended, (None, None))

    def test_is_kept_while_it_runs_and_freed_after(self):
        child = weakref.ref(self.reactor.spawn(["cat"], Child))
        gc.collect()
        self.assertIsNotNone(child())
        child().close_stdin()
        self.reactor.run()
        gc.collect()
        self.assertIsNone(child())


class Watching(unittest.TestCase):
    def setUp(self):
        self.reactor = tidemill.Reactor()

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            seen = []
            watch = self.reactor.watch_file(folder, lambda *event: seen.append(event))
            open(os.path.join(folder, "a"), "w").close()
            for _ in range(5):
                self.reactor.run_once(0.02)
            self.assertEqual((seen[0], watch.path, watch.is_open), (("created", "a"), folder, True))
            watch.close()
            self.reactor.run()
            self.assertFalse(watch.is_open)
        with self.assertRaises(tidemill.OsError):
            self.reactor.watch_file("/nonexistent", print)

    def test_processes(self):
        other = subprocess.Popen([sys.executable, "-c", "raise SystemExit(5)"])
        seen = []
        watch = self.reactor.watch_process(other.pid, seen.append)
        self.reactor.run()
        self.assertEqual((seen, other.wait(), watch.is_open), ([other.pid], 5, False))
        with self.assertRaises(tidemill.OsError):
            self.reactor.watch_process(other.pid, print)

    def test_descriptors(self):
        ours, theirs = socket.socketpair()
        seen = []

        def readable():
            seen.append(ours.recv(10))
            watch.set_writable(True)

        def writable():
            seen.append("writable")
            watch.close()

        watch = self.reactor.watch_fd(ours, on_readable=readable, on_writable=writable)
        watch.set_writable(False)
        theirs.send(b"x")
        self.reactor.run()
        self.assertEqual((seen, watch.fd), ([b"x", "writable"], ours.fileno()))
        ours.close()
        theirs.close()
        with self.assertRaises(tidemill.ArgumentError):
            self.reactor.watch_fd(0)
        with tempfile.TemporaryFile() as file, self.assertRaises(tidemill.OsError) as raised:
            self.reactor.watch_fd(file, print)
        self.assertEqual(raised.exception.errno_name, "EPERM")

    def test_signals(self):
        seen = []
        watch = self.reactor.on_signal("USR1", lambda name: (seen.append(name), self.reactor.stop()))
        self.reactor.call_later(10, self.reactor.stop)
        os.kill(os.getpid(), signal.SIGUSR1)
        self.reactor.run()
        self.assertEqual((seen, watch.is_open), (["USR1"], False))

    def test_the_standard_input(self):
        program = """
import tidemill
class Input(tidemill.Connection):
    def on_data(self, data):
        print(data)
    def on_close(self, reason):
        print(reason)
reactor = tidemill.Reactor()
reactor.open_input(Input, raw=True)
reactor.run()
"""
        done = subprocess.run([sys.executable, "-c", program], input=b"words", capture_output=True, timeout=60, check=True)
        self.assertEqual(done.stdout, b"b'words'\nNone\n")


if __name__ == "__main__":
    unittest.main()
