"""The frozen facts: which fill took a close over, which rows there are, who trades with whom."""

import numpy as np
import pytest

from exchange.domain.remedies.facts import (
    NOBODY,
    FactsRefused,
    after_cut,
    counterparty,
    takeover_rows,
    with_rows,
    wrong,
)
from exchange.domain.replay import empty_holdings
from exchange.domain.verdicts import DUE_BOTH, DUE_PRINTED_ONLY, MISSED, NOT_DUE
from tests.exchange.domain.remedies.facts import LIQUIDATION, TAKEOVER, facts_of, tape

TAKEN = tape(
    ([(1, 0, 0, 1, 9, 700_000, 0)], 0),
    ([(5, 0, 8, 0, 3, 690_000, 0), (5, 0, 8, 0, 6, 690_000, 0), (5, 0, 1, 8, 2, 700_000, 0)],
     TAKEOVER),
    ([(5, 0, 2, 8, 9, 690_010, 0)], LIQUIDATION),
)  # fmt: skip


def found(*closes: tuple[int, int, int]) -> list[int]:
    columns = np.array(closes, np.int64).reshape(len(closes), 3).T
    account, contract = columns[1].astype(np.int32), columns[2].astype(np.int16)
    return takeover_rows(columns[0], account, contract, TAKEN).tolist()


def test_a_close_is_found_by_account_contract_and_instant() -> None:
    assert found((5, 1, 0)) == [6]
    assert found((4, 1, 0), (5, 1, 1), (5, 7, 0)) == [NOBODY] * 3
    assert found() == []


def test_closes_of_one_instant_are_matched_in_their_order() -> None:
    assert found((5, 0, 0), (5, 1, 0), (5, 0, 0), (5, 0, 0)) == [3, 6, 5, NOBODY]


def test_a_sale_of_what_was_taken_over_is_no_take_over() -> None:
    assert found((5, 2, 0)) == [NOBODY]
    assert found((1, 0, 0)) == [NOBODY]


def test_house_and_fund_have_a_row_in_every_contract() -> None:
    facts = facts_of(TAKEN, [[0]] * 12, house=11, fund=8)
    pairs = list(zip(facts.end.account.tolist(), facts.end.contract.tolist(), strict=True))
    assert pairs == [(0, 0), (1, 0), (2, 0), (8, 0), (11, 0)]
    assert facts.cut.account.tolist() == facts.end.account.tolist()
    rows = with_rows(facts.end, (3, NOBODY, 3, 0), 2)
    pairs = list(zip(rows.account.tolist(), rows.contract.tolist(), strict=True))
    assert pairs == [(0, 0), (0, 1), (1, 0), (2, 0), (3, 0), (3, 1), (8, 0), (11, 0)]
    assert rows.quantity.tolist() == [0, 0, -7, 9, 0, 0, -2, 0]
    assert rows.contract.dtype == np.int16
    assert with_rows(empty_holdings(), (), 3).account.size == 0


def test_fills_after_the_cut_off_begin_a_microsecond_later() -> None:
    first, fills = after_cut(facts_of(TAKEN, [[0]] * 9, cutoff=1))
    assert (first, fills.time.tolist()) == (2, [5] * 8)
    assert after_cut(facts_of(TAKEN, [[0]] * 9, cutoff=5))[0] == 10


def test_which_closes_a_fair_price_would_not_have_caused() -> None:
    verdicts = (DUE_BOTH, DUE_PRINTED_ONLY, NOT_DUE, MISSED)
    rows = [(5, 0, 0, 3, 690_000, verdict) for verdict in verdicts]
    facts = facts_of(TAKEN, [[0]] * 9, closes=rows)
    assert wrong(facts.closes).tolist() == [False, True, True, False]


def test_the_house_trades_before_the_fund_and_somebody_must() -> None:
    facts = facts_of(TAKEN, [[0]] * 12, house=11, fund=8)
    assert counterparty(facts) == 11
    assert counterparty(facts._replace(house=NOBODY)) == 8
    with pytest.raises(FactsRefused, match="neither a house nor an insurance account"):
        counterparty(facts._replace(house=NOBODY, fund=NOBODY))
