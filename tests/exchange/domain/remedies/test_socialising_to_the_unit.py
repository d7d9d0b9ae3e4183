"""Socialising random markets: everything written off or lacking is paid, and by whom."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.rows import CHARGED, CUT, HOUSE, REPAID, UNREACHED, WRITTEN_OFF
from exchange.domain.remedies.socialising import (
    ALL_PAY,
    CLAWBACK,
    HAIRCUT,
    HOUSE_PAYS,
    SINCE_CUTOFF,
    TAPE,
    WINNER_OWES,
    Sharing,
    socialise,
)
from tests.exchange.domain.remedies import oracle
from tests.exchange.domain.remedies.facts import markets


@settings(max_examples=40, deadline=None)
@given(
    markets(),
    st.sampled_from([CLAWBACK, HAIRCUT]),
    st.sampled_from([TAPE, SINCE_CUTOFF]),
    st.integers(0, 10**6),
    st.integers(0, 999_999),
    st.sampled_from([HOUSE_PAYS, ALL_PAY, WINNER_OWES]),
)
def test_to_the_unit(
    facts: Facts, method: str, period: str, injected: int, rate: int, beyond: str
) -> None:
    """What is written off or lacking is what the fund, the house, and then all others pay."""
    result = socialise(facts, Sharing(method, period, np.full(3, injected), rate, beyond))
    legs = result.legs
    profits = oracle.net_profits(facts, since_cutoff=period == SINCE_CUTOFF)
    for asset in range(3):
        rows = legs.asset == asset
        took = np.isin(legs.reason, (CHARGED, CUT, UNREACHED)) & (legs.account != HOUSE)
        borne = -int(legs.amount[rows & took].sum())
        gone = -int(legs.amount[rows & (legs.reason == UNREACHED)].sum())
        house = -int(legs.amount[rows & (legs.account == HOUSE)].sum())
        fund = -int(legs.amount[rows & (legs.account == facts.fund)].sum())
        has, _, debts = (wallet[facts.customer, asset].tolist() for wallet in facts.wallets)
        owed = sum(max(0, -debt - own) for own, debt in zip(has, debts, strict=True))
        repaid = -int(facts.wallets.receivable[facts.customer, asset].sum()) - owed
        assert int(legs.amount[rows & (legs.reason == REPAID)].sum()) == 0
        assert int(np.abs(legs.amount[rows & (legs.reason == REPAID)]).sum()) == 2 * repaid
        worth, cash = oracle.worth_of_fund(facts, asset)
        need = owed + max(0, -worth)
        of_fund = min(need, max(0, min(worth, cash)))
        assert fund == of_fund - max(0, -worth)
        assert int(legs.amount[rows & (legs.reason == WRITTEN_OFF)].sum()) == owed
        assert owed == fund + house + borne
        if method == CLAWBACK or not rate:
            put_in = min(injected, need - of_fund)
            pool = sum(max(0, profits[a, asset]) for a in np.flatnonzero(facts.customer).tolist())
            if method == HAIRCUT:
                pool = balances(facts, asset) - repaid
            of_house = gone if beyond == HOUSE_PAYS else 0
            shortage = need - of_fund - put_in - pool
            if beyond == ALL_PAY and method == CLAWBACK and gone:
                assert house >= put_in + max(0, shortage)
            else:
                assert borne + of_house == min(need - of_fund - put_in, pool)
    if beyond != WINNER_OWES:
        assert (result.after.receivable[facts.customer] == 0).all()
    assert (result.after.futures[facts.customer] >= 0).all()


def balances(facts: Facts, asset: int) -> int:
    """What customers have, all wallets together."""
    wallets = (facts.wallets.futures, facts.wallets.funding)
    return sum(int(wallet[facts.customer, asset].sum()) for wallet in wallets)
