"""asyncio's servers: a Protocol for each case, with --buffered a BufferedProtocol.

    asyncio_peer.py --case echo|lines|chat --listen ENDPOINT [--buffered | --gathered]

A write to a transport is a system call, at once. With --gathered the lines that came together leave together by
one call, not by one write for each: it shows what gathering of the user's own is worth. uvloop_peer.py runs the same protocols.
"""

import asyncio
import signal

import peer

RECEIVE_SIZE = 65536


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class Lines(asyncio.Protocol):
    rest = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        lines, self.rest = peer.cut(self.rest + data)
        for line in lines:
            self.transport.write(line)


class Chat(asyncio.Protocol):
    everybody = set()
    rest = b""

    def connection_made(self, transport):
        self.transport = transport
        self.everybody.add(transport)

    def data_received(self, data):
        lines, self.rest = peer.cut(self.rest + data)
        for line in lines:
            for transport in self.everybody:
                transport.write(line)

    def connection_lost(self, problem):
        self.everybody.discard(self.transport)


class GatheredLines(Lines):
    def data_received(self, data):
        lines, self.rest = peer.cut(self.rest + data)
        self.transport.writelines(lines)


class GatheredChat(Chat):
    def data_received(self, data):
        lines, self.rest = peer.cut(self.rest + data)
        for transport in self.everybody:
            transport.writelines(lines)


class BufferedEcho(asyncio.BufferedProtocol):
    """Sends the octets from where they were received, without a copy. Only while some of them are unsent is another room needed."""

    room = None

    def connection_made(self, transport):
        self.transport = transport

    def get_buffer(self, size_hint):
        if self.room is None or self.transport.get_write_buffer_size():
            self.room = memoryview(bytearray(RECEIVE_SIZE))
        return self.room

    def buffer_updated(self, count):
        self.transport.write(self.room[:count])


class SharedRoom(asyncio.BufferedProtocol):
    """Receives into one room for all connections, for protocols that are done with the octets before the next arrive."""

    room = memoryview(bytearray(RECEIVE_SIZE))

    def get_buffer(self, size_hint):
        return self.room

    def buffer_updated(self, count):
        self.data_received(self.room[:count].tobytes())


class BufferedLines(SharedRoom, Lines):
    pass


class BufferedChat(SharedRoom, Chat):
    pass


PROTOCOLS = {"echo": Echo, "lines": Lines, "chat": Chat}
GATHERED = {"echo": Echo, "lines": GatheredLines, "chat": GatheredChat}
BUFFERED = {"echo": BufferedEcho, "lines": BufferedLines, "chat": BufferedChat}


async def serve(arguments):
    loop = asyncio.get_running_loop()
    protocol = (BUFFERED if arguments.buffered else GATHERED if arguments.gathered else PROTOCOLS)[arguments.case]
    listener = peer.listen(arguments.listen)
    if arguments.listen.startswith("unix:"):
        await loop.create_unix_server(protocol, sock=listener, backlog=peer.BACKLOG)
    else:
        await loop.create_server(protocol, sock=listener, backlog=peer.BACKLOG)
    peer.announce(listener)
    loop.add_signal_handler(signal.SIGTERM, loop.stop)


def main(loop):
    loop.run_until_complete(serve(peer.parse_arguments("--buffered", "--gathered")))
    loop.run_forever()


if __name__ == "__main__":
    main(asyncio.new_event_loop())
