#!/usr/bin/env python3
"""Tries the WebSocket chat as browsers and other people's programs do, and a WebSocket client of ours on another server.

    websocket_check.py LANGUAGE=COMMAND...     for example  "Ruby=ruby examples/websocket/chat.rb"

Each command is started with `--listen ENDPOINT`, in the root of the repository. The peers are Python's `websockets`, as a client of each example
and as the server of our client, and Chromium without a screen, in which two pages talk to each other; without Chromium that is named as skipped.
"""
import asyncio
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import websockets
from echo_check import PATIENCE, Server

import tidemill

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


async def told(socket):
    return await asyncio.wait_for(socket.recv(), PATIENCE)


# ---- `websockets` as a client ----


async def check_chat(port):
    uri = f"ws://127.0.0.1:{port}/chat"
    async with websockets.connect(uri) as one, websockets.connect(uri, compression=None) as other:
        for socket in (one, other):  # so that both are in: a pong comes after on_open
            await asyncio.wait_for(await socket.ping(), PATIENCE)
        await one.send("  Ann ")
        assert await told(one) == await told(other) == "Ann is here", "the name"
        await other.send("Bob")
        assert await told(one) == await told(other) == "Bob is here", "the other name"
        text = "caf\u00e9 \U0001f30a " * 300
        await one.send(text)
        assert await told(one) == await told(other) == f"Ann: {text}", "a long line"
        await other.send(["in ", "frag", "ments"])
        assert await told(one) == await told(other) == "Bob: in fragments", "fragments"
        await asyncio.wait_for(await one.ping(b"?"), PATIENCE)


async def check_close(port):
    async with websockets.connect(f"ws://127.0.0.1:{port}/chat") as socket:
        await socket.close(4000, "enough")
    assert socket.close_code == 4000, f"closed with {socket.close_code}"


async def check_limit(port):
    async with websockets.connect(f"ws://127.0.0.1:{port}/chat", compression=None) as socket:
        await socket.send("x" * 4096)
        await told(socket)
        await socket.send("x" * 4097)
        with contextlib.suppress(websockets.ConnectionClosed):
            await told(socket)
            raise AssertionError("a message of 4097 octets was taken")
        assert socket.close_code == 1009, f"closed with {socket.close_code}"


async def check_origin(port):
    async with websockets.connect(f"ws://127.0.0.1:{port}/chat", origin=f"http://127.0.0.1:{port}"):
        pass
    try:
        async with websockets.connect(f"ws://127.0.0.1:{port}/chat", origin="http://elsewhere.example"):
            raise AssertionError("a page of another origin was let in")
    except websockets.InvalidStatus as refusal:
        assert refusal.response.status_code == 403, f"{refusal.response.status_code} for another origin"


# ---- `websockets` as a server of our client ----


async def check_client(_port):
    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    seen = []

    class Client(tidemill.WebSocketConnection):
        path = "/somewhere?x=1"
        subprotocols = ("other", "chat")

        def on_open(self):
            seen.append(self.subprotocol)
            self.ping(b"!")
            self.send_text("caf\u00e9 " * 1000)

        def on_pong(self, payload):
            seen.append(payload)

        def on_text(self, text):
            seen.append(text)
            self.send_binary(bytes(range(256)) * 200)

        def on_binary(self, data):
            seen.append(data)
            self.close(1000, "done")

        def on_close(self, reason):
            seen.append((reason, self.close_code))
            self.reactor.stop()

    def play(port):
        reactor = tidemill.Reactor()
        reactor.connect(f"tcp://127.0.0.1:{port}", Client)
        reactor.call_later(PATIENCE, reactor.stop)
        reactor.run()

    async with websockets.serve(echo, "127.0.0.1", 0, subprotocols=["chat"]) as server:
        await asyncio.to_thread(play, server.sockets[0].getsockname()[1])
    assert seen == ["chat", b"!", "caf\u00e9 " * 1000, bytes(range(256)) * 200, (None, 1000)], f"our client saw {str(seen)[:200]}"


# ---- Chromium ----


class Browser:
    """Chromium without a screen, in a process group and with a profile of its own."""

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory()
        command = [program, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
                   f"--user-data-dir={self.folder.name}", "about:blank"]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)

    def __enter__(self):
        place, deadline = pathlib.Path(self.folder.name, "DevToolsActivePort"), time.monotonic() + 60
        while not (place.exists() and place.read_text().count("\n") >= 1):
            assert self.process.poll() is None, f"Chromium ended with {self.process.returncode}"
            assert time.monotonic() < deadline, "Chromium did not start within a minute"
            time.sleep(0.05)
        self.port = int(place.read_text().split()[0])
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for _ in range(20):  # what is being written still
            with contextlib.suppress(OSError):
                self.folder.cleanup()
                return
            time.sleep(0.1)

    def open(self, address):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?{address}", method="PUT")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["webSocketDebuggerUrl"]


class Page:
    """One page, by Chromium's DevTools protocol."""

    def __init__(self, socket):
        self.socket, self.number = socket, 0

    async def evaluate(self, expression):
        self.number += 1
        await self.socket.send(json.dumps({"id": self.number, "method": "Runtime.evaluate", "params": {"expression": expression}}))
        while (answer := json.loads(await told(self.socket))).get("id") != self.number:
            pass
        return answer["result"]["result"].get("value")

    async def until(self, expression):
        deadline = time.monotonic() + PATIENCE
        while not await self.evaluate(expression):
            assert time.monotonic() < deadline, f"not within {PATIENCE} s: {expression}; the page: {await self.evaluate('document.body.innerText')}"
            await asyncio.sleep(0.05)

    async def say(self, text):
        await self.evaluate(f"document.getElementById('text').value = {json.dumps(text)}; document.querySelector('button').click()")


async def check_browser(browser, port):
    address = f"http://127.0.0.1:{port}/"
    async with websockets.connect(browser.open(address), max_size=None) as first, websockets.connect(browser.open(address), max_size=None) as second:
        one, other = Page(first), Page(second)
        for page in (one, other):
            await page.until("document.readyState === 'complete' && document.getElementById('state').textContent === 'connected'")
        await one.say("Ann")
        await other.until("document.getElementById('lines').textContent === 'Ann is here\\n'")
        await other.say("Bob")
        await one.say("caf\u00e9 <b>")
        for page in (one, other):
            await page.until("document.getElementById('lines').textContent.includes('Bob is here\\n')")
            await page.until("document.getElementById('lines').textContent.includes('Ann: caf\u00e9 <b>\\n')")
        assert "permessage-deflate" in await one.evaluate("socket.extensions"), "the browser's messages are not compressed"


CHECKS = (check_chat, check_close, check_limit, check_origin)


def main():
    passed = failed = skipped = 0

    def attempt(language, check, *arguments):
        nonlocal passed, failed
        try:
            asyncio.run(asyncio.wait_for(check(*arguments), 60))
            passed += 1
        except (AssertionError, OSError, TimeoutError, websockets.WebSocketException) as problem:
            failed += 1
            print(f"{language}: {check.__name__}: {problem or repr(problem)}")

    attempt("our client", check_client, 0)
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    with Browser(program) if program else contextlib.nullcontext() as browser:
        for argument in sys.argv[1:]:
            language, _, command = argument.partition("=")
            with Server(command, "tcp://127.0.0.1:0") as server:
                port = int(server.endpoint().rpartition(":")[2])
                for check in CHECKS:
                    attempt(language, check, port)
                if browser is None:
                    skipped += 1
                    print(f"{language}: check_browser: skipped: Chromium is missing")
                else:
                    attempt(language, check_browser, browser, port)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
