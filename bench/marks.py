"""The marks: what tidemill has to reach, as data, and whether a run reached it.

A mark compares the subject's figure with `factor` times the figure of `versus`, in one of these ways:

    ratio    the median of the ratios within a round is at most the factor
    below    the same, and less than 1
    excess   what the subject's message takes above the hand-written loop's of the same round (median) is at most factor times what
             the message of `versus` does
    rate     messages a second: the median ratio is at least the factor; versus BEST is the fastest peer of the same language
    value    the median itself is at most the factor; no versus
"""

from collections import namedtuple

from figures import CPU, RATE, baseline_of, excess, ratio, value
from tables import best_peer, text

Mark = namedtuple("Mark", "row case subject way factor versus key", defaults=("", CPU))
Verdict = namedtuple("Verdict", "mark outcome figure limit note")

MET, NOT_MET, NOT_JUDGED = "met", "NOT MET", "not judged"
BEST = "the best peer"

CPP, PYTHON, RUBY, LUA, LUAJIT = "tidemill-c++", "tidemill-python", "tidemill-ruby", "tidemill-lua5.4", "tidemill-luajit"
LUV, LUV_JIT = "luv-lua5.4", "luv-luajit"
EVERYBODY = [CPP, PYTHON, RUBY, LUA, LUAJIT]
ECHO = ["echo64", "echo64d16", "echo16k", "pingpong", "unix"]
SMALL = "echo64"

MARKS = (
    # C++ echo: at most 1.05 times the hand-written loop in every case, and below each of the four libraries
    [Mark("C++ echo", case, CPP, "ratio", 1.05, "epoll") for case in ECHO]
    + [Mark("C++ echo", case, CPP, "below", 1.0, peer) for case in ECHO for peer in ("libuv", "libev", "libevent", "asio")]
    # Script echo
    + [Mark("Python echo", SMALL, PYTHON, "excess", 1 / 2, "uvloop"),
       Mark("Python echo", "echo16k", PYTHON, "ratio", 1.15, "epoll"),
       Mark("Ruby echo", SMALL, RUBY, "excess", 1 / 4, "eventmachine"),
       Mark("Ruby echo", SMALL, RUBY, "excess", 1 / 2, "nio4r"),
       Mark("Lua echo", SMALL, LUA, "excess", 1 / 2, LUV),
       Mark("Lua echo", SMALL, LUAJIT, "excess", 1 / 2, LUV_JIT)]
    # Line by line, 16 lines a packet, one write for each
    + [Mark("lines", "lines", CPP, "ratio", 1.1, "epoll"),
       Mark("lines", "lines", PYTHON, "ratio", 0.8, "uvloop"),
       Mark("lines", "lines", RUBY, "ratio", 1 / 3, "eventmachine"),
       Mark("lines", "lines", LUA, "ratio", 1 / 10, LUV),
       Mark("lines", "lines", LUAJIT, "ratio", 1 / 10, LUV_JIT)]
    # Chat, for each delivery
    + [Mark("chat", "chat", CPP, "ratio", 1.1, "epoll"),
       Mark("chat", "chat", PYTHON, "below", 1.0, "uvloop"),
       Mark("chat", "chat", RUBY, "below", 1.0, "eventmachine"),
       Mark("chat", "chat", LUA, "ratio", 1 / 5, LUV),
       Mark("chat", "chat", LUAJIT, "ratio", 1 / 5, LUV_JIT)]
    # Connect, one message, close
    + [Mark("churn", "churn", CPP, "rate", 1.0, "epoll", RATE)]
    + [Mark("churn", "churn", subject, "rate", 1.0, BEST, RATE) for subject in (PYTHON, RUBY, LUA, LUAJIT)]
    # Ticks
    + [Mark("ticks", "ticks", subject, way, factor, versus, key)
       for subject, way, factor, versus in ((CPP, "value", 40, ""), (PYTHON, "ratio", 1 / 5, "uvloop"),
                                            (RUBY, "ratio", 1 / 10, "eventmachine"), (LUA, "ratio", 1 / 3, LUV),
                                            (LUAJIT, "ratio", 1 / 3, LUV_JIT))
       for key in ("chain_ns", "batch_ns", "post_ns")]
    # Timers: insert and cancel of a million; the cost does not grow with how many there are
    + [Mark("timers", "timers", CPP, "below", 1.0, "libev", "insert_and_cancel_ns"),
       Mark("timers", "timers", PYTHON, "ratio", 1 / 3, "uvloop", "insert_and_cancel_ns"),
       Mark("timers", "timers", RUBY, "ratio", 1 / 3, "eventmachine", "insert_and_cancel_ns"),
       Mark("timers", "timers", LUA, "ratio", 1 / 2, LUV, "insert_and_cancel_ns"),
       Mark("timers", "timers", LUAJIT, "ratio", 1 / 2, LUV_JIT, "insert_and_cancel_ns")]
    + [Mark("timers", "timers", subject, "value", 1.5, "", "large_to_small") for subject in EVERYBODY]
    # HTTP: microseconds for each request
    + [Mark("HTTP", "http", CPP, "below", 1.0, "nginx"),
       Mark("HTTP", "http", PYTHON, "ratio", 1 / 3, "uvicorn"),
       Mark("HTTP", "http", "tidemill-asgi", "ratio", 2 / 3, "uvicorn"),
       Mark("HTTP", "http", RUBY, "value", 20, ""),
       Mark("HTTP", "http", "tidemill-rack", "ratio", 1 / 3, "thin"),
       Mark("HTTP", "http", LUA, "value", 16, ""),
       Mark("HTTP", "http", LUAJIT, "value", 16, ""),
       Mark("HTTP", "http16", CPP, "value", 1.5, "")]
    # WebSocket echo
    + [Mark("WebSocket", "websocket", subject, "below", 1.0, "ws") for subject in (PYTHON, RUBY, LUA, LUAJIT)]
    + [Mark("WebSocket", "websocket", PYTHON, "below", 1.0, "websockets"), Mark("WebSocket", "websocket", RUBY, "below", 1.0, "em-websocket")]
    # Memory of an idle connection
    + [Mark("idle", "idle", subject, "below", 1.0, peer, "octets_per_connection")
       for subject, peer in ((CPP, "libuv"), (PYTHON, "uvloop"), (RUBY, "eventmachine"), (LUA, LUV), (LUAJIT, LUV_JIT))]
    # Growth
    + [Mark("growth", "growth", subject, "value", 1.2, "", "growth") for subject in EVERYBODY]
)


