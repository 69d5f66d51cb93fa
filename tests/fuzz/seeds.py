#!/usr/bin/env python3
"""Makes inputs for framing_fuzz and client_fuzz of what the scenarios in tests/conformance/scenarios write.

    seeds.py FOLDER             one file for each scenario of framing and engine; the two octets before the input are what framing_fuzz.cpp says
    seeds.py FOLDER cookies     one for each scenario of http_client that sets cookies, and for each cookie, as client_fuzz.cpp has them
"""
import pathlib
import re
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


def scenarios(topic):
    for path in sorted((HERE.parent / "conformance/scenarios" / topic).glob("*.tide")):
        read, trouble = scenario.read(path)
        if trouble:
            sys.exit(f"{path}: {trouble}")
        yield path, read.steps


def framing():
    for path, steps in scenarios("framing"):
        octets = b"".join(arguments[1] for _, verb, arguments in steps if verb == "write")[:298]
        for name in sorted(set(protocols(steps))):
            for engine in ENGINES[name]:
                for limit in (4, 40):
                    yield f"{path.stem}-{engine}-{limit}", bytes([engine, limit]) + octets


def cookies():
    for path, steps in scenarios("http_client"):
        written = b"\r\n".join(arguments[1] for _, verb, arguments in steps if verb == "write")
        found = re.findall(rb"Set-Cookie: ([^\r]{1,200})", written)
        found += [arguments[2].encode() for _, verb, arguments in steps if verb == "set_cookie"]
        for number, cookie in enumerate(found):
            yield f"{path.stem}-{number}", b"\x02" + bytes([number % 4]) + cookie
        if found:
            yield path.stem, b"\x02" + b"\n".join(bytes([number % 4]) + cookie for number, cookie in enumerate(found))[:298]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():  # libFuzzer adds to it
        old.unlink()
    made = 0
    for name, octets in cookies() if sys.argv[2:] == ["cookies"] else framing():
        (folder / name).write_bytes(octets)
        made += 1
    if made == 0:
        sys.exit("no scenario gave a seed")
    print(f"{made} seeds")


if __name__ == "__main__":
    main()
