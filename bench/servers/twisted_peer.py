"""Twisted's servers on its epoll reactor.

    twisted_peer.py --case echo|lines|chat --listen ENDPOINT

The lines are cut by hand: LineOnlyReceiver takes twice as long for it, LineReceiver four times.
"""

import peer
from twisted.internet import epollreactor

epollreactor.install()

from twisted.internet import protocol, reactor  # noqa: E402 (the first import of reactor would install the default)


class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Lines(protocol.Protocol):
    rest = b""

    def dataReceived(self, data):
        lines, self.rest = peer.cut(self.rest + data)
        for line in lines:
            self.transport.write(line)


class Chat(protocol.Protocol):
    everybody = set()
    rest = b""

    def connectionMade(self):
        self.everybody.add(self.transport)

    def dataReceived(self, data):
        lines, self.rest = peer.cut(self.rest + data)
        for line in lines:
            for transport in self.everybody:
                transport.write(line)

    def connectionLost(self, reason):
        self.everybody.discard(self.transport)


PROTOCOLS = {"echo": Echo, "lines": Lines, "chat": Chat}


def main():
    arguments = peer.parse_arguments()
    listener = peer.listen(arguments.listen)
    factory = protocol.Factory.forProtocol(PROTOCOLS[arguments.case])
    factory.noisy = False
    reactor.adoptStreamPort(listener.fileno(), listener.family, factory)
    peer.announce(listener)
    reactor.run()


if __name__ == "__main__":
    main()
