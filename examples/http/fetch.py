"""Fetches a URL: the body goes to the standard output or into a file, how far it is to stderr.   python examples/http/fetch.py URL [--output FILE]

    --authorities FILE    who may sign the server's certificate, instead of the system's trust store

The exit code is 0 for an answer below 400, 1 for another answer, 2 if there was none.
"""
import argparse
import sys
from typing import Any

import tidemill


class Download(tidemill.HttpExchange):
    def __init__(self, output: Any) -> None:
        self.output = output
        self.done = self.length = self.told = 0
        self.code = 2

    def on_response(self, response: tidemill.HttpResponse) -> None:
        self.code = 0 if response.status < 400 else 1
        self.length = int(response.header("content-length") or 0)
        if self.code:
            print(f"{response.url}: {response.status} {response.reason}", file=sys.stderr)

    def on_body(self, data: bytes) -> None:
        self.output.write(data)
        self.done += len(data)
        if self.done - self.told >= 1 << 20:
            self.told = self.done
            print(f"{self.done} octets" + (f" of {self.length}" if self.length else ""), file=sys.stderr)

    def on_failure(self, error: tidemill.Error) -> None:
        self.code = 2
        print(error, file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--output")
    parser.add_argument("--authorities", default="")
    options = parser.parse_args()
    output = open(options.output, "wb") if options.output else sys.stdout.buffer
    download = Download(output)
    client = tidemill.HttpClient(tls=tidemill.TlsContext(authorities=options.authorities), response_timeout=20.0)
    try:
        client.stream("GET", options.url, download)
        tidemill.run()
    except tidemill.Error as error:
        print(error, file=sys.stderr)
        return 2
    output.flush()
    return download.code


if __name__ == "__main__":
    sys.exit(main())
