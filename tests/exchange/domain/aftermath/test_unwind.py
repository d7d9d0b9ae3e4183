"""Assignment to providers, then unwinding against the other side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.aftermath.unwind import assign, unwind


def test_kraken_assignment_adds_up() -> None:
    # support.kraken.com 360022835231: of 1,760,000 contracts 1,007,379 filled, 752,621 assigned.
    left = 1_760_000 - 1_007_379
    assert left == 752_621
    parts = assign(left, [184_317, 568_304])
    assert parts == [184_317, 568_304]


def test_providers_first_then_the_other_side_in_proportion() -> None:
    done = unwind(100, [30, 10], [40, 80])
    assert done.assigned == (30, 10)
    assert done.closed == (20, 40)
    assert done.unfilled == 0


@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 10**5), max_size=8),
    st.lists(st.integers(0, 10**5), max_size=8),
)
def test_every_contract_is_accounted_for(
    quantity: int, limits: list[int], opposite: list[int]
) -> None:
    done = unwind(quantity, limits, opposite)
    assert sum(done.assigned) + sum(done.closed) + done.unfilled == quantity
    assert all(a <= limit for a, limit in zip(done.assigned, limits, strict=True))
    assert all(c <= held for c, held in zip(done.closed, opposite, strict=True))


def test_a_negative_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="below zero"):
        unwind(-1, [], [])
