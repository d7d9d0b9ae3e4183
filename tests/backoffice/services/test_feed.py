"""The adjustment feed: exact records of executed plans and of their undoing, paged by any size."""

from pathlib import Path

import pytest
from django.db import IntegrityError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice import cursors
from backoffice.models import Event, Publication
from backoffice.services import adjustments, feed
from backoffice.services.feed import Wanted
from exchange.domain.remedies.catalogue import Step
from exchange.queries.keyset import BadCursor
from exchange.tape import store
from tests.backoffice.services.adjusted import FIRST, computed, undo
from tests.backoffice.services.conftest import World, close_gates, compute, executed, run_sql
from tests.backoffice.views.market import Market

pytestmark = pytest.mark.django_db
TYPES = ("ExecType", "Account", "Side", "LastQty", "LastPx", "OldLastQty", "OldLastPx")


@pytest.fixture
def market(market: Market) -> Market:
    """Its gates are closed, so that plans on it are executed."""
    close_gates(market)
    return market


def rows(market: Market, wanted: Wanted = Wanted()) -> list[dict[str, str]]:  # noqa: B008
    return feed.read(market.record.venue, wanted=wanted).rows


def of(row: dict[str, str], *names: str) -> tuple[str, ...]:
    return tuple(row[name] for name in names)


def test_a_rollback_cancels_every_fill_after_the_cutoff(world: World, market: Market) -> None:
    plan = executed(world, computed(market, "rollback"))
    found = rows(market)
    assert [of(row, *TYPES) for row in found] == [
        ("H", "FUND", "2", "0", None, "10", "6300.25"),
        ("H", "A-mo", "1", "0", None, "10", "6300.25"),
    ]
    event = Event.objects.get(plan=plan, kind="plan.executed")
    assert found[0] == {
        "MsgType": "8",
        "ExecID": f"MW{event.number}-0",
        "ExecType": "H",
        "ExecRefID": "5",
        "OrigExecID": "5",
        "OrderID": None,
        "TrdMatchID": "3",
        "Account": "FUND",
        "Symbol": "BTC0629",
        "Side": "2",
        "LastQty": "0",
        "LastPx": None,
        "OldLastQty": "10",
        "OldLastPx": "6300.25",
        "OrigTime": "20180329-21:00:02.000000",
        "TransactTime": feed.fix_time(event.at),
        "PlanDigest": plan.digest,
    }
    assert of(found[1], "OrderID", "TrdMatchID") == ("13", "3")


def test_its_undo_enters_them_again_and_names_the_cancels(world: World, market: Market) -> None:
    done = executed(world, computed(market, "rollback"))
    back = executed(world, undo(done))
    cancelled, entered = rows(market)[:2], rows(market)[2:]
    assert [of(row, *TYPES) for row in entered] == [
        ("F", "A-mo", "1", "10", "6300.25", "0", None),
        ("F", "FUND", "2", "10", "6300.25", "0", None),
    ]
    assert [row["ExecRefID"] for row in entered] == [row["ExecID"] for row in cancelled[::-1]]
    assert [row["OrigExecID"] for row in entered] == ["6", "5"]
    assert {row["PlanDigest"] for row in entered} == {back.digest}
    event = Event.objects.get(plan=back, kind="plan.undone")
    assert (event.source, event.reversed, event.refers.plan) == (done, True, done)
    assert event.payload["undoes"] == done.digest
    assert len({row["ExecID"] for row in rows(market)}) == 4
    # The remedy computed anew has records of its own, with ids of their own.
    executed(world, computed(market, "rollback"))
    again = rows(market)[4:]
    assert [of(row, *TYPES) for row in again] == [of(row, *TYPES) for row in cancelled]
    assert [row["ExecRefID"] for row in again] == ["5", "6"]
    assert len({row["ExecID"] for row in rows(market)}) == 6


BAND = {"band": "0.01", "reference": "fair", "contracts": "", "follow": "no"}


def test_a_bust_cancels_both_sides_outside_the_band(world: World, market: Market) -> None:
    executed(world, computed(market, "bust", FIRST, BAND))
    assert [of(row, "OrigExecID", *TYPES) for row in rows(market)] == [
        ("3", "H", "A-ann", "2", "0", None, "10", "6400.50"),
        ("4", "H", "FUND", "1", "0", None, "10", "6400.50"),
        ("5", "H", "FUND", "2", "0", None, "10", "6300.25"),
        ("6", "H", "A-mo", "1", "0", None, "10", "6300.25"),
    ]


