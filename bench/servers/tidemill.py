"""tidemill's server in Python: tidemill.py --case echo|lines|chat --listen ENDPOINT"""

import argparse
import sys

# This file has the module's name: the module must not be sought beside it.
sys.path.pop(0)
import tidemill  # noqa: E402


class Echo(tidemill.Connection):
    def on_data(self, data):
        self.write(data)


class Lines(tidemill.Connection):
    part = b""

    def on_data(self, data):
        if self.part:
            data = self.part + data
        lines = data.split(b"\n")
        self.part = lines.pop()
        for line in lines:
            self.write(line + b"\n")


class Chat(tidemill.Connection):
    everybody = set()
    part = b""

    def on_open(self):
        self.everybody.add(self)

    def on_data(self, data):
        if self.part:
            data = self.part + data
        lines = data.split(b"\n")
        self.part = lines.pop()
        for line in lines:
            line += b"\n"
            for connection in self.everybody:
                connection.write(line)

    def on_close(self, reason):
        self.everybody.discard(self)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=["echo", "lines", "chat"], required=True)
    parser.add_argument("--listen", required=True)
    arguments = parser.parse_args()
    listener = tidemill.listen(arguments.listen, {"echo": Echo, "lines": Lines, "chat": Chat}[arguments.case])
    print("listening on", listener.endpoint, flush=True)
    tidemill.run()


if __name__ == "__main__":
    main()
