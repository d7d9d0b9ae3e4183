from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain import value, value_kernels
from exchange.domain.value import (
    INVERSE,
    ContractRefused,
    ValueTooLarge,
    apply_fill_exact,
    check_bounds,
    contract_spec,
    half_even,
    trade_value_exact,
)
from tests.exchange.domain.market import BTC, KINDS, QUANTO, USDT

kinds = st.sampled_from(KINDS)
quantities = st.integers(-(10**6), 10**6)
prices = st.integers(1, 10**8)


@pytest.mark.parametrize(
    ("spec", "num", "den"),
    [(BTC, 10**12, 1), (USDT, 100, 1), (QUANTO, 5, 1)],
    ids=lambda x: getattr(x, "symbol", ""),
)
def test_terms_are_an_exact_ratio(spec, num, den):
    assert (spec.num, spec.den) == (num, den)


def test_terms_keep_a_denominator():
    spec = contract_spec("X", "linear", Decimal("0.3"), Decimal("0.25"), "USD", 1)
    assert (spec.num, spec.den) == (3, 4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": "option"}, "kind 'option' is not one of"),
        ({"face": Decimal(0)}, "face, tick and lot must be above zero"),
        ({"tick": Decimal(-1)}, "face, tick and lot must be above zero"),
        ({"scale": 19}, "scale 19 is not within 0..18"),
        ({"face": Decimal(10) ** 12}, "does not fit 62 bits"),
    ],
)
def test_terms_are_refused_by_name(changed, message):
    terms = {"symbol": "X", "kind": "inverse", "face": Decimal(100), "tick": Decimal("0.01")}
    with pytest.raises(ContractRefused, match=message):
        contract_spec(**{**terms, "settle": "BTC", "scale": 8, **changed})


def test_an_inverse_contract_is_minus_face_over_price():
    # 50,000 contracts of 1 USD, 5,000 -> 10,000: 5 BTC (BitMEX's published profit example)
    usd = contract_spec("XBTUSD", "inverse", Decimal(1), Decimal("0.5"), "XBT", 8)
    entry = trade_value_exact(usd.kind, usd.num, usd.den, 50_000, 10_000)
    leave = trade_value_exact(usd.kind, usd.num, usd.den, 50_000, 20_000)
    assert leave - entry == 5 * 10**8


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (1, 3, 0), (-2, 3, -1), (0, 7, 0)],
)
def test_half_even(numerator, denominator, expected):
    assert half_even(numerator, denominator) == expected


@pytest.mark.parametrize("odd", [1, 3, 5, 7, 2**60 + 1, 2**60 + 3])
@pytest.mark.parametrize(("a", "c"), [(1, 2), (3, 2), (2**60, 2**61)], ids=["", "whole", "long"])
def test_ties_of_the_compiled_division_go_to_the_even(a, c, odd):
    """Through each of its three ways: the product, the rest of a division, bit by bit."""
    assert value_kernels.scaled_half_even(a, odd, c) == half_even(a * odd, c)


@given(kinds, quantities, prices)
def test_compiled_value_is_the_definition(spec, quantity, ticks):
    terms = (spec.kind, spec.num, spec.den, quantity, ticks)
    assert value.trade_value(*terms) == trade_value_exact(*terms)


@given(kinds, quantities, prices)
def test_the_seller_receives_what_the_buyer_pays(spec, quantity, ticks):
    terms = (spec.kind, spec.num, spec.den)
    assert trade_value_exact(*terms, quantity, ticks) == -trade_value_exact(
        *terms, -quantity, ticks
    )


@given(st.integers(0, 2**62 - 1), st.integers(0, 2**62 - 1), st.integers(1, 2**62 - 1))
def test_wide_products_are_exact(a, b, c):
    if a * b // c < 2**62 - 1:
        assert value_kernels.scaled_half_even(a, b, c) == half_even(a * b, c)


@given(
    st.integers(0, 4 * 10**18), st.integers(1, 2**62 - 1), st.integers(-9, 9), st.integers(0, 62)
)
def test_one_correction_makes_an_estimate_exact(product, divisor, off, shift):
    divisor = max(1, divisor >> shift, product >> 49)
    for tied in (product, (product // divisor * 2 + 1) * divisor // 2):
        if tied <= 4 * 10**18 and tied / divisor < 2**50:
            estimate = max(0.0, tied / divisor + off / 10)
            assert value_kernels.corrected(tied, estimate, divisor) == half_even(tied, divisor)


@given(kinds, quantities, st.integers(-(10**14), 10**14), quantities, prices)
def test_compiled_fill_is_the_definition(spec, quantity, cost, dq, ticks):
    state = (quantity, cost if quantity else 0, 17)
    terms = (spec.kind, spec.num, spec.den, *state, dq, ticks)
    assert value.apply_fill(*terms) == apply_fill_exact(*terms)


@given(kinds, st.lists(st.tuples(quantities, st.integers(1_000, 10**6)), max_size=12))
def test_cost_less_realised_moves_by_the_value_traded(spec, fills):
    state, traded = (0, 0, 0), 0
    for dq, ticks in fills:
        state = apply_fill_exact(spec.kind, spec.num, spec.den, *state, dq, ticks)
        traded += trade_value_exact(spec.kind, spec.num, spec.den, dq, ticks)
    quantity, cost, realised = state
    assert cost - realised == traded
    assert quantity == sum(dq for dq, _ in fills)
    assert cost == 0 or quantity != 0


def test_a_flip_closes_at_the_price_and_opens_the_rest():
    # long 3 at 5,000.00, sell 5 at 4,000.00: 3 close, 2 open short
    opened = apply_fill_exact(INVERSE, 10**12, 1, 0, 0, 0, 3, 500_000)
    assert opened == (3, -6_000_000, 0)
    assert apply_fill_exact(INVERSE, 10**12, 1, *opened, -5, 400_000) == (
        -2,
        5_000_000,
        -1_500_000,
    )


def test_a_partial_close_releases_its_share_half_even():
    # cost 5 for 2 lots: half is 2.5, released 2, kept 3
    assert apply_fill_exact(1, 1, 1, 2, 5, 0, -1, 4) == (1, 3, 2)


@pytest.mark.parametrize(
    ("quantity", "low", "high", "message"),
    [
        (10**7, 1, 10**6, "value of the largest position"),
        (1, 1, 2**62, "price denominator"),
        (2**62, 2**61, 2**61, "largest position"),
        (1, 0, 5, "not above zero"),
    ],
)
def test_bounds_name_what_would_overflow(quantity, low, high, message):
    with pytest.raises(ValueTooLarge, match=message):
        check_bounds(BTC, quantity, low, high)


def test_bounds_return_the_largest_value():
    assert check_bounds(BTC, 10, 100_000, 200_000) == 10 * 10**7 + 1


def test_unit_value_is_unrounded():
    assert value.unit_value(INVERSE, 10**12, 1, 3) == Fraction(-(10**12), 3)