def test_a_repricing_corrects_both_sides_to_the_edge(world: World, market: Market) -> None:
    executed(world, computed(market, "reprice", FIRST, BAND))
    found = rows(market)
    assert [of(row, "OrigExecID", "ExecType", "OldLastPx") for row in found] == [
        ("3", "G", "6400.50"), ("4", "G", "6400.50"), ("5", "G", "6300.25"), ("6", "G", "6300.25"),
    ]  # fmt: skip
    assert {row["LastPx"] for row in found} == {"6435.01"}
    assert {row["LastQty"] for row in found} == {"10"}


def test_a_reinstatement_reports_positions_and_no_fill(world: World, market: Market) -> None:
    plan = executed(world, computed(market, "reinstate", FIRST))
    found = {row["Account"]: row for row in rows(market)}
    assert {row["MsgType"] for row in found.values()} == {"AM"}
    ann = found["A-ann"]
    assert of(ann, "OldLongQty", "OldShortQty", "LongQty", "ShortQty") == ("0", "0", "10", "0")
    assert of(ann, "OldCost", "Currency", "PosTransType") == ("0.00000000", "BTC", "3")
    assert ann["Cost"].startswith("-0.15")
    assert ann["PosMaintRptRefID"] is None
    held = sum(int(row["LongQty"]) - int(row["ShortQty"]) for row in found.values())
    were = sum(int(row["OldLongQty"]) - int(row["OldShortQty"]) for row in found.values())
    assert held == were
    executed(world, undo(plan))
    back = rows(market)[len(found) :]
    assert {row["PosMaintRptRefID"] for row in back} == {
        row["PosMaintRptID"] for row in found.values()
    }
    assert [row["LongQty"] for row in back if row["Account"] == "A-ann"] == ["0"]


def test_what_follows_a_bust_in_one_plan_is_told_after_it(world: World, market: Market) -> None:
    """The positions of the second step begin where the fills of the first leave them."""
    settle = Step("settle", {"contract": "BTC0629", "price": "6500.00", "refund_price": "6500.00"})
    executed(world, computed(market, "rollback", None, None, settle))
    found = rows(market)
    assert [row["MsgType"] for row in found[:2]] == ["8", "8"]
    positions = {row["Account"]: row for row in found[2:]}
    assert {row["MsgType"] for row in positions.values()} == {"AM"}
    assert {row["LongQty"] + row["ShortQty"] for row in positions.values()} == {"00"}
    # After the rollback the fund holds what it took over from Ann, Mo is short of both.
    assert positions["FUND"]["OldLongQty"] == "10"
    assert positions["A-mo"]["OldShortQty"] == "13"
    assert positions["A-hal"]["OldLongQty"] == "3"


def test_a_payment_changes_no_fill_and_no_position(world: World) -> None:
    plan = executed(world, compute(world, [10, 20, 30]))
    assert feed.read(world.venue).rows == []
    assert Event.objects.filter(plan=plan).count() == 2


def test_filters_leave_the_cursor_where_it_would_be(world: World, market: Market) -> None:
    executed(world, computed(market, "rollback", FIRST))
    venue = market.record.venue
    whole = feed.read(venue)
    mo = feed.read(venue, wanted=Wanted(accounts=[market.account("A-mo").tape_index]))
    assert [row["OrigExecID"] for row in mo.rows] == ["2", "6"]
    assert mo.next == whole.next
    assert feed.read(venue, wanted=Wanted(contract=1)).next == whole.next
    assert feed.read(venue, wanted=Wanted(accounts=[])).rows == []


def test_the_end_is_a_place_to_go_on_from(world: World, market: Market) -> None:
    venue = market.record.venue
    nothing = feed.read(venue)
    assert (nothing.rows, nothing.more) == ([], False)
    executed(world, computed(market, "rollback"))
    page = feed.read(venue, nothing.next)
    assert (len(page.rows), page.more) == (2, False)
    assert feed.read(venue, page.next) == feed.Page([], page.next, False)
    event = Event.objects.get(venue=venue, kind="plan.executed")
    assert feed.read(venue, event.payload["cursor"]).rows == page.rows


