# Connections whose octets come in frames. The core cuts them (bindings/framing.h); the classes here say how, and name the callbacks. An
# object's attributes are looked at when it gets its stream.
import json

from . import core as _core
from .connection import Connection
from .errors import LocalProtocolError


class LineConnection(Connection):
    max_line = 65_536
    max_text = 1_048_576
    line_ending = "crlf"

    def on_line(self, line):
        pass

    # Asked for by overriding it; the core then makes no on_line.
    def on_lines(self, lines):
        for line in lines:
            self.on_line(line)

    def on_text(self, text):
        pass

    write_line = _core.frame_writer("write_line")

    def set_text(self, octets):
        _core.line_set_text(self, octets)

    def _protocol(self):
        has_batches = type(self).on_lines is not LineConnection.on_lines or "on_lines" in self.__dict__
        return "lines", f"max_line={self.max_line} max_text={self.max_text} line_ending={self.line_ending} batches={int(has_batches)}"


class MessageConnection(Connection):
    length_prefix = "uint32"
    max_message = 1_048_576

    def on_message(self, message):
        pass

    write_message = _core.frame_writer("write_message")

    def _protocol(self):
        return "messages", f"length_prefix={self.length_prefix} max_message={self.max_message}"


class NetstringConnection(Connection):
    max_message = 1_048_576

    def on_message(self, message):
        pass

    write_message = _core.frame_writer("write_message")

    def _protocol(self):
        return "netstrings", f"max_message={self.max_message}"


class BlockConnection(Connection):
    block_size = 512

    def on_block(self, block):
        pass

    write_block = _core.frame_writer("write_block")

    def _protocol(self):
        return "blocks", f"block_size={self.block_size}"


class HeaderContentConnection(Connection):
    max_header = 32_768
    max_header_lines = 100
    max_content = 1_048_576

    def on_header(self, lines):
        pass

    def on_content(self, content):
        pass

    def set_content(self, octets):
        _core.header_set_content(self, octets)

    def write_message(self, header, content=b""):
        lines = [bytes(line) for line in header]
        return _core.header_write(self, b"\n".join(lines), len(lines), content)

    def _protocol(self):
        return "header_content", f"max_header={self.max_header} max_header_lines={self.max_header_lines} max_content={self.max_content}"


def _refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


class ObjectConnection(Connection):
    max_message = 1_048_576
    _write = _core.frame_writer("_write")

    def on_object(self, value):
        pass

    def on_message(self, message):
        try:
            value = json.loads(message, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as problem:
            return _core.connection_refuse(self, f"the peer sent a message that is no JSON: {problem}")
        self.on_object(value)

    def write_object(self, value):
        try:
            message = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError) as problem:
            raise LocalProtocolError(f"write_object: {problem}", "local_protocol", operation="write_object", endpoint=self.peer) from problem
        return self._write(message)

    def _protocol(self):
        return "messages", f"length_prefix=uint32 max_message={self.max_message}"


for _class in (LineConnection, MessageConnection, NetstringConnection, BlockConnection, HeaderContentConnection, ObjectConnection):
    _class.__module__ = "tidemill"
