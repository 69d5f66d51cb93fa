# The reactor and the rest of the process: signals, threads, fork, outer loops, the end of the interpreter.
import os
import select
import threading
import unittest

import support
import tidemill


class Signals(unittest.TestCase):
    def test_ctrl_c_wakes_a_sleeping_loop(self):
        output = support.run_in_child("""
            import os, signal, threading, tidemill
            reactor = tidemill.Reactor()
            listener = reactor.listen("tcp://127.0.0.1:0", tidemill.Connection)
            # Sent by another thread once the loop can only be sleeping or about to.
            reactor.next_tick(lambda: threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start())
            try:
                reactor.run()
            except KeyboardInterrupt:
                print("interrupted, listening:", listener.is_open)
        """)
        self.assertEqual(output, "interrupted, listening: True\n")

    def test_a_python_signal_handler_runs_and_the_loop_goes_on(self):
        output = support.run_in_child("""
            import os, signal, tidemill
            reactor = tidemill.Reactor()
            reactor.call_every(1000, print)
            signal.signal(signal.SIGUSR1, lambda *ignored: (print("seen"), reactor.stop()))
            reactor.next_tick(lambda: os.kill(os.getpid(), signal.SIGUSR1))
            reactor.run()
            print("ended", signal.set_wakeup_fd(-1))
        """)
        self.assertEqual(output, "seen\nended -1\n")


class Threads(unittest.TestCase):
    def setUp(self):
        self.reactor = tidemill.Reactor()

    def test_other_threads_run_while_the_loop_waits_and_post_wakes_it(self):
        self.reactor.listen("tcp://127.0.0.1:0", tidemill.Connection)  # something to wait for
        seen = []

        def work():
            for number in range(1000):
                self.reactor.post(lambda number=number: seen.append(number))
            self.reactor.post(self.reactor.stop)

        thread = threading.Thread(target=work)
        self.reactor.next_tick(thread.start)
        self.reactor.run()
        thread.join()
        self.assertEqual(seen, list(range(1000)))

    def test_the_calls_of_a_foreign_thread_are_state_errors(self):
        client, _, listener = support.pair(self.reactor)
        timer = self.reactor.call_later(1000, print)
        errors = []

        def trespass():
            for call in (
                lambda: client.write(b"x"), client.close, client.abort, client.pause, client.resume, client.end_write, listener.close,
                timer.cancel, self.reactor.stop, lambda: self.reactor.next_tick(print), lambda: self.reactor.call_later(1, print),
                lambda: self.reactor.listen("memory://y", print), lambda: self.reactor.connect("memory://y", tidemill.Connection),
            ):
                try:
                    call()
                    errors.append(None)
                except tidemill.StateError as error:
                    errors.append(error.code)

        thread = threading.Thread(target=trespass)
        thread.start()
        thread.join()
        self.assertEqual(errors, ["state"] * 13)
        self.assertEqual((client.state, listener.is_open, timer.is_active), ("open", True, True))

    def test_what_was_posted_before_a_stop_is_dropped_and_nothing_is_mixed_up_later(self):
        seen = []
        self.reactor.next_tick(self.reactor.stop)
        self.reactor.next_tick(lambda: seen.append("dropped"))
        self.reactor.post(lambda: seen.append("posted"))
        self.reactor.run()
        self.assertEqual(seen, [])
        self.reactor.post(lambda: seen.append("later"))
        self.reactor.run()
        self.assertEqual(seen, ["later"])

    def test_a_setup_moves_with_its_reactor_and_is_not_run_if_the_run_is_refused(self):
        seen = []
        thread = threading.Thread(target=self.reactor.run, args=(lambda: seen.append(1),))
        thread.start()
        thread.join()

        def nested():
            with self.assertRaises(tidemill.StateError):
                self.reactor.run(lambda: seen.append(2))

        self.reactor.run(nested)
        self.assertEqual(seen, [1])

    def test_each_thread_has_its_own_default_reactor(self):
        found = [tidemill.default_reactor()]
        thread = threading.Thread(target=lambda: found.append(tidemill.default_reactor()))
        thread.start()
        thread.join()
        self.assertIs(tidemill.default_reactor(), found[0])
        self.assertIsNot(found[0], found[1])

    def test_a_reactor_may_move_to_the_thread_that_runs_it(self):
        seen = []
        self.reactor.next_tick(lambda: seen.append(threading.current_thread().name))
        thread = threading.Thread(target=self.reactor.run, name="other")
        thread.start()
        thread.join()
        self.assertEqual(seen, ["other"])