def test_a_cursor_of_elsewhere_is_refused(world: World, market: Market) -> None:
    venue = market.record.venue
    good = cursors.write(venue.pk, cursors.Place(3, 4))
    assert cursors.read(venue.pk, good) == (3, 4)
    with pytest.raises(BadCursor, match="of another venue"):
        feed.read(venue, cursors.write(venue.pk + 1, cursors.START))
    for wrong in ("x", "!!!", "MS4x", "é", cursors.write(venue.pk, cursors.Place(-1, 0)), "A" * 99):
        with pytest.raises(BadCursor):
            feed.read(venue, wrong)


@pytest.fixture
def history(world: World, market: Market) -> Market:
    """Four plans and their undoings: fills, corrections and positions in one feed."""
    for remedy, cutoff, words in (
        ("rollback", FIRST, None),
        ("bust", FIRST, BAND),
        ("reinstate", FIRST, None),
        ("reprice", FIRST, BAND),
    ):
        executed(world, undo(executed(world, computed(market, remedy, cutoff, words))))
    return market


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None
)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    account=st.none() | st.sampled_from(["A-mo", "A-ann", "FUND"]),
    contract=st.none() | st.sampled_from([0, 1]),
)
def test_pages_of_any_sizes_are_the_whole_once(
    history: Market, sizes: list[int], account: str | None, contract: int | None
) -> None:
    venue = history.record.venue
    accounts = None if account is None else [history.account(account).tape_index]
    wanted = Wanted(accounts, contract)
    whole = feed.read(venue, wanted=wanted)
    found, after, turn = [], "", 0
    while True:
        page = feed.read(venue, after, sizes[turn % len(sizes)], wanted)
        assert len(page.rows) <= sizes[turn % len(sizes)]
        assert page.rows or not page.more, "a page that promises more gives some"
        found, after, turn = found + page.rows, page.next, turn + 1
        if not page.more:
            break
    assert found == whole.rows
    assert after == whole.next
    everything = feed.read(venue).rows
    assert len({row.get("ExecID") or row["PosMaintRptID"] for row in everything}) == len(everything)
    if contract != 1:  # in which nothing was ever traded
        assert found == [row for row in everything if account in (None, row["Account"])]


def test_deleted_records_are_made_again(world: World, market: Market) -> None:
    plan = executed(world, computed(market, "rollback", FIRST))
    before = rows(market)
    files = list(Path(store.folder()).glob("*.adjustments-*"))
    assert len(files) == 3
    for file in files:
        file.unlink()
    assert not adjustments.prepared(plan)
    assert Publication.objects.get(plan=plan).records == 6
    assert feed.sweep() == 1
    event = Event.objects.get(plan=plan, kind="plan.executed")
    assert feed.prepare(event_id=event.pk) == 6
    assert feed.sweep() == 0
    assert rows(market) == before


def test_what_was_published_is_not_published_otherwise(world: World, market: Market) -> None:
    """A later version that would say something else of a plan says nothing, and says why."""
    plan = executed(world, computed(market, "rollback", FIRST))
    Publication.objects.create(plan=plan, records=6, digest="0" * 64)
    with pytest.raises(adjustments.RecordsDiffer, match="not published again"):
        feed.read(market.record.venue)
    assert not adjustments.prepared(plan)
    assert feed.prepare(event_id=Event.objects.get(plan=plan, kind="plan.executed").pk) == 0
    with pytest.raises(IntegrityError, match="append only"):
        run_sql("UPDATE publication SET digest = 'x'")


def test_events_are_numbered_without_a_gap_and_never_change(world: World, market: Market) -> None:
    executed(world, computed(market, "rollback"))
    numbers = Event.objects.filter(venue=market.record.venue).order_by("number")
    assert list(numbers.values_list("number", "kind")) == [
        (1, "gate.closed"), (2, "gate.closed"), (3, "plan.executed"), (4, "plan.reconciled"),
    ]  # fmt: skip
    for statement in (
        "UPDATE event SET payload = '{}'",
        "DELETE FROM event",
        "INSERT INTO event"
        " (venue_id, number, key, kind, at, incident_id, gate_id, reversed, payload)"
        " SELECT venue_id, 9, gen_random_uuid(), 'gate.lifted', at, incident_id, gate_id, false,"
        " payload FROM event WHERE number = 1",
    ):
        with pytest.raises(IntegrityError, match=r"append only|does not follow"):
            run_sql(statement)
