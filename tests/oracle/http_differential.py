#!/usr/bin/env python3
"""Holds tidemill's HTTP engine against llhttp and h11: on every stream where those two agree, it agrees with them.

    http_differential.py PROGRAM [COUNT [SEED]]      PROGRAM: http_verdicts, which asks tidemill and llhttp

The streams are made from a grammar of good and bad pieces, and some of them are damaged afterwards; the seed makes them the same each
time. What tidemill refuses though both take it is listed below, with the reason; an entry that no stream needs is an error, as is
anything that tidemill takes though both refuse it.
"""

import collections
import json
import random
import re
import subprocess
import sys

import h11

# What tidemill says, and why it is right to refuse.
STRICTER = {
    "the target is empty or has an octet that no target has": "a fragment (#) never belongs into a request (RFC 9112 3.2)",
    "the target has no form that a target has": "RFC 9112 3.2 knows four forms",
    "the target has no usable host": "an absolute target has a host (RFC 9110 4.2.1)",
    "only OPTIONS has the target *": "RFC 9112 3.2.4",
    "the target of CONNECT is not host:port": "RFC 9112 3.2.3",
    "Host is not a host": "RFC 9112 3.2: an invalid value is answered with 400",
    "Host is not the host of the target": "somebody on the way may have gone by the other one (RFC 9112 3.2.2)",
    "an expectation other than 100-continue": "417 (RFC 9110 10.1.1)",
    "Content-Length is not a number, or one that is too large": "above 2^53 programs see different numbers",
    "a chunk that is too large": "the same",
    "a chunk's size with too many digits": "a limit, against zeros without end",
    "an extension of a chunk without a name": "RFC 9112 7.1.1",
    "a folded line": "RFC 9112 5.2 lets a server refuse it; who does not unfold it sees another field",
    "a LF without CR": "RFC 9112 2.2 lets it end a line; not everybody lets it",
    "what follows the HTTP version is wrong": "the same, at the end of the request line",
    "a control character in the reason": "RFC 9112 4, and it ends up in somebody's log",
    "the HTTP version is neither 1.0 nor 1.1": "505 (RFC 9110 15.6.6): those versions have another syntax",
    "Transfer-Encoding in HTTP/1.0": "RFC 9112 6.1: its framing is faulty",
}

# Where tidemill takes what both refuse: nothing.

Verdict = collections.namedtuple("Verdict", "messages state detail")


