#!/usr/bin/env python3
"""Compares tests/surface/names.txt with bindings/api.pyi, with what each language has at run time, and with the C++ headers.

    check.py [LANGUAGE...]     description, python, ruby, lua5.4, lua5.1, luajit, cpp; default all

Needs the environment of `./dev env`. A language without interpreter is skipped; a package that cannot be loaded is a failure.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import make_api  # noqa: E402

INTERPRETERS = {"python": [sys.executable, "probe.py"], "ruby": ["ruby", "probe.rb"],
                **{lua: [lua, "probe.lua"] for lua in ("lua5.4", "lua5.1", "luajit")}}


class Names:
    """names.txt."""

    def __init__(self, path):
        self.cpp, self.extra = {}, {}
        for line in path.read_text("utf-8").splitlines():
            columns = line.partition("#")[0].split()
            if not columns:
                continue
            if len(columns) != 2:
                sys.exit(f"{path}: not understood: {line}")
            if columns[0].startswith("+"):
                self.extra.setdefault(columns[0][1:], set()).add(columns[1])
            else:
                self.cpp[columns[0]] = columns[1]


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def compare(self, language, wanted, seen, optional=frozenset()):
        for name in sorted(wanted - seen - optional):
            print(f"{language}: {name} is missing")
        for name in sorted(seen - wanted):
            print(f"{language}: {name} is public and not in names.txt")
        self.passed += len(wanted & seen)
        self.failed += len((wanted - seen - optional) | (seen - wanted))

    def fail(self, text):
        print(text)
        self.failed += 1

    def skip(self, text):
        print(text)
        self.skipped += 1


def spelled(name, language):
    owner, _, last = name.rpartition(".")
    return f"{owner}.{make_api.spelling(last, language)}" if owner else make_api.spelling(last, language)


def check_script(program, names, entries, report):
    language = "lua" if program.startswith("lua") else program
    command = INTERPRETERS[program]
    if not shutil.which(command[0]):
        return report.skip(f"{program} is skipped: there is no {command[0]}")
    done = subprocess.run([command[0], str(HERE / command[1])], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        return report.fail(f"{program}: the package cannot be asked: {done.stderr.strip()[:300]}")
    wanted = {spelled(name, language) for name in names.cpp} | names.extra.get(language, set())
    optional = {spelled(entry.qualified, language) for entry in make_api.walk(entries) if entry.is_only_if_defined}
    # An error class has what its base has.
    bases = {entry.name: entry.base for entry in entries if entry.kind == "class"}
    seen = set(done.stdout.split())
    inherited = {name for name in seen for owner, _, last in [name.partition(".")]
                 if last and bases.get(owner) in bases and f"{bases[owner]}.{last}" in seen}
    report.compare(program, wanted, (seen - inherited) | (seen & wanted), optional)  # what the description says anew is a name as well


def check_cpp(names, report):
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    headers = [folder for folder in (ROOT / "build/core/include",) if folder.exists()]
    if not compiler or not headers:
        return report.skip("cpp is skipped: there is no compiler, or nothing is built")
    spellings = sorted(set(names.cpp.values()) - {"-"})
    lines = ["#include <tidemill/tidemill.h>", "void check() {"]
    for spelling in spellings:
        is_member = spelling.startswith("&")
        lines.append(f"(void)(&tidemill::{spelling[1:]});" if is_member else f"{{ using tidemill::{spelling}; }}")
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
        file.write("\n".join([*lines, "}", ""]))
        file.flush()
        done = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", f"-I{headers[0]}", file.name], capture_output=True, text=True, check=False)
        wrong = {int(number) for number in re.findall(re.escape(file.name) + r":(\d+):\d+: error", done.stderr)}
    missing = {spellings[number - 3] for number in wrong if 0 <= number - 3 < len(spellings)}
    if done.returncode and not missing:
        return report.fail(f"cpp: {done.stderr.strip()[-600:]}")
    report.compare("cpp", set(spellings), set(spellings) - missing)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", nargs="*", default=["description", *INTERPRETERS, "cpp"])
    names, entries, report = Names(HERE / "names.txt"), make_api.read(), Report()
    for language in parser.parse_args().language:
        if language == "description":
            report.compare("bindings/api.pyi", set(names.cpp), set(make_api.public_names(entries)))
        elif language == "cpp":
            check_cpp(names, report)
        else:
            check_script(language, names, entries, report)
    print(f"{report.passed} passed, {report.failed} failed" + (f", {report.skipped} skipped" if report.skipped else ""))
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
