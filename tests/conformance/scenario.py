"""A scenario, read from its file: the grammar of format 1 and the parser. README.md is the format. Knows nothing of the library."""
import functools
import itertools
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent

class Malformed(Exception):
    """The file is no scenario of format 1."""

# -- Grammar: the shape of what follows a verb; each CAPITAL word stands for its pattern in WORDS ----------------------

ACTIONS = {
    "listen": "NEW( backlog=COUNT)?( reuse_port=YES)?( max_connections=COUNT)?( tls=CONTEXT)?( protocol=PROTOCOL)?( at ENDPOINT)?", "connect": "NEW (E|at ENDPOINT)( connect_timeout=TIME)?( host=WORD)?( tls=CONTEXT)?( server_name=SERVER)?( protocol=PROTOCOL)?",
    "open_datagram": "NEW( at ENDPOINT)?( to TO)?", "write": "E VALUE( to TO)?", "join": "E TO", "set_multicast_ttl": "E COUNT",
    "close": "E", "abort": "E", "end_write": "E", "pause": "E", "resume": "E", "set_idle_timeout": "E TIME",
    "send_file": "E ENDPOINT( offset=COUNT)?( length=COUNT)?", "proxy_to": "E E( length=COUNT)?", "stop_proxy": "E",
    "write_line": "E VALUE", "write_message": "E VALUE", "write_block": "E VALUE", "write_content": "E TEXT VALUE", "write_object": "E TEXT",
    "set_text": "E COUNT", "set_content": "E COUNT",
    "respond": "E COUNT VALUE", "start_response": "E COUNT TEXT", "write_body": "E VALUE", "finish_response": "E", "collect": "E COUNT",
    "pause_request": "E", "resume_request": "E", "compress": "E",
    "finish_with_trailers": "E TEXT", "check_request": "E WORD TEXT", "respond_continue": "E", "upgrade_to": "E NEW TEXT",
    "start_events": "E", "send_event": "E TEXT( event=WORD)?( id=SERVER)?", "ping_events": "E", "static_files": "NEW ENDPOINT", "serve_file": "E E",
    "http_hosts": "NEW", "add_site": "E WORD TEXT", "serve_site": "E E", "access_log": "NEW ENDPOINT", "log_response": "E E", "reopen": "E",
    "http_client": "NEW E( proxy=WORD)?( proxy_authorization=TEXT)?( cookies=TO)?( PROTOCOL)?", "fetch": "NEW E WORD TEXT( VALUE)?( expect=YES)?", "stream": "NEW E WORD TEXT",
    "cookie_jar": "NEW", "set_cookie": "E WORD TEXT", "clear": "E",
    "send_text": "E VALUE", "send_binary": "E VALUE", "ping": "E VALUE", "close_websocket": "E COUNT TEXT", "refuse_handshake": "E COUNT", "choose_subprotocol": "E WORD", "add_header": "E TEXT", "upgrade": "E NEW( protocol=PROTOCOL)?( with TEXT)?",
    "become": "E NEW( VALUE)?( protocol=PROTOCOL)?", "make_file": "ENDPOINT VALUE",
    "spawn": "NEW TEXT( kill_on_stop=WORD)?", "close_stdin": "E", "kill": "E WORD", "on_signal": "NEW WORD", "watch_process": "NEW E", "watch_file": "NEW ENDPOINT",
    "deferred": "NEW", "follow": "NEW E", "succeed": "E TEXT", "fail": "E CODE", "set_timeout": "E TIME", "channel": "NEW", "subscribe": "NEW E",
    "publish": "E TEXT", "queue": "NEW", "push": "E TEXT", "pop": "NEW E", "defer": "NEW WORK TEXT", "resolve": "NEW ENDPOINT",
    "set_close_timeout": "E TIME", "set_output_limit": "E COUNT", "set_watermarks": "E COUNT COUNT", "call_later": "NEW TIME", "call_every": "NEW TIME", "next_tick": "NEW", "post": "NEW",
    "start_tls": "E CONTEXT( server_name=SERVER)?", "cancel": "E( YES)?", "stop": "", "drain": "TIME", "spin": "TIME", "run": "(raises TEXT)?", "turn": "(COUNT)?", "counted": "WORD COUNT", "check": "E WORD ENDPOINT",
    "fails": "CODE( ERRNO)? ACTION"}
