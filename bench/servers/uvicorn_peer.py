"""uvicorn at its best: uvloop and httptools, no log.   uvicorn_peer.py --case http --listen tcp://127.0.0.1:0"""

import peer
import uvicorn
from asgi_app import app


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        peer.announce(sockets[0])


if __name__ == "__main__":
    listener = peer.listen(peer.parse_arguments().listen)
    Server(uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")).run([listener])
