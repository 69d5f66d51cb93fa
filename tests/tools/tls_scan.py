#!/usr/bin/env python3
"""Scans the echo examples over TLS with sslscan, as somebody who looks for a weakness would.

    tls_scan.py LANGUAGE=COMMAND...     for example  "Ruby=ruby examples/echo/echo.rb"

With an RSA certificate and with one on an elliptic curve, as either has cipher suites that the other cannot show. A server of openssl's with
everything switched on is scanned first: what is not found there would be found nowhere. Standard library, sslscan and openssl only.
"""
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

from echo_check import PATIENCE, Server, connect, make_certificates

PROTOCOLS = {"ssl 2": "0", "ssl 3": "0", "tls 1.0": "0", "tls 1.1": "0", "tls 1.2": "1", "tls 1.3": "1"}
# Forward secrecy and authenticated encryption (RFC 9325 4.2); TLS 1.3 has nothing else (RFC 8446 B.4).
SOUND = {"TLSv1.2": r"ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)",
         "TLSv1.3": r"TLS_(AES_128_GCM_SHA256|AES_256_GCM_SHA384|CHACHA20_POLY1305_SHA256)"}
LEAST_BITS = {"RSA": 2048, "EC": 112}  # sslscan tells a curve's strength, not its size
COMPLAINTS = ["tls 1.0", "tls 1.1", "ECDHE-RSA-AES128-SHA", "AES128-SHA", "AES128-GCM-SHA256", "NULL-SHA256", "ADH-AES128-SHA", "renegotiation"]


def scan(port):
    done = subprocess.run(["sslscan", "--no-colour", "--xml=-", f"127.0.0.1:{port}"], capture_output=True, text=True, timeout=60, check=False)
    report = done.stdout[done.stdout.find("<?xml"):]
    assert done.returncode == 0 and report.startswith("<?xml"), f"sslscan failed: {done.stdout}{done.stderr}"
    tree = xml.fromstring(report).find("ssltest")
    assert tree is not None, f"sslscan could not scan: {done.stdout}{done.stderr}"
    return tree


def complaints(port):
    """What is wrong with a server; a part of the report that is missing is wrong as well."""
    report = scan(port)
    enabled = {f"{each.get('type')} {each.get('version')}": each.get("enabled") for each in report.iter("protocol")}
    for protocol, wanted in PROTOCOLS.items():
        if enabled.get(protocol) != wanted:
            yield f"{protocol} is enabled={enabled.get(protocol)}"
    ciphers = [(each.get("sslversion"), each.get("cipher")) for each in report.iter("cipher")]
    for version, cipher in ciphers:
        if version not in SOUND or not re.fullmatch(SOUND[version], cipher):
            yield f"{cipher} is accepted in {version}"
    for version in SOUND.keys() - {version for version, _ in ciphers}:
        yield f"no cipher suite of {version} is accepted"
    if not refuses_renegotiation(port):
        yield "renegotiation is allowed"
    if compression(port) != 0:
        yield "compression is accepted"
    if [each.get("vulnerable") for each in report.iter("heartbleed")] != ["0", "0"]:
        yield "heartbleed was not tried or found"
    keys = list(report.iter("pk"))
    for key in keys:
        if key.get("error") != "false" or int(key.get("bits")) < LEAST_BITS.get(key.get("type"), 1 << 30):
            yield f"the certificate's key is {key.attrib}"
    if not keys:
        yield "there is no certificate"


def refuses_renegotiation(port):
    """Whether one that the client asks for is answered with no_renegotiation; sslscan's word on it is the same for servers that do and do not."""
    client = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{port}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    try:
        client.stdin.write("R\n")  # a line that means: renegotiate
        client.stdin.flush()
        client.wait(2)  # it ends when it is refused
    except subprocess.TimeoutExpired:
        client.kill()
    said, _ = client.communicate()
    return "Secure Renegotiation IS supported" in said and "RENEGOTIATING" in said and "no renegotiation" in said


def compression(port):
    """What the server chooses from DEFLATE and none (RFC 3749 2); sslscan cannot ask where its OpenSSL has no DEFLATE."""
    suites = struct.pack(">HHH", 4, 0xC02B, 0xC02F)  # ECDHE with AES128-GCM, ECDSA and RSA
    extensions = b"".join(struct.pack(">HHH", number, 2 + len(body), len(body)) + body
                          for number, body in ((10, b"\x00\x17"), (13, b"\x04\x03\x08\x04")))  # P-256; ECDSA and RSA-PSS with SHA-256
    hello = b"\x03\x03" + os.urandom(32) + b"\x00" + suites + b"\x02\x01\x00" + struct.pack(">H", len(extensions)) + extensions
    message = b"\x01" + struct.pack(">I", len(hello))[1:] + hello
    with connect(f"tls://127.0.0.1:{port}") as stream:
        stream.sendall(b"\x16\x03\x01" + struct.pack(">H", len(message)) + message)
        answer = stream.makefile("rb").read(5 + 4 + 2 + 32 + 1 + 32 + 2 + 1)  # a session id has at most 32 octets
    assert answer[0] == 22 and answer[5] == 2, f"the hello was answered with {answer}"
    return answer[44 + answer[43] + 2]


def check_finds_weakness(folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    weak = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", f"{folder}/rsa.pem", "-key", f"{folder}/rsa.key",
                             "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-min_protocol", "TLSv1", "-client_renegotiation", "-quiet"],
                            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        found = list(complaints(port))
        for wanted in COMPLAINTS:
            assert any(text.startswith(f"{wanted} ") for text in found), f"{wanted} was not found but {found}"
    finally:
        weak.kill()
        weak.communicate()


def wait_for(port):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return connect(f"tls://127.0.0.1:{port}").close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def check_is_sound(command, certificate):
    with Server(f"{command} --certificate {certificate}.pem --key {certificate}.key", "tls://127.0.0.1:0") as server:
        port = server.endpoint().rpartition(":")[2]
        found = list(complaints(port))
        assert not found, "; ".join(found)


def check_refuses_short_key(command, folder):
    """Where the system's own configuration would allow it."""
    with open(f"{folder}/weak.cnf", "w", encoding="utf-8") as file:
        file.write("openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = weak\n[weak]\nCipherString = DEFAULT:@SECLEVEL=0\n")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=short", "-days", "2", "-keyout", f"{folder}/short.key",
                    "-out", f"{folder}/short.pem"], capture_output=True, check=True)
    with Server(f"env OPENSSL_CONF={folder}/weak.cnf {command} --certificate {folder}/short.pem --key {folder}/short.key", "tls://127.0.0.1:0") as server:
        status, problem = server.outcome()
        assert status > 0 and "key too small" in problem, f"status {status}: {problem}"


def checks(folder):
    yield "a weak server", lambda: check_finds_weakness(folder)
    for argument in sys.argv[1:]:
        language, _, command = argument.partition("=")
        for certificate in ("rsa", "server"):
            yield f"{language}, {certificate}", lambda command=command, certificate=certificate: check_is_sound(command, f"{folder}/{certificate}")
        if language == "C++":
            yield f"{language}, a key of 1024 bits", lambda command=command: check_refuses_short_key(command, folder)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="tidemill-") as folder:
        make_certificates(folder)
        for title, check in checks(folder):
            try:
                check()
                passed += 1
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                failed += 1
                print(f"TLS of {title}: {error or type(error).__name__}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    main()
