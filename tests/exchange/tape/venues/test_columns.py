"""Public files read in columns: whatever is in them, what is printed or refused is what reading
them row by row prints or refuses."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.tape.venues import binance, lines, okx, public
from exchange.tape.venues.public import Feed, Numbers
from exchange.tape.venues.row import Row, VenueRefused

FEEDS = {name: feed for name, feed in (binance.FEEDS | okx.FEEDS).items() if feed.plain}
BEGIN = {"s": 1_600_000_000, "ms": 1_600_000_000_000, "us": 1_600_000_000_000_000}
MINUTE = {"s": 60, "ms": 60_000, "us": 60_000_000}
LONG = f"{'0' * 60}1"
CELLS = (
    "", "0", "-1", "1", "7.0", "007", "+1", ".5", "5.", "-.5", "1e3", "nan", "0x1F", " 1", "1_0",
    "²", "True", "FALSE", "perhaps", "Sell", "0.000000001", "0.12345678", "1.00000000000",
    "99999999999", str(2**63 - 1), str(2**63), LONG, "1600000000000.0", "1600000000000.00",
    "2020-09-13T12:26:40Z", "9999999999999", "1600000000000000000", "\ufeff1", '"1"', '"', "1\r",
    "x\x00", "1,2", "ABC-USDT",
)  # fmt: skip
"""What stands in a cell of a spoiled file: sound, odd, or nothing that can be read."""


def trades(draw: st.DrawFn, unit: str, count: int) -> tuple[str, list[list[str]]]:
    """Spot trades print eight decimals, others as many as there are."""
    padded = draw(st.sampled_from((0, 8)))
    stated = draw(st.sampled_from(("quote_qty", "quoteQty", "base_qty")))
    rows, number, time = [], draw(st.integers(-3, 10**12)), BEGIN[unit]
    for _ in range(count):
        price, quantity = draw(st.integers(1, 10**7)), draw(st.integers(1, 10**6))
        number += draw(st.sampled_from((1, 1, 1, 1, 1, 2, 9)))
        time += draw(st.integers(0, 5))
        numbers = (
            decimal(units, places, padded)
            for units, places in ((price, 2), (quantity, 3), (price * quantity, 5))
        )
        rows.append([str(number), *numbers, str(time), draw(st.sampled_from(("true", "False")))])
    return f"id,price,qty,{stated},time,is_buyer_maker", rows


def aggregates(draw: st.DrawFn, unit: str, count: int) -> tuple[str, list[list[str]]]:
    rows, number, first, time = [], 70, draw(st.integers(0, 10**10)), BEGIN[unit]
    for _ in range(count):
        last = first + draw(st.integers(0, 3))
        price, quantity = decimal(draw(st.integers(1, 10**7)), 2), draw(st.integers(1, 99))
        rows.append([str(number), price, str(quantity), str(first), str(last), str(time), "true"])
        number += draw(st.sampled_from((1, 1, 1, 1, 3)))
        first, time = last + 1, time + draw(st.integers(0, 5))
    header = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
    return header, rows


def candles(draw: st.DrawFn, unit: str, count: int) -> tuple[str, list[list[str]]]:
    rows, opened, price = [], BEGIN[unit], draw(st.integers(10**4, 10**6))
    for _ in range(count):
        close = price + draw(st.integers(-99, 99))
        ohlc = (price, max(price, close) + 1, min(price, close), close)
        ends = opened + MINUTE[unit] - 1
        rows.append(
            [str(opened), *(decimal(n, 2) for n in ohlc), "0", str(ends), "0", "60", "0", "0", "0"]
        )
        opened, price = ends + 1, close
    return ",".join(binance.FEEDS["binance-klines"].columns), rows


def okx_trades(draw: st.DrawFn, unit: str, count: int) -> tuple[str, list[list[str]]]:
    rows, number, time = [], 500, BEGIN[unit]
    for _ in range(count):
        number += draw(st.sampled_from((1, 1, 1, 1, 4)))
        time += draw(st.integers(0, 5))
        price, size = decimal(draw(st.integers(1, 10**7)), 1), str(draw(st.integers(1, 99)))
        side = draw(st.sampled_from(("buy", "SELL")))
        rows.append(["ABC-USDT-SWAP", str(number), side, price, size, str(time)])
    return "instrument_name,trade_id,side,price,size,created_time", rows


MADE = {
    "binance-aggtrades": aggregates, "binance-klines": candles, "binance-trades": trades,
    "okx-trades": okx_trades,
}  # fmt: skip


PLAIN = {
    "binance-aggtrades": [
        f"{7 + n},10.5,3,{20 + 2 * n},{21 + 2 * n},{1600000000000 + n},true" for n in range(6)
    ],
    "binance-klines": [
        f"{1600000000000 + n * 60000},10,12,9,10,0,{1600000059999 + n * 60000},0,60,0,0,0"
        for n in range(6)
    ],
    "binance-trades": [
        f"{1 + n},20000.50000000,0.00200000,40.00100000,{1600000000000 + n},True" for n in range(6)
    ],
    "okx-trades": [f"{500 + n},buy,3,10.5,{1600000000000 + n}" for n in range(6)],
}


def decimal(units: int, places: int, padded: int = 0) -> str:
    whole, rest = divmod(units, 10**places)
    return f"{whole}.{f'{rest:0{places}d}':0<{padded}}"


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A format, and a file of it: good, or with cells spoiled and rows moved, repeated or lost."""
    name = draw(st.sampled_from(sorted(MADE)))
    header, rows = MADE[name](draw, draw(st.sampled_from(sorted(BEGIN))), draw(st.integers(1, 30)))
    at = st.integers(0, len(rows) - 1)
    for _ in range(draw(st.integers(0, 2))):
        what = draw(st.sampled_from(("cell", "cell", "swap", "repeat", "lose", "blank", "reverse")))
        row = draw(at)
        if what == "cell":
            cells = list(rows[row % len(rows)])
            cells[draw(st.integers(0, 11)) % len(cells)] = draw(st.sampled_from(CELLS))
            rows[row % len(rows)] = cells
        elif what == "swap":
            rows.insert(draw(at), rows.pop(row % len(rows)))
        elif what == "repeat":
            rows.insert(draw(at), rows[row % len(rows)])
        elif what == "lose" and len(rows) > 1:
            rows.pop(row % len(rows))
        elif what == "reverse":
            rows.reverse()
        else:
            rows.insert(row, [""])
    delimiter = draw(st.sampled_from((",", ",", ";")))
    written = [delimiter.join(cells) for cells in rows]
    if draw(st.booleans()):
        written.insert(0, header.replace(",", delimiter))
    end = draw(st.sampled_from(("\n", "\n", "\r\n", "\r")))
    return name, (end.join(written) + draw(st.sampled_from((end, "")))).encode()


