"""The committee's paper: the comparison's figures, codes and no names, the same bytes twice."""

import io
import re
from pathlib import Path

import pypdf
import pytest

from backoffice import digest_words, figures
from backoffice.models import Comparison
from backoffice.services import committee_paper, incidents, people
from exchange.models import Customer
from tests.backoffice.views.market import Market, compared, open_market

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(clean_cache: None, bundle: Path) -> Market:
    """The small market, and no world beside it."""
    return open_market(bundle)


def pages(comparison: Comparison) -> list[str]:
    """The text of every page, blanks made single."""
    reader = pypdf.PdfReader(io.BytesIO(committee_paper.pdf(comparison)))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def test_it_holds_the_sums_the_digests_and_their_words(market: Market) -> None:
    comparison = compared(market)
    found = pages(comparison)
    assert 2 <= len(found) <= 4
    whole = " ".join(found)
    tight = whole.replace(" ", "")
    for row in comparison.scenarios.all():
        btc = row.summary["by_asset"]["BTC"]
        for name in ("gained", "lost"):
            assert str(figures.amount(int(btc[name]), 8, signed=True)) in whole
        for name in ("house_cost", "fund_after", "fund_worth_after", "fees_returned"):
            assert str(figures.amount(int(btc[name]), 8)) in whole
        for units in btc["leak"].values():
            if isinstance(units, str):
                assert str(figures.amount(int(units), 8)) in whole
        for end in [*btc["extremes"]["gain"], *btc["extremes"]["lose"]]:
            assert end["account"] in whole
        assert row.digest in tight
        assert "".join(digest_words.words(row.digest)) in tight
    for digest in (comparison.inputs["tape"], comparison.inputs["state_at_end"]):
        assert digest in tight
    assert "All cash legs, BTC" in whole
    assert "0 people who could otherwise make or decide" in whole


def test_it_names_accounts_by_code_and_nobody(market: Market) -> None:
    whole = " ".join(pages(compared(market)))
    for customer in Customer.objects.filter(venue=market.record.venue_id):
        assert not re.search(rf"\b{customer.name}\b", whole), customer.name
        assert customer.email not in whole
    assert "Mira" not in whole


def test_the_same_comparison_gives_the_same_bytes(market: Market) -> None:
    comparison = compared(market)
    first = committee_paper.pdf(comparison)
    again = committee_paper.pdf(Comparison.objects.get(pk=comparison.pk))
    assert first == again
    stamp = comparison.finished_at.strftime("%Y%m%d%H%M%S")
    assert f"D:{stamp}".encode() in first


def test_a_drill_is_watermarked_and_a_real_venue_is_not(market: Market) -> None:
    comparison = compared(market)
    assert "Drill: rehearsal books." in pages(comparison)[0]
    market.record.venue.is_drill = False
    market.record.venue.save()
    comparison = Comparison.objects.get(pk=comparison.pk)
    assert "rill" not in " ".join(pages(comparison))


def test_what_is_typed_is_text_and_no_command(market: Market) -> None:
    """A title is set as it is, whatever it looks like to the compiler."""
    title = "#panic() $x$ *a* [b] \\ <c> @d"
    odd = incidents.open_incident(tape=market.record, by=people.cast_member("mira"), title=title)
    comparison = compared(Market(market.record, odd))
    assert title.replace(" ", "") in pages(comparison)[0].replace(" ", "")
