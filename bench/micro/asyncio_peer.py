"""Timers and ticks of asyncio's own event loop.   asyncio_peer.py --case timers|ticks [--count N]"""

import asyncio

import event_loop

if __name__ == "__main__":
    event_loop.main(asyncio.new_event_loop)
