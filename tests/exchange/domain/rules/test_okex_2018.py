"""The trigger and the take-over price, against the published example and the definition."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exchange.domain import rules
from exchange.domain.rules import okex_2018 as okex
from exchange.domain.value import contract_spec, trade_value_exact, unit_value
from tests.exchange.domain.market import BTC, LTC, USDT

EOS = contract_spec("EOS-Q", "inverse", Decimal(10), Decimal("0.001"), "EOS", 8, underlying="EOS")
CONTRACTS = (BTC, LTC, USDT)


def test_it_is_registered():
    assert rules.get("okex-2018") is okex


def test_unknown_rules_are_named():
    with pytest.raises(rules.RulesUnknown, match="no rule set 'mtgox'; there are: .*okex-2018"):
        rules.get("mtgox")


@pytest.mark.parametrize(
    ("underlying", "leverage", "ppm"),
    [
        ("BTC", 10, 100_000),
        ("BTC", 20, 200_000),
        ("LTC", 10, 200_000),
        ("LTC", 20, 400_000),
        ("EOS", 10, 100_000),
        ("ETH", 20, 200_000),
    ],
)
def test_the_published_factors(underlying, leverage, ppm):
    assert okex.factor_ppm(underlying, leverage) == ppm


def test_a_leverage_the_venue_did_not_offer_is_refused():
    with pytest.raises(rules.RuleRefused, match="leverage 10 and 20, not 50"):
        okex.factor_ppm("BTC", 50)


def closes_at(spec, quantity, entry, leverage, factor, ticks):
    cost = trade_value_exact(spec.kind, spec.num, spec.den, quantity, entry)
    equity, maintenance = okex.okex_fixed_health(
        spec.kind, spec.num, spec.den, quantity, cost, ticks, factor, leverage
    )
    return okex.okex_health(equity, maintenance) <= 0


def test_the_published_eos_example_closes_at_about_4_588():
    # long at 5.00, 10x, factor 10 %: 1 / (1/5 + 0.9/50) = 4.5872
    assert closes_at(EOS, 1000, 5000, 10, 100_000, 4587)
    assert not closes_at(EOS, 1000, 5000, 10, 100_000, 4588)


def test_cross_health_adds_every_position_and_counts_each_requirement():
    column = lambda *values: np.array(values, np.int64)  # noqa: E731
    equity, maintenance = okex.okex_cross_health(
        50_000_000,
        column(10, -20, 0),
        column(-14_285_714, 30_000_000, 0),
        column(650_000, 660_000, 1),
        column(0, 0, 0),
        column(10**12, 10**12, 10**12),
        column(1, 1, 1),
        column(100_000, 100_000, 100_000),
        10,
    )
    # 10 at 6500.00 are -15,384,615; -20 at 6600.00 are +30,303,030
    assert equity == 50_000_000 + (-15_384_615 + 14_285_714) + (30_303_030 - 30_000_000)
    assert maintenance == 153_846 + 303_030


@given(
    st.sampled_from(CONTRACTS),
    st.integers(-5000, 5000).filter(bool),
    st.integers(1_000, 10**6),
    st.integers(0, 10**12),
)
def test_the_takeover_price_is_the_last_that_leaves_nothing_owed(spec, quantity, entry, other):
    cost = trade_value_exact(spec.kind, spec.num, spec.den, quantity, entry)
    ticks_max = 20 * entry
    price = okex.okex_takeover_ticks(
        spec.kind, spec.num, spec.den, quantity, cost, other, ticks_max
    )

    def left(ticks):
        return other - cost + trade_value_exact(spec.kind, spec.num, spec.den, quantity, ticks)

    assert 1 <= price <= ticks_max
    assert left(price) >= 0
    worse = price - 1 if quantity > 0 else price + 1
    if 1 <= worse <= ticks_max:
        assert left(worse) < 0


def test_no_price_can_make_a_hopeless_account_whole():
    cost = trade_value_exact(BTC.kind, BTC.num, BTC.den, 10, 700_000)
    assert okex.okex_takeover_ticks(0, BTC.num, BTC.den, 10, cost, -(10**12), 10**7) == 0
    cost = trade_value_exact(USDT.kind, USDT.num, USDT.den, -10, 700_000)
    assert okex.okex_takeover_ticks(1, USDT.num, USDT.den, -10, cost, -(10**12), 10**7) == 0


@given(
    st.integers(0, 2**61),
    st.sampled_from([100_000, 200_000, 400_000]),
    st.sampled_from([1, 10, 20]),
)
def test_maintenance_rounds_down_exactly(amount, factor, leverage):
    assert okex.okex_maintenance(amount, factor, leverage) == factor * amount // (
        leverage * okex.PPM
    )


@given(st.integers(2, 10**6), st.sampled_from([10, 20]), st.sampled_from([1, -1]))
def test_the_closed_form_is_the_trigger_to_within_a_tick(entry, leverage, side):
    """P = 1 / (1/E + s (1-a)/(E lev)), derived from the published ratio."""
    assume(entry > 200)
    factor = Fraction(okex.factor_ppm("BTC", leverage), okex.PPM)
    exact = 1 / (Fraction(1, entry) + side * (1 - factor) / (entry * leverage))
    quantity = side * 10**5
    inside, outside = int(exact) - 1, int(exact) + 2
    lower, upper = (inside, outside) if side > 0 else (outside, inside)
    assert closes_at(BTC, quantity, entry, leverage, int(factor * okex.PPM), lower)
    assert not closes_at(BTC, quantity, entry, leverage, int(factor * okex.PPM), upper)
    assert unit_value(BTC.kind, BTC.num, BTC.den, entry) < 0