def judge_all(results, languages):
    """A verdict for every mark of the cases that ran."""
    return [judge(mark, results[mark.case], languages) for mark in MARKS if results.get(mark.case)]


def judge(mark, case_results, languages):
    versus = mark.versus
    if mark.subject not in case_results:
        return Verdict(mark, NOT_JUDGED, None, None, f"no figure of {mark.subject}")
    if versus == BEST:
        versus = best_peer(case_results, languages, mark.subject, RATE, is_lower_better=False)
        if versus is None:
            return Verdict(mark, NOT_JUDGED, None, None, "no peer of the language took part")
    for name in (mark.subject, versus):
        if name and value(case_results.get(name), mark.key) is None:
            return Verdict(mark, NOT_JUDGED, None, None, f"no figure of {name}")
    figure, limit, note = compare(mark, case_results, versus)
    if figure is None:
        return Verdict(mark, NOT_JUDGED, None, None, "no round in which both took part")
    is_met = {"rate": figure >= limit, "below": figure < limit}.get(mark.way, figure <= limit)
    return Verdict(mark, MET if is_met else NOT_MET, figure, limit, note)


def compare(mark, case_results, versus):
    """The figure, its limit, and what else there is to say."""
    mine, other = case_results[mark.subject], case_results.get(versus)
    if mark.way == "value":
        peer = "epoll" if mark.key == "growth" else None
        note = f"epoll: {text(value(case_results.get(peer), mark.key))}" if peer else ""
        return value(mine, mark.key), mark.factor, note
    if mark.way == "excess":
        theirs = excess(other, baseline_of(case_results))
        if theirs is None:
            return None, None, ""
        return excess(mine, baseline_of(case_results)), mark.factor * theirs, f"{versus}: {theirs:+.2f}"
    note = f"{text(value(mine, mark.key))} against {text(value(other, mark.key))} of {versus}"
    noise = ratio(case_results.get("noise"), baseline_of(case_results), mark.key)
    if noise is not None:
        note += f"; noise {noise:.2f}"
    return ratio(mine, other, mark.key), mark.factor, note


def describe(mark):
    if mark.way == "value":
        what = "at most"
    elif mark.way == "excess":
        what = f"excess at most {mark.factor:.2f} x that of {mark.versus}:"
    else:
        what = {"rate": "rate, at least", "below": "below"}.get(mark.way, "at most") + f" (x {mark.versus})"
    key = "" if mark.key in (CPU, RATE) else f", {mark.key.replace('_ns', '').replace('_', ' ')}"
    return f"{mark.case}{key}", what


def marks_table(verdicts):
    lines = ["| mark | case | subject | asked | limit | value | verdict | |", "| --- | --- | --- | --- | ---: | ---: | --- | --- |"]
    for verdict in verdicts:
        case, asked = describe(verdict.mark)
        cells = [verdict.mark.row, case, verdict.mark.subject, asked, text(verdict.limit), text(verdict.figure), verdict.outcome,
                 verdict.note]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(verdicts):
    counts = {outcome: sum(verdict.outcome == outcome for verdict in verdicts) for outcome in (MET, NOT_MET, NOT_JUDGED)}
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
