"""The journals that open books, for any market: they balance, close, and end where it ended."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain import opening
from exchange.domain.opening import CAPITAL, CLEARING, CUSTODY, FEES, RECEIVABLE, Moneys
from exchange.domain.replay import Holdings

ACCOUNTS, CONTRACTS, ASSETS = 4, 3, 2
ASSET_OF = np.array([0, 0, 1], np.int16)
CUSTOMERS = np.array([True, True, True, False])
SMALL = st.integers(-1_000, 1_000)
MONEY = st.tuples(
    st.integers(0, ACCOUNTS - 1), st.integers(0, 1), st.integers(0, ASSETS - 1), SMALL
)
CELL = st.tuples(SMALL, SMALL, SMALL, SMALL)
STATE = st.lists(CELL, min_size=ACCOUNTS * CONTRACTS, max_size=ACCOUNTS * CONTRACTS)


def holdings(cells: list[tuple[int, int, int, int]], *, results: bool) -> Holdings:
    """One row a cell; a flat position costs nothing, as in every replay."""
    account, contract = np.divmod(np.arange(len(cells)), CONTRACTS)
    quantity, cost, realised, fees = np.array(cells, np.int64).T
    nothing = np.zeros_like(realised)
    return Holdings(
        account.astype(np.int32), contract.astype(np.int16), quantity,
        np.where(quantity == 0, 0, cost), realised if results else nothing,
        fees if results else nothing,
    )  # fmt: skip


def moneys(rows: list[tuple[int, int, int, int]]) -> Moneys:
    table = np.array(rows, np.int64).reshape(-1, 4).T
    account, wallet, asset, amount = table
    return Moneys(account.astype(np.int32), wallet.astype(np.uint8), asset.astype(np.int16), amount)


@given(STATE, STATE, st.lists(MONEY, max_size=8), st.lists(MONEY, max_size=8))
@settings(max_examples=200, deadline=None)
def test_the_journals_of_any_market(
    before: list[tuple[int, int, int, int]],
    after: list[tuple[int, int, int, int]],
    balances: list[tuple[int, int, int, int]],
    transfers: list[tuple[int, int, int, int]],
) -> None:
    start, end = holdings(before, results=False), holdings(after, results=True)
    three = opening.journals(
        customers=CUSTOMERS, asset_of=ASSET_OF, assets=ASSETS, balances=moneys(balances),
        opening=start, closing=end, transfers=moneys(transfers),
    )  # fmt: skip
    wallets = np.zeros((3, ACCOUNTS, ASSETS), np.int64)
    held = np.zeros((2, ACCOUNTS + 1, CONTRACTS), np.int64)
    clearing = np.zeros(CONTRACTS, np.int64)
    for cash, moves in three:
        _balances(cash, moves)
        own = cash.kind <= RECEIVABLE
        np.add.at(wallets, (cash.kind[own], cash.owner[own], cash.asset[own]), cash.amount[own])
        np.add.at(clearing, cash.owner[cash.kind == CLEARING], cash.amount[cash.kind == CLEARING])
        np.add.at(held[0], (moves.account, moves.contract), moves.quantity)
        np.add.at(held[1], (moves.account, moves.contract), moves.cost)
        # After each of the three, whatever comes next: no wallet below zero, no debt above it.
        assert (wallets[:2, CUSTOMERS] >= 0).all()
        assert (wallets[RECEIVABLE] <= 0).all()
        assert (clearing + held[1].sum(axis=0) == 0).all()
        assert (held[1][held[0] == 0] == 0).all()
    assert (held[:, :ACCOUNTS] == opening._dense(end, ACCOUNTS, CONTRACTS)).all()
    assert (wallets.sum(axis=0) == _true_cash(balances, transfers, end)).all()


def _balances(cash: opening.Places, moves: opening.Moves) -> None:
    assert (cash.amount != 0).all()
    for asset in range(ASSETS):
        assert cash.amount[cash.asset == asset].sum() == 0
    for contract in range(CONTRACTS):
        assert moves.quantity[moves.contract == contract].sum() == 0
    assert set(cash.owner[np.isin(cash.kind, [CUSTODY, FEES, CAPITAL])].tolist()) <= {-1}


def _true_cash(
    balances: list[tuple[int, int, int, int]],
    transfers: list[tuple[int, int, int, int]],
    end: Holdings,
) -> np.ndarray:
    """What each account has in each asset when debts count against it."""
    cash = np.zeros((ACCOUNTS, ASSETS), np.int64)
    for account, _, asset, amount in [*balances, *transfers]:
        cash[account, asset] += amount
    np.add.at(cash, (end.account, ASSET_OF[end.contract]), end.realised - end.fees)
    return cash


def test_a_market_that_closes_needs_no_outside_and_no_capital() -> None:
    start = holdings([(0, 0, 0, 0)] * 12, results=False)
    cells = [(0, 0, 0, 0)] * 12
    cells[0], cells[3] = (5, -50, 7, 1), (-5, 45, -12, 1)  # cost less realised sums to zero
    assert Fraction(-50 - 7 + 45 + 12) == 0
    (first, _), (trading, moves), (third, _) = opening.journals(
        customers=CUSTOMERS, asset_of=ASSET_OF, assets=ASSETS,
        balances=moneys([(0, 0, 0, 100), (1, 0, 0, 100)]), opening=start,
        closing=holdings(cells, results=True), transfers=moneys([]),
    )  # fmt: skip
    assert dict(zip(first.kind.tolist(), first.amount.tolist(), strict=True))[CUSTODY] == -200
    assert sorted(zip(*(c.tolist() for c in trading), strict=True)) == [
        (0, 0, 0, 6), (0, 1, 0, -13), (CLEARING, 0, 0, 5), (FEES, -1, 0, 2),
    ]  # fmt: skip
    assert moves.account.tolist() == [0, 1]
    assert len(third.amount) == 0
