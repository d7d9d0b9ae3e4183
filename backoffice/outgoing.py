"""One POST to an address that somebody typed, so that it can reach nothing it should not.

The desk stands inside an operator's network, and whoever may name an address could otherwise make
it ask for things there. So: HTTPS only, certificates checked, no redirect followed, no proxy; the
name is looked up once, every address it has must be public, and the connection goes to the address
that was looked at. Hosts the operator lists (MAKEWHOLE_WEBHOOK_HOSTS) may be private and without
TLS. The whole of it, from the connection to the last byte, ends after `seconds`; of the answer only
its beginning is read.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

PORTS = {"http": 80, "https": 443}
ANSWER_BYTES_MAX = 300
URL_LENGTH_MAX = 500
# Of IPv6 only global unicast is public: site-local addresses and most that carry an IPv4 address
# through a translator lie outside of it.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# What the standard library takes for public and is not: 6to4, which carries an IPv4 address too,
# addresses that protocols have for themselves, and where Azure answers its own machines.
INSIDE = tuple(
    ipaddress.ip_network(net) for net in ("2002::/16", "192.0.0.0/24", "168.63.129.16/32")
)


class AddressRefused(ValueError):
    """The desk does not send there; the message says why, for the person who typed it."""


class Answer(NamedTuple):
    """What came back: a status and the beginning of the body, or no status and what went wrong."""

    status: int | None
    text: str


class _Target(NamedTuple):
    scheme: str
    host: str
    port: int
    path: str
    listed: bool


def check(url: str) -> None:
    """Raises `AddressRefused` for an address the desk would not send to, as far as it can be told
    without looking its name up."""
    target = _target(url)
    try:
        ipaddress.ip_address(target.host)
    except ValueError:
        return
    _require_public(target, target.host)


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: int) -> Answer:
    """Send and return what was answered; never raises for what the other side or the net does."""
    deadline = time.monotonic() + seconds
    late = threading.Event()
    try:
        target = _target(url)
        with _connect(target, deadline) as plain:
            answer = _exchanged(plain, target, body, headers, deadline, late)
    except AddressRefused as refused:
        return Answer(None, str(refused))
    except (OSError, http.client.HTTPException, ValueError) as error:
        answer = Answer(None, _shown(f"{type(error).__name__}: {error}"))
        if time.monotonic() >= deadline:
            late.set()
    # What was cut off may look like an answer that ended: a status, and no more headers.
    return Answer(None, f"No whole answer within {seconds} seconds.") if late.is_set() else answer


def _exchanged(
    plain: socket.socket,
    target: _Target,
    body: bytes,
    headers: Mapping[str, str],
    deadline: float,
    late: threading.Event,
) -> Answer:
    """The request and the beginning of its answer; at the deadline the line is cut under it and
    `late` set, because a limit on each read would let a trickle go on for ever."""
    sock = _secured(plain, target) if target.scheme == "https" else plain
    with sock:
        cut = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [sock, late])
        cut.daemon = True
        cut.start()
        try:
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = sock
            connection.request("POST", target.path, body, {"Host": _host(target), **headers})
            answer = connection.getresponse()
            text = answer.read(ANSWER_BYTES_MAX).decode("utf-8", "replace")
            return Answer(answer.status, _shown(text))
        finally:
            cut.cancel()


def _shown(text: str) -> str:
    """Text from outside as it can be kept: of a length, and without what PostgreSQL cannot hold."""
    return text.replace("\x00", "\ufffd")[:ANSWER_BYTES_MAX]


def _target(url: str) -> _Target:
    """The parts of an address. Raises `AddressRefused`."""
    if len(url) > URL_LENGTH_MAX or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise AddressRefused("The address must be plain ASCII without spaces, at most 500 long.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused(f"This is no address: {error}.") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise AddressRefused("The address must begin with https:// and name a host.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressRefused("Leave out names, passwords and #fragments: the signature proves us.")
    target = _Target(
        parts.scheme, parts.hostname, port or PORTS[parts.scheme], _path(parts),
        parts.hostname in {host.lower() for host in settings.WEBHOOK_HOSTS},
    )  # fmt: skip
    if target.scheme == "http" and not target.listed:
        raise AddressRefused("Without TLS (http://) only to hosts that the operator has listed.")
    return target


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _host(target: _Target) -> str:
    name = f"[{target.host}]" if ":" in target.host else target.host
    return name if target.port == PORTS[target.scheme] else f"{name}:{target.port}"


def _connect(target: _Target, deadline: float) -> socket.socket:
    """A connection to one of the addresses the name has now, each of them allowed."""
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        _require_public(target, address)
    failed: OSError = OSError(f"{target.host} has no address")
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time left to connect")
        try:
            return socket.create_connection((address, target.port), timeout=left)
        except OSError as error:
            failed = error
    raise failed


def _secured(plain: socket.socket, target: _Target) -> ssl.SSLSocket:
    """TLS with the certificate checked against the name that was typed; the handshake is later."""
    context = ssl.create_default_context()
    return context.wrap_socket(plain, server_hostname=target.host, do_handshake_on_connect=False)


def _require_public(target: _Target, address: str) -> None:
    """Raises `AddressRefused` for an address inside some network, unless its host is listed."""
    if target.listed:
        return
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    inside = any(found in net for net in INSIDE) or (
        isinstance(found, ipaddress.IPv6Address) and found not in GLOBAL_UNICAST
    )
    if not found.is_global or found.is_multicast or inside:
        raise AddressRefused(
            f"{target.host} is at {found}, which is not a public address. An operator can list it "
            "in MAKEWHOLE_WEBHOOK_HOSTS."
        )


def _cut(sock: socket.socket, late: threading.Event) -> None:
    """End a connection under whoever reads from it. Of an SSL socket the one beneath: its own
    shutdown would change what the other thread is working with."""
    late.set()
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
