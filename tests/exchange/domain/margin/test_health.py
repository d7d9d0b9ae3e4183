"""The closed form against its definition: bisection of the margin balance."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.margin.health import (
    ENTRY,
    FEE_AT_BANKRUPTCY,
    FEE_AT_MARK,
    MARK,
    NO_FEE,
    Account,
    Holding,
    bankruptcy_price,
    closing_fee,
    equity,
    health,
    liquidation_price,
    search_liquidation_price,
)
from exchange.domain.margin.position import CONTRACTS, INVERSE, LINEAR, LONG, SHORT, Leg
from exchange.domain.margin.tiers import flat, tier_table


def decimals(low: str, high: str, places: int = 4) -> st.SearchStrategy[Fraction]:
    scale = 10**places
    return st.integers(int(Fraction(low) * scale), int(Fraction(high) * scale)).map(
        lambda units: Fraction(units, scale)
    )


TABLES = st.sampled_from(
    [
        flat(Fraction("0.005")),
        flat(Fraction(0)),
        tier_table([(0, "0.004"), (50_000, "0.01"), (100_000, "0.1"), (500_000, "0.5")]),
        tier_table([(0, "0.01"), (1, "0.02"), (5, "0.05"), (20, "0.25")]),
    ]
)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    contract = draw(st.sampled_from(CONTRACTS))
    leg = Leg(
        contract,
        draw(st.sampled_from([LONG, SHORT])),
        draw(decimals("0.0001", "1000000")),
        draw(decimals("0.01", "100000")),
    )
    share = draw(decimals("0", "1.5"))
    return Account(
        holdings=(Holding(leg, draw(TABLES), draw(st.sampled_from([ENTRY, MARK]))),),
        collateral=share * leg.entry_value,
        others_profit=draw(decimals("-0.2", "0.2")) * leg.entry_value,
        others_maintenance=draw(decimals("0", "0.1")) * leg.entry_value,
        fee=draw(decimals("0", "0.002")),
        fee_at=draw(st.sampled_from([NO_FEE, FEE_AT_BANKRUPTCY, FEE_AT_MARK])),
        fee_in_bankruptcy=draw(st.booleans()),
    )


@given(accounts())
def test_closed_form_equals_search(account: Account) -> None:
    found, searched = liquidation_price(account), search_liquidation_price(account)
    if found is None or searched is None:
        # The search halves or doubles at most 200 times; the closed form knows no such end.
        assert (
            found is None
            or not Fraction(1, 2**190) < found / account.holdings[0].leg.entry < 2**190
        )
        assert searched is None
        return
    assert health(account, found) == 0
    assert abs(found - searched) <= Fraction(1, 10**12) * found


@given(accounts())
def test_nothing_is_left_at_the_bankruptcy_price(account: Account) -> None:
    price = bankruptcy_price(account)
    if price is not None:
        kept = (
            account.fee * account.holdings[0].leg.value(price) if account.fee_in_bankruptcy else 0
        )
        assert equity(account, price) == kept


@given(accounts())
def test_health_falls_as_the_price_turns_against_the_position(account: Account) -> None:
    leg = account.holdings[0].leg
    better = leg.entry * (Fraction(11, 10) if leg.side == LONG else Fraction(9, 10))
    assert health(account, better) >= health(account, leg.entry)


def test_an_inverse_short_at_one_times_is_never_liquidated() -> None:
    leg = Leg(INVERSE, SHORT, Fraction(10_000), Fraction(8_000))
    account = Account(holdings=(Holding(leg, flat(Fraction("0.005"))),), collateral=leg.entry_value)
    assert liquidation_price(account) is None
    assert bankruptcy_price(account) is None


def test_a_fully_paid_linear_long_is_never_liquidated() -> None:
    leg = Leg(LINEAR, LONG, Fraction(2), Fraction(100))
    account = Account(holdings=(Holding(leg, flat(Fraction("0.005"))),), collateral=Fraction(200))
    assert liquidation_price(account) is None
    assert search_liquidation_price(account) is None


def test_a_hedged_account_is_liquidated_where_its_net_side_loses() -> None:
    long = Leg(LINEAR, LONG, Fraction(3), Fraction(30_000))
    short = Leg(LINEAR, SHORT, Fraction(1), Fraction(31_000))
    holdings = (Holding(long, flat(Fraction("0.01"))), Holding(short, flat(Fraction("0.01"))))
    account = Account(holdings=holdings, collateral=Fraction(20_000))
    price = liquidation_price(account)
    assert price is not None
    assert price < long.entry
    assert health(account, price) == 0


def test_of_two_prices_that_liquidate_a_hedged_account_the_nearer_counts() -> None:
    # Health is nil far below, where the net long has lost all, and above, where both legs reach the
    # upper tier: 90 + 50 - 28.5 left at 150, which 19 coins at 50 % less the net one use up.
    table = tier_table([(0, "0.01"), (1_500, "0.5")])
    legs = [Leg(LINEAR, side, Fraction(size), Fraction(100)) for side, size in ((1, 10), (-1, 9))]
    account = Account(holdings=tuple(Holding(leg, table) for leg in legs), collateral=Fraction(90))
    price = liquidation_price(account)
    assert price is not None
    assert 150 < price < 175
    assert health(account, price) == 0
    assert health(account, Fraction(12)) < 0 < health(account, Fraction(13))


def test_equal_legs_have_no_bankruptcy_price() -> None:
    legs = [Leg(LINEAR, side, Fraction(1), Fraction(100)) for side in (LONG, SHORT)]
    account = Account(
        holdings=tuple(Holding(leg, flat(Fraction("0.01"))) for leg in legs),
        collateral=Fraction(5),
    )
    assert bankruptcy_price(account) is None
    assert liquidation_price(account) == Fraction(5) / Fraction("0.02")


def test_the_fee_at_bankruptcy_needs_a_bankruptcy_price() -> None:
    leg = Leg(INVERSE, SHORT, Fraction(100), Fraction(10))
    account = Account(
        holdings=(Holding(leg, flat(Fraction(0))),),
        collateral=2 * leg.entry_value,
        fee=Fraction("0.001"),
        fee_at=FEE_AT_BANKRUPTCY,
    )
    assert closing_fee(account, leg.entry) == 0
