"""Hyperliquid fills: ordering, holes, mid-position histories, and the venue's closedPnl."""

import gzip
import json
import random
import zipfile
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exchange.domain.replay import empty_holdings, replay
from exchange.tape import store, venues
from exchange.tape.venues import hyperliquid
from exchange.tape.venues.row import VenueRefused
from tests.exchange.tape.venues.hyper import T0, USER, Venue, fill, write


def report(path: Path) -> dict[str, Any]:
    return hyperliquid.reconcile([path]).report


def test_a_whole_history_agrees_to_the_last_digit(tmp_path: Path) -> None:
    venue = Venue(1).wander(400)
    found = report(write(tmp_path / "fills.json", venue.made))
    assert found == {
        "format": "hyperliquid-fills", "rows": 400, "kept": 400, "set_aside": 0, "duplicates": 0,
        "out_of_order": 0, "gaps": {"count": 0, "missing": 0},
        "start_positions": {"agree": 400, "holes": 0, "started_mid_position": 0},
        "closed_pnl": {"agree": 400, "differ": 0, "undetermined": 0, "largest_difference": "0"},
        "first_holes": [], "first_differing": [],
    }  # fmt: skip


def silent_hole(made: list[dict[str, Any]], kept: list[dict[str, Any]]) -> bool:
    """Whether rows are missing whose sizes cancel, at one place or at places that rows of one
    millisecond, which come in any order, lie between; or in the first millisecond, in which a
    history may begin anywhere: nothing printed tells of such holes."""
    numbers = {row["tid"]: at for at, row in enumerate(made)}
    missing, reached = [Decimal(0)], 0
    for a, b in pairwise(kept):
        if numbers[b["tid"]] - numbers[a["tid"]] == 1:
            continue
        if a["time"] == kept[0]["time"]:
            return True
        if a["time"] > reached:
            missing = [Decimal(0)]
        net = Decimal(a["sz"]) * (1 if a["side"] == "B" else -1)
        here = Decimal(b["startPosition"]) - Decimal(a["startPosition"]) - net
        missing.append(missing[-1] + here)
        if missing[-1] in missing[:-1]:
            return True
        reached = b["time"]
    return False


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    decimals=st.integers(0, 5),
    cut=st.booleans(),
    data=st.data(),
)
def test_missing_rows_are_holes_never_differences(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    decimals: int,
    cut: bool,
    data: st.DataObject,
) -> None:
    """Any history with any rows missing, as long as something printed tells of them."""
    venue = Venue(seed, decimals=decimals, cut=cut).wander(120)
    begin = data.draw(st.integers(0, 60))
    lost = data.draw(st.sets(st.integers(begin, 119), max_size=30))
    kept = [row for number, row in enumerate(venue.made) if number >= begin and number not in lost]
    assume(not silent_hole(venue.made, kept))

    path = tmp_path_factory.mktemp("hl") / "fills.json"
    path.write_text(json.dumps(kept[::-1]))
    found = report(path)

    assert found["closed_pnl"]["differ"] == 0, found["first_differing"]
    starts = found["start_positions"]
    assert starts["agree"] + starts["holes"] == len(kept)
    assert starts["holes"] <= len(lost)
    profits = found["closed_pnl"]
    assert profits["agree"] + profits["undetermined"] == len(kept)


@pytest.mark.parametrize(
    ("seed", "begin", "lost", "holes"),
    [
        pytest.param(3233, 52, (87, 89), 2, id="before and after a fill that others lead around"),
        pytest.param(1, 1, (4, 5), 1, id="after a history that begins in the middle of a loop"),
    ],
)
def test_profits_tell_which_order_has_the_holes(
    tmp_path: Path, seed: int, begin: int, lost: tuple[int, ...], holes: int
) -> None:
    made = Venue(seed, decimals=0).wander(120).made
    kept = [row for number, row in enumerate(made) if number >= begin and number not in lost]
    found = report(write(tmp_path / "fills.json", kept))
    assert (found["closed_pnl"]["differ"], found["start_positions"]["holes"]) == (0, holes)


