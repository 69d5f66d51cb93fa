"""python -m tidemill serve MODULE:APP: an ASGI or WSGI application on the HTTP server."""
from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import logging
import os
import sys

from . import TlsContext, VERSION, Workers


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tidemill", description="tidemill from the command line.")
    parser.add_argument("--version", action="version", version=f"tidemill {VERSION}")
    serve = parser.add_subparsers(dest="command", required=True, metavar="COMMAND").add_parser(
        "serve", help="serve an ASGI or WSGI application", description="Serves an ASGI 3 or a WSGI application over HTTP/1.1.")
    add = serve.add_argument
    add("app", metavar="MODULE:APP", help="the application; a name with dots is looked up, and one that ends in () is called for it")
    add("--interface", choices=("auto", "asgi", "wsgi"), default="auto", help="auto: what is a coroutine function is ASGI")
    add("--listen", action="append", metavar="ENDPOINT", help="tcp://127.0.0.1:8000; unix:///path; may be given again")
    add("--workers", type=int, default=1, metavar="N", help="processes; 0 for one a core")
    add("--threads", type=int, default=0, metavar="N", help="WSGI: threads that the application runs in")
    add("--app-dir", default=".", metavar="FOLDER", help="where the module is looked for first")
    add("--root-path", default="", metavar="PATH", help="under which a proxy has put the application")
    add("--lifespan", choices=("auto", "on", "off"), default="auto", help="ASGI: the application's own beginning and end")
    add("--drain", type=float, default=30.0, metavar="SECONDS", help="how long a TERM lets requests finish")
    add("--max-connections", type=int, default=0, metavar="N", help="at the same time; 0: no such limit")
    add("--tls-certificate", metavar="FILE", help="PEM; serves https")
    add("--tls-key", metavar="FILE", help="PEM; left out if it is in the certificate's file")
    add("--access-log", action="store_true", help="a message for each request, on standard error")
    add("--access-log-file", metavar="FILE", help="a line for each request in the combined format; - is standard output")
    options = parser.parse_args(arguments)
    options.listen = options.listen or ["tcp://127.0.0.1:8000"]
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    sys.path.insert(0, os.path.abspath(options.app_dir))
    _check(parser, options)
    if options.workers == 1:
        _serve(options)
    else:
        Workers(options.workers, lambda reactor, _index: _be_worker(options, reactor), options.drain).run()


def _check(parser, options):
    """Before a worker would have to say it, again and again."""
    module, separator, attribute = options.app.partition(":")
    if not separator or not module or not attribute:
        parser.error(f"{options.app!r} is not MODULE:APP")
    try:
        is_there = importlib.util.find_spec(module) is not None
    except ImportError:
        is_there = False
    if not is_there:
        parser.error(f"there is no module {module}")
    if options.workers < 0:
        parser.error("--workers is 0 or more")
    if options.workers != 1 and not all(_is_shareable(endpoint) for endpoint in options.listen):
        parser.error("several workers share a TCP port, which has to be told")


def _is_shareable(endpoint):
    return endpoint.startswith(("tcp://", "tls://")) and not endpoint.endswith(":0")


def _application(options):
    module, _, name = options.app.partition(":")
    found = importlib.import_module(module)
    for part in name.removesuffix("()").split("."):
        found = getattr(found, part)
    return found() if name.endswith("()") else found


def _is_asgi(app):
    call = app if inspect.isfunction(app) or inspect.ismethod(app) else getattr(app, "__call__", app)
    return inspect.iscoroutinefunction(call)


def _serve(options, reactor=None):
    app = _application(options)
    tls = TlsContext(options.tls_certificate, options.tls_key or options.tls_certificate) if options.tls_certificate else None
    shared = {"root_path": options.root_path, "drain": options.drain, "access_log": options.access_log_file or options.access_log, "tls": tls,
              "max_connections": options.max_connections, "reactor": reactor, "reuse_port": reactor is not None, "on_listening": _tell}
    if options.interface == "asgi" or (options.interface == "auto" and _is_asgi(app)):
        from . import asgi

        asgi.serve(app, options.listen, lifespan=options.lifespan, **shared)
    else:
        from . import wsgi

        wsgi.serve(app, options.listen, threads=options.threads, **shared)


def _be_worker(options, reactor):
    _serve(options, reactor)
    raise SystemExit(0)  # its loop has run already


def _tell(endpoints):
    for endpoint in endpoints:
        print(f"listening on {endpoint}\n", end="", flush=True)  # in one write: workers share the stream


if __name__ == "__main__":
    main()
