#!/usr/bin/env python3
"""Checks that the tables of docs/cookbook/limits-and-metrics.md say what core/base/limits.h and core/reactor/metrics.def say.

    limits_page.py [--write]      --write puts the right tables there instead
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/cookbook/limits-and-metrics.md"
LIMIT = re.compile(r"^inline constexpr [\w:]+ (\w+) = (.+);$")
METRIC = re.compile(r'^TIDEMILL_(COUNTER|GAUGE|HISTOGRAM)\((\w+), "(.*)"\)$')


def limits():
    """The reason stands above a limit, or above those that share it."""
    yield from ("| limit | default | why |", "| --- | --- | --- |")
    comment, is_new = [], True
    for line in (ROOT / "core/base/limits.h").read_text("utf-8").splitlines():
        found = LIMIT.match(line)
        if line.startswith("//"):
            comment = [*([] if is_new else comment), line[2:].strip()]
            is_new = False
        elif found:
            yield f"| `{found[1]}` | {readable(found[2])} | {' '.join(comment)} |"
            is_new = True
        elif not line:
            is_new = True


def readable(value):
    value = value.replace(" * 1024 * 1024", " MiB").replace(" * 1024", " KiB").replace("1024 * 1024", "1 MiB")
    value = re.sub(r"^(\d+)(s|ms)$", r"\1 \2", value)
    if "hours{24 * " in value:
        return "100 years" if "24 * 365 * 100" in value else re.sub(r".*24 \* (\d+).*", r"\1 days", value)
    return value.replace("1024 KiB", "1 MiB")


def metrics():
    yield from ("| name | kind | what |", "| --- | --- | --- |")
    for line in (ROOT / "core/reactor/metrics.def").read_text("utf-8").splitlines():
        if found := METRIC.match(line):
            yield f"| `{found[2]}` | {found[1].lower()} | {found[3]} |"
        elif line and not line.startswith("//"):
            sys.exit(f"metrics.def: not understood: {line}")


def main():
    text = PAGE.read_text("utf-8")
    right = text
    for name, rows in (("limits", limits()), ("metrics", metrics())):
        table = "\n".join(rows)
        mark = rf"(<!-- {name}: [^\n]* -->\n\n).*?(\n<!-- end -->)"
        right, count = re.subn(mark, lambda m, table=table: m[1] + table + "\n" + m[2], right, flags=re.DOTALL)
        if count != 1:
            sys.exit(f"{PAGE}: there is no place for the table of {name}")
    if "--write" in sys.argv:
        PAGE.write_text(right, "utf-8")
    if "--write" in sys.argv or right == text:
        print("2 passed, 0 failed")
    else:
        sys.exit(f"{PAGE} is stale: tests/tools/limits_page.py --write\n1 passed, 1 failed")


if __name__ == "__main__":
    main()
