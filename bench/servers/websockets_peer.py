"""Python's websockets.   websockets_peer.py --case websocket --listen tcp://127.0.0.1:0"""

import asyncio
import signal

import peer
from websockets.asyncio.server import serve


async def echo(websocket):
    async for message in websocket:
        await websocket.send(message)


async def main(listener):
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with serve(echo, sock=listener, compression=None):
        peer.announce(listener)
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(peer.listen(peer.parse_arguments().listen)))
