"""Published remedies, worked out: each case names its incident."""

from decimal import Decimal
from fractions import Fraction

import pytest

from exchange.domain.margin.position import INVERSE, LINEAR, LONG, SHORT, Leg
from exchange.domain.remedies.formulas import (
    Eligibility,
    FaultWindow,
    LossProgramme,
    band,
    bitmex_2017_payout,
    clearly_erroneous_share,
    lost_to_reference,
    mistaken_sale_payout,
    okx_2023_payout,
    reference_payout,
    settlement_refund,
    to_edge,
)
from exchange.domain.rounding import half_even

SECOND = 1_000_000
FAULT = FaultWindow(start_us=7 * SECOND, end_us=359 * SECOND, mark_before=Fraction(26_000))
LONG_TWO = Leg(LINEAR, LONG, Fraction(2), Fraction(27_000))


def okx(opened_us: int, closed_us: int = 100 * SECOND, at: str = "25300") -> Fraction:
    return okx_2023_payout(
        LONG_TWO,
        at=Fraction(at),
        fee=Fraction("25.3"),
        opened_us=opened_us,
        closed_us=closed_us,
        fault=FAULT,
    )


def test_okx_2023_pays_the_difference_and_the_fee() -> None:
    assert okx(6 * SECOND) == Fraction("1425.30")


@pytest.mark.parametrize("opened", [7 * SECOND, 8 * SECOND])
def test_okx_2023_pays_nothing_for_positions_opened_in_the_fault(opened: int) -> None:
    assert okx(opened) == 0


@pytest.mark.parametrize(("closed_us", "paid"), [(7, True), (359, True), (6, False), (360, False)])
def test_okx_2023_window_includes_its_ends(closed_us: int, paid: bool) -> None:
    assert (okx(0, closed_us * SECOND) > 0) is paid


def test_okx_2023_never_charges_for_a_better_price() -> None:
    assert okx(0, at="26100") == Fraction("25.3")


def test_okb_2024() -> None:
    closed = Leg(LINEAR, LONG, Fraction(100), Fraction(50))
    assert reference_payout(closed, Fraction(30), Fraction("48.36")) == 1836
    assert reference_payout(closed, Fraction(30), Fraction("48.36"), Fraction(7)) == 1843


def test_bitmex_2017() -> None:
    closed = Leg(INVERSE, LONG, Fraction(10_000), Fraction(1200))
    paid = bitmex_2017_payout(closed, Fraction(1100))
    assert half_even(paid, Decimal("0.00000001")) == Decimal("0.63782371")
    assert bitmex_2017_payout(closed, Fraction(1183)) == 0
    assert bitmex_2017_payout(closed, Fraction(1190)) == 0


def test_a_short_is_paid_when_it_was_closed_too_high() -> None:
    closed = Leg(LINEAR, SHORT, Fraction(3), Fraction(90))
    assert lost_to_reference(closed, Fraction(110), Fraction(100)) == 30
    assert lost_to_reference(closed, Fraction(95), Fraction(100)) == 0


def test_jelly_2025() -> None:
    held = Leg(LINEAR, LONG, Fraction(10_000), Fraction("0.02"))
    settled, refunded = Fraction("0.0095"), Fraction("0.037555")
    assert settlement_refund(held, settled, refunded) == Fraction("280.55")
    assert settlement_refund(held, settled, refunded, flagged=True) == 0
    assert settlement_refund(held._replace(side=SHORT), settled, refunded) == 0


def test_bithumb_2026() -> None:
    paid = mistaken_sale_payout(Fraction("0.5"), Fraction(81_000_000), Fraction(98_000_000))
    assert paid == 9_370_000
    assert mistaken_sale_payout(Fraction(1), Fraction(99), Fraction(98)) == 20_000


@pytest.mark.parametrize(
    ("loss", "net_assets", "compensated", "expected"),
    [
        ("49.99", "100", False, Eligibility.NO),
        ("50", "166.73", False, Eligibility.NO),  # 29.99 %
        ("50", "166.66", False, Eligibility.YES),
        ("30", "100", False, Eligibility.NO),
        ("60", "200", False, Eligibility.YES),  # exactly 30 %
        ("60", "200", True, Eligibility.NO),
        ("60", "0", False, Eligibility.BY_HAND),
        ("60", "-5", False, Eligibility.BY_HAND),
    ],
)
def test_binance_2025_eligibility(
    loss: str, net_assets: str, compensated: bool, expected: Eligibility
) -> None:
    decision = LossProgramme().decide(
        Fraction(loss), Fraction(net_assets), already_compensated=compensated
    )
    assert decision.eligibility is expected
    assert decision.because


@pytest.mark.parametrize(
    ("opening", "price", "busted"),
    [
        ("3.60", "4.68", True),  # WZE's threshold: "30 % or more"
        ("3.60", "4.6799", False),
        ("4.80", "3.36", True),  # EJ's threshold
        ("4.80", "3.3601", False),
        ("4.80", "4.80", False),
    ],
)
def test_knight_2012(opening: str, price: str, busted: bool) -> None:
    assert band(Fraction(opening), Fraction("0.3")).outside(Fraction(price)) is busted


@pytest.mark.parametrize(
    ("reference", "share"),
    [("25", "0.1"), ("25.01", "0.05"), ("50", "0.05"), ("50.01", "0.03")],
)
def test_clearly_erroneous_thresholds(reference: str, share: str) -> None:
    assert clearly_erroneous_share(Fraction(reference)) == Fraction(share)


def test_a_trade_is_adjusted_to_the_nearer_edge() -> None:
    within = band(Fraction(100), Fraction("0.1"))
    assert [to_edge(Fraction(p), within) for p in (80, 95, 130)] == [90, 95, 110]
    with pytest.raises(ValueError, match="a band needs"):
        band(Fraction(0), Fraction("0.1"))
