"""What no venue wrote: files cut off, packed otherwise or spoiled by other programs, and numbers
beyond a market. Each is refused by file, row and field, with what to do."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pytest

from exchange.tape import venues
from exchange.tape.venues.report import turns
from exchange.tape.venues.row import Row, VenueRefused
from tests.exchange.tape.venues.hyper import T0, fill

HEADER = "id,price,qty,quote_qty,time,is_buyer_maker"
ROW = "1,100,1.5,150,1600000000000,false"
GOOD = f"{HEADER}\n{ROW}\n".encode()


def zipped(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def locked(archive: bytes) -> bytes:
    """The same zip, its one file marked as encrypted."""
    local, central = archive.index(b"PK\x03\x04") + 6, archive.index(b"PK\x01\x02") + 8
    marked = bytearray(archive)
    marked[local] |= 1
    marked[central] |= 1
    return bytes(marked)


def refusal(name: str, path: Path, content: bytes | str) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(VenueRefused) as refused:
        outcome = venues.run(name, [path])
        assert outcome.book is not None
        venues.store(outcome.book, "broken")
    return str(refused.value)


PACKED = [
    (gzip.compress(GOOD)[:-9], "cannot be unpacked (Compressed file ended"),
    (gzip.compress(GOOD) + b"more", "cannot be unpacked (Not a gzipped file"),
    (zipped(("a.csv", GOOD))[:-30], "is a zip that was cut off, or lies in another; fetch or"),
    (zipped(("a.zip", zipped(("a.csv", GOOD)))), "a.zip: is a zip that was cut off, or lies in"),
    (zipped(), "holds no file; fetch it again."),
    (locked(zipped(("a.csv", GOOD))), "is encrypted; unpack it with its password first."),
    (lzma.compress(GOOD), "is xz; unpack it with unxz first."),
    (bz2.compress(GOOD), "is bzip2; unpack it with bunzip2 first."),
    (GOOD.decode().encode("utf-16"), "row 1: is not UTF-8 text; save it as that."),
    (b"", "row 1: has no header line; it is empty."),
    (b"[" * 100_000, "is not JSON (maximum recursion depth"),
    (f"{HEADER},price\n{ROW},7\n".encode(), "row 1, price: is twice in the header; leave"),
    (f'{HEADER}\n"{ROW}\n'.encode(), "row 2: is not CSV (unexpected end of data); give the file"),
]


@pytest.mark.parametrize(("content", "message"), PACKED)
def test_a_file_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, content: bytes, message: str
) -> None:
    assert message in refusal("binance-trades", tmp_path / "t.csv", content)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(VenueRefused, match="is a folder; name the files in it"):
        venues.run("binance-trades", [tmp_path])


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"\n", b"\r"),
        b"\n\n" + GOOD,
        GOOD.replace(b",", b";"),
        GOOD.replace(b",", b"\t"),
        gzip.compress(b"\xef\xbb\xbf" + GOOD),
        zipped(("a.csv.gz", gzip.compress(GOOD))),
        zipped(("__MACOSX/._t.csv", b"\x00"), ("t.csv", GOOD)),
    ],
)
def test_files_come_as_they_are(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert venues.run("binance-trades", [path]).report["quote_qty"]["agree"] == 1


def row(value: Any) -> Row:
    return Row("f.csv", 2, {"cell": value})


@pytest.mark.parametrize(
    "value",
    [
        "1600000000",
        "1600000000000",
        "1600000000000000",
        "1600000000000000000",
        1600000000000,
        "1600000000000.0",
        "2020-09-13T12:26:40Z",
        "2020-09-13T14:26:40+02:00",
    ],
)
def test_a_time_is_read_in_the_unit_its_size_tells(value: Any) -> None:
    assert row(value).micros("cell") == 1_600_000_000_000_000


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("--5", "is not a time"),
        ("²", "is not a time"),
        ("9" * 5000, "is not a time"),
        ("1.6E+12", "is not a time: ISO with an offset, or a count since 1970."),
        ("0", "is no time between 2009 and 2100"),
        ("-1600000000000", "is not a time"),
        ("2020-09-13", "is not a time"),
        ("26666666", "is no time between 2009 and 2100"),  # minutes
        ("9999-12-31T23:59:59Z", "is no time between 2009 and 2100"),
        ("2020-09-13T12:26:40", "has no offset from UTC; write Z if it is UTC."),
    ],
)
def test_what_is_no_time_of_a_market_is_refused(value: str, message: str) -> None:
    with pytest.raises(VenueRefused, match="^f.csv row 2, cell: ") as refused:
        row(value).micros("cell")
    assert message in str(refused.value)


@pytest.mark.parametrize("value", ["2020-09-13T12:26:40", "2020-09-13 14:26:40+02:00"])
def test_a_time_without_an_offset_is_utc_where_the_venue_leaves_it_out(value: str) -> None:
    assert row(value).micros("cell", bare_is_utc=True) == 1_600_000_000_000_000


@pytest.mark.parametrize("value", ["1_000", "９", "1,5", "0x1F", "1e400", True, [1], {"a": 1}])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(VenueRefused, match="^f.csv row 2, cell: .*; give the file as the venue"):
        row(value).number_of("cell")


@pytest.mark.parametrize(("value", "read"), [("1e3", 1000), (" 7 ", 7), ("-2.50E1", -25)])
def test_exponents_are_read(value: str, read: int) -> None:
    assert row(value).integer("cell") == read


@pytest.mark.parametrize("value", [str(2**63), "1e18000", "-9223372036854775808"])
def test_a_whole_number_beyond_64_bits_is_refused(value: str) -> None:
    with pytest.raises(VenueRefused, match="^f.csv row 2, cell: "):
        row(value).integer("cell")


KLINE = "1600000000000,10,12,9,11,0,1600000059999,0,60,0,0,0"
ORDER = "1600000000000,SELL,LIMIT,IOC,5,100,99,FILLED,5,5"
EXECUTION = "e1,XBTUSD,Buy,1,8000,-12500,2021-01-01T00:00:00Z"
EXECUTIONS = f"execID,symbol,side,lastQty,lastPx,execCost,transactTime\n{EXECUTION}\n"
FILLS = (
    "fill_id,symbol,side,size,price,fillTime,fillType\na,PI_XBTUSD,buy,1,8000,1600000000000,maker\n"
)
TERMS = (
    "symbol,isInverse,isQuanto,multiplier,settlCurrency,tickSize\n"
    "XBTUSD,true,false,-100000000,XBt,0.5\n"
)
BROKEN = [
    ("binance-klines", KLINE.replace("1600000059999", ""), "row 1, close_time: is missing"),
    ("binance-klines", KLINE.replace("59999", "59999x"), "row 1, close_time: "),
    ("binance-klines", KLINE.replace("1600000059999", "1599999999999"), "close_time: is before"),
    ("binance-klines", KLINE.replace(",9,", ",-9,"), "row 1, low: -9 is not above zero; give"),
    ("binance-liquidations", ORDER.replace("SELL", "S"), 'side: "S" is not one of buy, sell; give'),
    ("binance-liquidations", ORDER[:-1] + "-5", "accumulated_fill_quantity: -5 is below zero;"),
    ("kraken-fills", FILLS.replace("PI_XBTUSD", "PI_USD"), 'row 2, symbol: "PI_USD" names no coin'),
    ("kraken-fills", FILLS.replace("PI_XBTUSD", "P" * 41), "row 2, symbol: "),
    ("kraken-fills", FILLS.replace("PI_XBTUSD", "a\0b"), "row 2, symbol: "),
    ("kraken-fills", FILLS.replace("buy,1,", "buy,1e13,"), "row 2, size: is 10000000000000 of the"),
    ("kraken-fills", FILLS.replace("8000", "8e12"), "row 2, price: is 8000000000000 of the"),
    ("bitmex-executions", TERMS, "f: describes contracts only; give the executions along."),
    ("bitmex-executions", EXECUTIONS.replace("2021-01-01T00:00:00Z", ""), "2, transactTime: is mi"),
    ("bitmex-executions", EXECUTIONS.replace("Buy,1,", f"Buy,{2**63},"), "row 2, lastQty: "),
    ("bitmex-instruments", TERMS.replace("XBt", "X" * 17), "row 2, settlCurrency: "),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN)
def test_a_broken_row_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    assert message in refusal(name, tmp_path / "f", content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"oid": -1}, "f.json row 1, oid: -1 is below zero"),
        ({"tid": 2**63}, "f.json row 1, tid: "),
        ({"user": "a\0b"}, "f.json row 1, user: "),
        ({"coin": "\u202eZED"}, "f.json row 1, coin: "),
        ({"coin": ["ZED"]}, "f.json row 1, coin: is a list or an object"),
        ({"feeToken": "x" * 17}, "f.json row 1, feeToken: "),
        ({"sz": "1e13"}, "f.json row 1, size: is "),
        ({"startPosition": "9e12"}, "f.json row 1, startPosition: is "),
        ({"px": "0.00001", "sz": "0.01"}, "f.json row 1, px: ZED prints sizes with 2 and prices"),
    ],
)
def test_a_broken_fill_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    made = fill("ZED", "50.0", "1.0", "B", "0.0", time=T0) | change
    assert refusal("hyperliquid-fills", tmp_path / "f.json", json.dumps([made])).startswith(message)


def test_spot_executions_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(EXECUTIONS + EXECUTION.replace("e1,XBTUSD", "e2,XBT_USDT") + "\n")
    found = venues.run("bitmex-executions", [path]).report
    assert (found["kept"], found["set_aside"]) == (1, 1)


EVERY = {
    "rows", "kept", "set_aside", "duplicates", "start_positions", "closed_pnl", "out_of_order",
    "gaps", "first_holes", "first_differing",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("binance-trades", GOOD.decode()),
        ("kraken-fills", FILLS),
        ("bitmex-executions", EXECUTIONS),
        ("bitmex-instruments", TERMS),
        ("hyperliquid-fills", json.dumps([fill("ZED", "50.0", "1.0", "B", "0.0")])),
    ],
)
def test_every_format_prints_what_is_documented(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / "f"
    path.write_text(content)
    assert venues.run(name, [path]).report.keys() >= EVERY


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_answer_is_said_to_be_empty(tmp_path: Path, content: str) -> None:
    told = refusal("hyperliquid-fills", tmp_path / "f.json", content)
    assert told == "f.json: is empty; fetch it again."


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((), (0, False)),
        ((1, 2, 2, 3), (0, False)),
        ((3, 2, 2, 1), (0, True)),
        ((1, 5, 2, 3, 6), (2, False)),  # both come after 5
        ((6, 2, 5, 3, 1), (2, True)),
    ],
)
def test_rows_out_of_order(times: tuple[int, ...], expected: tuple[int, bool]) -> None:
    assert turns(times) == expected


def test_newest_first_is_an_order_too(tmp_path: Path) -> None:
    made = [fill("ZED", "50.0", "1.0", "B", f"{n}.0", time=T0 + n) for n in (3, 2, 0, 1)]
    path = tmp_path / "f.json"
    path.write_text(json.dumps(made))
    assert venues.run("hyperliquid-fills", [path]).report["out_of_order"] == 1
