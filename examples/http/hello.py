"""HTTP: GET / says hello, POST /echo sends the body back as it comes.   python examples/http/hello.py --listen tcp://127.0.0.1:8080

    curl http://127.0.0.1:8080/        curl -T some-file -X POST http://127.0.0.1:8080/echo
"""
import argparse

import tidemill


class Hello(tidemill.HttpConnection):
    def on_request(self, request: tidemill.HttpRequest) -> None:
        if request.method == "POST" and request.path == "/echo":
            request.start(200, [("content-type", "application/octet-stream")])
        elif request.path == "/":
            request.respond(200, [("content-type", "text/plain")], b"hello\n")
        else:
            request.respond(404, [("content-type", "text/plain")], b"not found\n")

    # Of a client that does not read its echo nothing more is read.
    def on_body(self, request: tidemill.HttpRequest, data: bytes) -> None:
        if not request.write(data):
            request.pause()

    def on_response_drain(self, request: tidemill.HttpRequest) -> None:
        request.resume()

    def on_body_end(self, request: tidemill.HttpRequest) -> None:
        request.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="tcp://127.0.0.1:8080", metavar="ENDPOINT")
    listener = tidemill.listen(parser.parse_args().listen, Hello)
    print("listening on", listener.endpoint, flush=True)
    try:
        tidemill.run()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
