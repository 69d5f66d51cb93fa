#!/usr/bin/env python3
"""Checks the code of docs/guide.md and docs/cookbook: every block is at least well-formed, and the complete programs run.

    check_cookbook.py [PAGE...]

A block's language is the first word after its fence; the word `run` after it says that it is a complete program: it must end by itself
with exit code 0 within a minute, in a scratch folder that holds only the certificates of tests/support/certificates.sh. What it must print stands in its last lines, as comments: `prints: TEXT`.
C++ blocks without main are fragments; they must compile among declarations or inside a function.
Ends with `N passed, N failed`; a language that is missing is named and skipped.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from echo_check import make_certificates

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMMENT = re.compile(r"^(?:#|--|//) prints: (.*)$", re.MULTILINE)
CPP_HEAD = """#include <tidemill/tidemill.h>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>
using namespace tidemill;
using namespace std::chrono_literals;
"""
CHECKS = {
    "python": [sys.executable, "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())"],
    "ruby": ["ruby", "-c"],
    "lua": ["luac5.1", "-p"],
}
RUNS = {"python": [[sys.executable]], "ruby": [["ruby"]], "lua": [["lua5.4"], ["luajit"]]}
SUFFIX = {"python": ".py", "ruby": ".rb", "lua": ".lua", "cpp": ".cpp"}


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, where, problem):
        if problem is None:
            self.passed += 1
        else:
            self.failed += 1
            print(f"{where}: {problem}")

    def skip(self, where, reason):
        self.skipped += 1
        print(f"{where}: skipped: {reason}")


def blocks(page):
    """(line, language, words after it, text) of each fenced block."""
    lines = page.read_text("utf-8").splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if not line.startswith("```"):
            continue
        if start is None:
            start = (number, line[3:].split())
        else:
            first, words = start
            start = None
            if words:
                yield first, words[0], words[1:], "\n".join(lines[first:number - 1]) + "\n"


def execute(command, folder=None):
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
                              start_new_session=True)
    except subprocess.TimeoutExpired:
        return None, "it did not end within a minute"
    return done.stdout, None if done.returncode == 0 else (done.stderr or done.stdout).strip()[-1500:] or f"exit code {done.returncode}"


def run(command, text, folder):
    printed, problem = execute(command, folder)
    if problem is None:
        for wanted in COMMENT.findall(text):
            if wanted not in printed:
                return f"it does not print {wanted!r} but {printed[-300:]!r}"
    return problem


def compile_cpp(source, output=None):
    flags = ["-std=c++20", f"-I{ROOT / 'build/core/include'}"]
    if output is None:
        return execute(["c++", *flags, "-fsyntax-only", str(source)])[1]
    libraries = subprocess.run(["pkg-config", "--libs", "openssl", "zlib"], capture_output=True, text=True, check=False).stdout.split()
    return execute(["c++", *flags, str(source), str(ROOT / "build/core/libtidemill.a"), *libraries, "-pthread", "-o", str(output)])[1]


def check_cpp(text, folder, is_run):
    source = folder / "block.cpp"
    if is_run or "int main(" in text:
        source.write_text(text)
        problem = compile_cpp(source, folder / "block" if is_run else None)
        return problem or (run([str(folder / "block")], text, folder) if is_run else None)
    includes = "".join(line + "\n" for line in text.splitlines() if line.startswith("#include"))
    rest = "".join(line + "\n" for line in text.splitlines() if not line.startswith("#include"))
    source.write_text(f"{CPP_HEAD}{includes}{rest}")
    problem = compile_cpp(source)
    if problem is None:
        return None
    source.write_text(f"{CPP_HEAD}{includes}[[maybe_unused]] static void fragment(Reactor& reactor, Connection& connection) {{\n{rest}\n}}\n")
    return None if compile_cpp(source) is None else problem


def check(where, language, words, text, report, certificates):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        for file in pathlib.Path(certificates).iterdir():
            shutil.copy(file, folder)
        if language == "cpp":
            if not (ROOT / "build/core/libtidemill.a").exists():
                return report.skip(where, "nothing is built")
            return report.check(where, check_cpp(text, folder, "run" in words))
        source = folder / f"block{SUFFIX[language]}"
        source.write_text(text, "utf-8")
        if "run" not in words:
            if not shutil.which(CHECKS[language][0]):
                return report.skip(where, f"there is no {CHECKS[language][0]}")
            return report.check(where, execute([*CHECKS[language], str(source)])[1])
        for command in RUNS[language]:
            if shutil.which(command[0]):
                report.check(f"{where} ({os.path.basename(command[0])})", run([*command, str(source)], text, folder))
            else:
                report.skip(where, f"there is no {command[0]}")
    return None


def main():
    report = Report()
    pages = [pathlib.Path(page) for page in sys.argv[1:]] or [ROOT / "docs" / "guide.md", *sorted((ROOT / "docs" / "cookbook").glob("*.md"))]
    with tempfile.TemporaryDirectory() as certificates:
        make_certificates(certificates)
        for page in pages:
            for line, language, words, text in blocks(page):
                if language in SUFFIX:
                    check(f"{page.name}:{line}", language, words, text, report, certificates)
    print(f"{report.passed} passed, {report.failed} failed" + (f", {report.skipped} skipped" if report.skipped else ""))
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
