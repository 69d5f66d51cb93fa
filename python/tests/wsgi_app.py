# A WSGI application under wsgiref's own judge of both sides, one path for each thing that PEP 3333 lets an application do.
import hashlib
import json
import sys
import threading
import time
import wsgiref.validate

TEXT = [("Content-Type", "text/plain")]


def say(*words):
    print(" ".join(map(str, words)) + "\n", end="", flush=True)  # in one write: threads and workers share the stream


def page_environ(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    seen = {name: value for name, value in environ.items() if isinstance(value, (str, bool))}
    seen["thread"] = threading.current_thread() is not threading.main_thread()
    return [json.dumps(seen).encode()]


def page_echo(environ, start_response):
    start_response("200 OK", TEXT)
    return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]


def page_digest(environ, start_response):
    digest, size, lines = hashlib.sha256(), 0, 0
    for line in environ["wsgi.input"]:
        digest.update(line)
        size, lines = size + len(line), lines + 1
    start_response("200 OK", TEXT)
    return [f"{digest.hexdigest()} {size}".encode()]


class Closing:
    def __iter__(self):
        for number in range(5):
            yield b"%d\n" % number * 1000

    def close(self):
        say("closed")


def page_each(environ, start_response):
    start_response("200 OK", TEXT)
    return Closing()


def page_generator(environ, start_response):
    start_response("200 OK", TEXT)
    yield b""
    yield b"lazy"


def page_write(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"written, ")
    write(b"then ")
    return [b"given"]


def page_large(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(64 << 20))])
    try:
        for number in range(1024):
            yield bytes([number % 251]) * 65536
    finally:
        say("large is over")


def page_file(environ, start_response):
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))


def page_part(environ, start_response):
    start_response("200 OK", TEXT)
    file = open(__file__, "rb")
    file.seek(2)
    return environ["wsgi.file_wrapper"](file)


def page_raise(environ, start_response):
    raise RuntimeError("on purpose")


def page_late(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"begun"
    raise RuntimeError("on purpose, late")


def page_instead(environ, start_response):
    start_response("200 OK", TEXT)
    try:
        raise ValueError("instead")
    except ValueError:
        start_response("503 Busy", TEXT, sys.exc_info())
    return [b"something else"]


def page_nothing(environ, start_response):
    return [b"no start_response"]


def page_bad(environ, start_response):
    start_response("200 OK", [("X-Bad", "one\r\nX-Split: two")])
    return [b""]


def page_latin(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Latin", "\xe4"), ("X-Seen", environ.get("HTTP_X_HIGH", ""))])
    return [environ["PATH_INFO"].encode("latin-1")]


def page_slow(environ, start_response):
    say("slow begins")
    time.sleep(0.3)
    start_response("200 OK", TEXT)
    return [b"slow"]


def page_204(environ, start_response):
    start_response("204 No Content", [])
    return []


def page_errors(environ, start_response):
    environ["wsgi.errors"].write("an error of the application\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", TEXT)
    return [b"x"]


# The judge refuses these, or hides what they are.
UNJUDGED = {"raise", "late", "nothing", "bad", "file", "part", "204", "latin"}


def plain(environ, start_response):
    name = environ["PATH_INFO"].split("/")[1]
    return globals().get("page_" + name, page_environ)(environ, start_response)


judged = wsgiref.validate.validator(plain)


def app(environ, start_response):
    return (plain if environ["PATH_INFO"].split("/")[1] in UNJUDGED else judged)(environ, start_response)
