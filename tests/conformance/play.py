"""A scenario, played over one transport with one poller: the shortest complete example of the Python binding.

The handler class, then the verbs, then the trace matcher.
"""
import collections
import gc
import itertools
import json
import os
import pathlib
import re
import threading
import time
import weakref

import tidemill
from scenario import group_of

contexts = {}  # by folder and name, for the whole process

class Failed(Exception):
    """The library did not do what the scenario says."""

def cookie_text(cookie):
    marks = "o" * cookie.is_host_only + "s" * cookie.is_secure + "h" * cookie.is_http_only
    return f"{cookie.name}={cookie.value} {cookie.domain}{cookie.path} {cookie.expires or 0} {marks}"

# -- The handler class -------------------------------------------------------------------------------------------------

class Recorder(tidemill.Connection):
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

    def on_shutdown(self):
        self.play.seen(self.name, "on_shutdown", me=self)

    def on_tls(self, info):
        if self.play.scenario.reacts(self.name, "on_tls"):
            self.play.seen(self.name, "on_tls", info.peer_subject, me=self)

    def on_end(self):
        self.play.seen(self.name, "on_end", me=self, default=super().on_end)

    def on_proxy_end(self, reason):
        self.play.seen(self.name, "on_proxy_end", word_for(reason), me=self)

    def on_close(self, reason):
        self.play.seen(self.name, "on_close", word_for(reason), me=self)

class ForgivingRecorder(Recorder):
    def on_error(self, error):
        self.play.seen(self.name, "on_error", str(error), me=self)

class Framed(Recorder):
    """The same for what protocols tell; each has some of these."""

    def on_line(self, line):
        self.play.seen(self.name, "on_line", line, me=self)

    def on_text(self, text):
        self.play.seen(self.name, "on_text", text, me=self)

    def on_message(self, message):
        self.play.seen(self.name, "on_message", message, me=self)

    def on_block(self, block):
        self.play.seen(self.name, "on_block", block, me=self)

    def on_header(self, lines):
        self.play.seen(self.name, "on_header", b"\n".join(lines), me=self)

    def on_content(self, content):
        self.play.seen(self.name, "on_content", content, me=self)

    def on_object(self, value):
        self.play.seen(self.name, "on_object", json.dumps(value, separators=(",", ":")), me=self)

class Site(Recorder):
    """The same for what a server of HTTP is told; the request is the one that actions mean."""
    adds_date = False

    def on_request(self, request):
        self.request = request
        self.play.seen(self.name, "on_request", f"{request.method} {request.target}".encode(), me=self)

    def on_body(self, request, data):
        self.play.seen(self.name, "on_body", data, me=self)

    def on_body_end(self, request):
        self.play.seen(self.name, "on_body_end", me=self)

    def on_response_drain(self, request):
        self.play.seen(self.name, "on_response_drain", me=self)

    def on_response(self, request, status, octets, seconds):
        self.response = request, status, octets
        self.play.seen(self.name, "on_response", f"{'cut ' if request.is_cut else ''}{status} {octets}".encode(), me=self)

    def on_refusal(self, status, error):
        self.play.seen(self.name, "on_refusal", f"{status} {error.code}", me=self)

class Web(Recorder):
    """The same for what a WebSocket is told; the handshake is the one that actions mean."""

    def on_handshake(self, handshake):
        self.handshake = handshake
        self.play.seen(self.name, "on_handshake", f"{handshake.target} {handshake.origin} {','.join(handshake.subprotocols)}".encode(), me=self)

    def on_shutdown(self):
        super().on_shutdown()
        tidemill.WebSocketConnection.on_shutdown(self)

    def on_text(self, text):
        self.play.seen(self.name, "on_text", text.encode(), me=self)

    def on_binary(self, data):
        self.play.seen(self.name, "on_binary", data, me=self)

    def on_part(self, data, is_text, is_first, is_last):
        flags = ("text" if is_text else "binary") + ",first" * is_first + ",last" * is_last
        self.play.seen(self.name, "on_part", flags.encode() + b" " + (data.encode() if is_text else data), me=self)

    def on_ping(self, payload):
        self.play.seen(self.name, "on_ping", payload, me=self)

    def on_pong(self, payload):
        self.play.seen(self.name, "on_pong", payload, me=self)

def fields_of(text):
    """A field a line: name: value"""
    return [line.split(": ", 1) for line in text.split("\n") if line]

class Batches(Framed):
    def on_lines(self, lines):
        for line in lines:
            self.on_line(line)

class Objects(Framed):
    on_message = tidemill.ObjectConnection.on_message

