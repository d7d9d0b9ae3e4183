"""Reading the environment: what is meant is taken, what cannot be meant stops the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from backoffice import environment
from backoffice.embedded.places import PROJECT


@pytest.mark.parametrize(
    ("value", "meant"),
    [("on", True), ("TRUE", True), ("1", True), ("off", False), ("no", False), ("", True)],
)
def test_a_switch(monkeypatch: pytest.MonkeyPatch, value: str, meant: bool) -> None:
    monkeypatch.setenv("MAKEWHOLE_X", value)
    assert environment.switch("MAKEWHOLE_X", default=True) is meant


def test_a_switch_that_is_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEWHOLE_X", "maybe")
    with pytest.raises(ImproperlyConfigured, match="MAKEWHOLE_X='maybe' is neither on nor off"):
        environment.switch("MAKEWHOLE_X", default=True)


@pytest.mark.parametrize("value", ["-1", "1.5", "ten", "59", "²"])
def test_a_number_that_is_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MAKEWHOLE_X", value)
    with pytest.raises(ImproperlyConfigured, match="no whole number of at least 60"):
        environment.number("MAKEWHOLE_X", 3600, least=60)


def test_a_number_that_is_too_high(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEWHOLE_X", "65536")
    with pytest.raises(ImproperlyConfigured, match="'65536' is no whole number from 1 to 65535"):
        environment.number("MAKEWHOLE_X", 25, least=1, most=65535)


def test_a_word_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEWHOLE_X", " Warning")
    assert environment.word("MAKEWHOLE_X", "INFO", among=("INFO", "WARNING")) == "WARNING"
    monkeypatch.setenv("MAKEWHOLE_X", "loud")
    with pytest.raises(ImproperlyConfigured, match="'LOUD' is none of INFO, WARNING"):
        environment.word("MAKEWHOLE_X", "INFO", among=("INFO", "WARNING"))


def test_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEWHOLE_X", " desk.example , 10.0.0.1,")
    assert environment.words("MAKEWHOLE_X", "localhost") == ["desk.example", "10.0.0.1"]


def test_a_database_over_the_network() -> None:
    url = "postgresql://desk:p%40ss@db.example:6432/books?sslmode=verify-full&connect_timeout=5"
    assert environment.database(url) == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "books",
        "USER": "desk",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {
            "application_name": "makewhole",
            "connect_timeout": "5",
            "tcp_user_timeout": "30000",
            "keepalives_idle": "30",
            "keepalives_interval": "10",
            "keepalives_count": "3",
            "sslmode": "verify-full",
        },
    }


def test_a_database_behind_a_socket() -> None:
    found = environment.database("postgresql://makewhole@/makewhole?host=/a%20b/run&port=5432")
    assert (found["HOST"], found["PORT"], found["USER"]) == ("/a b/run", "5432", "makewhole")
    assert found["OPTIONS"] == {"application_name": "makewhole"}


@pytest.mark.parametrize("url", ["sqlite:///db.sqlite3", "mysql://host/name", "nonsense"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="runs on nothing else"):
        environment.database(url)


def test_a_database_without_a_name_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="names no database"):
        environment.database("postgresql://host:5432/")


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:s3cret@host:abc/x", "postgresql://u:s3/cret@host/x", "postgresql://[::1/x"],
)
def test_a_database_address_that_cannot_be_read_is_not_repeated(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL cannot be read") as refused:
        environment.database(url)
    assert "s3" not in str(refused.value)


def test_options_of_a_database_that_are_none() -> None:
    with pytest.raises(ImproperlyConfigured, match="option=value&option=value"):
        environment.database("postgresql://host/x?sslmode")


@pytest.mark.parametrize("url", ["redis://", "redis:///0", "redis://host/first", "unix://"])
def test_a_broker_that_is_no_server(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL names no server"):
        environment.broker(url)


def test_brokers() -> None:
    assert environment.broker("rediss://:p%40ss@host") == "rediss://:p%40ss@host"
    assert environment.broker("redis://host:6379/1") == "redis://host:6379/1"
    assert environment.broker("unix:///run/valkey.sock") == "redis+socket:///run/valkey.sock"
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL starts with 'amqp'"):
        environment.broker("amqp://host")


def check(data: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check`, which reads every setting, with addresses nobody is asked at."""
    addresses = {"DATABASE_URL": "postgresql://db.invalid/x", "REDIS_URL": "redis://r.invalid/0"}
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=PROJECT,
        env={**os.environ, "MAKEWHOLE_DATA": str(data), **addresses, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_secret_key_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    assert check(tmp_path).returncode == 0
    file = tmp_path / "secret_key"
    key = file.read_text()
    assert len(key) == 64
    assert file.stat().st_mode & 0o077 == 0
    assert check(tmp_path).returncode == 0
    assert file.read_text() == key


def test_a_start_killed_before_it_wrote_the_secret_key(tmp_path: Path) -> None:
    """A start at the same moment, whose key is not written yet, leaves the same to be found."""
    file = tmp_path / "secret_key"
    file.touch()
    done = check(tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(file.read_text()) == 64


def test_a_given_secret_key_is_not_written_down(tmp_path: Path) -> None:
    assert check(tmp_path, SECRET_KEY="k" * 50).returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("MAKEWHOLE_DEBUG", "perhaps"),
        ("MAKEWHOLE_VISIBILITY_SECONDS", "5"),
        ("REDIS_URL", "amqp://host"),
        ("REDIS_URL", "redis://host:abc/0"),
        ("DATABASE_URL", "sqlite:///x"),
        ("DATABASE_URL", "postgresql://host:abc/x"),
        ("MAKEWHOLE_EMAIL_PORT", "70000"),
        ("MAKEWHOLE_LOG_LEVEL", "loud"),
        ("MAKEWHOLE_ORIGINS", "desk.example"),
        ("MAKEWHOLE_PASSKEY_ORIGINS", "https://[::1"),
        ("MAKEWHOLE_PUBLIC_URL", "desk.example"),
        ("MAKEWHOLE_PUBLIC_URL", "https://desk.example/desk"),
        ("MAKEWHOLE_PUBLIC_URL", "https://desk.example:abc"),
    ],
)
def test_the_start_stops_at_what_cannot_be_meant(tmp_path: Path, name: str, value: str) -> None:
    done = check(tmp_path, **{name: value})
    assert done.returncode == 1
    assert done.stderr.startswith("makewhole: ")
    assert name in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("address", "site", "origins"),
    [
        ("http://127.0.0.1:8000", "localhost", ["http://localhost:8000"]),
        ("http://[::1]:8400", "localhost", ["http://localhost:8400"]),
        ("http://localhost:80", "localhost", ["http://localhost"]),
        ("https://desk.example", "desk.example", ["https://desk.example"]),
        ("https://desk.example:8443/", "desk.example", ["https://desk.example:8443"]),
        ("http://desk.example", "desk.example", []),
        ("https://10.0.0.5", "", []),
    ],
)
def test_where_passkeys_work_follows_the_public_address(
    monkeypatch: pytest.MonkeyPatch, address: str, site: str, origins: list[str]
) -> None:
    for name in ("MAKEWHOLE_PASSKEY_SITE", "MAKEWHOLE_PASSKEY_ORIGINS"):
        monkeypatch.delenv(name, raising=False)
    assert environment.relying_party(address) == (site, origins)


def test_where_passkeys_work_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEWHOLE_PASSKEY_SITE", "example.org")
    found = environment.relying_party("https://desk.example.org")
    assert found == ("example.org", ["https://desk.example.org"])
    given = "https://a.example.org, https://b.example.org"
    monkeypatch.setenv("MAKEWHOLE_PASSKEY_ORIGINS", given)
    assert environment.relying_party("http://127.0.0.1:8000")[1] == given.split(", ")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://example.org", "https://example.org/", "example.org"],
)
def test_an_origin_where_no_passkey_of_the_site_works(
    monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    monkeypatch.setenv("MAKEWHOLE_PASSKEY_SITE", "example.org")
    monkeypatch.setenv("MAKEWHOLE_PASSKEY_ORIGINS", origin)
    with pytest.raises(ImproperlyConfigured, match="MAKEWHOLE_PASSKEY_ORIGINS: no passkey of"):
        environment.relying_party("https://desk.example.org")
