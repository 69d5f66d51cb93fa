"""tidemill's server in Python: tidemill.py --case echo|lines|chat|http|websocket --listen ENDPOINT [--spin SECONDS]"""

import argparse
import sys

# This file has the module's name: the module must not be sought beside it.
sys.path.pop(0)
import tidemill  # noqa: E402


class Echo(tidemill.Connection):
    def on_data(self, data):
        self.write(data)


class Lines(tidemill.LineConnection):
    line_ending = "lf"

    def on_lines(self, lines):
        for line in lines:
            self.write_line(line)


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


class Hello(tidemill.HttpConnection):
    def on_request(self, request):
        request.respond(200, (("content-type", "text/plain"),), b"hello, world")


class Frames(tidemill.WebSocketConnection):
    compresses = False

    def on_binary(self, data):
        self.send_binary(data)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=["echo", "lines", "chat", "http", "websocket"], required=True)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--spin", type=float, default=0.0)
    arguments = parser.parse_args()
    listener = tidemill.listen(arguments.listen, {"echo": Echo, "lines": Lines, "chat": Chat, "http": Hello, "websocket": Frames}[arguments.case])
    print("listening on", listener.endpoint, flush=True)
    tidemill.default_reactor().set_spin(arguments.spin)
    tidemill.run()


if __name__ == "__main__":
    main()
