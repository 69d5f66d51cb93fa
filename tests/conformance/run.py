#!/usr/bin/env python3
"""Runs the conformance scenarios against the Python binding; README.md is the format.

Three files, alike in every language: scenario (the parser), play (the handler class, the verbs, the trace matcher), run (this: self-tests,
choice of scenarios, the count).
"""
import argparse
import collections
import itertools
import pathlib
import resource
import subprocess
import sys
import tempfile

from scenario import HERE, read

if "--syntax-only" in sys.argv:  # for authors of scenarios who have not built the library
    tidemill = play = None
else:
    import tidemill
    from play import play

LANGUAGE, TRANSPORTS, POLLERS = "python", ("tcp", "unix", "memory", "tls"), ("epoll", "poll")

def self_test(poller, folder):
    """A text for every self-test that went otherwise than it should."""
    for path in sorted(HERE.glob("selftest/*/*.tide")):
        kind = path.parent.name
        scenario, trouble = read(path)
        is_refused = trouble is not None
        if not is_refused and tidemill:
            trouble = play(scenario, "memory", poller, folder)
        is_trouble_due = kind == "invalid" or kind == "fail" and tidemill
        due = scenario.head.get("fails", "a line") if is_trouble_due else None
        if is_refused != (kind == "invalid") or due != (trouble and str(trouble[0])):
            yield f"{path}: trouble expected at {due}, seen {trouble}"

def find(paths):
    """The files meant by what stands on the command line."""
    for path in map(pathlib.Path, paths):
        found = path.resolve() if path.exists() else HERE / "scenarios" / path
        if not found.exists():
            sys.exit(f"no scenario {path}")
        yield from sorted(found.rglob("*.tide")) if found.is_dir() else [found]

def is_skipped(scenario):
    if LANGUAGE not in scenario.head.get("langs", LANGUAGE).split():
        return True
    try:
        if scenario.head.get("needs") == "ipv6":
            tidemill.Reactor().listen("tcp://[::1]:0", tidemill.Connection).close()
        return False
    except tidemill.Error:
        return True

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--poller", action="append", choices=POLLERS)
    parser.add_argument("--over", action="append", choices=TRANSPORTS)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--syntax-only", action="store_true")
    parser.add_argument("path", nargs="*", default=[HERE / "scenarios"])
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    known = {line.partition("#")[0].strip() for line in (HERE / "known" / f"{LANGUAGE}.txt").read_text("utf-8").split("\n")}
    counts = collections.Counter()

    def report(outcome, *lines):
        counts[outcome] += 1
        print(*lines, sep="\n", end="\n" if lines else "", flush=True)

    with tempfile.TemporaryDirectory(prefix="tide-") as folder:
        subprocess.run(["sh", HERE.parent / "support" / "certificates.sh", folder + "/certificates"], check=True)
        pollers, transports = options.poller or POLLERS, options.over or TRANSPORTS
        if wrong := list(self_test(pollers[0], folder)):
            sys.exit("\n".join(wrong))
        for path in find(options.path):
            scenario, trouble = read(path)
            if trouble:
                report("failed", f"{path}:{trouble[0]} malformed: {trouble[1]}")
            elif options.list or options.syntax_only:
                report("passed", *([scenario.name] if options.list else []))
            elif is_skipped(scenario):
                report("skipped")
            else:
                over = [transport for transport in transports if transport in scenario.head.get("over", transport).split()]
                for transport, poller in itertools.product(over, pollers):
                    trouble = play(scenario, transport, poller, folder)
                    run = f"{scenario.name} {transport} {poller}"
                    if run in known:
                        report(*["skipped"] if trouble else ["failed", f"{run} passes: take it off known/{LANGUAGE}.txt"])
                    elif trouble:
                        report("failed", f"{path}:{trouble[0]} over {transport} with {poller}: {trouble[1]}")
                    else:
                        report("passed")
    if not options.list:
        print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] else 0)

if __name__ == "__main__":
    main()
