"""The mail server of the demo, spoken to over a socket."""

import email
import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pytest_django import Settings

from backoffice import companions, embedded, mailcatcher, supervisor
from backoffice.embedded.places import PROJECT
from tests.desk import WAIT_SECONDS_MAX, wait_until

LETTER = b"Subject: Your statement\r\n\r\nDear customer,\r\n.\r\n..two dots\r\n"


@pytest.fixture
def port(folder: Path) -> Iterator[int]:
    """The port of a catcher that keeps its mail under folder/mail."""
    command = [sys.executable, "manage.py", "mailcatcher", "--port", "0"]
    environment = {**os.environ, "MAKEWHOLE_DATA": str(folder)}
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True
    ) as catcher:
        assert catcher.stdout is not None
        yield int(catcher.stdout.readline().split()[2].removeprefix("127.0.0.1:"))
        catcher.send_signal(signal.SIGTERM)
        assert catcher.wait(WAIT_SECONDS_MAX) == 0


def test_it_keeps_what_it_accepts(port: int, folder: Path) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("desk@localhost", ["Ann@example.com", "ben@example.com"], LETTER)
        client.sendmail("desk@localhost", ["ann@example.com"], LETTER)
    root = folder / "mail"
    kept = mailcatcher.kept_for(root, "ann@EXAMPLE.com")
    assert len(kept) == 2
    message = email.message_from_bytes(kept[0].read_bytes())
    assert message["Return-Path"] == "<desk@localhost>"
    assert message["Delivered-To"] == "Ann@example.com"
    assert message["Subject"] == "Your statement"
    assert message.get_payload() == "Dear customer,\r\n.\r\n..two dots\r\n"
    assert sorted(mailcatcher.recipients(root)) == [
        "ann@example.com",
        "ann@example.com",
        "ben@example.com",
    ]
    assert mailcatcher.kept_for(root, "nobody@example.com") == []
    assert list(root.glob("*/.*")) == []


def test_it_rehearses_refusals_and_keeps_nothing(port: int, folder: Path) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        for domain, code in (("bounce.example", 550), ("later.example", 451)):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                client.sendmail("desk@localhost", [f"ann@{domain}"], LETTER)
            assert refused.value.recipients[f"ann@{domain}"][0] == code
        refused_one = client.sendmail("d@localhost", ["a@bounce.example", "b@example.com"], LETTER)
    assert list(refused_one) == ["a@bounce.example"]
    assert list(mailcatcher.recipients(folder / "mail")) == ["b@example.com"]


def test_it_keeps_an_address_that_is_no_file_name(port: int, folder: Path) -> None:
    address = '"../../etc/pass wd"@example.com'
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("desk@localhost", [address], LETTER)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("desk@localhost", ["a" * 300 + "@example.com"], LETTER)
    root = folder / "mail"
    assert len(list(root.rglob("*.eml"))) == 1
    assert len(mailcatcher.kept_for(root, next(mailcatcher.recipients(root)))) == 1


def test_the_second_process_ends_with_a_killed_first(folder: Path) -> None:
    listener = mailcatcher.listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    first = os.fork()
    if first == 0:
        mailcatcher.serve(listener, folder, processes=2)
        os._exit(0)
    listener.close()
    wait_until(lambda: len(psutil.Process(first).children()) == 1, "the second process")
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)

    def free() -> bool:
        try:
            mailcatcher.listen("127.0.0.1", port).close()
        except OSError:
            return False
        return True

    wait_until(free, "the port is let go")


def test_no_program_takes_its_port_while_it_starts(folder: Path) -> None:
    at = embedded.places(folder)
    with mailcatcher.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        supervisor.start(at, supervisor.mail(listener), {"MAKEWHOLE_DATA": str(folder)})
    try:
        with pytest.raises(OSError, match="in use"):
            mailcatcher.listen("127.0.0.1", port)
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.sendmail("desk@localhost", ["ann@example.com"], LETTER)
        assert list(mailcatcher.recipients(folder / "mail")) == ["ann@example.com"]
    finally:
        assert supervisor.stop(at) == ["mail"]
    mailcatcher.listen("127.0.0.1", port).close()


def test_a_taken_port_is_named(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "manage.py", "mailcatcher", "--port", str(port)],
            cwd=PROJECT,
            env={**os.environ, "MAKEWHOLE_DATA": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "MAKEWHOLE_EMAIL_PORT" in done.stderr


def test_another_folders_catcher_is_not_taken_for_ours(
    port: int,
    folder: Path,
    settings: Settings,
    tmp_path: Path,
    servers: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.MAIL_ROOT = folder / "mail"
    assert companions.mail_answers()
    settings.MAIL_ROOT = tmp_path / "mail"
    with pytest.raises(companions.OtherFoldersMail, match="set MAKEWHOLE_EMAIL_PORT to a free"):
        companions.mail_answers()
    monkeypatch.setenv("MAKEWHOLE_EMAIL_PORT", str(port))
    monkeypatch.setenv("MAKEWHOLE_DATA", str(tmp_path))
    with companions.one_at_a_time(print) as turn, companions.mail(print, turn):
        assert port != settings.EMAIL_PORT
        assert os.environ["MAKEWHOLE_EMAIL_PORT"] == str(settings.EMAIL_PORT)
        assert companions.mail_answers()
