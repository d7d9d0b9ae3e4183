"""Signing in: the doors that are open, the one that is closed, and the second factor."""

import re
import time
from types import SimpleNamespace

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from backoffice.models import Person
from backoffice.services import second_factor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_cache")]
PASSWORD = "correct horse battery"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def person() -> Person:
    return Person.objects.create_user("vera@example.com", PASSWORD)


def sign_in(client: Client, password: str = PASSWORD) -> str:
    """The address the sign-in leads to; empty when it was refused."""
    answer = client.post("/accounts/login/", {"login": "vera@example.com", "password": password})
    return answer.headers.get("Location", "")


def test_with_a_password(client: Client, person: Person) -> None:
    assert sign_in(client) == "/"
    assert client.session["_auth_user_id"] == str(person.pk)


def test_not_with_a_wrong_one(client: Client, person: Person) -> None:
    assert sign_in(client, "wrong horse battery") == ""
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up(client: Client) -> None:
    page = client.get("/accounts/signup/")
    assert not re.search(r'name="password1"', page.content.decode())
    client.post(
        "/accounts/signup/",
        {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD},
    )
    assert not Person.objects.filter(email="new@example.com").exists()


@pytest.mark.parametrize(("late", "taken"), [(-2, False), (-1, True), (0, True), (1, True)])
def test_a_code_is_taken_one_step_either_way(
    client: Client, person: Person, monkeypatch: pytest.MonkeyPatch, late: int, taken: bool
) -> None:
    TOTP.activate(person, SECRET)
    now = time.time()  # a step must not end between the code and its check
    clock = SimpleNamespace(time=lambda: now)
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.time", clock)
    assert sign_in(client) == "/accounts/2fa/authenticate/"
    assert "_auth_user_id" not in client.session
    code = second_factor.code_at(SECRET, int(now) // second_factor.PERIOD_SECONDS + late)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    assert ("_auth_user_id" in client.session) is taken


def test_passwords_are_kept_expensive_to_guess() -> None:
    """The cheap hasher of the tests is theirs alone."""
    from backoffice import settings as real

    assert not hasattr(real, "PASSWORD_HASHERS")
    assert real.AUTH_PASSWORD_VALIDATORS[1]["OPTIONS"] == {"min_length": 12}