@pytest.mark.parametrize("seed", range(20))
def test_a_shuffled_whole_history_has_no_holes(tmp_path: Path, seed: int) -> None:
    venue = Venue(seed).wander(300)
    random.Random(seed).shuffle(venue.made)
    path = tmp_path / "fills.json"
    path.write_text(json.dumps(venue.made))
    found = report(path)
    assert found["start_positions"]["holes"] == 0
    assert found["start_positions"]["agree"] == 300
    assert found["closed_pnl"]["differ"] == 0
    assert found["closed_pnl"]["agree"] >= 299


def test_equal_stamps_are_chained_from_the_state_before(tmp_path: Path) -> None:
    rows = [
        fill("ZED", "50.0", "2.0", "B", "0.0", tid=1),
        fill("ZED", "51.0", "1.0", "A", "2.0", "1.0", tid=2),
        fill("ZED", "51.0", "0.5", "A", "1.0", "0.5", tid=3),
        fill("ZED", "52.0", "0.5", "A", "0.5", "1.0", tid=4),
    ]
    for order in ([3, 1, 0, 2], [2, 3, 1, 0], [0, 2, 1, 3]):
        path = write(tmp_path / "fills.json", [rows[at] for at in order])
        found = hyperliquid.reconcile([path])
        assert [step.fill.trade for step in found.steps] == [1, 2, 3, 4]
        assert found.report["closed_pnl"]["agree"] == 4


def test_the_entry_price_is_cut_off_not_rounded(tmp_path: Path) -> None:
    """4.2 at 88.17, 3.9 at 88.23 and 5.3 at 88.41 average 88.28238...: 88.2823 counts."""
    rows = [
        fill("ZED", "88.17", "4.2", "B", "0.0", time=T0 + 1),
        fill("ZED", "88.23", "3.9", "B", "4.2", time=T0 + 2),
        fill("ZED", "88.41", "5.3", "B", "8.1", time=T0 + 3),
        fill("ZED", "89.5001", "2.1", "A", "13.4", "2.55738", time=T0 + 4),
    ]
    assert report(write(tmp_path / "a.json", rows))["closed_pnl"]["agree"] == 4
    rows[3]["closedPnl"] = "2.55717"
    found = report(write(tmp_path / "b.json", rows))
    assert found["closed_pnl"] == {
        "agree": 3, "differ": 1, "undetermined": 0, "largest_difference": "0.00021",
    }  # fmt: skip
    assert found["first_differing"] == [
        {"number": "closedPnl", "file": "b.json", "row": 1, "coin": "ZED", "time": T0 + 4,
         "venue": "2.55717", "ours": "2.55738"}
    ]  # fmt: skip


def test_a_history_from_mid_position_learns_its_entry_from_the_first_close(tmp_path: Path) -> None:
    rows = [
        fill("ZED", "50.0", "1.0", "B", "9.0", time=T0 + 1),
        fill("ZED", "52.0", "5.0", "A", "10.0", "10.0", time=T0 + 2),
        fill("ZED", "53.0", "5.0", "A", "5.0", "15.0", time=T0 + 3),
    ]
    found = hyperliquid.reconcile([write(tmp_path / "fills.json", rows)])
    assert found.report["start_positions"] == {
        "agree": 3, "holes": 0, "started_mid_position": 1,
    }  # fmt: skip
    assert found.report["closed_pnl"] == {
        "agree": 2, "differ": 0, "undetermined": 1, "largest_difference": "0",
    }  # fmt: skip
    assert found.openings == {("", "ZED"): 450_000_000}


def test_what_only_an_interval_tells_is_undetermined_inside_and_differs_outside(
    tmp_path: Path,
) -> None:
    """After one close the entry is 50.0000 to 50.0001; more bought leaves two possible entries."""
    begin = [
        fill("ZED", "50.5", "1.0", "A", "10.0", "0.5", time=T0 + 1),
        fill("ZED", "40.0009", "1.0", "B", "9.0", time=T0 + 2),
    ]
    for pnl, outcome in (("2.0", "undetermined"), ("1.9999", "undetermined"), ("1.0", "differ")):
        last = fill("ZED", "51.0", "1.0", "A", "10.0", pnl, time=T0 + 3)
        found = report(write(tmp_path / "fills.json", [*begin, last]))["closed_pnl"]
        assert found["agree"] == 1, (pnl, found)
        assert found[outcome] == (2 if outcome == "undetermined" else 1)


