"""The environment, read strictly: a value that cannot be meant stops the start and says why."""

import ipaddress
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from fido2.rpid import verify_rp_id

YES = {"1", "true", "yes", "on"}
NO = {"0", "false", "no", "off"}


def text(name: str, default: str) -> str:
    """The variable, or `default` when it is unset or empty."""
    return os.environ.get(name) or default


def switch(name: str, *, default: bool) -> bool:
    """An on/off variable. Raises ImproperlyConfigured on any other word."""
    value = text(name, "on" if default else "off").strip().lower()
    if value not in YES | NO:
        raise ImproperlyConfigured(f"{name}={value!r} is neither on nor off.")
    return value in YES


def number(name: str, default: int, *, least: int = 0) -> int:
    """A whole number of at least `least`. Raises ImproperlyConfigured."""
    value = text(name, str(default))
    if not value.strip().isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name}={value!r} is no whole number of at least {least}.")
    return int(value)


def words(name: str, default: str) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database(url: str) -> Mapping[str, Any]:
    """Django's settings of `postgresql://user:password@host:port/name?option=value`.

    Options are libpq's (`sslmode`, `connect_timeout`, ...); `host` and `port` may stand among them,
    as libpq allows for the folder of a Unix socket. Raises ImproperlyConfigured.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            f"DATABASE_URL starts with {parts.scheme!r}: Makewhole keeps its invariants in "
            "PostgreSQL and runs on nothing else (postgresql://user:password@host:5432/name)."
        )
    name = unquote(parts.path.lstrip("/"))
    if not name or "/" in name:
        raise ImproperlyConfigured("DATABASE_URL names no database (postgresql://host/name).")
    options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": options.pop("port", str(parts.port or "")),
        "OPTIONS": {"application_name": "makewhole", **options},
    }


def broker(url: str) -> str:
    """Celery's spelling of a Redis address; it calls a Unix socket `redis+socket://`."""
    scheme = urlsplit(url).scheme
    if scheme not in ("redis", "rediss", "unix"):
        raise ImproperlyConfigured(
            f"REDIS_URL starts with {scheme!r}: redis://host:6379/0, rediss:// or unix:///path."
        )
    return "redis+socket" + url.removeprefix("unix") if scheme == "unix" else url


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
    given = words("MAKEWHOLE_PASSKEY_ORIGINS", "")
    for origin in given:
        if not verify_rp_id(site, origin) or urlsplit(origin).path:
            raise ImproperlyConfigured(
                f"MAKEWHOLE_PASSKEY_ORIGINS: no passkey of {site!r} can be used at {origin!r} "
                "(https://desk.example, of the site itself or below it)."
            )
    return site, given or ([derived] if verify_rp_id(site, derived) else [])
