# Workers: forked processes that serve one port, are started again when they die and end when the parent is told to. Each test runs a
# parent of its own, because signals and children concern a whole process.
import collections
import os
import signal
import socket
import subprocess
import sys
import textwrap
import unittest

import tidemill

PARENT = """
    import os, signal, sys, time, tidemill

    class Tell(tidemill.Connection):
        def on_open(self):
            self.write(f"{os.getpid()}\\n".encode())
        def on_data(self, data):
            if data == b"die\\n":
                os._exit(3)
            if data == b"idle\\n":
                self.write(b"ok\\n")
        def on_shutdown(self):
            self.write(b"bye\\n")
            self.close()

    def serve(reactor, index):
        reactor.listen(f"tcp://127.0.0.1:{port}", Tell, reuse_port=True)
        os.write(1, f"up {index} {os.getpid()}\\n".encode())  # at once, or lines of two workers mix
"""


class Workers(unittest.TestCase):
    def setUp(self):
        # Reserves a port for those who share it.
        self.holder = socket.socket()
        self.addCleanup(self.holder.close)
        self.holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.holder.bind(("127.0.0.1", 0))
        self.port = self.holder.getsockname()[1]

    def parent(self, code):
        text = textwrap.dedent(PARENT) + f"port = {self.port}\n" + textwrap.dedent(code)
        process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.wait(), process.stdout.close(), process.stderr.close()))
        return process

    def ask(self, *lines):
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client, client.makefile("rw") as stream:
            told = int(stream.readline())
            for line in lines:
                stream.write(line + "\n")
            stream.flush()
            stream.readline()
            return told

    def pids(self, parent, count):
        """Of the next workers that say that they are up, by index."""
        found = {}
        for _ in range(count):
            _, index, pid = parent.stdout.readline().split()
            found[int(index)] = int(pid)
        return found

    def test_a_dead_worker_is_started_again_and_the_parent_leaves_no_children(self):
        parent = self.parent("tidemill.Workers(2, serve, deadline=5).run()\nprint('ended')")
        before = self.pids(parent, 2)
        self.assertEqual(sorted(before), [0, 1])
        dead = self.ask("die")
        self.assertIn(dead, before.values())
        (index, fresh), = self.pids(parent, 1).items()
        self.assertEqual(before[index], dead)
        self.assertNotEqual(fresh, dead)
        parent.terminate()
        self.assertEqual(parent.communicate(timeout=60), ("ended\n", ""))
        self.assertEqual(parent.returncode, 0)
        for pid in (*before.values(), fresh):
            self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    def test_connections_spread_evenly(self):
        parent = self.parent("tidemill.Workers(2, serve, deadline=5).run()")
        workers = self.pids(parent, 2)
        asked = collections.Counter(self.ask("idle") for _ in range(300))
        self.assertEqual(set(asked), set(workers.values()))
        self.assertGreater(min(asked.values()), 90)  # the system's hash scatters around 150; 90 is seven deviations away
        parent.terminate()
        self.assertEqual(parent.communicate(timeout=60), ("", ""))

    def test_sigterm_drains(self):
        parent = self.parent("tidemill.Workers(1, serve, deadline=60).run()\nprint('ended')")
        self.pids(parent, 1)
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client, client.makefile("rw") as stream:
            stream.readline()
            parent.send_signal(signal.SIGINT)
            self.assertEqual(stream.readline(), "bye\n")
        self.assertEqual(parent.communicate(timeout=60), ("ended\n", ""))

    def test_one_that_does_not_end_is_killed(self):
        parent = self.parent("""
            def deaf(reactor, index):
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
                serve(reactor, index)
            tidemill.Workers(1, deaf, deadline=3600).run()
            print("ended")
        """)
        pid = self.pids(parent, 1)[0]
        parent.terminate()
        parent.send_signal(signal.SIGINT)  # the second time it is urgent
        self.assertEqual(parent.communicate(timeout=60), ("ended\n", ""))
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    def test_workers_that_cannot_run_are_given_up(self):
        parent = self.parent("""
            import tidemill.workers
            tidemill.workers._FIRST_DELAY = tidemill.workers._LONGEST_DELAY = 0.001
            def fail(reactor, index):
                os.write(1, b".")
                sys.exit(7)
            try:
                tidemill.Workers(1, fail).run()
            except tidemill.LimitError as error:
                print(error)
        """)
        output = parent.communicate(timeout=60)[0]
        self.assertEqual(output, "." * 10 + "worker 0 died 10 times in a row soon after its start, the last time with exit code 7\n")

    def test_workers_that_finish_are_not_started_again(self):
        parent = self.parent("""
            own = os.fork() or os._exit(time.sleep(0) or 5)  # a child that is not the workers' business
            tidemill.Workers(3, lambda reactor, index: os.write(1, b".")).run()
            print(os.waitstatus_to_exitcode(os.waitpid(own, 0)[1]))
        """)
        self.assertEqual(parent.communicate(timeout=60), ("...5\n", ""))

    def test_stop_from_a_thread_and_twice(self):
        parent = self.parent("""
            import threading
            workers = tidemill.Workers(2, serve)
            for _ in range(2):
                threading.Timer(0.2, workers.stop).start()
                workers.run()
            print("ended", workers.count)
        """)
        self.assertEqual(parent.communicate(timeout=60)[0].splitlines()[-1], "ended 2")

    def test_arguments(self):
        self.assertRaises(tidemill.ArgumentError, tidemill.Workers, -1, print)
        self.assertRaises(tidemill.ArgumentError, tidemill.Workers, 1, print, deadline=-1)
        self.assertRaises(TypeError, tidemill.Workers, 1, None)
        self.assertRaises(TypeError, tidemill.Workers, "1", print)
        self.assertEqual(tidemill.Workers(0, print).count, len(os.sched_getaffinity(0)))


class Systemd(unittest.TestCase):
    def test_notify_and_inherited_sockets(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, socket.socket() as listening:
            name = f"tidemill-python-{os.getpid()}"
            manager.bind("\0" + name)
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            code = """
                import os, sys, tidemill
                os.dup2(int(sys.argv[1]), 3)
                os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
                def serve(reactor, index):
                    listener = reactor.listen("systemd://web", tidemill.Connection)
                    print(listener.endpoint, tidemill.notify_systemd("READY=1"), flush=True)
                    listener.close()
                tidemill.Workers(1, serve).run()
            """
            output = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(listening.fileno())], pass_fds=[listening.fileno()],
                                    env={**os.environ, "NOTIFY_SOCKET": "@" + name}, capture_output=True, text=True, timeout=60, check=True).stdout
            self.assertEqual(output, f"tcp://127.0.0.1:{listening.getsockname()[1]} True\n")
            self.assertEqual(manager.recv(100), b"READY=1")
        environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        code = "import tidemill; print(tidemill.notify_systemd('READY=1'))"
        self.assertEqual(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True).stdout, "False\n")


if __name__ == "__main__":
    unittest.main()
