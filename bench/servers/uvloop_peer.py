"""uvloop's servers: the protocols of asyncio_peer.py on its loop.

    uvloop_peer.py --case echo|lines|chat --listen ENDPOINT [--buffered | --gathered]
"""

import asyncio_peer
import uvloop

if __name__ == "__main__":
    asyncio_peer.main(uvloop.new_event_loop())
