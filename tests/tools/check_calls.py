#!/usr/bin/env python3
"""Checks that the fault injector knows every system call of the core: check_calls.py [BUILD FOLDER].

Whatever the core's objects ask the C library for is either in tests/support/calls.def or listed here as no system call; a name in neither
is an error, so that a new call cannot be forgotten. Then the check is held to itself: without any one of the calls it has to fail.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CALLS = ROOT / "tests" / "support" / "calls.def"

# Work in memory only, or nothing that can fail for a reason outside the program.
NO_CALLS = set(
    """abort atoi bcmp freeaddrinfo gai_strerror inet_ntop inet_pton memchr memcmp memcpy memmove memset pthread_atfork pthread_self
    pthread_sigmask sigaddset sigdelset sigemptyset sigfillset sigismember snprintf strcmp strchr strerror_r strerrorname_np strlen strncmp
    strnlen strtod strtol strtoll strtoul strtoull tolower toupper isalnum isdigit isspace getpid getenv __sched_cpucount
    malloc free calloc realloc""".split()
)
# zlib's, which work in memory.
NO_CALLS |= set(
    """deflate deflateEnd deflateInit2_ deflateReset inflate inflateEnd inflateGetDictionary inflateInit2_ inflateReset
    inflateSetDictionary""".split()
)
# Those that only fill in what posix_spawnp(3) is given, and names of signals and of this very file.
NO_CALLS |= set(
    """posix_spawnattr_init posix_spawnattr_destroy posix_spawnattr_setflags posix_spawnattr_setsigdefault posix_spawnattr_setsigmask
    posix_spawn_file_actions_init posix_spawn_file_actions_destroy posix_spawn_file_actions_adddup2 posix_spawn_file_actions_addopen
    posix_spawn_file_actions_addchdir_np posix_spawn_file_actions_addclosefrom_np environ sigabbrev_np dladdr""".split()
)
# The time of day, for the field Date.
NO_CALLS |= {"time"}
# The rest of who waits for a BriefLock: whatever it answers, the lock is tried again.
NO_CALLS |= {"nanosleep"}
# A line for a slow callback, which may be lost.
NO_CALLS |= {"fprintf", "stderr"}
# Of processes, watches and terminals (core/sys/{spawn,pidfd,inotify,pipe}.cpp), of notify_systemd and of counting cores: the injector does
# not know them yet.
NOT_INJECTED_YET = set(
    """dlopen sched_getaffinity sendto fcntl inotify_init1 inotify_add_watch inotify_rm_watch kill posix_spawnp openat pthread_create pthread_detach syscall tcgetattr
    tcsetattr waitid waitpid writev""".split()
)
# Locks and conditions: the C library's, which answer by waiting.
LOCKS = re.compile(r"^pthread_(mutex|cond|rwlock|once)_?")
# raise(3) does not come back to be told; _exit(2) neither.
NO_CALLS |= {"raise", "_exit"}

# C++ itself, the C library's insides, and the sanitizers.
LANGUAGE = re.compile(r"^(_Z|__cxa_|__gxx_|__asan_|__ubsan_|__tsan_|__sanitizer_|_Unwind_|_GLOBAL_OFFSET_TABLE_$)")
INSIDES = {
    "__dso_handle", "__dynamic_cast", "__errno_location", "__libc_single_threaded", "__stack_chk_fail", "__tls_get_addr", "__h_errno_location",
    "__memcpy_chk", "__memmove_chk", "__memset_chk", "__snprintf_chk", "__isoc23_strtol", "__isoc23_strtoull", "__isoc23_strtoul",
}  # fmt: skip
FORTIFIED = re.compile(r"^__(\w+)_chk$")

# Their calls are OpenSSL's.
FOREIGN_FLOORS = {"tls"}


def floor_of(member):
    """The floor of core/ that an archive member was compiled from."""
    found = {path.parent.name for path in (ROOT / "core").glob(f"*/{member.removesuffix('.o')}")}
    return found.pop() if len(found) == 1 else ""


def wanted(archive):
    """{name: object} of what the core's objects ask others for."""
    listing = subprocess.run(["nm", "-A", "-u", str(archive)], capture_output=True, text=True, check=True).stdout
    names = {}
    for line in listing.splitlines():
        member = line.split(":")[1]
        if floor_of(member) not in FOREIGN_FLOORS:
            names.setdefault(line.split()[-1].split("@")[0], member)
    return names


def unknown(names, calls):
    """Those of the names that nobody has thought about, with their objects."""
    known = calls | NO_CALLS | NOT_INJECTED_YET | INSIDES
    for name, member in sorted(names.items()):
        plain = FORTIFIED.sub(r"\1", name)
        if not (LANGUAGE.match(name) or LOCKS.match(name) or name in known or plain in known):
            yield name, member


def main():
    archive = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build") / "core" / "libtidemill.a"
    calls = set(re.findall(r"^(?:TIDEMILL|OWN)_CALL\([\w ]+, (\w+),", CALLS.read_text(encoding="utf-8"), re.MULTILINE))
    names = wanted(archive)
    problems = [
        f"{member} calls {name}: add it to tests/support/calls.def and to the troubles of tests/faults/exchange_test.cpp, "
        "or to NO_CALLS of tests/tools/check_calls.py"
        for name, member in unknown(names, calls)
    ]
    problems += [f"tests/support/calls.def: the core does not call {name}" for name in sorted(calls - set(names))]
    for call in sorted(calls & set(names)):
        if call not in dict(unknown(names, calls - {call})):
            problems.append(f"without {call} in the list the check finds nothing missing")
    for problem in problems:
        print(problem)
    print(f"{len(calls) - min(len(calls), len(problems))} passed, {len(problems)} failed")
    return 1 if problems or not calls else 0


if __name__ == "__main__":
    sys.exit(main())
