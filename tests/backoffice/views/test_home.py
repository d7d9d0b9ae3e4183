"""The front door, and the help that stands in each reader's own frame."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.backoffice.services.conftest import World, compute
from tests.backoffice.views.conftest import matrix, signed_in
from tests.backoffice.views.reading import text


def test_everyone_is_sent_to_the_page_that_is_theirs(world: World) -> None:
    sent = {
        who: signed_in(who).get("/").url
        for who in ("nobody", "customer", "superuser", "support", "legal")
    }
    assert sent == {
        "nobody": reverse("public"), "customer": reverse("portal"), "superuser": reverse("public"),
        "support": reverse("incidents"), "legal": reverse("incidents"),
    }  # fmt: skip


def test_help_is_for_everyone(world: World) -> None:
    def ask(client: Client) -> int:
        return client.get(reverse("help")).status_code

    assert set(matrix(ask).values()) == {200}


@pytest.mark.parametrize(
    ("who", "staff"), [("analyst", True), ("customer", False), ("nobody", False)]
)
def test_help_speaks_to_its_reader(world: World, who: str, staff: bool) -> None:
    page = signed_in(who).get(reverse("help"))
    assert ("Who may do what" in text(page)) is staff
    assert ("Your own numbers" in text(page)) is not staff
    assert (b'class="rail"' in page.content) is staff


def test_the_rail_knows_what_is_below_an_incident(world: World) -> None:
    at = reverse("plan", args=[compute(world, [5]).pk])
    page = signed_in("analyst").get(at).content.decode()
    assert f'<a href="{reverse("incidents")}" aria-current="true"' in page