REACTIONS = {**ACTIONS, "echo": "", "raise": "TEXT", "nothing": ""}
STEPS = {**ACTIONS, "advance": "TIME", "error_handler": "(OFF)?", "drop": "E", "gone": "E", "logged": "ENDPOINT VALUE", "when": "GROUP EVENT do ACTION",
         "expect": "(NOTHING|E LINE)", "then": "E LINE", "ignore": r"GROUP (EVENT|\*)"}
LINES = {"on_open": "", "on_data": "(OCTETS|total COUNT( of OCTETS)?)", "on_exit": "WORD", "on_file": "WORD", "on_drain": "", "on_shutdown": "", "on_proxy_end": "REASON",
         "on_end": "", "on_close": "REASON",
         "on_error": "TEXT", "on_tls": "TEXT", "fired": "", "on_datagram": "VALUE( from TO)?", "on_lost": "REASON( of TO)?", "on_success": "TEXT",
         "on_failure": "REASON", "cancelled": "", "received": "TEXT",
         "on_line": "VALUE", "on_text": "VALUE", "on_message": "VALUE", "on_block": "VALUE", "on_header": "VALUE", "on_content": "VALUE", "on_object": "TEXT",
         "on_request": "VALUE", "on_body": "VALUE", "on_body_end": "", "on_collected": "VALUE", "on_response": "VALUE", "on_interim": "VALUE", "on_response_drain": "", "on_refusal": "TEXT",
         "on_handshake": "VALUE", "on_binary": "VALUE", "on_part": "VALUE", "on_ping": "VALUE", "on_pong": "VALUE"}
TEXT, NAME = r'"(?:[^"\\]|\\.)*"', "[a-z][a-z_]*[0-9]*"
WORDS = {"NEW": NAME, "E": f"@|{NAME}", "GROUP": rf"{NAME}|[a-z][a-z_]*\*", "EVENT": "|".join(LINES), "TEXT": TEXT, "WORD": r'[^\s"]+',
         "VALUE": f"{TEXT}(?: x [0-9]+)?", "OCTETS": f'(?!""){TEXT}(?: x [0-9]+)?', "ENDPOINT": rf'{TEXT}|[^\s"]+', "TO": rf'{TEXT}|[^\s"]+', "COUNT": "-?[0-9]+",
         "TIME": r"-?[0-9]+(?:\.[0-9]+)?", "NOTHING": "nothing(?: yet)?", "CONTEXT": "[a-z]+", "PROTOCOL": "[a-z0-9_,=/:.|]+", "SERVER": r'[^\s"]+', "YES": "true|false", "OFF": "off", "WORK": "echo|raise", "CODE": "[a-z_]+",
         "ERRNO": "E[A-Z0-9]+", "REASON": r"ok|\*|os E[A-Z0-9]+|[a-z_]+", "LINE": ".+", "ACTION": ".+"}
HEAD = {"format": "1", "spec": ".+", "over": "(tcp|unix|memory|tls)( (tcp|unix|memory|tls))*", "clock": "manual|system", "needs": "ipv6",
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
            elif block and text:
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
        elif word in ("ENDPOINT", "TO") and part.startswith("@"):
            self.used.append((self.line, part[1:]))
        elif part.startswith('"'):
            return octets(part) if word in ("VALUE", "OCTETS") else octets(part).decode()
        return {"COUNT": int, "TIME": float}.get(word, str)(part)

    def reacts(self, name, event):
        return self.whens & {(name, event), (group_of(name), event)}

def group_of(name):
    return name.rstrip("0123456789") + "*"

def read(path):
    """The scenario, and nothing or where and why it is malformed."""
    scenario = Scenario(path)
    try:
        scenario.read()
        return scenario, None
    except Malformed as error:
        return scenario, (scenario.line, str(error))
