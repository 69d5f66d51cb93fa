# The same few pages with FastAPI and with Starlette: a coroutine, a plain function (which they run in a thread), streams both ways, a file,
# what raises, something behind the answer.
import asyncio
import contextlib
import hashlib

from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route


@contextlib.asynccontextmanager
async def life(app):
    print("framework started", flush=True)
    yield {"greeting": "hello"}
    print("framework ended", flush=True)


async def numbers(count):
    for number in range(count):
        if number % 10 == 0:
            await asyncio.sleep(0)
        yield b"%d\n" % number


async def digest_of(request):
    digest = hashlib.sha256()
    async for piece in request.stream():
        digest.update(piece)
    return digest.hexdigest()


# ---- FastAPI ----

fast = FastAPI(lifespan=life)


class Item(BaseModel):
    name: str
    size: int


@fast.get("/hello/{name}")
async def hello(request: Request, name: str, times: int = 1):
    return {"text": " ".join([request.state.greeting, name] * times)}


@fast.websocket("/echo/{name}")
async def echo(socket: WebSocket, name: str):
    if name == "nobody":
        return await socket.close()
    if name == "stranger":
        return await socket.send_denial_response(JSONResponse({"who": name}, 401, {"www-authenticate": "Basic"}))
    await socket.accept("shout" if "shout" in socket.scope["subprotocols"] else None, [(b"x-name", name.encode())])
    await socket.send_text(f"{socket.scope['state']['greeting']} {name}")
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"])
            if message.get("text") == "end":
                return await socket.close(3001, "as asked")
            if message.get("text") == "raise":
                raise RuntimeError("as asked")
            if message.get("text") is not None:
                await socket.send_text(message["text"].upper())
            else:
                await socket.send_bytes(message["bytes"])
    except WebSocketDisconnect as end:
        print("left with", end.code, flush=True)


@fast.get("/thread/{number}")
def thread(number: int):
    return {"square": number * number}


@fast.post("/items")
async def items(item: Item, behind: BackgroundTasks):
    behind.add_task(print, f"behind {item.name}\n", end="", flush=True)  # in one write: it runs in threads
    return {"twice": item.size * 2}


@fast.post("/digest")
async def digest(request: Request):
    return {"digest": await digest_of(request)}


@fast.get("/stream/{count}")
async def stream(count: int):
    return StreamingResponse(numbers(count))


@fast.get("/file")
async def file():
    return FileResponse(__file__)


@fast.get("/teapot")
async def teapot():
    raise HTTPException(418, "short and stout")


@fast.get("/raise")
async def raises():
    raise RuntimeError("on purpose, in FastAPI")


# ---- Starlette, with the kind of middleware that runs tasks of its own ----


class Stamp(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        answer = await call_next(request)
        answer.headers["x-stamp"] = request.url.path
        return answer


async def star_hello(request):
    return PlainTextResponse(f"hello {request.path_params['name']}")


async def star_digest(request):
    return JSONResponse({"digest": await digest_of(request)})


async def star_stream(request):
    return StreamingResponse(numbers(request.path_params["count"]))


star = Starlette(middleware=[Middleware(Stamp)], lifespan=life, routes=[
    Route("/hello/{name}", star_hello), Route("/digest", star_digest, methods=["POST"]), Route("/stream/{count:int}", star_stream)])
