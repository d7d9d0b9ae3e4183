"""Going back in the browser after a swap wants the whole page again, its frame included."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.backoffice.views.market import Market

PLACES = (
    "incident", "incident-accounts", "incident-liquidations", "incident-timeline",
    "incident-remedies", "incident-cascade",
)  # fmt: skip
RESTORED = {"HX-Request": "true", "HX-History-Restore-Request": "true"}


@pytest.mark.parametrize("place", PLACES)
def test_a_page_of_the_history_is_whole(market: Market, analyst: Client, place: str) -> None:
    at = reverse(place, args=[market.incident.slug])
    fresh, restored = analyst.get(at), analyst.get(at, headers=RESTORED)
    for page in (fresh, restored):
        text = page.content.decode()
        assert '<nav class="tabs"' in text
        assert "<title>" in text
    assert restored.templates[0].name == fresh.templates[0].name


def test_the_audit_chain_is_whole_too(market: Market, analyst: Client) -> None:
    restored = analyst.get(reverse("audit"), headers=RESTORED)
    assert "<title>" in restored.content.decode()
