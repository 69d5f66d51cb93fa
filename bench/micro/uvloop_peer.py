"""Timers and ticks of uvloop.   uvloop_peer.py --case timers|ticks [--count N]"""

import event_loop
import uvloop

if __name__ == "__main__":
    event_loop.main(uvloop.new_event_loop)
