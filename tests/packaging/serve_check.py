#!/usr/bin/env python3
"""Run by a Python with the package installed, from an empty folder: `python -m tidemill serve` serves an application of that folder and ends well."""
import pathlib
import re
import subprocess
import sys
import urllib.request

pathlib.Path("packaged.py").write_text("""
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"installed"})

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"installed"]
""")
for name in "app", "wsgi":
    server = subprocess.Popen([sys.executable, "-m", "tidemill", "serve", f"packaged:{name}", "--lifespan", "off", "--listen", "tcp://127.0.0.1:0"],
                              stdout=subprocess.PIPE, text=True)
    try:
        port = re.search(r":(\d+)$", server.stdout.readline().strip())[1]
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20).read()
        server.terminate()
        if answer != b"installed" or server.wait(20) != 0:
            sys.exit(f"{name}: answered {answer}, ended with {server.returncode}")
    finally:
        server.kill()