class Streams:
    """A grammar of good pieces, with a bad one here and there."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, good, bad=(), badness=0.06):
        if bad and self.random.random() < badness:
            return self.random.choice(bad)
        return self.random.choice(good)

    def end(self):
        return self.pick([b"\r\n"], [b"\n", b"\r", b"\r\r\n", b"\n\n", b" \r\n"], 0.01)

    def field(self):
        name = self.pick(
            [b"Accept", b"X-A", b"cookie", b"User-Agent", b"a", b"TE", b"Trailer", b"Keep-Alive", b"!#$%&'*+-.^_`|~"],
            [b"X Y", b"X\x00", b"", b" X", b"X:", b"X\xe9", b"(X)", b"\tX"],
            0.03,
        )
        colon = self.pick([b": ", b":", b":\t", b":  \t"], [b" :", b"\t: ", b"", b" "], 0.03)
        value = self.pick(
            [b"", b"x", b"*/*", b"a, b", b"text/html; q=0.5", b"x" * 70, b"a\tb", b"\xc3\xa4", b'"q"', b"v  w"],
            [b"a\rb", b"a\nb", b"a\x00b", b"\x01", b"a\x7f", b"a\r\n b", b"a\r\n\tb"],
            0.03,
        )
        return name + colon + value + self.pick([b"", b" ", b"\t"]) + self.end()

    def fields(self):
        return [self.field() for _ in range(self.random.choice([0, 0, 1, 2, 5]))]

    def host(self):
        value = self.pick(
            [b"a", b"a:80", b"example.org", b"[::1]:1", b"", b"a%20b"],
            [b"a b", b"a/b", b"me@a", b"a,b", b"a, b", b"a:x", b"[::1", b"a\x00"],
            0.08,
        )
        line = b"Host: " + value + self.end()
        return self.pick([[line]], [[], [line, line], [line, b"Host: b\r\n"], [b"HOST : a\r\n"]], 0.06)

    def coding(self):
        return b"Transfer-Encoding: " + self.pick(
            [b"chunked", b"Chunked", b" chunked "],
            [b"gzip, chunked", b"chunked, gzip", b"identity", b"chunked, chunked", b"xchunked", b"chunked;a=b", b"", b"\x0bchunked", b"gzip"],
            0.15,
        ) + self.end()

    def length(self, body):
        number = b"%d" % len(body)
        return b"Content-Length: " + self.pick(
            [number, number, b"0" + number, number + b" "],
            [b"+" + number, b"-1", b"0x5", number + b"," + number, b"", b"1 0", b"9007199254740993", b"99999999999999999999", b"5.0"],
            0.12,
        ) + self.end()

    def body(self):
        return self.pick([b"", b"x", b"hello", b"\r\n", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", bytes(range(256))])

    def chunks(self, body):
        out, place = b"", 0
        while place < len(body):
            size = self.random.choice([1, 2, 5, 16, 300])
            piece = body[place : place + size]
            place += size
            digits = b"%x" % len(piece)
            digits = self.pick(
                [digits, digits.upper(), b"0" + digits, digits.rjust(16, b"0")],
                [digits + b" ", b" " + digits, b"+" + digits, b"0x" + digits, b"", b"-" + digits, b"g", digits.rjust(18, b"0"), b"20000000000001"],
                0.03,
            )
            extension = self.pick([b"", b"", b";a", b";a=b", b';a="b;c"'], [b" ;a", b";a\x00", b";\n", b"; a = b", b";", b";;a"], 0.03)
            out += digits + extension + self.end() + piece + self.pick([b"\r\n"], [b"\n", b"", b"x\r\n", b"\r"], 0.03)
        trailers = b"".join(self.pick([[], [], [self.field()]], [[b"Content-Length: 1\r\n"], [b"Host: a\r\n"], [b"Transfer-Encoding: chunked\r\n"]], 0.06))
        return out + self.pick([b"0", b"000"], [b"00 ", b"0x0", b""], 0.03) + self.end() + trailers + self.end()

    def message(self, first, extra):
        fields, body = self.fields() + extra, b""
        framing = self.random.random()
        if framing < 0.3:
            content = self.body()
            fields.append(self.length(content))
            body = content
            if self.random.random() < 0.06:
                fields.append(self.pick([self.length(content), self.coding()]))
        elif framing < 0.6:
            fields.append(self.coding())
            body = self.chunks(self.body())
        if self.random.random() < 0.25:
            fields.append(
                b"Connection: "
                + self.pick([b"close", b"keep-alive", b"Close", b"x", b"upgrade", b"a, close", b"keep-alive, Upgrade"])
                + self.end()
            )
        if self.random.random() < 0.05:
            fields.append(b"Upgrade: websocket\r\n")
        if self.random.random() < 0.05:
            fields.append(b"Expect: " + self.pick([b"100-continue", b"100-Continue", b"x"]) + b"\r\n")
        self.random.shuffle(fields)
        return first + b"".join(fields) + self.end() + body

    def request(self):
        method = self.pick([b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"HEAD", b"PATCH"], [b"get", b"G(T", b"", b"X\x00", b"CONNECT", b"GET\t"], 0.05)
        target = self.pick(
            [b"/", b"/a?b=c", b"/%20", b"http://a/x", b"*", b"/x" * 40, b"//a"],
            [b"/#f", b"a", b"/\x00", b"/\xc3\xa4", b"", b"/a b", b"http:///x", b"a:80", b"/\x7f", b"http://b/", b"1://a/", b"?", b"**"],
            0.08,
        )
        version = self.pick([b"HTTP/1.1"] * 6 + [b"HTTP/1.0"], [b"HTTP/1.2", b"HTTP/9.9", b"http/1.1", b"HTTP/1.10", b"HTTP/2.0", b"", b"HTTP/11", b"FTP/1.1"], 0.05)
        space = self.pick([b" "], [b"  ", b"\t", b""], 0.02)
        first = method + space + target + b" " + version + self.end()
        return self.pick([b""], [b"\r\n", b"\n", b" ", b"\r\n\r\n"], 0.03) + self.message(first, self.host())

    def requests(self):
        return b"".join(self.request() for _ in range(self.random.choice([1, 1, 1, 2, 3])))

    def response(self):
        status = self.pick([b"200", b"200", b"404", b"204", b"304", b"500", b"100", b"103", b"299"], [b"20", b"2000", b"abc", b"099", b"101", b"", b" 200"], 0.05)
        version = self.pick([b"HTTP/1.1"] * 5 + [b"HTTP/1.0"], [b"HTTP/1.2", b"HTTP/2.0", b"ICY", b"http/1.1", b"HTTP/1.11"], 0.04)
        reason = self.pick([b" OK", b" ", b"", b" Very  well", b" \xc3\xa4"], [b"  OK", b"\tOK", b" O\rK", b" O\x00K", b" O\nK"], 0.05)
        final = self.message(version + b" " + status + reason + self.end(), [])
        interim = self.pick([b"", b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"])
        return interim + final

    def damaged(self, octets):
        octets = bytearray(octets)
        for _ in range(self.random.choice([1, 1, 2])):
            place = self.random.randrange(len(octets) + 1)
            what = self.random.randrange(4)
            if what == 0:
                del octets[place : place + self.random.choice([1, 1, 2, 8])]
            elif what == 1:
                octets[place:place] = self.random.choice([b"\r", b"\n", b" ", b"\x00", b":", b"\t", b",", b"0", b"\r\n", b";"])
            elif what == 2 and place < len(octets):
                octets[place] = self.random.randrange(256)
            else:
                octets[place:place] = octets[place : place + self.random.choice([1, 5, 20])]
        return bytes(octets)

    def stream(self):
        kind = self.random.choice("qqqsh")
        octets = self.requests() if kind == "q" else self.response()
        if kind == "h" and self.random.random() < 0.5:
            octets = octets.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
        if self.random.random() < 0.3:
            octets = self.damaged(octets)
        return kind, octets


def without_empty_line(octets):
    """h11 refuses the one empty line before a request that RFC 9112 2.2 allows, and would agree with llhttp on nothing that follows."""
    return octets[2:] if octets.startswith(b"\r\n") else octets


def ask_h11(kind, octets):
    connection = h11.Connection(h11.SERVER if kind == "q" else h11.CLIENT)
    if kind != "q":
        connection.send(h11.Request(method="HEAD" if kind == "h" else "GET", target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())
    messages, current, has_ended = [], None, False
    connection.receive_data(without_empty_line(octets) if kind == "q" else octets)
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                current = [event.method, event.target, event.headers.raw_items(), b""]
                version = event.http_version
            elif isinstance(event, (h11.Response, h11.InformationalResponse)):
                current = [b"%d" % event.status_code, b"", event.headers.raw_items(), b""]
                if isinstance(event, h11.InformationalResponse):
                    messages.append(current)
                    if event.status_code == 101:
                        return Verdict(messages, "over", "")
            elif isinstance(event, h11.Data):
                current[3] += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                messages.append(current)
                if kind != "q" or connection.their_state != h11.DONE:
                    return Verdict(messages, "over", "")
                names = {name.lower(): value.lower() for name, value in current[2]}
                # It leaves the decision to its user; to HTTP/1.0 there is none (RFC 9110 7.8).
                if version == b"1.1" and b"upgrade" in names and b"upgrade" in names.get(b"connection", b""):
                    return Verdict(messages, "over", "")
                connection.send(h11.Response(status_code=204, headers=[]))
                connection.send(h11.EndOfMessage())
                if connection.our_state != h11.DONE:
                    return Verdict(messages, "over", "")
                rest = connection.trailing_data[0]
                connection = h11.Connection(h11.SERVER)
                connection.receive_data(without_empty_line(rest))
            elif event is h11.NEED_DATA and kind != "q" and not has_ended:
                has_ended = True
                connection.receive_data(b"")
            else:
                return Verdict(messages, "more", "")
    except h11.RemoteProtocolError as error:
        return Verdict(messages, "more" if has_ended else "error", str(error))


def of_program(told):
    messages = [
        [bytes.fromhex(first), bytes.fromhex(target), [(bytes.fromhex(n), bytes.fromhex(v)) for n, v in fields], bytes.fromhex(body)]
        for first, target, fields, body in told["messages"]
    ]
    return Verdict(messages, told["state"], bytes.fromhex(told["detail"]).decode())


def comparable(verdict):
    """Names in one case; values without the white space around them; what h11 normalises and what tells of trailers left out."""
    messages = []
    for first, target, fields, body in verdict.messages:
        plain = []
        for name, value in fields:
            name, value = name.lower(), value.strip(b" \t")
            if name == b"transfer-encoding":
                value = value.lower()
            if name == b"content-length":
                value = value.lstrip(b"0")
            plain.append((name, value))
        messages.append((first, target, tuple(plain), body))
    # After an error nobody is served, whatever was told before; llhttp tells a body while it is read, h11 a head when it is whole.
    return (tuple(messages), verdict.state)


def without_trailers(verdict, like):
    """llhttp tells trailers as fields at the end: those that the others do not have there are cut off."""
    if [m[:2] for m in verdict[0]] != [m[:2] for m in like[0]]:
        return verdict
    cut = []
    for mine, other in zip(verdict[0], like[0]):
        is_longer = len(mine[2]) > len(other[2]) and (b"transfer-encoding", b"chunked") in other[2]
        fields = mine[2][: len(other[2])] if is_longer else mine[2]
        cut.append((mine[0], mine[1], fields, mine[3]))
    return (tuple(cut), verdict[1])


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    streams = Streams(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    corpus = [streams.stream() for _ in range(count)]
    packed = b"".join(kind.encode() + len(octets).to_bytes(4, "big") + octets for kind, octets in corpus)
    output = subprocess.run([program], input=packed, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    assert len(output) == count, (len(output), count)

    agreed, taken, sooner, failures, used = 0, 0, 0, 0, collections.Counter()
    for (kind, octets), line in zip(corpus, output):
        ours, theirs = (of_program(told) for told in json.loads(line))
        h11s = comparable(ask_h11(kind, octets))
        llhttps = without_trailers(comparable(theirs), h11s)
        if h11s != llhttps:
            continue
        agreed += 1
        if h11s[0] and h11s[1] != "error":
            taken += 1
        mine = comparable(ours)
        if mine == h11s:
            continue
        detail = ours.detail
        # The line before a fold is read first, and may be wrong without what follows.
        if detail.startswith(("Transfer-Encoding is", "Content-Length is")) and re.search(rb":[ \t]*\r\n[ \t]", octets):
            detail = "a folded line"
        if mine[1] == "error" and detail in STRICTER and mine[0] == h11s[0][: len(mine[0])]:
            used[detail] += 1
            continue
        # They wait for the end of a head, or of a line, that can only be refused.
        if mine[1] == "error" and h11s[1] == "more" and mine[0] == h11s[0]:
            sooner += 1
            continue
        failures += 1
        if failures <= 10:
            print(f"{kind} {octets!r}\n  both:     {h11s}\n  tidemill: {mine} {ours.detail}")
    for detail, why in STRICTER.items():
        print(f"stricter {used[detail]:5} times: {detail} ({why})")
        if count >= 20000 and not used[detail]:
            print("  no stream needs this entry")
            failures += 1
    print(f"{count} streams: llhttp and h11 agree on {agreed}, {taken} of them taken; tidemill is stricter on {sum(used.values())}, sooner on {sooner}")
    if agreed < count // 3 or taken < count // 10:
        print("too little agreement for this to prove anything")
        failures += 1
    print(f"{agreed - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
