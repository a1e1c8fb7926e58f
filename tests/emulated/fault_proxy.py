"""A proxy between the programs and the emulator of AWS. It fails the requests that its faults name."""

import contextlib
import dataclasses
import http.client
import http.server
import pathlib
import re
import socket
import struct
import threading
import time
import urllib.parse

from servers import Handler

# Headers that are about one connection.
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclasses.dataclass
class Response:
    status: int
    headers: list
    body: bytes


class Exchange:
    """One request, and what can be done with it."""

    def __init__(self, handler, target, body):
        self.handler, self.target, self.body = handler, target, body
        self.method, self.path = handler.command, handler.path
        self.headers = {name: value for name, value in handler.headers.items() if name.lower() not in HOP_BY_HOP}
        form = urllib.parse.unquote(body.decode("latin-1")) if self.method == "POST" and "?" not in self.path else ""
        # What faults are matched with: `PUT /bucket/key?query`, and the form of a request to STS.
        self.line = f"{self.method} {urllib.parse.unquote(self.path)} {form}".strip()

    def process(self):
        """The id of the program that sent the request."""
        port = self.handler.client_address[1]
        sockets = (line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:])
        inode = next(fields[9] for fields in sockets if int(fields[1].split(":")[1], 16) == port and fields[9] != "0")
        for link in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):
                if link.readlink().name == f"socket:[{inode}]":
                    return int(link.parts[2])
        raise ProcessLookupError(f"no process has the socket of port {port}")

    @property
    def access_key(self):
        found = re.search("Credential=([^/]+)/", self.headers.get("authorization", ""))
        return found.group(1) if found else None

    def forward(self):
        """Has the emulator handle the request. The response is not sent yet."""
        connection = http.client.HTTPConnection(self.target, timeout=120)
        with contextlib.closing(connection):
            connection.putrequest(self.method, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(self.body)))
            connection.endheaders(self.body)
            found = connection.getresponse()
            headers = [(name, value) for name, value in found.getheaders() if name.lower() not in HOP_BY_HOP]
            length = found.getheader("Content-Length")
            if self.method == "HEAD" and length is not None:
                headers.append(("Content-Length", length))
            return Response(found.status, headers, found.read())

    def send(self, response, body=None):
        """Sends a response. With another body, the response's own length is announced all the same."""
        handler = self.handler
        handler.send_response(response.status)
        for name, value in response.headers:
            handler.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in response.headers):
            handler.send_header("Content-Length", str(len(response.body)))
        handler.end_headers()
        if self.method != "HEAD":
            handler.wfile.write(response.body if body is None else body)
            handler.wfile.flush()

    def send_without_length(self, response):
        """Sends the head of a response whose end is the connection's."""
        handler = self.handler
        handler.close_connection = True
        handler.send_response(response.status)
        for name, value in response.headers:
            handler.send_header(name, value)
        handler.send_header("Connection", "close")
        handler.end_headers()

    def error(self, status, code, message="injected", headers=()):
        """Sends an error of S3 or STS, without having the request handled."""
        text = f"<Code>{code}</Code><Message>{message}</Message>"
        if self.line.startswith("POST / "):
            xml = f"<ErrorResponse><Error><Type>Sender</Type>{text}</Error><RequestId>1</RequestId></ErrorResponse>"
        else:
            xml = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{text}<RequestId>1</RequestId></Error>'
        self.send(Response(status, [("Content-Type", "application/xml"), *headers], xml.encode()))

    def reset(self):
        """Breaks the connection with a RST."""
        connection = self.handler.connection
        self.handler.close_connection = True
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handler.wfile.flush()
        connection.close()


class Fault:
    """Does something else with the requests that match a pattern: with the first of them, or with all until it is lifted."""

    def __init__(self, pattern, effect, times=None, skip=0):
        self.pattern, self.effect, self.left, self.skip = re.compile(pattern), effect, times, skip
        self.hits = 0

    def takes(self, exchange):
        if self.left == 0 or not self.pattern.search(exchange.line):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.left is not None:
            self.left -= 1
        self.hits += 1
        return True


