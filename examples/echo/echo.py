"""Echo: every octet comes back.   python examples/echo/echo.py --listen tcp://127.0.0.1:8080"""
import argparse

import tidemill


class Echo(tidemill.Connection):
    idle = 0.0

    def on_open(self) -> None:
        self.set_idle_timeout(self.idle)

    def on_data(self, data: bytes) -> None:
        self.write(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", action="append", metavar="ENDPOINT", help="any number of them; tls:// needs the next two")
    parser.add_argument("--certificate", default="", metavar="FILE")
    parser.add_argument("--key", default="", metavar="FILE")
    parser.add_argument("--idle", type=float, default=0.0, metavar="SECONDS", help="lets go of whoever is silent for so long")
    options = parser.parse_args()
    Echo.idle = options.idle
    context = tidemill.TlsContext(certificate=options.certificate, private_key=options.key) if options.certificate else None
    for endpoint in options.listen or ["tcp://127.0.0.1:8080"]:
        listener = tidemill.listen(endpoint, Echo, tls=context if endpoint.startswith("tls:") else None)
        print("listening on", listener.endpoint, flush=True)
    try:
        tidemill.run()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