class Forks(unittest.TestCase):
    def test_a_child_gets_a_clean_error_and_leaves_its_parent_alone(self):
        reactor = tidemill.Reactor()
        listener = reactor.listen("tcp://127.0.0.1:0", support.Echo)
        client = reactor.connect(listener.endpoint, support.Recorder)
        support.turns_until(reactor, lambda: client.state == "open")
        child = os.fork()
        if child == 0:
            try:
                outcome = 1
                try:
                    client.write(b"from the child")
                except tidemill.StateError as error:
                    outcome = 0 if "parent process" in str(error) else 2
                del reactor, client, listener
                own = tidemill.Reactor()
                own.next_tick(lambda: None)
                own.run()
            finally:
                os._exit(outcome)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        client.write(b"still here")
        support.turns_until(reactor, lambda: b"still here" in client.events)

    def test_a_fork_inside_a_callback_ends_the_loop_in_the_child_only(self):
        output = support.run_in_child("""
            import os, sys, tidemill
            class Forker(tidemill.Connection):
                def on_data(self, data):
                    self.write(b"answer")
                    self.child = os.fork()
            class Client(tidemill.Connection):
                def on_open(self):
                    self.write(b"question")
                def on_data(self, data):
                    print(data, flush=True)
                    self.close()
            reactor = tidemill.Reactor()
            server = Forker()
            listener = reactor.listen("tcp://127.0.0.1:0", lambda: server)
            def ended(reason):
                listener.close()
            server.on_close = ended
            reactor.connect(listener.endpoint, Client)
            try:
                reactor.run()
                os.waitpid(server.child, 0)
                print("parent")
            except tidemill.StateError as error:
                assert "parent process" in str(error), error
                os._exit(0)
        """)
        self.assertEqual(output, "b'answer'\nparent\n")


class OuterLoops(unittest.TestCase):
    def test_fd_shows_timers_posts_and_octets(self):
        reactor = tidemill.Reactor()
        seen = []
        outer = select.poll()
        outer.register(reactor.fd(), select.POLLIN)
        reactor.call_later(0.01, lambda: seen.append("timer"))
        threading.Thread(target=reactor.post, args=(lambda: seen.append("post"),)).start()
        listener = reactor.listen("tcp://127.0.0.1:0", support.Echo)
        client = reactor.connect(listener.endpoint, support.Recorder)
        client.write(b"octets")
        while len(seen) < 2 or b"octets" not in client.events:
            self.assertTrue(outer.poll(5000), "the descriptor stayed silent")
            reactor.poll()
        self.assertEqual(sorted(seen), ["post", "timer"])

    def test_the_poll_backend_has_no_descriptor(self):
        with self.assertRaises(tidemill.StateError):
            tidemill.Reactor(poller="poll").fd()

    def test_a_spent_budget_leaves_work_for_later(self):
        reactor = tidemill.Reactor(clock="manual")
        seen = []
        for number in range(2000):
            reactor.next_tick(lambda number=number: (seen.append(number), sum(range(2000))))
        self.assertTrue(reactor.poll(0, 0.0005))
        self.assertTrue(0 < len(seen) < 2000, len(seen))
        while reactor.poll(0, 0.0005):
            pass
        self.assertEqual(seen, list(range(2000)))


class Endings(unittest.TestCase):
    def test_the_interpreter_may_end_with_everything_open(self):
        support.run_in_child("""
            import tidemill
            listener = tidemill.listen("memory://x", tidemill.Connection)
            client = tidemill.connect("memory://x", tidemill.Connection)
            client.other = listener
            tidemill.call_later(1000, print)
            tidemill.default_reactor().run_once(0)
        """)

    def test_the_default_reactor_serves_the_module_functions(self):
        output = support.run_in_child("""
            import tidemill
            class Hello(tidemill.Connection):
                def on_open(self):
                    self.write(b"hello")
                    self.close()
            class Client(tidemill.Connection):
                def on_data(self, data):
                    print(data)
                def on_close(self, reason):
                    tidemill.next_tick(tidemill.stop)
            def setup():
                tidemill.connect(tidemill.listen("tcp://127.0.0.1:0", Hello).endpoint, Client)
            tidemill.run(setup)
        """)
        self.assertEqual(output, "b'hello'\n")


if __name__ == "__main__":
    unittest.main()
