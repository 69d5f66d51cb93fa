#!/usr/bin/env python3
"""Measures the echo server of every language against a hand-written epoll loop; prints a Markdown table.

What lives here: who takes part, the rounds, the medians, the table.
What must not: traffic (load.cpp makes and checks it), processes (server.py), a list of servers
(contestants.txt).

Python 3.9, standard library only. README.md says what the columns mean.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path
from statistics import median

from server import Failure, Server, pin_to

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
BASELINE = "epoll"
WARMUP_SECONDS = 0.5

CASES = {
    # name: connections, octets in a message, messages in flight on each connection
    "echo": dict(connections=64, size=64, depth=1),
    "echo16k": dict(connections=64, size=16384, depth=1),
    "pingpong": dict(connections=1, size=64, depth=1),
    "pipeline": dict(connections=64, size=64, depth=16),
}

Contestant = namedtuple("Contestant", "name language argv")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=CASES, default="echo")
    for key in CASES["echo"]:
        parser.add_argument(f"--{key}", type=int, help="instead of the case's")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="measured in each round")
    parser.add_argument("--only", action="append", metavar="NAME", help=f"with {BASELINE}; may be repeated")
    parser.add_argument("--unix", action="store_true", help="over a UNIX socket instead of TCP")
    parser.add_argument("--build", default="build", help="the build folder")
    parser.add_argument("--python", default="python3", help="instead of the first python3 in the PATH of ./dev env")
    parser.add_argument("--list", action="store_true", help="show the contestants and stop")
    parser.add_argument("--smoke", action="store_true", help="one round of 0.3 s: does everything run?")
    arguments = parser.parse_args()
    arguments.warmup = WARMUP_SECONDS
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    if arguments.smoke:
        arguments.rounds, arguments.seconds, arguments.warmup = 1, 0.3, 0.1
    for key, value in CASES[arguments.case].items():
        if getattr(arguments, key) is None:
            setattr(arguments, key, value)
    return arguments


# ---- who takes part --------------------------------------------------------------------------------


def read_contestants(arguments):
    contestants = []
    for line in (BENCH / "contestants.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, language, command = line.split(None, 2)
            command = command.replace("{build}", arguments.build).replace("{python}", arguments.python)
            contestants.append(Contestant(name, language, shlex.split(command)))
    return contestants


def select_contestants(contestants, only):
    unknown = set(only or []) - {contestant.name for contestant in contestants}
    if unknown:
        sys.exit(f"bench: no contestant named {', '.join(sorted(unknown))} in contestants.txt")
    return [c for c in contestants if not only or c.name in only or c.name == BASELINE]


def find_missing(contestant, environment):
    """What the contestant lacks, or None. A program or script that is there but fails is no lack."""
    program = contestant.argv[0]
    if "/" not in program and not shutil.which(program, path=environment.get("PATH")):
        return f"{program} is not installed"
    for part in contestant.argv:
        if "/" in part and "{" not in part and not (ROOT / part).exists():
            return f"{part} is missing"
    return None


def read_environment():
    """The environment in which the in-tree build can be imported, from `./dev env`."""
    if not (ROOT / "dev").exists():
        return dict(os.environ)
    script = 'exports=$(./dev env) && eval "$exports" && exec env -0'
    answer = subprocess.run(["sh", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, timeout=60)
    if answer.returncode != 0:
        sys.exit("bench: ./dev env failed")
    pairs = answer.stdout.decode(errors="surrogateescape").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


# ---- the rounds ------------------------------------------------------------------------------------


def run_load(server, core, arguments):
    command = [str(ROOT / arguments.build / "bench/load"), "--connect", server.endpoint, "--json",
               "--server-pid", str(server.process.pid), "--warmup", str(arguments.warmup)]
    for key in ("connections", "size", "depth", "seconds"):
        command += [f"--{key}", str(getattr(arguments, key))]
    answer = subprocess.run(command, capture_output=True, text=True, preexec_fn=lambda: pin_to(core))
    if answer.returncode == 2:
        sys.exit(answer.stderr.strip())  # wrong arguments: nobody's fault but the caller's
    if answer.returncode != 0:
        raise Failure((answer.stderr.strip() or f"load: exit code {answer.returncode}") + server.explain())
    return json.loads(answer.stdout)


def measure(contestant, cores, environment, arguments):
    with tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder:
        endpoint = f"unix://{folder}/echo" if arguments.unix else "tcp://127.0.0.1:0"
        with Server(contestant.argv, endpoint, cores[0], environment) as server:
            return run_load(server, cores[-1], arguments)


def run_rounds(contestants, cores, environment, arguments):
    """Results by name, one for each round; reasons by name. Who fails once sits out the rest."""
    results = {contestant.name: [] for contestant in contestants}
    failures = {}
    for number in range(arguments.rounds):
        turn = number % len(contestants)  # nobody always runs after the same neighbour
        for contestant in contestants[turn:] + contestants[:turn]:
            if contestant.name in failures:
                continue
            try:
                results[contestant.name].append(measure(contestant, cores, environment, arguments))
            except Failure as failure:
                failures[contestant.name] = str(failure)
                del results[contestant.name]
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
    return results, failures


# ---- the table -------------------------------------------------------------------------------------


def format_row(name, rounds, baseline):
    def middle(key):
        return median(result[key] for result in rounds)

    cpu = "server_seconds_per_million"
    cells = [name, f"{middle('messages_per_second'):,.0f}", f"{middle('p50_us'):.1f}",
             f"{middle('p99_us'):.1f}", f"{middle(cpu):.2f}", f"{middle('server_busy'):.2f}"]
    pairs = [(mine[cpu], unit[cpu]) for mine, unit in zip(rounds, baseline)]
    if pairs:
        ratios = [mine / unit for mine, unit in pairs]
        excess = median(mine - unit for mine, unit in pairs)  # s per million is us per message
        cells += [f"{median(ratios):.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}", f"{excess:+.2f}"]
    return "| " + " | ".join(cells + ["-"] * (9 - len(cells))) + " |"


def print_table(results, arguments, cores):
    transport = "UNIX sockets" if arguments.unix else "TCP on loopback"
    print(f"{arguments.connections} connections, {arguments.size} octets, {arguments.depth} in flight, "
          f"{transport}; medians of {arguments.rounds} x {arguments.seconds:g} s; server on core {cores[0]}, load on core "
          f"{cores[-1]}; Linux {os.uname().release}\n")
    print("| contestant | msgs/s | p50 us | p99 us | CPU s per million | busy | ratio | spread | excess us |")
    print("| --- " + "| ---: " * 8 + "|")
    for name, rounds in results.items():
        print(format_row(name, rounds, results.get(BASELINE, [])))


def main():
    for stop in (signal.SIGTERM, signal.SIGINT):  # leave through the `with` blocks: they end the servers
        signal.signal(stop, lambda number, _: sys.exit(128 + number))
    arguments = parse_arguments()
    environment = read_environment()
    contestants = select_contestants(read_contestants(arguments), arguments.only)
    missing = {c.name: find_missing(c, environment) for c in contestants}
    if arguments.list:
        for contestant in contestants:
            print(f"{contestant.name:10} {contestant.language:10} {missing[contestant.name] or 'ready'}")
        return 0
    if not (ROOT / arguments.build / "bench/load").exists():
        sys.exit(f"bench: {arguments.build}/bench/load is missing; build it with ./dev build")
    for name, lack in missing.items():
        if lack:
            print(f"skipped {name}: {lack}", file=sys.stderr)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        print("only one core: server and load share it, the figures mean little", file=sys.stderr)
    present = [contestant for contestant in contestants if not missing[contestant.name]]
    results, failures = run_rounds(present, cores, environment, arguments)
    print_table(results, arguments, cores)
    for name, why in failures.items():
        print(f"FAILED {name}: {why}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
