"""A POST to an address somebody typed: to nothing inside, after no redirect, within its time."""

import datetime
import ipaddress
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from backoffice import outgoing
from backoffice.outgoing import AddressRefused, Answer
from tests.backoffice.listener import Listener, listening, status, trickle


@pytest.fixture(autouse=True)
def listed(settings: Settings) -> None:
    settings.WEBHOOK_HOSTS = ["127.0.0.1", "LocalHost"]


@pytest.fixture
def ear() -> Iterator[Listener]:
    with listening(status(200, "thanks")) as heard:
        yield heard


TRICKLE_SECONDS = 60


def post(url: str, seconds: int = 60) -> Answer:
    return outgoing.post(url, b"{}", {"Content-Type": "application/json"}, seconds=seconds)


def test_it_sends_the_body_and_returns_the_answer(ear: Listener) -> None:
    assert post(ear.url) == Answer(200, "thanks")
    (got,) = ear.got
    assert (got.path, got.body) == ("/hooks?from=desk", b"{}")
    assert got.headers["host"] == f"127.0.0.1:{ear.port}"
    assert got.headers["content-type"] == "application/json"
    assert post(f"http://localhost:{ear.port}").status == 200
    assert ear.got[1].path == "/"


@pytest.mark.parametrize("proxy", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_no_proxy_is_asked(ear: Listener, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv(proxy, "http://127.0.0.1:1")
    assert post(ear.url).status == 200


def test_a_redirect_is_an_answer_and_not_followed(ear: Listener) -> None:
    with listening(status(302, Location=ear.url)) as there:
        assert post(there.url).status == 302
    assert ear.got == []


def test_a_trickle_ends_in_time_and_is_no_answer() -> None:
    """Each byte comes in time for the next read; cut off, it looks like a status and no more."""
    with listening(trickle(TRICKLE_SECONDS)) as ear:
        assert post(ear.url, 2) == Answer(None, "No whole answer within 2 seconds.")


def test_nobody_there_is_no_answer() -> None:
    with socket.socket() as taken:  # by us, so that nobody comes to listen there
        taken.bind(("127.0.0.1", 0))
        answer = post(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert answer.status is None
    assert answer.text.startswith("ConnectionRefusedError")


def not_http(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"\x00\xff SSH-2.0\r\n\r\n")


def test_what_is_no_http_and_what_cannot_be_kept() -> None:
    with listening(not_http) as ear:
        answer = post(ear.url)
        assert answer.status is None
        assert answer.text.startswith("BadStatusLine")
        assert "\x00" not in answer.text
    with listening(status(500, "a\x00b" * 500)) as ear:
        answer = post(ear.url)
        assert answer.text.startswith("a\ufffdb")
        assert len(answer.text) == outgoing.ANSWER_BYTES_MAX


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://engine.example/hook", "Without TLS"),
        ("ftp://engine.example/", "must begin with https"),
        ("file:///etc/passwd", "must begin with https"),
        ("https:///hook", "must begin with https"),
        ("https://desk:secret@engine.example/", "names, passwords"),
        ("https://engine.example/#here", "names, passwords"),
        ("https://engine.example/a b", "plain ASCII"),
        ("https://engine.example/\r\nX-Evil: 1", "plain ASCII"),
        ("https://ex\u00e4mple.example/", "plain ASCII"),
        ("https://engine.example:port/", "no address"),
        ("https://[engine/", "no address"),
        ("https://engine.example/" + "x" * 500, "at most 500"),
        ("https://10.0.0.8/hook", "not a public address"),
        ("https://169.254.169.254/latest/meta-data", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://[::ffff:10.0.0.8]/", "not a public address"),
        ("https://[64:ff9b::a00:8]/", "not a public address"),
        ("https://[2002:a00:8::]/", "not a public address"),
        ("https://[64:ff9b:1::a00:8]/", "not a public address"),
        ("https://[::10.0.0.8]/", "not a public address"),
        ("https://[::ffff:0:a00:8]/", "not a public address"),
        ("https://[fec0::1]/", "not a public address"),
        ("https://192.0.0.192/", "not a public address"),
        ("https://168.63.129.16/", "not a public address"),
        ("https://[fd00::1]/", "not a public address"),
        ("https://100.64.0.1/", "not a public address"),
        ("https://224.0.0.1/", "not a public address"),
        ("https://0.0.0.0/", "not a public address"),
    ],
)
def test_an_address_inside_or_unsafe_is_refused(url: str, words: str) -> None:
    with pytest.raises(AddressRefused, match=words):
        outgoing.check(url)
    answer = post(url)
    assert answer.status is None
    assert words in answer.text


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "2130706433"])
def test_a_name_is_looked_up_when_it_is_used(ear: Listener, settings: Settings, host: str) -> None:
    """What a name means may change, and there are many ways to write an address inside."""
    settings.WEBHOOK_HOSTS = []
    url = f"https://{host}:{ear.port}/"
    outgoing.check(url)
    assert "which is not a public address" in post(url).text
    assert ear.got == []


@pytest.mark.parametrize(
    "url",
    [
        "https://engine.example/hook",
        "https://8.8.8.8:8443/a?b=c",
        "https://[2606:4700:4700::1111]/",
    ],
)
def test_a_public_address_is_accepted(url: str) -> None:
    outgoing.check(url)


def certificate(folder: Path, *names: x509.GeneralName) -> Path:
    """A self-signed certificate for these names, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "listener")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "listener.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def test_tls_is_spoken_with_whom_the_certificate_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path, x509.DNSName("localhost"))
    with listening(status(200, "thanks"), tls=file) as ear:
        url = f"https://localhost:{ear.port}/hooks"
        assert post(url).text.startswith("SSLCertVerificationError"), "signed by nobody we know"
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert post(url) == Answer(200, "thanks")
        assert ear.got[0].headers["host"] == f"localhost:{ear.port}"
        assert post(f"https://127.0.0.1:{ear.port}/").text.startswith("SSLCertVerificationError")
        assert len(ear.got) == 1
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    file = certificate(tmp_path, address)
    with listening(trickle(TRICKLE_SECONDS), tls=file) as ear:
        assert post(f"https://127.0.0.1:{ear.port}/", 2).text == "No whole answer within 2 seconds."


def test_tls_with_whoever_speaks_none_is_no_answer(ear: Listener) -> None:
    assert post(f"https://127.0.0.1:{ear.port}/").text.startswith("SSLError")
    assert ear.got == []
