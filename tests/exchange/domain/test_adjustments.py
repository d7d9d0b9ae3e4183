"""What a remedy did to fills and positions: which rows, which reports, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain import adjustments
from exchange.domain.adjustments import FILL, POSITION, AdjustmentRefused, Adjustments
from exchange.domain.holdings import Fills
from tests.exchange.domain.market import fills_of, random_tape

TRADES = (
    (1, 0, 0, 1, 5, 700_000, 10),
    (2, 0, 1, 2, 3, 700_100, 0),
    (3, 1, 2, 0, 4, 120_000, 7),
)


def marked(fills: Fills, *rows: int) -> np.ndarray:
    mask = np.zeros(len(fills.seq), np.bool_)
    mask[list(rows)] = True
    return mask


def unpriced(fills: Fills) -> np.ndarray:
    return np.zeros(len(fills.seq), np.int64)


def types(made: Adjustments) -> str:
    return "".join(
        adjustments.exec_type(int(before), int(after))
        for before, after in zip(made.quantity_before, made.quantity_after, strict=True)
    )


def test_a_busted_fill_is_gone_and_a_repriced_one_stands_elsewhere() -> None:
    fills = fills_of(TRADES)
    price = unpriced(fills)
    price[4:6] = 119_000
    made = adjustments.of_fills(fills, marked(fills, 0, 1), price)
    assert types(made) == "HHGG"
    assert made.seq.tolist() == [0, 1, 4, 5]
    assert made.account.tolist() == [0, 1, 2, 0]
    assert made.contract.tolist() == [0, 0, 1, 1]
    assert made.quantity_before.tolist() == [5, -5, 4, -4]
    assert made.quantity_after.tolist() == [0, 0, 4, -4]
    assert made.value_before.tolist() == [700_000, 700_000, 120_000, 120_000]
    assert made.value_after.tolist() == [0, 0, 119_000, 119_000]
    assert made.trade.tolist() == [0, 0, 2, 2]
    assert set(made.kind.tolist()) == {FILL}


def test_a_price_that_is_the_fills_own_changes_nothing() -> None:
    fills = fills_of(TRADES)
    made = adjustments.of_fills(fills, marked(fills), fills.price)
    assert len(made.seq) == 0


@pytest.mark.parametrize(
    ("marks", "price", "words"),
    [
        (5, [0] * 6, "6 fills, but 5 marks and 6 prices"),
        (6, [0] * 5, "6 fills, but 6 marks and 5 prices"),
        (6, [0, 0, -1, 0, 0, 0], "fill 2 would have a price below zero"),
        (6, [9, 0, 0, 0, 0, 0], "fill 0 is busted and priced anew"),
    ],
)
def test_it_refuses_what_does_not_fit(marks: int, price: list[int], words: str) -> None:
    fills = fills_of(TRADES)
    mask = np.zeros(marks, np.bool_)
    mask[0] = True
    with pytest.raises(AdjustmentRefused, match=words):
        adjustments.of_fills(fills, mask, np.array(price, np.int64))


def test_positions_are_what_they_were_and_what_is_added() -> None:
    made = adjustments.of_positions(
        np.array([3, 1], np.int32), np.array([0, 1], np.int16), np.array([0, 5]),
        np.array([0, -700]), np.array([10, -5]), np.array([-1500, 700]),
    )  # fmt: skip
    assert set(made.kind.tolist()) == {POSITION}
    assert made.quantity_after.tolist() == [10, 0]
    assert made.value_after.tolist() == [-1500, 0]


@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_taking_back_twice_is_the_start_and_sums_stay_zero(seed: int, trades: int) -> None:
    fills = random_tape(seed, trades, 5)
    random = np.random.default_rng(seed)
    chosen = np.repeat(random.integers(0, 3, trades), 2)
    price = np.where(chosen == 2, fills.price + 1, 0)
    made = adjustments.of_fills(fills, chosen == 1, price)
    back = adjustments.opposite(made)
    for one, two in zip(adjustments.opposite(back), made, strict=True):
        assert np.array_equal(one, two)
    assert types(back) == types(made).replace("H", "F")
    assert made.quantity_after.sum() == made.quantity_before.sum() == 0
    assert (np.diff(made.seq) > 0).all()
    untouched = np.isin(fills.seq, made.seq, invert=True)
    assert np.array_equal(untouched, chosen == 0)


def test_a_digest_is_of_every_column_and_of_nothing_else() -> None:
    fills = fills_of(TRADES)
    made = adjustments.of_fills(fills, marked(fills, 0, 1), unpriced(fills))
    again = adjustments.of_fills(fills_of(TRADES), marked(fills, 0, 1), unpriced(fills))
    assert adjustments.digest(made) == adjustments.digest(again)
    others = {
        adjustments.digest(made._replace(**{name: column[::-1].copy() + (name == "kind")}))
        for name, column in zip(made._fields, made, strict=True)
        if name == "kind" or column[0] != column[-1]
    }
    assert adjustments.digest(made) not in others
    assert len(others) >= 5


def test_joined_parts_keep_their_order() -> None:
    fills = fills_of(TRADES)
    made = adjustments.of_fills(fills, marked(fills, 2), unpriced(fills))
    both = adjustments.join([made, adjustments.opposite(made)])
    assert types(both) == "HF"
