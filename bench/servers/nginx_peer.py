"""nginx, one process, `return 200`.   nginx_peer.py --case http --listen tcp://127.0.0.1:0

Makes a folder with its configuration and becomes nginx, which inherits the listening socket (its variable NGINX): connections that come
before it is ready wait in the backlog.
"""

import os
import shutil
import subprocess
import sys
import tempfile

import peer

CONFIGURATION = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; tcp_nodelay on;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{port} backlog=4096; default_type text/plain; location / {{ return 200 "hello, world"; }} }}
}}
"""


def main():
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if "--version" in sys.argv:
        answer = subprocess.run([program, "-v"], capture_output=True, text=True)
        print(answer.stderr.strip().rpartition("/")[2])
        return
    listener = peer.listen(peer.parse_arguments().listen)
    # In the folder of this run, which is nobody's when the process has ended: the system's temporary folder is where it may stay.
    folder = tempfile.mkdtemp(prefix="tidemill-bench-nginx-")
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(CONFIGURATION.format(folder=folder, port=listener.getsockname()[1]))
    peer.announce(listener)
    os.set_inheritable(listener.fileno(), True)
    os.environ["NGINX"] = f"{listener.fileno()};"
    os.execv(program, [program, "-p", folder, "-c", f"{folder}/nginx.conf"])


if __name__ == "__main__":
    main()
