#!/usr/bin/env python3
"""Checks the include directions of the house: which floor may include what. Prints every breach; exit code 1 if there is one."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# floor: the floors below it that it may include, besides itself.
BELOW = {
    "base": [],
    "sys": ["base"],
    "reactor": ["base", "sys"],
    "tls": ["base"],
    "net": ["base", "sys", "reactor", "tls"],
    "proto": ["base"],
    "serve": ["base", "sys", "reactor", "tls", "net", "proto"],
    "exchange": ["base", "sys", "reactor", "tls", "net", "proto", "serve"],
}

# What the C++20 standard library offers and every floor may use, without what belongs to the system or to threads' signals.
STANDARD = set(
    """algorithm any array atomic bit bitset cassert cctype cerrno cfloat charconv chrono cinttypes climits cmath compare complex concepts
    condition_variable coroutine cstdarg cstddef cstdint cstdio cstdlib cstring ctime cwchar deque exception filesystem format forward_list
    fstream functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory
    memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex semaphore set shared_mutex source_location
    span sstream stack stdexcept stop_token streambuf string string_view syncstream system_error thread tuple type_traits typeindex typeinfo
    unordered_map unordered_set utility valarray variant vector version""".split()
)

INTERPRETERS = re.compile(
    r"^(Python|lua|lauxlib|lualib|luajit|ruby)\b.*\.h|^ruby/|^lua[\d.]*/"
)
# Users' programs, as it were: they bring an interpreter of their own, and therefore must not know the core beside it.
HOSTS = {"examples/embed/embed.cpp"}
OPENSSL = re.compile(r"^openssl/")
ZLIB = re.compile(r"^zlib\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def sources(folder):
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in {".h", ".hpp", ".c", ".cpp", ".def", ".i"}
    )


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(2)


def breach_in_floor(floor, name):
    """Why a file of this floor may not include that header; None if it may."""
    if name.startswith("tidemill/"):
        parts = name.split("/")
        if len(parts) < 3:
            return "the contents page is for users"
        if parts[1] == floor or parts[1] in BELOW[floor]:
            return None
        return f"{floor} stands below or beside {parts[1]}"
    if name in STANDARD:
        return None
    if INTERPRETERS.match(name):
        return "only bindings/ knows interpreters"
    if OPENSSL.match(name):
        return None if floor == "tls" else "only tls knows OpenSSL"
    if ZLIB.match(name):
        return None if floor == "proto" else "only proto knows zlib"
    if floor == "sys":
        return None
    return f"only sys includes headers of the system (or add <{name}> to STANDARD)"


def breach_in_program(is_host, name):
    """The same for what is neither core nor binding."""
    if is_host and name.startswith("tidemill/"):
        return "a host meets tidemill in its scripts only"
    if not is_host and INTERPRETERS.match(name):
        return "only bindings/ knows interpreters"
    return None


def check_core():
    for path in sources(ROOT / "core"):
        parts = path.relative_to(ROOT / "core").parts
        if len(parts) == 1:
            if path.name != "tidemill.h":
                yield (
                    path,
                    1,
                    "only tidemill.h, the contents page, lies outside the floors",
                )
            continue
        if parts[0] not in BELOW:
            yield path, 1, f"there is no floor '{parts[0]}'"
            continue
        for number, name in includes(path):
            why = breach_in_floor(parts[0], name)
            if why:
                yield path, number, f"includes {name}: {why}"


def check_interpreters():
    for folder in ("tests", "examples", "bench", "swig", "python", "ruby", "lua"):
        for path in sources(ROOT / folder):
            is_host = path.relative_to(ROOT).as_posix() in HOSTS
            for number, name in includes(path):
                why = breach_in_program(is_host, name)
                if why:
                    yield path, number, f"includes {name}: {why}"


def self_test():
    """The rules above, held against what they must and must not allow."""
    assert breach_in_floor("base", "string") is None
    assert breach_in_floor("net", "tidemill/sys/fd.h") is None
    assert breach_in_floor("sys", "sys/epoll.h") is None
    assert breach_in_floor("tls", "openssl/ssl.h") is None
    assert breach_in_floor("proto", "zlib.h") is None
    for floor, name in (
        ("base", "tidemill/sys/fd.h"),
        ("reactor", "tidemill/net/net.h"),
        ("proto", "tidemill/net/net.h"),
        ("net", "sys/socket.h"),
        ("reactor", "csignal"),
        ("net", "Python.h"),
        ("sys", "ruby/ruby.h"),
        ("sys", "lua.h"),
        ("net", "openssl/ssl.h"),
        ("net", "zlib.h"),
        ("sys", "zlib.h"),
        ("net", "tidemill/tidemill.h"),
    ):
        assert breach_in_floor(floor, name), (floor, name)
    assert breach_in_program(True, "lua.h") is None
    assert breach_in_program(False, "tidemill/tidemill.h") is None
    assert breach_in_program(True, "tidemill/tidemill.h")
    assert breach_in_program(False, "lua.h")


def main():
    self_test()
    breaches = list(check_core()) + list(check_interpreters())
    for path, number, text in breaches:
        print(f"{path.relative_to(ROOT)}:{number}: {text}")
    checked = len(sources(ROOT / "core"))
    print(f"floors: {checked} files of the core checked, {len(breaches)} breaches")
    return 1 if breaches or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
