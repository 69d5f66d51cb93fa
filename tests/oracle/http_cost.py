#!/usr/bin/env python3
"""Counts the instructions of a request in tidemill's HTTP parser and in llhttp, by callgrind, and holds the first to the second.

    http_cost.py PROGRAM      PROGRAM: http_cost
"""

import re
import subprocess
import sys
import tempfile

MOST = 1.3  # of llhttp's instructions
FEW, MANY = 200, 1200


def instructions(program, who, what, count):
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", program, who, what, str(count)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=True,
        )
    return int(re.search(r"Collected : (\d+)", run.stderr.decode())[1]), int(run.stdout)


def cost(program, who, what):
    """Of one request: what more of them cost more, so that the start of the program does not count."""
    few, messages_of_few = instructions(program, who, what, FEW)
    many, messages_of_many = instructions(program, who, what, MANY)
    return (many - few) / (messages_of_many - messages_of_few)


def main():
    program, failures = sys.argv[1], 0
    print("instructions of a request   llhttp   parser   ratio   engine with its answer")
    for what in ("small", "browser", "pipeline"):
        llhttp, parser, engine = (cost(program, who, what) for who in ("llhttp", "parser", "engine"))
        failures += parser > MOST * llhttp
        print(f"{what:25} {llhttp:8.0f} {parser:8.0f} {parser / llhttp:7.2f} {engine:8.0f}")
    print(f"{3 - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
