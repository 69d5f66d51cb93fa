#!/usr/bin/env python3
"""Measures tidemill in its four languages beside other event loops and a loop written by hand; prints Markdown tables and the marks.

What lives here: the arguments, the rounds, what is printed.
What must not: traffic (load/ makes and checks it), one measurement (measure.py), the tables of cases, contestants and marks.

Python 3.9, standard library only. README.md says what the columns mean.
"""

import argparse
import os
import signal
import sys
import time

from cases import CASES, GROUPS, SMOKE_COUNT, SMOKE_SECONDS, SMOKE_WARMUP, WARMUP_SECONDS, select_cases
from contestants import BASELINE, ROOT, ask_version, find_lack, read_contestants, read_environment, remedy
from marks import judge_all, marks_table, summary
from measure import measure
from report import describe_machine, save
from server import Failure
from tables import OWN, all_tables


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help="a case or a group of them; all without one")
    parser.add_argument("--rounds", type=int, help="instead of each case's own number")
    parser.add_argument("--seconds", type=float, help="measured in each round, instead of each case's own")
    parser.add_argument("--count", type=int, help="of timers or ticks, instead of each case's own")
    parser.add_argument("--only", action="append", metavar="NAME", help=f"with {BASELINE}; a part of the name will do; may be repeated")
    parser.add_argument("--build", default="build", help="the build folder")
    parser.add_argument("--python", default="python3", help="instead of the first python3 in the PATH of ./dev env")
    parser.add_argument("--save", action="store_true", help="keep tables, marks, figures and plots in bench/results")
    parser.add_argument("--list", action="store_true", help="show cases and contestants and stop")
    parser.add_argument("--setup", action="store_true", help="install every peer (what ./dev does, not this program)")
    parser.add_argument("--smoke", action="store_true", help="one short round: does everything run? No figures, no marks")
    arguments = parser.parse_args()
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    arguments.warmup = WARMUP_SECONDS
    if arguments.smoke:
        arguments.rounds, arguments.warmup = 1, SMOKE_WARMUP
        arguments.seconds, arguments.count = SMOKE_SECONDS, SMOKE_COUNT
        arguments.only = arguments.only or [OWN]  # ./dev test must need no peer, nor take long where they are installed
    return arguments


# ---- who takes part --------------------------------------------------------------------------------


def select_contestants(contestants, only):
    chosen = [c for c in contestants if not only or c.name == BASELINE or any(part in c.name for part in only)]
    if only and len(chosen) < 2 and BASELINE not in only:
        sys.exit(f"bench: no contestant is named like {', '.join(only)} in contestants.txt")
    return chosen


def survey(contestants, environment):
    """Versions by name, and why the others are missing, by name."""
    versions, lacks = {}, {}
    for contestant in contestants:
        version, lack = ask_version(contestant, environment)
        if lack:
            lacks[contestant.name] = f"{lack}; {remedy(contestant)}"
        else:
            versions[contestant.name] = version
    return versions, lacks


def print_list(contestants, versions, lacks):
    for name, case in CASES.items():
        print(f"{name:12} {case.title}")
    for name, members in GROUPS.items():
        print(f"{name:12} {', '.join(members)}" if name not in CASES else "")
    print()
    for contestant in contestants:
        state = versions.get(contestant.name) or lacks[contestant.name]
        print(f"{contestant.name:20} {contestant.language:10} {' '.join(sorted(contestant.cases)):32} {state}")


# ---- the rounds ------------------------------------------------------------------------------------


