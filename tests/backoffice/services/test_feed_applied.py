"""A client that has the tape and the feed, and nothing else of ours, comes to the books."""

from decimal import Decimal
from itertools import groupby
from typing import Any

import pytest

from backoffice.models import Plan
from backoffice.services import feed
from exchange.domain.holdings import Fills
from exchange.domain.remedies.catalogue import Step
from exchange.domain.replay import replay
from exchange.models import Position
from exchange.services.books import opening_holdings
from exchange.tape import store
from exchange.tape.arrays import Tape
from tests.backoffice.services.adjusted import FIRST, computed, undo
from tests.backoffice.services.conftest import World, close_gates, executed
from tests.backoffice.views.market import Market

pytestmark = pytest.mark.django_db
Held = dict[tuple[str, str], tuple[int, int]]
BAND = {"band": "0.01", "reference": "fair", "contracts": ""}
SETTLE = Step("settle", {"contract": "BTC0629", "price": "6500.00", "refund_price": "6500.00"})


@pytest.fixture
def market(market: Market) -> Market:
    """Its gates are closed, so that plans on it are executed."""
    close_gates(market)
    return market


def applied(tape: Tape, rows: list[dict[str, Any]]) -> Held:
    """What the feed leads to, record by record: fills are cancelled, corrected and entered again,
    positions follow by replay, and what a position report says beyond that is kept beside it.
    Every record must find what it says was there before."""
    quantity, price = tape.fills.quantity.copy(), tape.fills.price.copy()
    place = {str(seq): number for number, seq in enumerate(tape.fills.seq.tolist())}
    beyond: Held = {}
    for report, group in groupby(rows, key=lambda row: row["MsgType"]):
        if report == "8":
            for row in group:
                correct(tape, row, place[row["OrigExecID"]], quantity, price)
            continue
        follows = replayed(tape, quantity, price)
        for row in group:
            key = row["Account"], row["Symbol"]
            held, cost = follows.get(key, (0, 0))
            more = beyond.get(key, (0, 0))
            assert reported(tape, row, "Old") == (held + more[0], cost + more[1])
            now = reported(tape, row, "")
            beyond[key] = (now[0] - held, now[1] - cost)
    found = replayed(tape, quantity, price)
    for key, (held, cost) in beyond.items():
        was = found.get(key, (0, 0))
        found[key] = (was[0] + held, was[1] + cost)
    return {key: held for key, held in found.items() if held != (0, 0)}


def correct(tape: Tape, row: dict[str, Any], at: int, quantity: Any, price: Any) -> None:
    """Do to a fill what its record says."""
    sign = 1 if row["Side"] == "1" else -1
    assert quantity[at] == sign * int(row["OldLastQty"])
    assert row["OldLastPx"] is None or price[at] == ticks(tape, row, "OldLastPx")
    quantity[at] = sign * int(row["LastQty"])
    if row["LastPx"] is not None:
        price[at] = ticks(tape, row, "LastPx")


def reported(tape: Tape, row: dict[str, Any], when: str) -> tuple[int, int]:
    """(quantity, cost) of a position report, before ("Old") or after ("")."""
    spec = next(one for one in tape.specs if one.symbol == row["Symbol"])
    held = int(row[f"{when}LongQty"]) - int(row[f"{when}ShortQty"])
    return held, int(Decimal(row[f"{when}Cost"]).scaleb(spec.scale))


def replayed(tape: Tape, quantity: Any, price: Any) -> Held:
    """Positions at the end of the tape with these fills."""
    kept = quantity != 0
    changed = Fills(*(c[kept] for c in tape.fills._replace(quantity=quantity, price=price)))
    (end,) = replay(opening_holdings(tape), changed, tape.specs, [2**62])
    return {
        (tape.accounts.code[account], tape.specs[contract].symbol): (held, cost)
        for account, contract, held, cost in zip(
            end.account.tolist(), end.contract.tolist(), end.quantity.tolist(), end.cost.tolist(),
            strict=True,
        )
    }  # fmt: skip


def ticks(tape: Tape, row: dict[str, Any], name: str) -> int:
    spec = next(one for one in tape.specs if one.symbol == row["Symbol"])
    found = Decimal(row[name]) / spec.tick
    assert found == int(found)
    return int(found)


def books(market: Market) -> Held:
    rows = Position.objects.filter(account__venue=market.record.venue).exclude(quantity=0, cost=0)
    return {
        (account, symbol): (quantity, cost)
        for account, symbol, quantity, cost in rows.values_list(
            "account__code", "contract__symbol", "quantity", "cost"
        )
    }


def agrees(market: Market) -> None:
    rows = feed.read(market.record.venue).rows
    assert applied(store.load(market.record.digest), rows) == books(market)


@pytest.mark.parametrize(
    ("remedy", "words", "then"),
    [
        ("rollback", {}, ()),
        ("bust", BAND | {"follow": "no"}, ()),
        ("bust", BAND | {"follow": "yes"}, ()),
        ("reprice", BAND | {"follow": "no"}, ()),
        ("reprice", BAND | {"follow": "yes"}, ()),
        ("reinstate", {}, ()),
        ("settle", SETTLE.parameters, ()),
        ("rollback", {}, (SETTLE,)),
        ("reprice", BAND | {"follow": "no"}, (SETTLE,)),
    ],
)
def test_the_feed_leads_to_the_books_and_its_undo_back(
    world: World, market: Market, remedy: str, words: dict[str, str], then: tuple[Step, ...]
) -> None:
    before = books(market)
    agrees(market)
    plan: Plan = executed(world, computed(market, remedy, FIRST, words, *then))
    assert feed.read(market.record.venue).rows
    agrees(market)
    executed(world, undo(plan))
    assert books(market) == before
    agrees(market)
