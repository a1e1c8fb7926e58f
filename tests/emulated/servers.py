"""Servers for the tests, each on its own port."""

import contextlib
import http.server
import json
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CERTIFICATES = ROOT / "tests/certificates"


def wait_for(what, seconds=60):
    """Calls a function until its result is true, and returns the result."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"no result within {seconds} s: {what}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def served(command, directory, environment=None):
    """Runs a server on a free port, which replaces {port} in its command and environment. Returns its address."""
    port = free_port()
    directory.mkdir()
    with open(directory / "log", "w") as log:
        environment = {**os.environ, **{name: value.format(port=port) for name, value in (environment or {}).items()}}
        command = [str(part).format(port=port) for part in command]
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=directory)
        try:

            def reachable():
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", port)) == 0

            wait_for(reachable)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


@contextlib.contextmanager
def local_bucket(binaries, directory):
    """Serves the local bucket on a directory. Returns its endpoint, bucket and keys."""
    server = subprocess.Popen([binaries / "local-bucket", directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(server.stdout.readline())
    finally:
        server.stdin.close()
        assert server.wait(timeout=30) == 0


class Handler(http.server.BaseHTTPRequestHandler):
    """Responds with whole bodies, and logs nothing."""

    def respond(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(handler, certificates=None):
    """Runs a server in this process, with TLS if there are certificates. Returns its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"{'https' if certificates else 'http'}://127.0.0.1:{server.server_port}"
    server.shutdown()
