"""tidemill's server of ASGI.   tidemill_asgi.py --case http --listen tcp://127.0.0.1:0"""

import sys

from asgi_app import app
from peer import parse_arguments

# This folder has a file with the module's name, which must not be sought here.
sys.path.pop(0)
from tidemill import asgi  # noqa: E402

if __name__ == "__main__":
    asgi.serve(app, parse_arguments().listen, on_listening=lambda endpoints: print("listening on", endpoints[0], flush=True))
