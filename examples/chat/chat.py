"""Chat: the first data is your name, all data goes to everybody.   python examples/chat/chat.py --listen tcp://127.0.0.1:8082"""
from __future__ import annotations

import argparse
import contextlib

import tidemill

everybody: set[Chat] = set()


class Chat(tidemill.Connection):
    name = b""

    def on_open(self) -> None:
        everybody.add(self)
        self.write(b"Please enter your name: ")

    def on_data(self, data: bytes) -> None:
        self.name = self.name or data.strip()
        for connection in everybody:
            with contextlib.suppress(tidemill.ClosedError):  # it is about to go: its on_close comes soon
                connection.write(self.name + b" says: " + data)

    def on_close(self, reason: tidemill.Error | None) -> None:
        everybody.discard(self)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="tcp://127.0.0.1:8082", metavar="ENDPOINT")
    listener = tidemill.listen(parser.parse_args().listen, Chat)
    print("listening on", listener.endpoint, flush=True)
    try:
        tidemill.run()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
