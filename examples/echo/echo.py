"""Echo: every octet comes back.   python examples/echo/echo.py --listen tcp://127.0.0.1:8080"""
import argparse

import tidemill


class Echo(tidemill.Connection):
    def on_data(self, data: bytes) -> None:
        self.write(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="tcp://127.0.0.1:8080", metavar="ENDPOINT")
    listener = tidemill.listen(parser.parse_args().listen, Echo)
    print("listening on", listener.endpoint, flush=True)
    try:
        tidemill.run()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
