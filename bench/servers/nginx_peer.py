"""nginx, one process, `return 200`.   nginx_peer.py --case http --listen tcp://127.0.0.1:0

Makes a folder with its configuration and becomes nginx; a child of it waits until it listens, says so and ends.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import peer

CONFIGURATION = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    access_log off; tcp_nodelay on;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{port} backlog=4096; default_type text/plain; location / {{ return 200 "hello, world"; }} }}
}}
"""


def announce_once_there(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            print(f"listening on tcp://127.0.0.1:{port}", flush=True)
            return
        except OSError:
            time.sleep(0.05)


def main():
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if "--version" in sys.argv:
        answer = subprocess.run([program, "-v"], capture_output=True, text=True)
        print(answer.stderr.strip().rpartition("/")[2])
        return
    with peer.listen(peer.parse_arguments().listen) as listener:
        port = listener.getsockname()[1]
    # Always the same: a folder for each run would be nobody's when the process has ended.
    folder = pathlib.Path(tempfile.gettempdir(), f"tidemill-bench-nginx-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(CONFIGURATION.format(folder=folder, port=port))
    if os.fork() == 0:
        announce_once_there(port)
        os._exit(0)
    os.execv(program, [program, "-p", folder, "-c", f"{folder}/nginx.conf"])


if __name__ == "__main__":
    main()
