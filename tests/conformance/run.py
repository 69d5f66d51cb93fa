#!/usr/bin/env python3
"""Runs the conformance scenarios against the Python binding; README.md is the format.

All four runners have this order: grammar, scenario (the parser), the handler class, play (verbs, then trace matcher), main.
"""
import argparse
import collections
import functools
import gc
import itertools
import pathlib
import re
import resource
import sys
import tempfile
import threading
import time
import weakref

if "--syntax-only" in sys.argv:
    tidemill = None
else:
    import tidemill

HERE = pathlib.Path(__file__).resolve().parent
LANGUAGE, TRANSPORTS, POLLERS = "python", ("tcp", "unix", "memory"), ("epoll", "poll")

class Malformed(Exception):
    """The file is no scenario of format 1."""

class Failed(Exception):
    """The library did not do what the scenario says."""

# -- Grammar: the shape of what follows a verb; each CAPITAL word stands for its pattern in WORDS ----------------------

ACTIONS = {
    "listen": "NEW( backlog=COUNT)?( at ENDPOINT)?", "connect": "NEW (E|at ENDPOINT)( connect_timeout=TIME)?( host=WORD)?",
    "write": "E VALUE", "close": "E", "abort": "E", "end_write": "E", "pause": "E", "resume": "E", "set_idle_timeout": "E TIME",
    "set_watermarks": "E COUNT COUNT", "call_later": "NEW TIME", "call_every": "NEW TIME", "next_tick": "NEW", "post": "NEW",
    "cancel": "E( YES)?", "stop": "", "run": "(raises TEXT)?", "turn": "(COUNT)?", "check": "E WORD ENDPOINT", "fails": "CODE( ERRNO)? ACTION"}
REACTIONS = {**ACTIONS, "echo": "", "raise": "TEXT", "nothing": ""}
STEPS = {**ACTIONS, "advance": "TIME", "error_handler": "(OFF)?", "drop": "E", "gone": "E", "when": "GROUP EVENT do ACTION",
         "expect": "(NOTHING|E LINE)", "then": "E LINE", "ignore": r"GROUP (EVENT|\*)"}
LINES = {"on_open": "", "on_data": "(OCTETS|total COUNT( of OCTETS)?)", "on_drain": "", "on_end": "", "on_close": "REASON",
         "on_error": "TEXT", "fired": ""}
TEXT, NAME = r'"(?:[^"\\]|\\.)*"', "[a-z][a-z_]*[0-9]*"
WORDS = {"NEW": NAME, "E": f"@|{NAME}", "GROUP": rf"{NAME}|[a-z][a-z_]*\*", "EVENT": "|".join(LINES), "TEXT": TEXT, "WORD": r'[^\s"]+',
         "VALUE": f"{TEXT}(?: x [0-9]+)?", "OCTETS": f'(?!""){TEXT}(?: x [0-9]+)?', "ENDPOINT": rf'{TEXT}|[^\s"]+', "COUNT": "-?[0-9]+",
         "TIME": r"-?[0-9]+(?:\.[0-9]+)?", "NOTHING": "nothing(?: yet)?", "YES": "true|false", "OFF": "off", "CODE": "[a-z_]+",
         "ERRNO": "E[A-Z0-9]+", "REASON": r"ok|\*|os E[A-Z0-9]+|[a-z_]+", "LINE": ".+", "ACTION": ".+"}
HEAD = {"format": "1", "spec": ".+", "over": "(tcp|unix|memory)( (tcp|unix|memory))*", "clock": "manual|system", "needs": "ipv6",
        "langs": "(cpp|python|lua|ruby)( (cpp|python|lua|ruby))*", "limit": r"[0-9]+(\.[0-9]+)?", "fails": "[0-9]+|end"}
ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\", b'"': b'"'}

@functools.lru_cache(None)
def compiled(shape):
    """The shape's pattern, with one group for each CAPITAL word, and those words."""
    return re.compile(re.sub("[A-Z]+", lambda word: f"({WORDS[word[0]]})", shape.replace("(", "(?:"))), re.findall("[A-Z]+", shape)

