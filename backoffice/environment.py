"""The environment, read strictly: a value that cannot be meant stops the start and says why."""

import ipaddress
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from fido2.rpid import verify_rp_id

YES = {"1", "true", "yes", "on"}
NO = {"0", "false", "no", "off"}
DATABASE_FORM = "postgresql://user:password@host:5432/name"
# How long a server in the network is waited for whose host swallows packets: while connecting for
# longer than it takes to send a lost packet again, in all for less than a browser or a proxy waits.
# A statement under way at a host that answers may take as long as it takes.
DATABASE_SILENCE = {
    "connect_timeout": "10",  # seconds; psycopg's own is 130
    "tcp_user_timeout": "30000",  # milliseconds; Linux sends again for a quarter of an hour
    "keepalives_idle": "30",  # seconds without a packet, as while a result is awaited
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
BROKER_SILENCE = {"socket_timeout": 10}  # seconds; without it a page that nudges waits for ever


def text(name: str, default: str) -> str:
    """The variable, or `default` when it is unset or empty."""
    return os.environ.get(name) or default


def switch(name: str, *, default: bool) -> bool:
    """An on/off variable. Raises ImproperlyConfigured on any other word."""
    value = text(name, "on" if default else "off").strip().lower()
    if value not in YES | NO:
        raise ImproperlyConfigured(f"{name}={value!r} is neither on nor off.")
    return value in YES


def number(name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    """A whole number of at least `least`, at most `most`. Raises ImproperlyConfigured."""
    value = text(name, str(default)).strip()
    meant = f"of at least {least}" if most is None else f"from {least} to {most}"
    digits = value.isascii() and value.isdigit()
    if not digits or int(value) < least or (most is not None and int(value) > most):
        raise ImproperlyConfigured(f"{name}={value!r} is no whole number {meant}.")
    return int(value)


def word(name: str, default: str, *, among: Sequence[str]) -> str:
    """One of the words `among`, in whatever case. Raises ImproperlyConfigured."""
    value = text(name, default).strip().upper()
    if value not in among:
        raise ImproperlyConfigured(f"{name}={value!r} is none of {', '.join(among)}.")
    return value


def words(name: str, default: str) -> list[str]:
    """A comma-separated list."""
    return [each.strip() for each in text(name, default).split(",") if each.strip()]


def public_url() -> str:
    """The address people reach the desk at, no slash at its end. Raises ImproperlyConfigured."""
    name, value = "MAKEWHOLE_PUBLIC_URL", text("MAKEWHOLE_PUBLIC_URL", "http://127.0.0.1:8000")
    return _origin(name, value.rstrip("/"))


def origins(name: str) -> list[str]:
    """A list of addresses without a path, or none. Raises ImproperlyConfigured."""
    return [_origin(name, value) for value in words(name, "")]


def _origin(name: str, value: str) -> str:
    form = "https://desk.example"
    parts = _parts(name, value, form)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise ImproperlyConfigured(f"{name}={value!r} is no address without a path ({form}).")
    return value


def _parts(name: str, url: str, form: str) -> SplitResult:
    """The address, its port a number. What was written is not repeated: it may hold a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} cannot be read as {form}: a port is a number, and / : @ # ? in a password "
            "are percent-encoded."
        ) from error
    return parts


def database(url: str) -> Mapping[str, Any]:
    """Django's settings of `postgresql://user:password@host:port/name?option=value`.

    Options are libpq's (`sslmode`, `connect_timeout`, ...); `host` and `port` may stand among them,
    as libpq allows for the folder of a Unix socket. Raises ImproperlyConfigured.
    """
    parts = _parts("DATABASE_URL", url, DATABASE_FORM)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            f"DATABASE_URL starts with {parts.scheme!r}: Makewhole keeps its invariants in "
            f"PostgreSQL and runs on nothing else ({DATABASE_FORM})."
        )
    name = unquote(parts.path.lstrip("/"))
    if not name or "/" in name:
        raise ImproperlyConfigured("DATABASE_URL names no database (postgresql://host/name).")
    try:
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise ImproperlyConfigured(
            "DATABASE_URL: what stands behind ? is option=value&option=value."
        ) from error
    host = options.pop("host", parts.hostname or "")
    silence = DATABASE_SILENCE if host and not host.startswith("/") else {}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": options.pop("port", str(parts.port or "")),
        "OPTIONS": {"application_name": "makewhole", **silence, **options},
    }


def broker(url: str) -> str:
    """Celery's spelling of a Redis address; it calls a Unix socket `redis+socket://`.

    Raises ImproperlyConfigured.
    """
    form = "redis://host:6379/0, rediss://host:6379/0 or unix:///path"
    parts = _parts("REDIS_URL", url, form)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ImproperlyConfigured(f"REDIS_URL starts with {parts.scheme!r}: {form}.")
    database = parts.path.removeprefix("/")
    by_socket = parts.scheme == "unix" and database
    if not by_socket and not (parts.hostname and (not database or database.isdecimal())):
        raise ImproperlyConfigured(f"REDIS_URL names no server, or no database's number: {form}.")
    return "redis+socket" + url.removeprefix("unix") if parts.scheme == "unix" else url


def broker_options(url: str) -> Mapping[str, Any]:
    """What Celery is told besides of a server in the network; of one on this machine, nothing."""
    return {} if url.startswith("unix:") else BROKER_SILENCE


def relying_party(public_url: str) -> tuple[str, list[str]]:
    """(the site passkeys belong to, the origins at which they sign): WebAuthn's RP id and origins.

    Unset, both follow the public address. A browser signs for a host name over HTTPS, or for
    localhost, and never for an IP address: a loopback address becomes localhost, and there are no
    origins for any other address where passkeys cannot work. Raises ImproperlyConfigured for
    origins that do not belong to the site.
    """
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    usual = parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme))
    with suppress(ValueError):
        host = "localhost" if ipaddress.ip_address(host).is_loopback else ""
    site = text("MAKEWHOLE_PASSKEY_SITE", host)
    derived = f"{parts.scheme}://{host}" + ("" if usual else f":{parts.port}")
    name = "MAKEWHOLE_PASSKEY_ORIGINS"
    given = words(name, "")
    for origin in given:
        if _parts(name, origin, "https://desk.example").path or not verify_rp_id(site, origin):
            raise ImproperlyConfigured(
                f"{name}: no passkey of {site!r} can be used at {origin!r} "
                "(https://desk.example, of the site itself or below it)."
            )
    return site, given or ([derived] if verify_rp_id(site, derived) else [])
