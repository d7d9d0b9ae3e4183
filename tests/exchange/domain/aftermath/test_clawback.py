"""OKEx, 31 July 2018, recomputed from its published figures; and the shares to the unit."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.aftermath.clawback import (
    clawback,
    clawback_rate,
    net_profits,
    settlement_loss,
    system_loss,
)
from exchange.domain.margin.position import INVERSE, LINEAR, LONG, SHORT, Leg

WHALE = Leg(INVERSE, LONG, Fraction(4_168_515 * 100), Fraction(8020))


def cut(value: Fraction, places: int) -> Decimal:
    return round(Decimal(value.numerator) / Decimal(value.denominator), places)


def test_the_july_2018_loss_and_what_was_left_of_it() -> None:
    # Taken over at 8,020, settled at 7,483; 10 BTC in the fund and 2,500 BTC injected.
    loss = system_loss([], [settlement_loss(WHALE, Fraction(7483))])
    assert cut(loss, 2) == Decimal("3729.97")
    assert cut(loss - 2510, 2) == Decimal("1219.97")


def test_the_other_published_pair_fits_less_well() -> None:
    other = WHALE._replace(entry=Fraction(8040))
    loss = settlement_loss(other, Fraction(7480))
    assert cut(loss, 2) == Decimal("3881.61")
    assert cut(loss - 2510, 1) == Decimal("1371.6")
    assert cut(WHALE.size / 8040, 1) == Decimal("51847.2")


@pytest.mark.parametrize(
    ("rate", "pool"), [("0.17", "7058.8"), ("0.1768", "6787.3"), ("0.18", "6666.7")]
)
def test_rates_imply_the_winners_profit(rate: str, pool: str) -> None:
    assert cut(1200 / Fraction(rate), 1) == Decimal(pool)
    implied = clawback_rate(Fraction(3710), Fraction(2510), 1200 / Fraction(rate))
    assert implied == Fraction(rate)


def test_the_two_user_illustration() -> None:
    # vidyoda.com/6023: A long 10 at 1, 10x, 1 of margin; at 0.1 B gained 9 and A can pay 1.
    loser = Leg(LINEAR, LONG, Fraction(10), Fraction(1))
    winner = Leg(LINEAR, SHORT, Fraction(10), Fraction(1))
    assert winner.profit(Fraction("0.1")) == 9
    shortfall = -loser.profit(Fraction("0.1")) - 1
    assert shortfall == 8
    charged = clawback(loss=8, fund=0, profits={"B": 9, "A": -9})
    assert charged.charges == {"B": 8}
    assert charged.rate == Fraction(8, 9)


def test_losses_in_one_contract_count_against_profits_in_another() -> None:
    profits = net_profits([{"ada": 100, "ben": 50}, {"ada": -80, "eve": -5}])
    assert profits == {"ada": 20, "ben": 50, "eve": -5}
    charged = clawback(loss=17, fund=10, profits=profits)
    assert charged.fund_used == 10
    assert charged.charges == {"ada": 2, "ben": 5}
    assert charged.uncovered == 0


def test_a_fund_that_suffices_takes_nothing_from_anyone() -> None:
    charged = clawback(loss=5, fund=10, profits={"ada": 100})
    assert charged == (Fraction(0), 5, {"ada": 0}, 0)
    assert clawback_rate(Fraction(5), Fraction(10), Fraction(100)) == 0


def test_nobody_pays_more_than_their_profit() -> None:
    charged = clawback(loss=100, fund=0, profits={"ada": 30, "ben": 20})
    assert charged.charges == {"ada": 30, "ben": 20}
    assert charged.uncovered == 50
    assert charged.rate == 1
    with pytest.raises(ValueError, match="below zero"):
        clawback(loss=-1, fund=0, profits={})


@given(
    st.integers(0, 10**15),
    st.integers(0, 10**15),
    st.dictionaries(st.text(max_size=4), st.integers(-(10**14), 10**14), max_size=30),
)
def test_the_loss_is_paid_to_the_unit(loss: int, fund: int, profits: dict[str, int]) -> None:
    charged = clawback(loss=loss, fund=fund, profits=profits)
    assert charged.fund_used + sum(charged.charges.values()) + charged.uncovered == loss
    assert all(0 <= paid <= profits[who] for who, paid in charged.charges.items())
