"""A receiver of webhooks: a real HTTP server in a thread that answers as it is told, and keeps what
it was sent. And a verifier of signatures written from docs/formats/feed.md alone."""

import hashlib
import hmac
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Respond = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Got:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Listener:
    """`answers` are used one after the other, the last one for ever."""

    port: int
    answers: list[Respond]
    got: list[Got] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?from=desk"

    def ids(self) -> list[str]:
        return [one.headers["makewhole-event-id"] for one in self.got]


def status(code: int, text: str = "", **headers: str) -> Respond:
    """Answers with a status and a body."""

    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(text.encode())))
        request.end_headers()
        request.wfile.write(text.encode())

    return respond


def trickle(seconds: float) -> Respond:
    """Answers a byte at a time, always in time for the next read and never for the whole."""

    def respond(request: BaseHTTPRequestHandler) -> None:
        ends = time.monotonic() + seconds
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        try:
            while time.monotonic() < ends:
                request.wfile.write(b"x")
                request.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass  # hung up on, as it should be

    return respond


class QuietServer(ThreadingHTTPServer):
    """Says nothing of clients that hang up or speak no TLS: the tests see to it that they do."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextmanager
def listening(*answers: Respond, tls: Path | None = None) -> Iterator[Listener]:
    """A listener on a free port of this machine; with the certificate and key of a file, by TLS."""
    heard = Listener(0, list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard.got.append(Got(self.path, headers, self.rfile.read(size)))
            respond = heard.answers.pop(0) if len(heard.answers) > 1 else heard.answers[0]
            respond(self)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = QuietServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    server.daemon_threads = True
    heard.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def genuine(secret: str, header: str, body: bytes, *, now: float, tolerance: int = 300) -> bool:
    """Whether a request with this `Makewhole-Signature` is the desk's, and fresh."""
    parts = [part.split("=", 1) for part in header.split(",")]
    sent = next(value for name, value in parts if name == "t")
    expected = hmac.new(secret.encode(), sent.encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = abs(now - int(sent)) <= tolerance
    return fresh and any(
        hmac.compare_digest(expected, value) for name, value in parts if name == "v1"
    )
