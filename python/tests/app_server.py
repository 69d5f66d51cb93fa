# A server of an application in a process of its own, started as users start it, for tests and nothing else.
import concurrent.futures
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time


class AppServer:
    """`python -m tidemill serve APP OPTIONS...`; its output is in `said`, which is whole after stop()."""

    def __init__(self, app, *options, command=None, listen="tcp://127.0.0.1:0"):
        self._output = tempfile.TemporaryFile("w+")
        command = command or [sys.executable, "-X", "faulthandler", "-m", "tidemill", "serve", app, "--app-dir", os.path.dirname(__file__)]
        self.process = subprocess.Popen([*command, "--listen", listen, *options], stdout=self._output, stderr=subprocess.STDOUT)
        self.endpoint = self._wait_for_endpoint()
        self.port = int(self.endpoint.rpartition(":")[2]) if "tcp" in self.endpoint else 0

    @property
    def said(self):
        place = os.pread(self._output.fileno(), 1 << 20, 0)
        return place.decode()

    def _wait_for_endpoint(self):
        for _ in range(400):
            found = re.search(r"listening on (\S+)\n", self.said)
            if found:
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        said = self.said
        self.kill()
        raise AssertionError(f"the server did not start:\n{said}")

    def client(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, method, path, body=None, headers=None, **options):
        """(status, body, answer) on a connection of its own."""
        client = self.client()
        try:
            client.request(method, path, body, headers or {}, **options)
            answer = client.getresponse()
            return answer.status, answer.read(), answer
        finally:
            client.close()

    def socket(self):
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def wait_for(self, text):
        for _ in range(400):
            if text in self.said:
                return
            time.sleep(0.05)
        raise AssertionError(f"{text!r} was not said:\n{self.said}")

    def resident(self):
        """MiB of memory."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024

    def stop(self, number=signal.SIGTERM):
        """Its exit code. number: None if it was told already."""
        if number is not None and self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.close()


# ---- what holds for every interface; test is a TestCase ----


def check_many_at_once(test, server, path_name):
    """path_name: where the application's answer to a GET has the path."""
    body = os.urandom(100_000)

    def use(number):
        client = server.client()
        try:
            for turn in range(20):
                client.request("POST", "/echo", body[:number * 1000 + turn])
                if client.getresponse().read() != body[:number * 1000 + turn]:
                    return False
                client.request("GET", f"/{number}/{turn}")
                if json.loads(client.getresponse().read())[path_name] != f"/{number}/{turn}":
                    return False
        finally:
            client.close()
        return True

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        test.assertEqual(list(pool.map(use, range(32))), [True] * 32)


def check_access_log(test, *arguments):
    """arguments: of an AppServer whose /slow answers with four octets."""
    with tempfile.TemporaryDirectory() as folder:
        server = AppServer(*arguments, "--access-log-file", f"{folder}/log")
        test.addCleanup(server.kill)
        client = server.client()
        for path in "/slow", "/slow?%22":
            client.request("GET", path, headers={"User-Agent": 'a"b'})
            client.getresponse().read()
        client.close()
        test.assertEqual(server.stop(), 0)
        with open(f"{folder}/log", encoding="ascii") as log:
            lines = log.read().splitlines()
    for line, path in zip(lines, ("/slow", "/slow?%22"), strict=True):
        test.assertRegex(line, r'^127\.0\.0\.1 - - \[\S+ \+0000\] "GET ' + re.escape(path) + r' HTTP/1\.1" 200 4 "-" "a\\x22b"$')