class FaultProxy:
    """Faults are added and lifted while programs run."""

    def __init__(self, target):
        self.target = urllib.parse.urlparse(target).netloc
        self.lock = threading.Lock()
        self.faults = []
        self.ended = threading.Event()
        self.in_flight, self.last_ended = 0, time.monotonic()

    def add(self, fault):
        with self.lock:
            self.faults.append(fault)

    def lift(self):
        with self.lock:
            self.faults.clear()
        self.ended.set()

    def fault_of(self, exchange):
        with self.lock:
            return next((fault for fault in self.faults if fault.takes(exchange)), None)

    def idle_seconds(self):
        """How long there has been no request."""
        with self.lock:
            return 0 if self.in_flight else time.monotonic() - self.last_ended

    @contextlib.contextmanager
    def counted(self):
        with self.lock:
            self.in_flight += 1
        try:
            yield
        finally:
            with self.lock:
                self.in_flight, self.last_ended = self.in_flight - 1, time.monotonic()

    def wait(self, seconds):
        """Waits, at most until the faults are lifted."""
        self.ended.wait(seconds)

    def handler(self):
        proxy = self

        class Proxying(Handler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                with proxy.counted():
                    try:
                        exchange = Exchange(self, proxy.target, read_body(self))
                        fault = proxy.fault_of(exchange)
                        if fault:
                            fault.effect(exchange, proxy)
                        else:
                            exchange.send(exchange.forward())
                    except OSError:
                        # The program has given up, or was killed.
                        self.close_connection = True

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

            def finish(self):
                with contextlib.suppress(OSError):
                    super().finish()

        return Proxying


def read_body(handler):
    if handler.headers.get("Expect", "").lower() == "100-continue":
        handler.send_response_only(100)
        handler.end_headers()
    if "chunked" not in handler.headers.get("Transfer-Encoding", ""):
        return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    body = b""
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        pass
    return body


# Effects: what a fault does with an exchange.


def respond(status, code, headers=()):
    return lambda exchange, _: exchange.error(status, code, headers=headers)


def forwarded_then(effect):
    """The emulator handles the request, and the program sees something else."""

    def run(exchange, proxy):
        exchange.forward()
        effect(exchange, proxy)

    return run


def reset(exchange, _):
    exchange.reset()


def silent(seconds):
    """Takes the request and does not respond."""

    def run(exchange, proxy):
        proxy.wait(seconds)
        exchange.reset()

    return run


def late(seconds):
    """Responds, but not at once."""

    def run(exchange, proxy):
        proxy.wait(seconds)
        exchange.send(exchange.forward())

    return run


def respond_text(status, text="injected", headers=()):
    return lambda exchange, _: exchange.send(Response(status, list(headers), text.encode()))


def redirected(part, other):
    """Redirects to the same address with another part."""

    def run(exchange, _):
        place = exchange.path.replace(part, other, 1)
        exchange.send(Response(302, [("Location", f"http://{exchange.headers['host']}{place}")], b""))

    return run


def moved(part, other):
    """Responds what is at the same address with another part."""

    def run(exchange, _):
        exchange.path = exchange.path.replace(part, other, 1)
        exchange.send(exchange.forward())

    return run


def stalled(share, seconds):
    """Announces the whole body, sends a share of it, and then nothing."""

    def run(exchange, proxy):
        found = exchange.forward()
        exchange.send(found, found.body[: int(len(found.body) * share)])
        proxy.wait(seconds)
        exchange.reset()

    return run


def closed(share):
    """Sends a share of the body without its length, and closes the connection as at its end."""

    def run(exchange, _):
        found = exchange.forward()
        exchange.send_without_length(found)
        exchange.handler.wfile.write(found.body[: int(len(found.body) * share)])

    return run


def endless(exchange, proxy):
    """Sends the body without its last byte, and then spaces for as long as somebody reads."""
    found = exchange.forward()
    exchange.send_without_length(found)
    exchange.handler.wfile.write(found.body[:-1])
    while not proxy.ended.is_set():
        exchange.handler.wfile.write(b" " * 65536)
        time.sleep(0.01)


def cut(share):
    """Announces the whole body, and sends a share of it."""

    def run(exchange, _):
        found = exchange.forward()
        exchange.send(found, found.body[: int(len(found.body) * share)])
        exchange.reset()

    return run


def dripping(pieces, seconds):
    """Sends the body in pieces, with waits between them."""

    def run(exchange, proxy):
        found = exchange.forward()
        size = len(found.body) // pieces + 1
        exchange.send(found, b"")
        for start in range(0, len(found.body), size):
            exchange.handler.wfile.write(found.body[start : start + size])
            exchange.handler.wfile.flush()
            time.sleep(seconds)

    return run


def flipped(exchange, _):
    """Changes one bit in the middle of the body."""
    found = exchange.forward()
    body = bytearray(found.body)
    if body:
        body[len(body) // 2] ^= 0x10
    exchange.send(found, bytes(body))


def rewritten(change):
    """Changes the response."""

    def run(exchange, _):
        exchange.send(change(exchange.forward()))

    return run


def damaged_request(exchange, _):
    """Changes one bit of the body on its way to S3, as a broken network card does."""
    body = bytearray(exchange.body)
    body[len(body) // 2] ^= 0x10
    exchange.body = bytes(body)
    exchange.send(exchange.forward())


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextlib.contextmanager
def proxied(target):
    """Runs a proxy in this process. Returns it and its address."""
    proxy = FaultProxy(target)
    server = Server(("127.0.0.1", 0), proxy.handler())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield proxy, f"http://127.0.0.1:{server.server_port}"
    finally:
        proxy.lift()
        server.shutdown()
        server.server_close()