# By the name that a scenario has for it: what records it, and the class of the library.
PROTOCOLS = {"lines": (Framed, tidemill.LineConnection), "line_batches": (Batches, tidemill.LineConnection),
             "messages": (Framed, tidemill.MessageConnection), "netstrings": (Framed, tidemill.NetstringConnection),
             "blocks": (Framed, tidemill.BlockConnection), "header_content": (Framed, tidemill.HeaderContentConnection),
             "objects": (Objects, tidemill.ObjectConnection), "http": (Site, tidemill.HttpConnection),
             "websocket": (Web, tidemill.WebSocketConnection)}
ECHOES = {"on_line": "write_line", "on_message": "write_message", "on_block": "write_block"}

class Socket(tidemill.Datagram):
    """The same for datagrams."""

    def __init__(self, play, name):
        super().__init__()
        self.play, self.name, self.writable, self.is_over = play, name, None, False

    def on_open(self):
        self.play.seen(self.name, "on_open", me=self)

    def on_data(self, data, peer):
        self.play.seen(self.name, "on_datagram", (data, peer), me=self)

    def on_drain(self):
        self.play.seen(self.name, "on_drain", me=self)

    def on_lost(self, error):
        self.play.seen(self.name, "on_lost", (f"os {error.errno_name}" if error.code == "os" else error.code, error.endpoint), me=self)

    on_close = Recorder.on_close

class ForgivingSocket(Socket):
    on_error = ForgivingRecorder.on_error

class Exchange(tidemill.HttpExchange):
    """The same for an answer in pieces."""

    def __init__(self, play, name):
        self.play, self.name = play, name

    def on_interim(self, response):
        self.play.seen(self.name, "on_interim", str(response.status).encode())

    def on_response(self, response):
        self.play.seen(self.name, "on_response", str(response.status).encode())

    def on_body(self, data):
        self.play.seen(self.name, "on_body", data)

    def on_end(self, response):
        self.play.seen(self.name, "on_end")

    def on_failure(self, error):
        self.play.seen(self.name, "on_failure", error.code)

class Child(tidemill.Process):
    """The same for processes."""

    def __init__(self, play, name):
        self.play, self.name, self.writable, self.is_over = play, name, None, False

    def on_stdout(self, data):
        self.play.seen(self.name, "on_data", data, me=self)

    def on_drain(self):
        self.play.seen(self.name, "on_drain", me=self)

    def on_exit(self, code, signal):
        self.play.seen(self.name, "on_exit", signal or ("unknown" if code is None else str(code)), me=self)

