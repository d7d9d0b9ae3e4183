"""Choosing how the screens look: known values only, and back to a safe place only."""

from django.http import HttpResponse
from django.test import RequestFactory

from backoffice.views import preferences


def _choose(**data: str) -> HttpResponse:
    return preferences.choose(RequestFactory().post("/preferences/", data))


def test_it_keeps_a_known_choice_and_goes_back() -> None:
    response = _choose(theme="dark", next="/incidents/?q=a")
    assert response.url == "/incidents/?q=a"
    assert response.cookies["mw_theme"].value == "dark"
    assert list(response.cookies) == ["mw_theme"]


def test_it_drops_unknown_names_and_values() -> None:
    assert not _choose(theme="pink", volume="11").cookies


def test_it_does_not_go_elsewhere() -> None:
    assert _choose(theme="dark", next="https://elsewhere.example/").url == "/"


def test_it_rejects_get() -> None:
    assert preferences.choose(RequestFactory().get("/preferences/")).status_code == 405