def octets(value):
    text, _, times = value.rpartition('"')
    def escaped(match):
        if len(match[1]) == 1 and match[1] not in ESCAPES:
            raise Malformed(f"no escape \\{match[1].decode()}")
        return ESCAPES.get(match[1]) or bytes([int(match[1][1:], 16)])
    return re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", escaped, text[1:].encode()) * int(times[3:] or 1)

# -- Scenario: a file, read --------------------------------------------------------------------------------------------

class Scenario:
    """read() fills head and steps (line, verb, arguments; repeat written out); after Malformed, line says where."""

    def __init__(self, path):
        self.path, self.line = path, 1
        self.name = str(path.relative_to(HERE / "scenarios") if HERE / "scenarios" in path.parents else path)
        self.head, self.steps, self.whens = {}, [], set()
        self.made, self.made_once, self.used = {"reactor"}, set(), []  # names: by any step, by a step outside reactions; line and name

    def read(self):
        block = None  # in a repeat: its line, its count, its lines
        for self.line, text in enumerate(map(str.strip, self.path.read_text("utf-8").split("\n")), 1):
            if text.startswith("#"):
                self.read_head(*text[2:].partition(": ")[::2])
            elif text and not {"format", "spec"} <= self.head.keys():
                raise Malformed("format and spec come first")
            elif not block and re.fullmatch("repeat [0-9]+", text):
                block = self.line, int(text[7:]), []
            elif block and text == "end":
                for n, (self.line, inner) in itertools.product(range(1, block[1] + 1), block[2]):
                    self.add(inner.replace("{n}", str(n)))
                block = None
            elif block:
                block[2].append((self.line, text))
            elif text:
                self.add(text)
        if block or not self.steps:
            self.line = block[0] if block else 1
            raise Malformed("repeat without end" if block else "no steps")
        for self.line, name in self.used:
            stem = name.rstrip("0123456789*")
            if not {name, stem, stem + "1" if name.endswith("*") else ""} & self.made:
                raise Malformed(f"nothing makes {name}")

    def read_head(self, key, value):
        if key in HEAD and not self.steps:
            if not re.fullmatch(HEAD[key], value):
                raise Malformed(f"{key} cannot be {value}")
            self.head[key] = value

    def add(self, text):
        self.group = None  # in a when: whom "@" stands for
        verb, arguments = self.parse(text, STEPS)
        self.steps.append((self.line, verb, arguments))
        if verb == "when":
            self.whens.add((arguments[0], arguments[1]))

    def parse(self, text, grammar, making=True):
        verb, _, rest = text.partition(" ")
        if verb not in grammar:
            raise Malformed(f"no step {verb} here")
        pattern, words = compiled(grammar[verb])
        if not (match := pattern.fullmatch(rest)):
            raise Malformed(f"{verb} takes {grammar[verb] or 'nothing'}, not {rest or 'nothing'}")
        making = making and verb != "fails"
        return verb, [part and self.argument(word, part, making) for word, part in zip(words, match.groups())]

    def argument(self, word, part, making):
        if word == "NEW" and making:
            if part in self.made_once or part == "reactor":
                raise Malformed(f"{part} is made twice")
            self.made.add(part)
            self.made_once |= set() if self.group else {part}
        elif word == "E" and part == "@" and not self.group:
            raise Malformed("@ outside a reaction")
        elif word in ("E", "GROUP") and part != "@":
            self.used.append((self.line, part))
            self.group = part if word == "GROUP" else self.group
        elif word == "ACTION":
            return self.parse(part, REACTIONS if self.group else {**ACTIONS, "advance": "TIME"}, making)
        elif word == "LINE":
            return self.parse(part, LINES)
        elif word == "ENDPOINT" and part.startswith("@"):
            self.used.append((self.line, part[1:]))
        elif part.startswith('"'):
            return octets(part) if word in ("VALUE", "OCTETS") else octets(part).decode()
        return {"COUNT": int, "TIME": float}.get(word, str)(part)

    def reacts(self, name, event):
        return self.whens & {(name, event), (group_of(name), event)}

