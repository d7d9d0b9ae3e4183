"""Auto-deleveraging: the published ranking and the closes it leads to."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.aftermath.deleverage import (
    deleverage,
    effective_leverage,
    profit_share,
    ranks,
    score,
)
from exchange.domain.margin.position import INVERSE, LINEAR, LONG, SHORT, Leg

# help.zubr.io 360011816240: (profit %, leverage), score, place in the queue.
CLIENTS = [
    (10, "4", "0.4", 5),
    (5, "0.5", "0.025", 10),
    (20, "1.2", "0.24", 7),
    (5, "10", "0.5", 3),
    (15, "2", "0.3", 6),
    (3, "4", "0.12", 8),
    (12, "5", "0.6", 2),
    (6, "0.8", "0.048", 9),
    (11, "11", "1.21", 1),
    (7, "6", "0.42", 4),
]


def test_published_ranking() -> None:
    scores = [score(Fraction(profit, 100), Fraction(lev)) for profit, lev, _, _ in CLIENTS]
    assert scores == [Fraction(expected) for _, _, expected, _ in CLIENTS]
    assert ranks(scores) == [place for _, _, _, place in CLIENTS]


def test_losers_with_high_leverage_rank_higher_than_losers_with_low() -> None:
    assert score(Fraction(-1, 10), Fraction(10)) > score(Fraction(-1, 10), Fraction(2))
    with pytest.raises(ValueError, match="above zero"):
        score(Fraction(1), Fraction(0))


@pytest.mark.parametrize(
    ("leg", "mark", "bankruptcy", "leverage", "profit"),
    [
        # Linear long of 1 from 100 with 10 behind it, at 110: equity 20.
        (Leg(LINEAR, LONG, Fraction(1), Fraction(100)), 110, 90, Fraction(11, 2), Fraction(1, 10)),
        # Linear short of 1 from 100 with 10, at 95: equity 15.
        (
            Leg(LINEAR, SHORT, Fraction(1), Fraction(100)),
            95,
            110,
            Fraction(19, 3),
            Fraction(5, 100),
        ),
        # Inverse long of 100 from 100 (value 1), bankrupt at 80 (margin 0.25), at 125: 0.8 / 0.45.
        (
            Leg(INVERSE, LONG, Fraction(100), Fraction(100)),
            125,
            80,
            Fraction(16, 9),
            Fraction(1, 5),
        ),
    ],
)
def test_leverage_and_profit_of_a_position(
    leg: Leg, mark: int, bankruptcy: int, leverage: Fraction, profit: Fraction
) -> None:
    assert effective_leverage(leg, Fraction(mark), Fraction(bankruptcy)) == leverage
    assert profit_share(leg, Fraction(mark)) == profit


def test_the_highest_scores_are_closed_first() -> None:
    done = deleverage(25, [10, 20, 30], [Fraction(1), Fraction(3), Fraction(2)])
    assert done.closed == (0, 20, 5)
    assert done.unfilled == 0


@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(0, 100), st.fractions(-5, 5)), max_size=20),
)
def test_every_contract_is_closed_or_reported(
    quantity: int, rows: list[tuple[int, Fraction]]
) -> None:
    done = deleverage(quantity, [held for held, _ in rows], [rank for _, rank in rows])
    assert sum(done.closed) + done.unfilled == quantity
    assert all(0 <= c <= held for c, (held, _) in zip(done.closed, rows, strict=True))