class Run:
    """The rounds of all cases. results[case][name]: the figures of each round, None where it failed."""

    def __init__(self, contestants, cores, environment, arguments):
        self.contestants = contestants
        self.cores = cores
        self.environment = environment
        self.arguments = arguments
        self.results = {}
        self.failures = {}
        self.skipped = {}

    def members(self, name):
        """Who takes part in the case: who knows it and whose program is there."""
        case = CASES[name]
        members = []
        for contestant in self.contestants:
            if not contestant.cases & {name, case.program}:
                continue
            lack = find_lack(contestant, case.program, self.environment)
            if lack:
                self.skipped[f"{contestant.name}, {case.program}"] = f"{lack}; {remedy(contestant)}"
            else:
                members.append(contestant)
        return members

    def measure_case(self, name):
        case = CASES[name]
        members = self.members(name)
        rounds = self.arguments.rounds or case.rounds
        results = {contestant.name: [] for contestant in members}
        began = time.monotonic()
        for number in range(rounds):
            turn = number % max(len(members), 1)  # nobody always runs after the same neighbour
            for contestant in members[turn:] + members[:turn]:
                results[contestant.name].append(self.measure_one(contestant, name, case))
        took = time.monotonic() - began
        print(f"{name}: {len(members)} contestants, {rounds} rounds, {took:.0f} s", file=sys.stderr, flush=True)
        self.results[name] = {name: rounds for name, rounds in results.items() if any(rounds)}

    def measure_one(self, contestant, name, case):
        if (contestant.name, name) in self.failures:
            return None  # who fails once sits out the rest of the case
        try:
            return measure(contestant, case, self.cores, self.environment, self.arguments)
        except Failure as failure:
            self.failures[contestant.name, name] = str(failure)
            return None


def explain(cores, arguments):
    return (f"Medians of interleaved rounds; server on core {cores[0]}, load on core {cores[-1]}; "
            f"warm-up {arguments.warmup:g} s; `./dev bench {' '.join(sys.argv[1:])}`.")


# ---- what is printed -------------------------------------------------------------------------------


def print_smoke(run):
    """No figures: whether each contestant did its work in each case."""
    for case, results in run.results.items():
        print(f"{case}: {len(results)} ran: {', '.join(results)}")
    passed = sum(len(results) for results in run.results.values())
    counts = f"{passed} passed, {len(run.failures)} failed"
    print(f"{counts}, {len(run.skipped)} skipped" if run.skipped else counts)  # the last line, which ./dev test reads


def print_tables(run, languages):
    print(all_tables(CASES, run.results, languages))
    verdicts = judge_all(run.results, languages)
    if verdicts:
        print(f"\n### marks: {summary(verdicts)}\n\n{marks_table(verdicts)}")


def main():
    for stop in (signal.SIGTERM, signal.SIGINT):  # leave through the `with` blocks: they end the servers
        signal.signal(stop, lambda number, _: sys.exit(128 + number))
    arguments = parse_arguments()
    environment = read_environment()
    names = select_cases(arguments.cases)
    contestants = select_contestants(read_contestants(arguments.build, arguments.python), arguments.only)
    versions, lacks = survey(contestants, environment)
    if arguments.list:
        print_list(contestants, versions, lacks)
        return 0
    if not (ROOT / arguments.build / "bench/load").exists():
        sys.exit(f"bench: {arguments.build}/bench/load is missing; build it with ./dev build")
    if BASELINE in lacks:
        sys.exit(f"bench: nothing without the hand-written loop: {lacks[BASELINE]}")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        print("only one core: server and load share it, the figures mean little", file=sys.stderr)

    run = Run([contestant for contestant in contestants if contestant.name in versions], cores, environment, arguments)
    run.skipped.update(lacks)
    began = time.monotonic()
    for name in names:
        run.measure_case(name)
    for name, why in run.skipped.items():
        print(f"skipped {name}: {why}", file=sys.stderr)
    for (name, case), why in run.failures.items():
        print(f"FAILED {name}, {case}: {why}", file=sys.stderr)
    languages = {contestant.name: contestant.language for contestant in contestants}
    if arguments.smoke:
        print_smoke(run)
    else:
        print(f"{explain(cores, arguments)}\n")
        print_tables(run, languages)
        print(f"\n{(time.monotonic() - began) / 60:.1f} minutes")
    if arguments.save:
        save(dict(machine=describe_machine(cores, environment), how=explain(cores, arguments), results=run.results, languages=languages,
                  versions=versions, skipped=run.skipped, failures=run.failures), environment)
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