def group_of(name):
    return name.rstrip("0123456789") + "*"

# -- The handler class -------------------------------------------------------------------------------------------------

class Recorder(tidemill.Connection if tidemill else object):
    """Tells the play of every callback."""

    def __init__(self, play, name):
        super().__init__()
        self.play, self.name, self.writable, self.is_over = play, name, None, False

    def on_open(self):
        self.play.seen(self.name, "on_open", me=self)

    def on_data(self, data):
        self.play.seen(self.name, "on_data", data, me=self)

    def on_drain(self):
        self.play.seen(self.name, "on_drain", me=self)

    def on_end(self):
        self.play.seen(self.name, "on_end", me=self, default=super().on_end)

    def on_close(self, reason):
        what = "ok" if reason is None else f"os {reason.errno_name}" if reason.code == "os" else reason.code
        self.play.seen(self.name, "on_close", what, me=self)

class ForgivingRecorder(Recorder):
    def on_error(self, error):
        self.play.seen(self.name, "on_error", str(error), me=self)

# -- Play: a scenario, played over one transport with one poller -------------------------------------------------------

class Play:
    numbers = itertools.count(1)  # for fresh endpoints, and for the order of everything

    def __init__(self, scenario, transport, poller, folder):
        self.scenario, self.transport, self.folder, self.line = scenario, transport, folder, 0
        self.limit = float(scenario.head.get("limit", 5))
        self.reactor = tidemill.Reactor(poller=poller, clock="" if scenario.head.get("clock") == "system" else "manual")
        self.entities, self.given, self.endpoints = {}, {}, {}  # by name: object, weak reference to what the user gave, text
        self.accepted = collections.Counter()
        self.reactions, self.ignored = collections.defaultdict(list), set()  # by (name, event): number, line, verb, arguments
        self.trace, self.matched = collections.defaultdict(collections.deque), 0  # by name: number, event, detail
        self.me = self.data = self.problem = None  # who is called back, with what; what went wrong in a callback
        self.in_loop = False

    def run(self):
        try:
            for self.line, verb, arguments in self.scenario.steps:
                self.perform(verb, arguments)
            self.line = "end"
            self.do_expect("nothing", None, None)
        finally:
            self.entities, self.reactor, self.me = {}, None, None  # they hold this play, and it them

    def perform(self, verb, arguments):
        if hasattr(self, "do_" + verb):
            getattr(self, "do_" + verb)(*arguments)
        elif verb in ("call_later", "call_every", "next_tick", "post"):
            self.schedule(getattr(self.reactor, verb), *arguments)
        else:
            getattr(self.entity(arguments[0]), verb)(*arguments[1:])

    def seen(self, name, event, detail=None, me=None, default=None):
        """A callback came: traces it, then does what the scenario wants done in it."""
        if not self.in_loop or getattr(me, "is_over", False) and event != "on_error":
            self.problem = self.problem or (self.line, f"{name} {event} came inside another call, or after on_close")
        if not self.is_ignored(name, event):
            self.trace[name].append((next(self.numbers), event, detail))
        self.me, self.data, self.in_loop = me or self.entities.get(name), detail, False
        try:
            if default and not self.scenario.reacts(name, event):
                default()
            for _, line, verb, arguments in sorted(self.reactions[name, event] + self.reactions[group_of(name), event]):
                if verb == "raise":
                    raise RuntimeError(*arguments)
                try:
                    self.perform(verb, arguments)
                except Exception as error:
                    self.problem = self.problem or (line, f"in {name} {event}: {error!r}")
        finally:
            self.me, self.in_loop = None, True
            if event == "on_close":
                me.is_over = True

    def loop(self, call, *arguments):
        """The one way into what may call back."""
        before, self.in_loop = self.in_loop, True
        try:
            return call(*arguments)
        finally:
            self.in_loop = before
            if self.problem:
                self.line, text = self.problem
                raise Failed(text)

    def is_ignored(self, name, event):
        return self.ignored & set(itertools.product((name, group_of(name)), (event, "*")))

    def settle(self):
        deadline = time.monotonic() + self.limit
        while self.loop(self.reactor.run_once, 0):
            if time.monotonic() > deadline:
                raise Failed("every turn finds something to do")

    def entity(self, name):
        found = {"reactor": self.reactor, "@": self.me, **self.entities}.get(name)
        if found is None:
            raise Failed(f"{name} is not there")
        return found

    def endpoint(self, text):
        return self.endpoints[text[1:]] if text.startswith("@") else text.replace("DIR", self.folder)

    def keep(self, name, entity, given):
        self.entities[name], self.given[name] = entity, weakref.ref(given)

    def recorder(self, name):
        return (ForgivingRecorder if self.scenario.reacts(name, "on_error") else Recorder)(self, name)

    def schedule(self, call, name, *seconds):
        def function():
            self.seen(name, "fired")
        self.keep(name, call(*seconds, function) or function, function)

    def same(self, what, expected, seen):
        seen = str(seen).lower() if isinstance(seen, bool) else str(seen)
        if expected != seen:
            raise Failed(f"{what}: expected {expected}, seen {seen}")

    # The verbs that are more than a method of that name

    def do_listen(self, name, backlog, endpoint):
        def factory():
            self.accepted[name] += 1
            recorder = self.recorder(f"{name}{self.accepted[name]}")
            self.keep(recorder.name, recorder, recorder)
            return recorder
        number = next(self.numbers)
        fresh = {"tcp": "tcp://127.0.0.1:0", "unix": f"unix://DIR/{number}.sock", "memory": f"memory://{number}"}
        options = {} if backlog is None else {"backlog": backlog}
        listener = self.reactor.listen(self.endpoint(fresh[self.transport] if endpoint is None else endpoint), factory, **options)
        self.keep(name, listener, factory)
        self.endpoints[name] = listener.endpoint

    def do_connect(self, name, listener, endpoint, connect_timeout, host):
        endpoint = self.endpoint("@" + listener if listener else endpoint)
        if host:
            endpoint = f"tcp://{host}:{endpoint.rpartition(':')[2]}"
        options = {} if connect_timeout is None else {"connect_timeout": connect_timeout}
        recorder = self.recorder(name)
        self.reactor.connect(endpoint, recorder, **options)
        self.keep(name, recorder, recorder)

    def do_write(self, name, value):
        self.entity(name).writable = self.entity(name).write(value)

    def do_echo(self):
        self.do_write("@", self.data)

    def do_nothing(self):
        pass

    def do_cancel(self, name, answer):
        answered = self.entity(name).cancel()
        self.same(f"cancel {name}", answer or str(answered).lower(), answered)

    def do_stop(self):
        self.reactor.stop()

    def do_run(self, raises):
        def too_late():
            self.problem = self.line, "run did not return"
            self.reactor.stop()
        watch = threading.Timer(self.limit, self.reactor.post, [too_late])
        watch.start()
        try:
            self.loop(self.reactor.run)
        except Exception as error:
            if raises is None or raises not in str(error):
                raise
        else:
            self.same("run", raises or "that it returns", "that it returns")
        finally:
            watch.cancel()

    def do_turn(self, times):
        for _ in range(1 if times is None else times):
            self.loop(self.reactor.run_once, 0)

    def do_advance(self, seconds):
        self.reactor.advance(seconds)
        self.settle()

    def do_error_handler(self, off):
        def handler(error, connection):
            self.seen("reactor", "on_error", str(error), me=connection)
        self.reactor.set_error_handler(None if off else handler)

    def do_drop(self, name):
        del self.entities[name]
        gc.collect()

    def do_gone(self, name):
        self.settle()
        gc.collect()
        self.same(name, "gone", "gone" if self.given[name]() is None else "alive")

    def do_check(self, name, prop, value):
        self.same(f"{name} {prop}", self.endpoint(value), getattr(self.entity(name), prop))

    def do_fails(self, code, errno, action):
        try:
            self.perform(*action)
        except tidemill.Error as error:
            self.same(action[0], f"{code} {errno or error.errno_name}", f"{error.code} {error.errno_name}")
        else:
            raise Failed(f"{action[0]}: expected {code}, seen that it succeeded")

    def do_when(self, name, event, action):
        self.reactions[name, event].append((next(self.numbers), self.line, *action))

    def do_ignore(self, name, event):
        self.ignored.add((name, event or "*"))
        for other, lines in self.trace.items():
            self.trace[other] = collections.deque(line for line in lines if not self.is_ignored(other, line[1]))

    # The trace matcher

    def do_expect(self, nothing, name, line):
        if not nothing:
            return self.match(name, *line)
        if nothing == "nothing":
            self.settle()
        for name, lines in self.trace.items():
            for _, event, detail in lines:
                raise Failed(f"expected nothing, seen {name} {event} {shown(detail)}")

    def do_then(self, name, line):
        before = self.matched
        if self.match(name, *line) < before:
            raise Failed(f"{name} {line[0]}: expected later than the line before, seen earlier")

    def match(self, name, event, arguments):
        """Takes a line from the trace; answers the number of its first part, keeps that of its last in matched."""
        if event == "on_data":
            return self.match_octets(name, *arguments)
        self.matched, seen = self.next_line(name, event, *arguments)
        wanted = arguments[0] if arguments else None
        if wanted not in ("*", seen) and not (event == "on_error" and wanted in seen):
            raise Failed(f"expected {name} {event} {wanted}, seen {seen}")
        return self.matched

    def match_octets(self, name, value, total, unit):
        value = (unit * total)[:total] if unit else value
        first, taken, count = None, 0, len(value) if total is None else total
        while taken < count:
            self.matched, data = self.next_line(name, "on_data", value)
            first, piece = first or self.matched, data[:count - taken]
            if value and piece != value[taken:taken + len(piece)]:
                raise Failed(f"expected {name} on_data {shown(value)}, seen at {taken} {shown(piece)}")
            taken += len(piece)
            if len(piece) < len(data):
                self.trace[name].appendleft((self.matched, "on_data", data[len(piece):]))
        if total is not None and self.trace[name] and self.trace[name][0][1] == "on_data":
            raise Failed(f"expected {name} on_data total {total}, seen more")
        return first

    def next_line(self, name, event, detail=None, *_):
        deadline = time.monotonic() + self.limit
        while not self.trace[name]:
            if time.monotonic() > deadline:
                raise Failed(f"expected {name} {event} {shown(detail)}, seen nothing")
            self.loop(self.reactor.run_once, 0.01)
        number, seen, what = self.trace[name].popleft()
        if seen != event:
            raise Failed(f"expected {name} {event} {shown(detail)}, seen {seen} {shown(what)}")
        return number, what

