#!/usr/bin/env python3
"""Makes inputs for framing_fuzz of what the scenarios in tests/conformance/scenarios/framing write.

    seeds.py FOLDER     one file for each scenario and engine; the two octets before the input are what framing_fuzz.cpp says
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "conformance"))
import scenario  # noqa: E402

ENGINES = {"lines": [0], "line_batches": [1], "netstrings": [3], "blocks": [4], "header_content": [5], "messages": [2 + 6 * prefix for prefix in range(8)]}


def protocols(steps):
    for _, _, arguments in steps:
        for argument in arguments:
            name = argument.partition(",")[0] if isinstance(argument, str) else ""
            if name in ENGINES:
                yield name


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():  # libFuzzer adds to it
        old.unlink()
    made = 0
    for path in sorted((HERE.parent / "conformance/scenarios/framing").glob("*.tide")):
        read, trouble = scenario.read(path)
        if trouble:
            sys.exit(f"{path}: {trouble}")
        octets = b"".join(arguments[1] for _, verb, arguments in read.steps if verb == "write")[:298]
        for name in sorted(set(protocols(read.steps))):
            for engine in ENGINES[name]:
                for limit in (4, 40):
                    (folder / f"{path.stem}-{engine}-{limit}").write_bytes(bytes([engine, limit]) + octets)
                    made += 1
    if made == 0:
        sys.exit("no scenario gave a seed")
    print(f"{made} seeds")


if __name__ == "__main__":
    main()
