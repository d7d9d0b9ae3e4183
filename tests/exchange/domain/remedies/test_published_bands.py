"""Which trades operators broke, and where they would have been re-priced to."""

from decimal import Decimal

import pytest

from exchange.domain.remedies.facts import Facts
from exchange.domain.value import contract_spec
from tests.exchange.domain.remedies.facts import TRADE, facts_of, holding, tape
from tests.exchange.domain.remedies.test_published import CUTOFF, LATER, run, ticks

STOCK = contract_spec("WZE", "linear", Decimal(1), Decimal("0.0001"), "USD", 4)


def traded(before: str, price: str) -> Facts:
    """One trade of 500 after the cut-off, at which the mark was ``before``."""
    fills = tape(([(LATER, 0, 0, 1, 500, ticks(STOCK, price), 0)], TRADE))
    return facts_of(
        fills, [[10**10]] * 2, specs=(STOCK,), cutoff=CUTOFF, at_cut=(ticks(STOCK, before),),
        fair=[[1]],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("opening", "price", "busted"),
    [
        ("3.60", "4.68", True),  # WZE: "30 % or more"
        ("3.60", "4.6799", False),
        ("3.60", "4.6801", True),
        ("4.80", "3.36", True),  # EJ
        ("4.80", "3.3601", False),
        ("4.80", "3.3599", True),
        ("4.80", "4.80", False),
        ("0.0710", "0.0497", True),  # UTG RT
        ("0.0710", "0.0498", False),
    ],
)
def test_knight_1_august_2012(opening: str, price: str, busted: bool) -> None:
    """Busted at 30 % or more from the opening price, the boundary included."""
    facts, words = traded(opening, price), {"band": "0.3", "reference": "cutoff"}
    assert run(facts, "bust", **words).positions.quantity.tolist() == [-500, 500] * busted
    if busted:
        edge = {"3.60": "4.68", "4.80": "3.36", "0.0710": "0.0497"}[opening]
        adjusted = run(facts, "reprice", **words)
        assert holding(adjusted.target, 0)[1] == 500 * ticks(STOCK, edge)


def is_busted(before: str, price: str, band: str) -> bool:
    made = run(traded(before, price), "bust", band=band, reference="cutoff")
    return made.positions.quantity.tolist() == [-500, 500]


@pytest.mark.parametrize(("band", "busted"), [("0.293666", True), ("0.2937", False)])
def test_gdax_21_june_2017(band: str, busted: bool) -> None:
    """A sale from 317.81 down to 224.48 slipped by 29.37 %; GDAX honoured it."""
    assert is_busted("317.81", "224.48", band) is busted


@pytest.mark.parametrize(("price", "busted"), [("40", True), ("40.0001", False)])
def test_us_equities_6_may_2010(price: str, busted: bool) -> None:
    """Broken were trades 60 % or more off the price before the decline."""
    assert is_busted("100", price, "0.6") is busted
