"""HTTP by hand on uvloop, with httptools' parser.   httptools_peer.py --case http --listen tcp://127.0.0.1:0"""

import asyncio
import signal

import httptools
import peer
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello, world"


class Hello(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.answers = 0

    def data_received(self, data):
        self.answers = 0
        self.parser.feed_data(data)
        if self.answers:
            self.transport.write(ANSWER * self.answers)

    def on_message_complete(self):
        self.answers += 1


async def serve(listener):
    loop = asyncio.get_running_loop()
    await loop.create_server(Hello, sock=listener)
    peer.announce(listener)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


if __name__ == "__main__":
    uvloop.new_event_loop().run_until_complete(serve(peer.listen(peer.parse_arguments().listen)))
