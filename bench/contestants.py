"""Who takes part: the table of contestants.txt, what is missing of it, and which versions are there."""

import os
import shlex
import shutil
import subprocess
from collections import namedtuple
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
BASELINE = "epoll"
SETUP = "./dev bench --setup"
MICRO_CASES = {"timers", "ticks"}
# What not all can take that serve the other; the program is the same.
SAME_PROGRAM = {"pipelined": "http", "kept": "http"}

# cases: the --case values that the program knows; needs: "" or "deb:libuv1-dev" and the like.
Contestant = namedtuple("Contestant", "name language cases needs version command")


def read_contestants(build, python):
    contestants = []
    for line in (BENCH / "contestants.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, language, cases, needs, version, command = [column.strip() for column in line.split("|")]
        for key, value in {"{build}": build, "{python}": python, "{venv}": ".venv-bench"}.items():
            version, command = version.replace(key, value), command.replace(key, value)
        contestants.append(Contestant(name, language, set(cases.split()), needs.strip("-"), version, command))
    return contestants


def argv_of(contestant, case):
    kind = "micro" if case in MICRO_CASES else "servers"
    return shlex.split(contestant.command.replace("{kind}", kind)) + ["--case", SAME_PROGRAM.get(case, case)]


def read_environment():
    """The environment in which the in-tree build can be imported, from `./dev env`."""
    if not (ROOT / "dev").exists():
        return dict(os.environ)
    script = 'exports=$(./dev env) && eval "$exports" && exec env -0'
    answer = subprocess.run(["sh", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, timeout=60)
    if answer.returncode != 0:
        raise SystemExit("bench: ./dev env failed")
    pairs = answer.stdout.decode(errors="surrogateescape").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def find_missing_file(argv, environment):
    program = argv[0]
    if "/" not in program and not shutil.which(program, path=environment.get("PATH")):
        return f"{program} is not installed"
    for part in argv:
        if "/" in part and not (ROOT / part).exists():
            return f"{part} is missing"
    return None


def ask_version(contestant, environment):
    """The version, or nothing and why it could not be told: the library is missing, or this system does not allow it."""
    argv = shlex.split(contestant.version)
    lack = find_missing_file(argv, environment)
    if lack:
        return None, lack
    answer = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30)
    if answer.returncode != 0 or not answer.stdout.strip():
        lines = answer.stderr.strip().splitlines() or ["no version"]
        telling = [line for line in lines if "rror" in line or "not found" in line] or lines
        return None, telling[-1].strip()[:160]
    return answer.stdout.strip().splitlines()[-1], None


def find_lack(contestant, case, environment):
    """What the program for this case lacks, or None. A program or script that is there but fails is no lack."""
    return find_missing_file(argv_of(contestant, case)[:-2], environment)


def remedy(contestant):
    if contestant.needs:
        return f"to add it: {SETUP}   ({contestant.needs.replace(':', ' package ', 1)})"
    return "to add it: ./dev setup, ./dev build"