class ForgivingChild(Child):
    on_error = ForgivingRecorder.on_error

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
        self.lines = ""  # that access logs should have

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
        self.me, self.event, self.data, self.in_loop = me or self.entities.get(name), event, detail, False
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
            if event in ("on_close", "on_exit"):
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
        found = self.me if name == "@" else self.reactor if name == "reactor" else self.entities.get(name)
        if found is None:
            raise Failed(f"{name} is not there")
        return found

    def endpoint(self, text):
        return self.endpoints[text[1:]] if text.startswith("@") else text.replace("DIR", self.folder)

    def keep(self, name, entity, given):
        self.entities[name], self.given[name] = entity, weakref.ref(given)

    def recorder(self, name, protocol=None):
        """protocol: its name and the attributes that are set: lines,max_line=4"""
        protocol, *options = protocol.split(",") if protocol else [""]
        bases = (ForgivingRecorder,) if self.scenario.reacts(name, "on_error") else ()
        made = type("Recorder", (*bases, *PROTOCOLS.get(protocol, (Recorder,))), {})(self, name)
        for option in options:
            attribute, _, value = option.partition("=")
            setattr(made, attribute, int(value) if value.isdigit() else value.split("|") if attribute == "subprotocols" else value)
        return made

    def schedule(self, call, name, *seconds):
        def function():
            self.seen(name, "fired")
        self.keep(name, call(*seconds, function) or function, function)

    def same(self, what, expected, seen):
        seen = str(seen).lower() if isinstance(seen, bool) else str(seen)
        if expected != seen:
            raise Failed(f"{what}: expected {expected}, seen {seen}")

    # The verbs that are more than a method of that name

    def context(self, name):
        """The TLS context that the name stands for; kept, because sessions live in it."""
        if (self.folder, name) not in contexts:
            place = f"{self.folder}/certificates/"
            first = "server" if name == "sites" else name
            own = {} if name == "none" else {"certificate": f"{place}{first}.pem", "private_key": f"{place}{first}.key"}
            contexts[self.folder, name] = context = tidemill.TlsContext(authorities=f"{place}ca.pem", **own)
            if name == "sites":
                context.add_certificate(f"{place}other.pem", f"{place}other.key")
        return contexts[self.folder, name]

    def do_listen(self, name, backlog, reuse_port, max_connections, tls, protocol, endpoint):
        def factory():
            self.accepted[name] += 1
            recorder = self.recorder(f"{name}{self.accepted[name]}", protocol)
            self.keep(recorder.name, recorder, recorder)
            return recorder
        number = next(self.numbers)
        fresh = {"tcp": "tcp://127.0.0.1:0", "tls": "tls://127.0.0.1:0", "unix": f"unix://DIR/{number}.sock", "memory": f"memory://{number}"}
        options = {} if backlog is None else {"backlog": backlog}
        options |= {"reuse_port": True} if reuse_port == "true" else {}
        options |= {} if max_connections is None else {"max_connections": max_connections}
        endpoint = self.endpoint(fresh[self.transport] if endpoint is None else endpoint)
        if tls or endpoint.startswith("tls:"):
            options["tls"] = self.context(tls or "server")
        listener = self.reactor.listen(endpoint, factory, **options)
        self.keep(name, listener, factory)
        self.endpoints[name] = listener.endpoint

    def do_connect(self, name, listener, endpoint, connect_timeout, host, tls, server_name, protocol):
        endpoint = self.endpoint("@" + listener if listener else endpoint)
        if host:
            endpoint = f"{endpoint.partition(':')[0]}://{host}:{endpoint.rpartition(':')[2]}"
        options = {} if connect_timeout is None else {"connect_timeout": connect_timeout}
        if tls or endpoint.startswith("tls:"):
            options |= {"tls": self.context(tls or "none"), "server_name": server_name or ""}
        recorder = self.recorder(name, protocol)
        self.reactor.connect(endpoint, recorder, **options)
        self.keep(name, recorder, recorder)

    def do_start_tls(self, name, tls, server_name):
        self.entity(name).start_tls(self.context(tls), server_name=server_name or "")

    def do_open_datagram(self, name, at, to):
        fresh = {"tcp": "udp://127.0.0.1:0", "unix": f"unix-datagram://DIR/{next(self.numbers)}.sock"}
        socket = (ForgivingSocket if self.scenario.reacts(name, "on_error") else Socket)(self, name)
        options = {} if to is None else {"connect_to": self.endpoint(to)}
        self.reactor.open_datagram(self.endpoint(at or fresh[self.transport]), socket, **options)
        self.keep(name, socket, socket)
        self.endpoints[name] = socket.local

    def do_write(self, name, value, to=None):
        self.entity(name).writable = self.entity(name).write(value, *[] if to is None else [self.endpoint(to)])

    def do_spawn(self, name, text, kill_on_stop):
        child = (ForgivingChild if self.scenario.reacts(name, "on_error") else Child)(self, name)
        self.reactor.spawn(self.endpoint(text), child, shell=True, kill_on_stop=kill_on_stop or "")
        self.keep(name, child, child)

    def do_on_signal(self, name, signal):
        def function(_):
            self.seen(name, "fired")
        self.keep(name, self.reactor.on_signal(signal, function), function)

    def do_watch_process(self, name, process):
        def function(_):
            self.seen(name, "fired")
        self.keep(name, self.reactor.watch_process(self.entity(process).pid, function), function)

    def do_watch_file(self, name, path):
        def function(event, _):
            self.seen(name, "on_file", event)
        self.keep(name, self.reactor.watch_file(self.endpoint(path), function), function)

    def do_make_file(self, path, value):
        pathlib.Path(self.endpoint(path)).write_bytes(value)

    def do_send_file(self, name, path, offset, length):
        options = {key: value for key, value in (("offset", offset), ("length", length)) if value is not None}
        self.entity(name).send_file(self.endpoint(path), **options)

    def do_proxy_to(self, name, target, length):
        self.entity(name).proxy_to(self.entity(target), **({} if length is None else {"length": length}))

    def do_become(self, name, new, leftover, protocol):
        recorder = self.recorder(new, protocol)
        self.entity(name).become(recorder, **({} if leftover is None else {"leftover": leftover}))
        self.entity(name).is_over = True
        self.keep(new, recorder, recorder)

    def do_write_content(self, name, header, content):
        self.entity(name).write_message(header.encode().split(b"\n"), content)

    def do_send_text(self, name, text):
        entity = self.entity(name)
        entity.writable = entity.send_text(text.decode(errors="surrogateescape"))

    def do_send_binary(self, name, data):
        entity = self.entity(name)
        entity.writable = entity.send_binary(data)

    def do_ping(self, name, payload):
        self.entity(name).ping(payload)

    def do_close_websocket(self, name, code, reason):
        self.entity(name).close(code, reason)

    def do_refuse_handshake(self, name, status):
        self.entity(name).handshake.refuse(status)

    def do_choose_subprotocol(self, name, subprotocol):
        self.entity(name).handshake.choose(subprotocol)

    def do_add_header(self, name, text):
        for header in fields_of(text):
            self.entity(name).handshake.add_header(*header)

    def do_upgrade(self, name, new, protocol, text):
        recorder = self.recorder(new, protocol)
        self.entity(name).request.upgrade(recorder, fields_of(text or ""))
        self.keep(new, recorder, recorder)

    def do_write_object(self, name, text):
        self.entity(name).write_object(json.loads(text))

    def do_respond(self, name, status, body):
        self.entity(name).request.respond(status, [], body)

    def do_start_response(self, name, status, fields):
        self.entity(name).request.start(status, fields_of(fields))

    def do_write_body(self, name, data):
        self.entity(name).request.write(data)

    def do_finish_response(self, name):
        self.entity(name).request.finish()

    def do_collect(self, name, limit):
        me = self.entity(name)
        me.request.collect(lambda _, body: self.seen(me.name, "on_collected", body, me=me), limit)

    def do_pause_request(self, name):
        self.entity(name).request.pause()

    def do_compress(self, name):
        self.entity(name).request.compress()

    def do_finish_with_trailers(self, name, fields):
        self.entity(name).request.finish(fields_of(fields))

    def do_check_request(self, name, prop, text):
        seen = getattr(self.entity(name).request, prop)
        self.same(f"{name} {prop}", text, seen if isinstance(seen, str) else "\n".join(": ".join(pair) for pair in seen))

    def do_respond_continue(self, name):
        self.entity(name).request.respond_continue()

    def do_upgrade_to(self, name, new, fields):
        recorder = self.recorder(new)
        self.entity(name).request.upgrade(recorder, fields_of(fields))
        self.keep(new, recorder, recorder)

    def do_start_events(self, name):
        self.entity(name).request.start_events()

    def do_send_event(self, name, data, event, id_):
        self.entity(name).request.send_event(data, event or "", id_ or "")

    def do_ping_events(self, name):
        self.entity(name).request.ping()

    def do_static_files(self, name, folder):
        self.entities[name] = tidemill.StaticFiles(self.endpoint(folder))

    def do_serve_file(self, name, connection):
        self.entity(name).serve(self.entity(connection).request)

    def do_http_hosts(self, name):
        self.entities[name] = tidemill.HttpHosts({})

    def do_add_site(self, name, host, body):
        self.entity(name).add(host, lambda request: request.respond(200, [], body.encode()))

    def do_serve_site(self, name, connection):
        self.entity(name).serve(self.entity(connection).request)

    def do_access_log(self, name, path):
        self.entities[name] = tidemill.AccessLog(self.endpoint(path))

    def do_log_response(self, name, connection):
        request, status, octets = self.entity(connection).response
        self.lines += request.log_line(status, octets) + "\n"
        self.entity(name).add(request, status, octets)

    def do_logged(self, path, text):
        """Times are left out once they look like times."""
        path, deadline = pathlib.Path(self.endpoint(path)), time.monotonic() + self.limit
        while len(seen := path.read_text("ascii") if path.exists() else "") < len(self.lines) and time.monotonic() < deadline:
            self.loop(self.reactor.run_once, 0.01)
        for lines in (self.lines, seen):
            self.same(str(path), text.decode(), re.sub(r" - - \[\d\d/[A-Z][a-z]{2}/\d{4}(:\d\d){3} \+0000\]", "", lines))
        self.lines = ""

    def do_resume_request(self, name):
        self.entity(name).request.resume()

    def do_echo(self):
        if isinstance(self.me, Web):
            return self.do_send_text("@", self.data) if self.event == "on_text" else self.do_send_binary("@", self.data)
        if self.event in ECHOES:
            return getattr(self.me, ECHOES[self.event])(self.data)
        self.do_write("@", *self.data if isinstance(self.data, tuple) else [self.data])

    def do_nothing(self):
        pass

    def do_cancel(self, name, answer):
        answered = self.entity(name).cancel()
        self.same(f"cancel {name}", answer or str(answered).lower(), answered)

    def follow(self, name, deferred):
        def on_success(value):
            if isinstance(value, tidemill.HttpResponse):
                value = f"{value.status} {value.body.decode()}"
            self.seen(name, "on_success", value if isinstance(value, str) else " ".join(value))
        deferred.on_success(on_success).on_failure(lambda error: self.seen(name, "on_failure", getattr(error, "code", "work")))
        self.keep(name, deferred, on_success)

    def do_deferred(self, name):
        self.follow(name, tidemill.Deferred(self.reactor, lambda: self.seen(name, "cancelled")))

    def do_follow(self, name, other):
        self.follow(name, self.entity(other))

    def do_fail(self, name, code):
        self.entity(name).fail(getattr(tidemill, f"{code.capitalize()}Error")(code, code))

    def do_defer(self, name, work, text):
        def fail(text):
            raise RuntimeError(text)
        self.follow(name, self.reactor.defer({"echo": str, "raise": fail}[work], arguments=[text]))

    def do_http_client(self, name, listener, proxy, authorization, cookies, options):
        """All that it asks goes to the listener. options: name=whole number, with commas between them."""
        numbers = {option.split("=")[0]: int(option.split("=")[1]) for option in options.split(",")} if options else {}
        self.entities[name] = tidemill.HttpClient(self.reactor, connect_to=self.endpoint("@" + listener), proxy=proxy or "",
                                                  proxy_authorization=authorization or "",
                                                  tls=self.context("none"), cookies=cookies and self.entity(cookies), **numbers)

    def do_fetch(self, name, client, method, url, body, expect):
        headers = [("Expect", "100-continue")] if expect == "true" else []
        self.follow(name, self.entity(client).request(method, url, headers=headers, body=body or b""))

    def do_stream(self, name, client, method, url):
        self.entities[name] = self.entity(client).stream(method, url, Exchange(self, name))

    def do_cookie_jar(self, name):
        self.entities[name] = tidemill.CookieJar(self.reactor)

    def do_set_cookie(self, name, url, text):
        self.entity(name).set(url, text)

    def do_resolve(self, name, host):
        self.follow(name, self.reactor.resolve(host))

    def do_channel(self, name):
        self.entities[name] = tidemill.Channel(self.reactor)

    def do_queue(self, name):
        self.entities[name] = tidemill.Queue(self.reactor)

    def receive(self, name, take):
        def function(value):
            self.seen(name, "received", value)
        self.keep(name, take(function) or function, function)

    def do_subscribe(self, name, channel):
        self.receive(name, self.entity(channel).subscribe)

    def do_pop(self, name, queue):
        self.receive(name, self.entity(queue).pop)

    def do_stop(self):
        self.reactor.stop()

    def do_drain(self, deadline):
        self.reactor.drain(deadline)

    def do_spin(self, seconds):
        self.reactor.set_spin(seconds)

    def do_run(self, raises):
        def too_late():
            self.problem = self.line, "run did not return"
            self.reactor.stop()
        watch = threading.Timer(self.limit, self.reactor.post, [too_late])
        watch.start()
        try:
            self.loop(self.reactor.run)
        except Exception as error:
            if isinstance(error, Failed) or raises is None or raises not in str(error):
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
        seen = getattr(self.entity(name), prop)
        self.same(f"{name} {prop}", self.endpoint(value), ", ".join(map(cookie_text, seen)) if prop == "cookies" else seen)

    def do_counted(self, name, number):
        self.same(name, str(number), self.reactor.metrics()[name])

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
        left = [(number, name, event, detail) for name, lines in self.trace.items() for number, event, detail in lines]
        if left:
            _, name, event, detail = min(left)
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
        if event in ("on_datagram", "on_lost"):
            what, whose = arguments
            if what != seen[0] or whose and self.endpoint(whose) != seen[1]:
                raise Failed(f"expected {name} {event} {shown(what)} {whose or ''}, seen {shown(seen[0])} {seen[1]}")
            return self.matched
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


def word_for(reason):
    return "ok" if reason is None else f"os {reason.errno_name}" if reason.code == "os" else reason.code

def shown(detail):
    return "" if detail is None else detail if isinstance(detail, str) else repr(detail[:60])

def give_up(attempt, over):
    print(f"{attempt.scenario.path}:{attempt.line} over {over}: hangs", flush=True)
    os._exit(1)

def play(scenario, transport, poller, folder):
    """Nothing if all went well, otherwise where and what went wrong."""
    attempt = Play(scenario, transport, poller, folder)
    watch = threading.Timer(120, give_up, [attempt, f"{transport} with {poller}"])
    watch.start()
    try:
        attempt.run()
    except Exception as error:
        return attempt.line, str(error) if isinstance(error, Failed) else repr(error)
    finally:
        watch.cancel()
        del attempt, watch
        gc.collect()
