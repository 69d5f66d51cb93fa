# An ASGI application that uses every message of the specification, one path each. Tests read what it saw from what it prints.
import asyncio
import json

started = []


def say(*words):
    print(" ".join(map(str, words)) + "\n", end="", flush=True)  # in one write: threads and workers share the stream


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(scope, receive, send)
    page = globals().get("page_" + scope["path"].removeprefix(scope["root_path"]).split("/")[1], page_scope)
    await page(scope, receive, send)


async def lifespan(scope, receive, send):
    assert (await receive())["type"] == "lifespan.startup"
    scope["state"]["made"] = "at startup"
    await send({"type": "lifespan.startup.complete"})
    say("started")
    assert (await receive())["type"] == "lifespan.shutdown"
    say("ended")
    await send({"type": "lifespan.shutdown.complete"})


async def answer(send, body, status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


async def page_scope(scope, receive, send):
    seen = {name: value for name, value in scope.items() if name not in ("headers", "raw_path", "query_string")}
    seen.update(raw_path=scope["raw_path"].decode("latin-1"), query_string=scope["query_string"].decode("latin-1"))
    seen["headers"] = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    assert type(scope["raw_path"]) is bytes and all(type(part) is bytes for pair in scope["headers"] for part in pair)
    await answer(send, json.dumps(seen).encode(), headers=[(b"content-type", b"application/json")])


# The body comes back as it came, a message at a time.
async def page_echo(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    more = True
    while more:
        message = await receive()
        more = message["more_body"]
        await send({"type": "http.response.body", "body": message["body"], "more_body": more})


# The task is one of asyncio's own from the first line on.
async def page_task(scope, receive, send):
    first = asyncio.current_task()
    await asyncio.sleep(0.01)
    is_same = first is asyncio.current_task() and first is not None
    found = await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(None, lambda: b"from a thread"), 5)
    await answer(send, found if is_same else b"another task")


async def page_count(scope, receive, send):
    size = 0
    while True:
        message = await receive()
        size += len(message["body"])
        if not message["more_body"]:
            break
    await answer(send, str(size).encode())


# 64 MiB, for a reader that is slow.
async def page_large(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(64 << 20).encode())]})
    for number in range(1024):
        await send({"type": "http.response.body", "body": bytes([number % 251]) * 65536, "more_body": True})
    await send({"type": "http.response.body"})


async def page_whole(scope, receive, send):
    await answer(send, b"w" * (24 << 20))


async def page_upload(scope, receive, send):
    """Takes a little of the body, then waits."""
    await receive()
    await asyncio.sleep(1.0)
    await answer(send, b"enough")


async def page_trailers(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"trailer", b"x-sum")], "trailers": True})
    await send({"type": "http.response.body", "body": b"a body"})
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"7")]})


async def page_file(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/x-python")]})
    await send({"type": "http.response.pathsend", "path": __file__})


async def page_raise(scope, receive, send):
    raise RuntimeError("on purpose")


async def page_raise_late(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    await asyncio.sleep(0.01)
    raise RuntimeError("on purpose, late")


async def page_nothing(scope, receive, send):
    pass


async def page_wrong(scope, receive, send):
    """Whatever is sent in the wrong order raises in the application, which then answers."""
    found = []
    for message in ({"type": "http.response.body"}, {"type": "http.response.nonsense"}, {"type": "http.response.trailers"},
                    {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"one\r\nx-b: two")]}, {"type": "http.response.body"}):
        try:
            await send(message)
            found.append("taken")
        except Exception as error:
            found.append(type(error).__name__)
    say("wrong:", *found)


async def page_disconnect(scope, receive, send):
    say("waits", (await receive())["type"])
    say("then", (await receive())["type"])
    try:
        await answer(send, b"nobody")
    except OSError as error:
        say("send raised", type(error).__name__)
        raise


async def page_after(scope, receive, send):
    """What receive() says once the answer is whole; and a task that goes on behind it."""
    await receive()
    await answer(send, b"done")
    say("after", (await receive())["type"])
    await asyncio.sleep(0.3)
    say("behind the answer")


async def page_slow(scope, receive, send):
    say("slow begins")
    await asyncio.sleep(0.7)
    await answer(send, b"slow")


async def page_chunked(scope, receive, send):
    await answer(send, b"not chunked", headers=[(b"transfer-encoding", b"chunked"), (b"x-a", b"1")])


async def page_204(scope, receive, send):
    await answer(send, b"", 204)


def plain(scope, receive, send):
    """No coroutine function, but it answers a coroutine."""
    return app(scope, receive, send)


async def no_lifespan(scope, receive, send):
    assert scope["type"] == "http", "only http"
    await answer(send, b"without a lifespan")


async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
