"""What is measured: the cases, what the load generator is told for each, and how long."""

from collections import namedtuple

# program: the server's --case; load: options of the load generator; unit: what is counted.
# rounds, seconds: of a full run. In all these make a run of half an hour.
Load = namedtuple("Load", "title program load unit rounds seconds transport")
Micro = namedtuple("Micro", "title program count keys rounds")


def load_case(title, program, load, unit="message", rounds=5, seconds=0.6, transport="tcp"):
    return Load(title, program, load, unit, rounds, seconds, transport)


CASES = {
    "echo64": load_case("echo, 64 octets, 64 connections, 1 in flight on each", "echo", "--connections 64 --size 64 --depth 1"),
    "echo64d16": load_case("echo, 64 octets, 64 connections, 16 in flight on each", "echo", "--connections 64 --size 64 --depth 16"),
    "echo16k": load_case("echo, 16 KiB, 64 connections, 1 in flight on each", "echo", "--connections 64 --size 16384 --depth 1"),
    "pingpong": load_case("echo, 64 octets, one connection", "echo", "--connections 1 --size 64 --depth 1", rounds=3),
    "unix": load_case("echo over UNIX sockets, 64 octets, 64 connections", "echo", "--connections 64 --size 64", transport="unix"),
    "lines": load_case("16 lines in a packet, a write call for each", "lines", "--connections 64 --lines 16", unit="line"),
    "chat": load_case("chat: every line to all 100 clients", "chat", "--mode chat --connections 100", unit="delivery"),
    "churn": load_case("connect, one message of 64 octets, close", "echo", "--mode churn --connections 64", unit="connection"),
    "http": load_case("HTTP/1.1: GET, 64 connections kept alive, 1 request in flight on each", "http", "--mode http --connections 64 --depth 1",
                      unit="request"),
    "http16": load_case("HTTP/1.1: GET, 64 connections kept alive, 16 requests in flight on each", "pipelined",
                        "--mode http --connections 64 --depth 16", unit="request"),
    "websocket": load_case("WebSocket echo, 64 octets, 64 connections, 1 in flight on each; epoll: the same without frames", "websocket",
                           "--mode websocket --connections 64 --size 64"),
    "idle": load_case("64 busy among 100 connections, then among 10,100", "echo", "--mode hold --connections 64 --few 100 --open 10100",
                      rounds=3, seconds=0.4),
    "idle-http": load_case("HTTP/1.1: 64 busy among 100 connections kept alive, then among 2,100", "kept",
                           "--mode hold-http --connections 64 --few 100 --open 2100", unit="request", rounds=3, seconds=0.4),
    "growth": load_case("100 busy among 100 connections, then among 15,000", "echo",
                        "--mode hold --connections 100 --few 100 --open 15000", rounds=3, seconds=0.4),
    "growth-all": load_case("100 messages under way, on 100 connections in turn, then on 15,000", "echo",
                            "--mode hold --connections 100 --few 100 --open 15000 --rotate", rounds=1, seconds=0.4),
    "timers": Micro("timers: 1,000,000 with random delays, 90 % cancelled", "timers", 1_000_000,
                    ["insert_ns", "cancel_ns", "fire_ns", "insert_cancel_small_ns", "insert_cancel_large_ns"], 2),
    "ticks": Micro("next_tick in a chain and in a batch, posts of another thread", "ticks", 100_000,
                   ["chain_ns", "batch_ns", "post_ns"], 3),
}

# Not measured on its own: what `unix` says about tidemill's own contestants.
CROSSING = "crossing"
CROSSING_FROM = "unix"

GROUPS = {
    "echo": ["echo64", "echo64d16", "echo16k", "pingpong", "unix"],
    "text": ["lines", "chat"],
    "http": ["http", "http16", "websocket"],
    "many": ["idle", "idle-http", "growth", "growth-all"],
    "micro": ["timers", "ticks"],
    CROSSING: [CROSSING_FROM],
}

# --smoke: does every case still run? The figures mean nothing.
SMOKE_SECONDS = 0.1
SMOKE_WARMUP = 0.05
SMOKE_COUNT = 10_000
WARMUP_SECONDS = 0.2


def smoke_load(load):
    """Fewer connections to hold: opening them takes most of the time."""
    return load.replace("--open 10100", "--open 600").replace("--open 2100", "--open 600").replace("--open 15000", "--open 600")


def select_cases(names):
    chosen = []
    for name in names or CASES:
        chosen += GROUPS.get(name, [name])
    unknown = [name for name in chosen if name not in CASES]
    if unknown:
        raise SystemExit(f"bench: no case {', '.join(unknown)}; ./dev bench --list names them")
    return [name for name in CASES if name in chosen]
