"""A mail server that keeps everything and delivers nothing, for rehearsals and the demo.

A real SMTP server: what the desk hands to it is what it would hand to a provider. Each accepted
recipient gets one file, `<root>/<shard>/<time>-<address>.eml`, whole or not there; the shard is the
first two digits of the SHA-256 of the address, so the mail of one person is found in one folder.
A `250` is answered when the file is in place; it is not forced to the disk, unlike a provider's.

Two domains rehearse trouble: `bounce.example` refuses for good (550), `later.example` for now
(451).
"""

import asyncio
import contextlib
import hashlib
import itertools
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from aiosmtpd.smtp import SMTP, Envelope, Session

REFUSED = {
    "bounce.example": "550 5.1.1 No such mailbox",
    "later.example": "451 4.2.0 Try again later",
}
SIZE_BYTES_MAX = 8 * 2**20
ADDRESS_MAX = 200  # with the time in front it must fit into a file's name
_numbers = itertools.count()


def shard(root: Path, address: str) -> Path:
    """The folder in which the mail of an address lies; addresses are compared in lower case."""
    return root / hashlib.sha256(address.lower().encode()).hexdigest()[:2]


def keep(root: Path, sender: str, address: str, content: bytes) -> Path:
    """Writes one message for one recipient, with its envelope on top."""
    folder = shard(root, address)
    # Unique among processes and within a nanosecond; sorts by time.
    stem = f"{time.time_ns():020d}-{os.getpid()}-{next(_numbers)}"
    file = folder / f"{stem}-{quote(address.lower(), safe='@+')}.eml"
    envelope = f"Return-Path: <{sender}>\r\nDelivered-To: {address}\r\n".encode()
    unfinished = folder / f".{stem}"
    try:
        unfinished.write_bytes(envelope + content)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(envelope + content)
    unfinished.rename(file)
    return file


def kept_for(root: Path, address: str) -> list[Path]:
    """The messages of one recipient, oldest first."""
    wanted = f"-{quote(address.lower(), safe='@+')}.eml"
    with contextlib.suppress(FileNotFoundError):
        return sorted(f for f in shard(root, address).iterdir() if f.name.endswith(wanted))
    return []


def recipients(root: Path) -> Iterator[str]:
    """The recipient of every message kept, in no order, once for each message."""
    for file in root.glob("*/*.eml"):
        yield unquote(file.stem.split("-", 3)[3])


def ident(root: Path) -> str:
    """What the server of a folder greets with, so that one folder's is not taken for another's."""
    return f"Makewhole mail catcher {hashlib.sha256(bytes(root.resolve())).hexdigest()[:16]}"


class Catcher:
    """aiosmtpd's hooks: which recipients are taken, and where messages go."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if len(quote(address)) > ADDRESS_MAX:
            return "553 5.1.3 Address too long to keep"
        if refusal := REFUSED.get(address.rpartition("@")[2].lower()):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        try:
            for address in envelope.rcpt_tos:
                keep(self.root, envelope.mail_from or "", address, content)
        except OSError as error:
            return f"452 4.3.1 Cannot keep it: {error.strerror}"
        return "250 2.0.0 Kept"


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises OSError when the port is taken."""
    listener = socket.create_server((host, port), backlog=256)
    listener.setblocking(False)
    return listener


def serve(listener: socket.socket, root: Path, *, processes: int = 1) -> None:
    """Serves until SIGTERM or SIGINT, in that many processes over the one socket."""
    first, children = os.getpid(), []
    for _ in range(processes - 1):
        child = os.fork()
        if child == 0:
            children = []
            break
        children.append(child)
    try:
        asyncio.run(_serve(listener, root, first))
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
                os.waitpid(child, 0)


async def _serve(listener: socket.socket, root: Path, first: int) -> None:
    """Until asked to stop, or until the first process, whose port this is, was killed."""
    loop = asyncio.get_running_loop()
    catcher = Catcher(root)

    def protocol() -> SMTP:
        return SMTP(
            catcher, loop=loop, data_size_limit=SIZE_BYTES_MAX, enable_SMTPUTF8=True, timeout=60,
            ident=ident(root),
        )  # fmt: skip

    server = await loop.create_server(protocol, sock=listener)
    stopped = asyncio.Event()
    for by in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(by, stopped.set)
    async with server:
        while first in (os.getpid(), os.getppid()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), timeout=1)
                return