def test_holes_are_counted_and_start_anew_from_the_venue(tmp_path: Path) -> None:
    rows = [
        fill("ZED", "50.0", "1.0", "B", "0.0", time=T0 + 1),
        fill("ZED", "51.0", "1.0", "A", "3.0", "2.5", time=T0 + 2),
        fill("ZED", "51.0", "1.0", "A", "2.0", "2.5", time=T0 + 3),
        fill("ZED", "60.0001", "1.0", "A", "0.0", time=T0 + 9),
        fill("ZED", "59.0001", "1.0", "B", "-1.0", "1.0", time=T0 + 10),
    ]
    found = hyperliquid.reconcile([write(tmp_path / "fills.json", rows)])
    assert found.report["start_positions"]["holes"] == 2
    assert found.report["gaps"] == {"count": 2, "missing": 2}
    assert found.report["closed_pnl"] == {
        "agree": 4, "differ": 0, "undetermined": 1, "largest_difference": "0",
    }  # fmt: skip
    assert found.report["first_holes"] == [
        {"file": "fills.json", "row": 4, "coin": "ZED", "time": T0 + 2, "missing": "2"},
        {"file": "fills.json", "row": 2, "coin": "ZED", "time": T0 + 9, "missing": "-1"},
    ]
    assert [str(step.hole) for step in found.steps] == ["0", "2.0", "0.0", "-1.0", "0.0"]


def test_spot_rows_are_set_aside_and_repeated_rows_counted_once(tmp_path: Path) -> None:
    perp = fill("ZED", "50.0", "1.0", "B", "0.0")
    spot = [fill(coin, "1.23456789", "1.0", "B", "0.0") for coin in ("@107", "#12", "PURR/USDC")]
    found = report(write(tmp_path / "fills.json", [perp, *spot, perp]))
    assert (found["rows"], found["kept"], found["set_aside"], found["duplicates"]) == (5, 1, 3, 1)


def test_both_sides_of_a_self_trade_are_kept(tmp_path: Path) -> None:
    rows = [
        fill("ZED", "50.0", "1.0", "B", "0.0", time=T0 + 5, tid=9),
        fill("ZED", "50.0", "1.0", "A", "1.0", "0.0", time=T0 + 5, tid=9),
    ]
    assert report(write(tmp_path / "fills.json", rows))["kept"] == 2


def test_node_fills_by_line_and_by_block(tmp_path: Path) -> None:
    one = fill("ZED", "50.0", "1.0", "B", "0.0", time=T0 + 1)
    two = fill("ZED", "51.0", "1.0", "A", "1.0", "1.0", time=T0 + 2, liquidation={
        "liquidatedUser": USER, "markPx": "51.0", "method": "market"})  # fmt: skip
    lines = tmp_path / "lines.jsonl"
    lines.write_text("\n".join(json.dumps([USER, row]) for row in (one, two)) + "\n")
    blocks = tmp_path / "blocks.jsonl"
    blocks.write_text(
        "\n".join(json.dumps({"block_number": n, "events": [[USER, row]]})
                  for n, row in enumerate((one, two)))
    )  # fmt: skip
    for path in (lines, blocks):
        found = hyperliquid.reconcile([path])
        assert found.report["closed_pnl"]["agree"] == 2
        assert [(step.fill.user, step.fill.liquidated) for step in found.steps] == [
            (USER, False), (USER, True),
        ]  # fmt: skip


def test_node_trades_are_the_fills_of_both_sides(tmp_path: Path) -> None:
    def trade(side: str, buyer: str, seller: str, second: int) -> dict[str, Any]:
        sides = [
            {"user": user, "start_pos": start, "oid": second, "twap_id": None, "cloid": None}
            for user, start in (("0xbuyer", buyer), ("0xseller", seller))
        ]
        return {
            "coin": "ZED", "side": side, "time": f"2024-07-26T08:31:4{second}.717", "px": "51.367",
            "sz": "0.5", "hash": "0x0", "trade_dir_override": "Na", "side_info": sides,
        }  # fmt: skip

    trades = [trade("B", "0.0", "2.0", 1), trade("A", "0.5", "1.5", 2), trade("A", "1.0", "0.5", 3)]
    path = tmp_path / "node_trades"
    path.write_text("\n".join(json.dumps(made) for made in trades))
    found = hyperliquid.reconcile([path])
    assert found.report["start_positions"] == {"agree": 5, "holes": 1, "started_mid_position": 1}
    assert found.report["closed_pnl"]["undetermined"] == 6
    assert [(f.user, str(f.size), f.taker) for f, _ in found.steps[:3]] == [
        ("0xbuyer", "0.5", True), ("0xseller", "-0.5", False), ("0xbuyer", "0.5", False),
    ]  # fmt: skip
    assert found.steps[0].fill.time_ms == 1721982701717


