# An ASGI application of WebSockets only, one path each. Tests read what it saw from what it prints.
def say(*words):
    print(" ".join(map(str, words)) + "\n", end="", flush=True)


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        raise AssertionError("only websocket")
    assert (await receive()) == {"type": "websocket.connect"}
    assert scope["extensions"] == {"websocket.http.response": {}}
    await globals()["page_" + scope["path"].split("/")[1]](receive, send)


async def deny(send, status, *pieces, headers=()):
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    for number, piece in enumerate(pieces, 1):
        await send({"type": "websocket.http.response.body", "body": piece, "more_body": number < len(pieces)})


async def page_headers(receive, send):
    headers = [(b"set-cookie", b"a=\xc3\xa4"), (b"x-two", b"2")]
    await send({"type": "websocket.accept", "subprotocol": "chat", "headers": headers})
    await send({"type": "websocket.send", "text": "hello"})
    await send({"type": "websocket.close"})


# What could break the handshake raises, and another answer can be given.
async def page_wrong(receive, send):
    for name, value in ((b"sec-websocket-protocol", b"x"), (b"Sec-WebSocket-Accept", b"x"), (b"connection", b"close"), (b"upgrade", b"h2c"),
                        (b"content-length", b"0"), (b"transfer-encoding", b"chunked"), (b"x-a", b"1\r\nx-b: 2"), (b"x-a", b"1\rx-b: 2"), (b"", b"x")):
        try:
            await send({"type": "websocket.accept", "headers": [(name, value)]})
            say("taken:", name, value)
        except Exception as error:
            say("refused:", type(error).__name__)
    await send({"type": "websocket.accept", "headers": [(b"x-good", b"1")]})
    await send({"type": "websocket.close"})


async def page_deny(receive, send):
    await deny(send, 401, b"who are you?\n", headers=[(b"www-authenticate", b"Basic"), (b"content-type", b"text/plain")])
    say("then", (await receive())["type"], (await receive())["code"])
    try:
        await send({"type": "websocket.accept"})
    except OSError as error:
        say("send raised", type(error).__name__)


async def page_pieces(receive, send):
    await deny(send, 404, b"one ", b"", b"two ", b"three", headers=[(b"transfer-encoding", b"chunked")])


async def page_length(receive, send):
    await deny(send, 404, b"one ", b"two", headers=[(b"content-length", b"7")])


async def page_large(receive, send):
    await deny(send, 503, *[bytes([number]) * 1_000_000 for number in range(24)])
    say("all was sent")


async def page_half(receive, send):
    await send({"type": "websocket.http.response.start", "status": 404})


async def page_raise(receive, send):
    await send({"type": "websocket.http.response.start", "status": 404})
    await send({"type": "websocket.http.response.body", "body": b"begun", "more_body": True})
    raise RuntimeError("on purpose")


# Whatever is sent in the wrong order raises in the application, which then answers.
async def page_order(receive, send):
    found = []
    for kind in ("websocket.http.response.body", "websocket.send", "websocket.http.response.start", "websocket.http.response.start",
                 "websocket.accept", "websocket.close"):
        try:
            await send({"type": kind, "status": 418})
            found.append("taken")
        except Exception as error:
            found.append(type(error).__name__)
    say("order:", *found)
    await send({"type": "websocket.http.response.body", "body": b"tea"})
