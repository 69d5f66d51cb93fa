"""A chat in the browser: GET / is the page, /chat its WebSocket. The first message is your name, every other goes to everybody.

    python examples/websocket/chat.py --listen tcp://127.0.0.1:8080        then open http://127.0.0.1:8080/
"""
import argparse
import pathlib

import tidemill

PAGE = pathlib.Path(__file__).with_name("chat.html").read_bytes()
everybody: set["Chat"] = set()


class Chat(tidemill.WebSocketConnection):
    max_message = 4096
    name = ""

    def on_open(self) -> None:
        everybody.add(self)

    def on_text(self, text: str) -> None:
        if not self.name:
            self.name = text.strip() or "nobody"
            line = f"{self.name} is here"
        else:
            line = f"{self.name}: {text}"
        for one in everybody:
            try:
                one.send_text(line)
            except tidemill.ClosedError:
                pass  # it is about to go

    def on_close(self, reason: tidemill.Error | None) -> None:
        everybody.discard(self)


class Site(tidemill.HttpConnection):
    def on_request(self, request: tidemill.HttpRequest) -> None:
        if request.path == "/chat":
            self.upgrade_for(request)
        elif request.path == "/":
            request.respond(200, [("content-type", "text/html; charset=utf-8")], PAGE)
        else:
            request.respond(404, [("content-type", "text/plain")], b"not found\n")

    # A page of somebody else's must not talk here in its visitor's name.
    def upgrade_for(self, request: tidemill.HttpRequest) -> None:
        origin, host = request.header("origin"), request.header("host")
        if origin is None or origin.partition("://")[2] == host:
            request.upgrade(Chat)
        else:
            request.respond(403, [("content-type", "text/plain")], b"this chat is for its own page\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="tcp://127.0.0.1:8080", metavar="ENDPOINT")
    listener = tidemill.listen(parser.parse_args().listen, Site)
    print("listening on", listener.endpoint, flush=True)
    try:
        tidemill.run()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
