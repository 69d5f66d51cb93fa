#!/usr/bin/env python3
"""Tries examples/embed as a user would: players join the game while its host goes on with its frames, and it ends by itself.

    embed_check.py [PROGRAM]        default: build/examples/embed

The module is found where LUA_PATH and LUA_CPATH say, and with --modules without them. Standard library only.
"""
import os
import pathlib
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile

from echo_check import PATIENCE, Server, connect

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ENDPOINT = "tcp://127.0.0.1:0"
FOR_EVER = "--frames 1000000000"  # until the players have won
SIGPIPE = 1 << 12  # its bit in a mask of /proc


class Player:
    def __init__(self, where):
        self.stream = connect(where)
        self.file = self.stream.makefile("rb")

    def __enter__(self):
        self.hears(r"look, push NUMBER or quit\?")
        return self

    def __exit__(self, *_):
        self.file.close()
        self.stream.close()

    def says(self, text):
        self.stream.sendall(text.encode())

    def hears(self, pattern):
        line = self.file.readline().decode()
        assert re.fullmatch(pattern + "\n", line), f"a player heard {line!r} where {pattern!r} was due"

    def is_sent_away(self):
        assert self.file.readline() == b"", "the connection was to end"


def ends_well(server, told):
    printed, problem = server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 0 and not problem, f"status {server.process.returncode}: {problem}"
    assert re.search(told, printed), f"it does not print {told!r} but {printed!r}"


def win(*players):
    for speed in (11, 21, 31):
        players[0].says("push 10\n")
        for player in players:
            player.hears(f"the wheel turns {speed} degrees a frame")
    for player in players:
        player.hears("the mill grinds: you have won")
        player.is_sent_away()


def check_players(program):
    with Server(f"{program} {FOR_EVER}", ENDPOINT) as server:
        where = server.endpoint()
        with Player(where) as anna, Player(where) as bob:
            anna.says("look\nlo")
            anna.hears(r"frame \d+, angle \d+, speed 1")
            anna.says("ok\r\n")
            anna.hears(r"frame \d+, angle \d+, speed 1")
            bob.says("dance\npush\npush 1e999\n")
            for _ in range(2):
                bob.hears(r"look, push NUMBER or quit\?")
            for player in (anna, bob):
                player.hears("the wheel turns 11 degrees a frame")
            bob.says("push -10\nquit\nlook\n")
            bob.hears("the wheel turns 1 degrees a frame")
            anna.hears("the wheel turns 1 degrees a frame")
            bob.hears("goodbye")
            bob.is_sent_away()
            with Player(where) as carl:
                carl.says("x" * 2000)
                carl.hears("that line is too long")
            with Player(where) as dora:
                win(anna, dora)
        ends_well(server, r"^\d+ frames, the longest poll took \d+\.\d+ ms\n$")


def check_modules(program):
    names = [name for name in os.environ if name.startswith(("LUA_PATH", "LUA_CPATH"))]
    kept = {name: os.environ.pop(name) for name in names}
    try:
        with Server(f"{program} {FOR_EVER} --modules build/lua", ENDPOINT) as server, Player(server.endpoint()) as anna:
            win(anna)
            ends_well(server, "frames")
    finally:
        os.environ.update(kept)


def check_leaves_signals_alone(program):
    with Server(f"{program} {FOR_EVER}", ENDPOINT) as server, Player(server.endpoint()) as anna:
        status = pathlib.Path(f"/proc/{server.process.pid}/status")
        if status.exists():
            masks = {name: int(mask, 16) for name, mask in re.findall(r"^(Sig(?:Cgt|Ign)):\s*(\w+)$", status.read_text(), re.MULTILINE)}
            # Those above 31 are the C library's own.
            assert masks["SigCgt"] & 0x7fffffff == 0, f"a signal is caught: {masks['SigCgt']:x}"
            assert masks["SigIgn"] & SIGPIPE == 0, "SIGPIPE is ignored"
        win(anna)
        ends_well(server, "frames")


def check_ends_after_its_frames(program):
    with Server(f"{program} --frames 5", ENDPOINT) as server:
        ends_well(server, "(?m)^5 frames,")


def check_refuses(program, arguments, endpoint, status, *words):
    with Server(f"{program} {arguments}", endpoint) as server:
        ended_with, problem = server.outcome()
        assert ended_with == status, f"status {ended_with} where {status} was due: {problem}"
        assert all(word in problem for word in words), f"its message lacks one of {words}: {problem}"
        assert problem.count("stack traceback:") == (status == 1), f"one traceback was due: {problem}"


def check_port_in_use(program):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        taken = f"tcp://127.0.0.1:{busy.getsockname()[1]}"
        check_refuses(program, "", taken, 1, taken, "EADDRINUSE", "game.lua")


def check_script_fails(program, text, *words):
    with tempfile.TemporaryDirectory(prefix="tidemill-") as folder:
        script = pathlib.Path(folder) / "script.lua"
        script.write_text(text)
        check_refuses(program, f"--script {script}", ENDPOINT, 1, *words)


IN_FRAME = """
local function draw() error("no paint") end
return {frame = function() draw() end, finish = function() end}
"""
IN_CALLBACK = """
local reactor = require("tidemill").Reactor:new()
local function tick() error("no time") end
reactor:next_tick(function() tick() end)
return {frame = function(budget) return reactor:poll(0, budget) end, finish = function() end}
"""


def checks(program):
    yield "players", lambda: check_players(program)
    yield "--modules", lambda: check_modules(program)
    yield "signals", lambda: check_leaves_signals_alone(program)
    yield "frames", lambda: check_ends_after_its_frames(program)
    yield "port in use", lambda: check_port_in_use(program)
    yield "no script", lambda: check_refuses(program, "--script nowhere.lua", ENDPOINT, 1, "nowhere.lua")
    yield "wrong argument", lambda: check_refuses(program, "--frames many", ENDPOINT, 2, "usage")
    yield "error in frame", lambda: check_script_fails(program, IN_FRAME, "script.lua:2: no paint", "'draw'")
    yield "error in a callback", lambda: check_script_fails(program, IN_CALLBACK, "script.lua:3: no time", "'tick'")
    yield "no table", lambda: check_script_fails(program, "return 1", "returns no table")


def main():
    program = sys.argv[1] if len(sys.argv) == 2 else "build/examples/embed"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    passed = failed = 0
    for title, check in checks(program):
        try:
            check()
            passed += 1
        except (AssertionError, OSError, queue.Empty, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"embed, {title}: {error or type(error).__name__}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