def test_gzip_zip_and_several_files(tmp_path: Path) -> None:
    venue = Venue(5).wander(60)
    text = [json.dumps(part).encode() for part in (venue.made[:30], venue.made[20:])]
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(text[0]))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("folder/b.json", text[1])
    found = hyperliquid.reconcile([tmp_path / "b.zip", tmp_path / "a.json.gz"]).report
    assert (found["rows"], found["kept"], found["duplicates"]) == (70, 60, 10)
    assert found["closed_pnl"]["agree"] == 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"px": None}, "fills.json row 2, px: is missing"),
        ({"px": "high"}, 'fills.json row 2, px: "high" is not a number'),
        ({"px": "0"}, "fills.json row 2, px: 0 is not above zero; give"),
        ({"sz": "-1"}, "fills.json row 2, sz: -1 is not above zero; give"),
        ({"sz": "NaN"}, 'fills.json row 2, sz: "NaN" is not a number'),
        ({"side": "buy"}, 'fills.json row 2, side: "buy" is not one of b, a, s; give'),
        ({"startPosition": ""}, "fills.json row 2, startPosition: is missing"),
        ({"closedPnl": None}, "fills.json row 2, closedPnl: is missing"),
        ({"coin": None}, "fills.json row 2, coin: is missing"),
        ({"time": "yesterday"}, 'fills.json row 2, time: "yesterday" is not a time'),
        ({"time": 1.5}, 'fills.json row 2, time: "1.5" is not a time'),
    ],
)
def test_a_broken_row_names_file_row_and_field(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    rows = [fill("ZED", "50.0", "1.0", "B", "1.0"), fill("ZED", "50.0", "1.0", "B", "0.0")]
    rows[0] |= change
    with pytest.raises(VenueRefused) as refused:
        report(write(tmp_path / "fills.json", rows))
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json", "fills.json row 1: is not JSON"),
        (
            b"time,coin,dir,px,sz\n1,ZED,Open Long,50,1\n",
            "fills.json row 1: is not JSON, it begins with 'time,coin,dir,px,sz'; give what the",
        ),
        (b'[{"coin": "ZED"},\n {"coin": ]', "fills.json row 1: is not JSON"),
        (b'{"coin": "ZED"', "fills.json row 1: is not JSON"),
        (b"[1, 2]", "fills.json row 1: is not a fill"),
        (b"\xff\xfe", "fills.json row 1: is not UTF-8 text"),
        (gzip.compress(b"[]" * 100)[:-9], "fills.json: cannot be unpacked"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "fills.json"
    path.write_bytes(content)
    with pytest.raises(VenueRefused) as refused:
        report(path)
    assert str(refused.value).startswith(message)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(VenueRefused, match="nothing.json: does not exist"):
        report(Path("nothing.json"))


def test_the_account_becomes_a_tape_that_replays_to_the_venues_positions(
    tmp_path: Path, tape_store: Path
) -> None:
    venue = Venue(11, coin="xyz:ZED").wander(200)
    kept = venue.made[30:90] + venue.made[110:]
    path = write(tmp_path / "fills.json", kept)
    outcome = venues.run("hyperliquid-fills", [path], "acc-1")
    assert outcome.book is not None
    tape = venues.store(outcome.book, "test-account")

    assert store.load(tape.digest, verify=True).digest == tape.digest
    assert tape.manifest["scope"] == "accounts"
    assert tape.manifest["source"]["bridged_holes"] == {"xyz:ZED": 1}
    assert tape.accounts.code == ("acc-1",)
    spec = tape.specs[0]
    assert (spec.symbol, spec.underlying, spec.settle, spec.scale) == ("xyz:ZED", "ZED", "USDC", 6)
    assert (spec.num, spec.den) == (1, 1)
    opening = empty_holdings()._replace(
        account=tape.positions.account, contract=tape.positions.contract,
        quantity=tape.positions.quantity, cost=tape.positions.cost,
        realised=tape.positions.cost * 0, fees=tape.positions.cost * 0,
    )  # fmt: skip
    (end,) = replay(opening, tape.fills, tape.specs, [int(tape.fills.time[-1])])
    assert end.quantity.tolist() == [venue.position]


def test_a_liquidated_fill_is_recorded(tmp_path: Path, tape_store: Path) -> None:
    rows = [
        fill("ZED", "50.0001", "1.0", "B", "0.0", time=T0 + 1),
        fill("ZED", "45.0001", "1.0", "A", "1.0", "-5.0", time=T0 + 2, dir="Liquidated Cross Long"),
    ]
    outcome = venues.run("hyperliquid-fills", [write(tmp_path / "fills.json", rows)], "acc-1")
    assert outcome.book is not None
    tape = venues.store(outcome.book, "test-account")
    assert tape.liquidations.quantity.tolist() == [100]
    assert (tape.fills.flags >> 1 & 3).tolist() == [0, 2]


def test_an_order_that_cannot_be_found_is_undetermined_never_a_difference(tmp_path: Path) -> None:
    """Hundreds of fills of one millisecond on both sides, shuffled: too many orders to try."""
    chance = random.Random(1)
    venue = Venue(9)
    for _ in range(250):
        size = chance.choice((1, 2, 3, 5, 10))
        venue.trade(size * chance.choice((1, -1)), int(500_000 * chance.uniform(0.9, 1.1)))
    chance.shuffle(venue.made)
    path = tmp_path / "fills.json"
    path.write_text(json.dumps(venue.made))
    found = report(path)
    assert found["start_positions"] == {"agree": 250, "holes": 0, "started_mid_position": 0}
    assert found["closed_pnl"]["differ"] == 0
    assert found["closed_pnl"]["undetermined"] > 0


def test_a_forged_profit_inside_a_sweep_still_differs(tmp_path: Path) -> None:
    rows = [
        fill("ZED", "50.0001", "9.0", "B", "0.0", time=T0 + 1, tid=1),
        fill("ZED", "51.0001", "4.0", "A", "9.0", "4.0", time=T0 + 2, tid=2),
        fill("ZED", "51.0001", "3.0", "A", "5.0", "3.1", time=T0 + 2, tid=3),
        fill("ZED", "51.0001", "2.0", "A", "2.0", "2.0", time=T0 + 2, tid=4),
    ]
    random.Random(4).shuffle(rows)
    found = report(write(tmp_path / "fills.json", rows))
    assert found["closed_pnl"] == {
        "agree": 3, "differ": 1, "undetermined": 0, "largest_difference": "0.1",
    }  # fmt: skip
    assert found["first_differing"][0]["venue"] == "3.1"


@pytest.mark.parametrize("forged", ["4.0", "0.0", "3.1"])
def test_a_forged_profit_is_one_difference_whatever_it_implies(tmp_path: Path, forged: str) -> None:
    venue = Venue(21).wander(200)
    at = next(n for n, row in enumerate(venue.made) if n > 100 and abs(float(row["closedPnl"])) > 9)
    venue.made[at]["closedPnl"] = forged
    found = report(write(tmp_path / "fills.json", venue.made))
    assert found["closed_pnl"]["differ"] == 1
    assert [row["row"] for row in found["first_differing"]] == [200 - at]


def test_rows_that_cancel_and_are_missing_are_one_difference(tmp_path: Path) -> None:
    rows = [
        fill("ZED", "50.0001", "9.0", "B", "0.0", time=T0 + 1, tid=1),
        # 1.0 bought at 70.0001 and 1.0 sold again are missing here: the entry is 52.0001 now
        fill("ZED", "53.0001", "4.0", "A", "9.0", "4.0", time=T0 + 4, tid=4),
        fill("ZED", "53.0001", "3.0", "A", "5.0", "3.0", time=T0 + 5, tid=5),
        fill("ZED", "53.0001", "2.0", "A", "2.0", "2.0", time=T0 + 6, tid=6),
    ]
    found = report(write(tmp_path / "fills.json", rows))
    assert found["closed_pnl"] == {
        "agree": 3, "differ": 1, "undetermined": 0, "largest_difference": "8",
    }  # fmt: skip