def shown(detail):
    return "" if detail is None else detail if isinstance(detail, str) else repr(detail[:60])

# -- Main --------------------------------------------------------------------------------------------------------------

def read(path):
    """The scenario, and nothing or where and why it is malformed."""
    scenario = Scenario(path)
    try:
        scenario.read()
        return scenario, None
    except Malformed as error:
        return scenario, (scenario.line, str(error))

def play(scenario, transport, poller, folder):
    """Nothing if all went well, otherwise where and what went wrong."""
    attempt = Play(scenario, transport, poller, folder)
    try:
        attempt.run()
    except Exception as error:
        return attempt.line, str(error) if isinstance(error, Failed) else repr(error)
    finally:
        del attempt
        gc.collect()

def self_test(poller, folder):
    """A text for every self-test that went otherwise than it should."""
    for path in sorted(HERE.glob("selftest/*/*.tide")):
        scenario, trouble = read(path)
        refused = trouble is not None
        if not refused and tidemill:
            trouble = play(scenario, "memory", poller, folder)
        wanted = {"pass": None, "fail": scenario.head.get("fails", "?") if tidemill else None, "invalid": scenario.head.get("fails", "?")}
        if refused != (path.parent.name == "invalid") or (trouble and str(trouble[0])) != wanted[path.parent.name]:
            yield f"{path}: wanted trouble at {wanted[path.parent.name]}, seen {trouble}"

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
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] else 0)

if __name__ == "__main__":
    main()