def told(feed: Feed, path: Path) -> str:
    try:
        return json.dumps(public.run(feed, [path]).report)
    except VenueRefused as refused:
        return str(refused)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("public") / "ABC-USDT-SWAP-trades-2020-09-13.csv"


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    """A few rows at a time, so that a short file has many blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_CHARACTERS", 150)
        yield


@given(made=files())
def test_columns_tell_what_rows_tell(path: Path, made: tuple[str, bytes]) -> None:
    name, content = made
    path.write_bytes(content)
    in_columns = told(FEEDS[name], path)
    assert in_columns == told(FEEDS[name]._replace(plain=None), path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_CHARACTERS", len(content))
        assert in_columns == told(FEEDS[name], path)


@pytest.mark.parametrize("name", sorted(MADE))
def test_rows_that_hold_nothing_remarkable_are_not_read_one_by_one(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = PLAIN[name]
    path.write_text("\n".join(rows))
    seen = []
    feed = FEEDS[name]

    def check(row: Row, before: Row | None, numbers: Numbers) -> None:
        seen.append(row.number)
        feed.check(row, before, numbers)

    monkeypatch.setattr(lines, "BLOCK_CHARACTERS", len(rows[0]) * 3)
    public.run(feed._replace(check=check), [path])
    assert seen == [1, 4]
