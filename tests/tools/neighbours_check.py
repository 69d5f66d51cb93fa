#!/usr/bin/env python3
"""Tries the HTTP examples with programs that nobody here wrote: nginx and haproxy in front, node's client, wrk, slowhttptest.

    neighbours_check.py LANGUAGE=COMMAND...     for example  "Ruby=ruby examples/http/hello.rb"

Each command is started with `--listen ENDPOINT`, in the root of the repository. A program that is missing is skipped, by name: ./dev setup does
not install these, as some of them start a service of their own. slowhttptest, which takes half a minute, tries the first language only.
"""
import contextlib
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from echo_check import OCTETS, PATIENCE, Server
from hello_check import check_echo, check_hello

NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off; client_max_body_size 0;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
    upstream ours {{ server 127.0.0.1:{ours}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://ours; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off; }}
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 15s
    timeout server 15s
frontend in
    bind 127.0.0.1:{port}
    default_backend ours
backend ours
    http-reuse always
    server one 127.0.0.1:{ours}
"""
NODE = """
const http = require("node:http");
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
const body = Buffer.alloc(300000, "tidemill ");
function ask(method, path, sent) {
    return new Promise((done, fail) => {
        const request = http.request({ port: process.argv[1], agent, method, path }, (response) => {
            const parts = [];
            response.on("data", (part) => parts.push(part));
            response.on("end", () => done([response.statusCode, Buffer.concat(parts)]));
        });
        request.on("error", fail);
        request.end(sent);
    });
}
(async () => {
    for (let round = 0; round < 20; ++round) {
        const answers = await Promise.all([ask("GET", "/"), ask("POST", "/echo", body), ask("GET", "/none"), ask("HEAD", "/")]);
        const kinds = answers.map(([status, octets]) => `${status} ${octets.length}`).join(", ");
        if (kinds !== "200 6, 200 300000, 404 10, 200 0" || !answers[1][1].equals(body)) throw new Error(kinds);
    }
    agent.destroy();
    console.log("well");
})();
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextlib.contextmanager
def in_front(program, configuration, arguments, ours):
    """The program as a proxy of our port, in a process group of its own; its port."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "configuration")
        path.write_text(configuration.format(folder=folder, port=port, ours=ours))
        process = subprocess.Popen([program, *[word.format(folder=folder, path=path) for word in arguments]], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            wait_for(port, process)
            yield port
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def wait_for(port, process):
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise AssertionError(f"it ended: {process.communicate()[1][-300:]}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise AssertionError("it does not listen")


def through_a_proxy(port):
    for _ in range(3):  # the proxy's connections to us are used again
        check_hello(port)
        check_echo(port)
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    client.request("POST", "/echo", body=iter([OCTETS[:70_000], OCTETS[70_000:]]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert client.getresponse().read() == OCTETS, "a body in chunks did not come back as it was"
    client.close()


def check_nginx(port):
    with in_front(find("nginx"), NGINX, ["-p", "{folder}", "-c", "{path}"], port) as front:
        through_a_proxy(front)


def check_haproxy(port):
    with in_front(find("haproxy"), HAPROXY, ["-db", "-q", "-f", "{path}"], port) as front:
        through_a_proxy(front)


def check_node(port):
    done = subprocess.run([find("node"), "-e", NODE, str(port)], capture_output=True, text=True, timeout=60)
    assert done.stdout == "well\n", f"node: {done.stdout}{done.stderr[-300:]}"


def check_wrk(port):
    done = subprocess.run([find("wrk"), "-t1", "-c32", "-d1s", f"http://127.0.0.1:{port}/"], capture_output=True, text=True, timeout=30)
    answered = re.search(r"(\d+) requests in", done.stdout)
    assert answered and int(answered.group(1)) > 100, f"wrk: {done.stdout}{done.stderr}"
    assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout, f"wrk: {done.stdout}"


def check_slowhttptest(port):
    """300 clients that never end their head: the deadline ends them, and others are served meanwhile."""
    attack = [find("slowhttptest"), "-H", "-c", "300", "-r", "300", "-i", "3", "-l", "26", "-p", "3", "-u", f"http://127.0.0.1:{port}/"]
    process = subprocess.Popen(attack, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        wait_until(lambda: open_connections(port) >= 300, "slowhttptest did not open its connections")
        for _ in range(5):
            check_hello(port)
        output = process.communicate(timeout=60)[0]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    output = re.sub(r"\x1b\[[0-9;]*m", "", output)
    assert "service available:   YES" in output and "service available:   NO" not in output, "the service was not there for others"
    # Its own time is 26 s; before that it ends only if all its connections were ended.
    assert "No open connections left" in output, f"slow clients were not ended: {output[-200:]}"


def open_connections(port):
    """Of our side, established (proc_pid_net(5))."""
    local = f":{port:04X}"
    rows = (line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(row[1].endswith(local) and row[3] == "01" for row in rows)


def wait_until(condition, complaint):
    give_up = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > give_up:
            raise AssertionError(complaint)
        time.sleep(0.05)


def find(program):
    return shutil.which(program) or shutil.which(f"/usr/sbin/{program}")


CHECKS = {"nginx": check_nginx, "haproxy": check_haproxy, "node": check_node, "wrk": check_wrk, "slowhttptest": check_slowhttptest}


def main():
    passed = failed = skipped = 0
    missing = [program for program in CHECKS if find(program) is None]
    for number, argument in enumerate(sys.argv[1:]):
        language, _, command = argument.partition("=")
        with Server(command, "tcp://127.0.0.1:0") as server:
            port = int(server.endpoint().rpartition(":")[2])
            for program, check in CHECKS.items():
                if program in missing or (program == "slowhttptest" and number > 0):
                    skipped += program in missing
                    continue
                try:
                    check(port)
                    passed += 1
                except Exception as problem:
                    print(f"{language}, {program}: {type(problem).__name__}: {problem}")
                    failed += 1
    for program in missing:
        print(f"{program} skipped: it is not installed")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
