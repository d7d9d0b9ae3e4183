"""Public feeds and Kraken's fills: gaps, repeats, order, and numbers that follow from others."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from exchange.tape import venues
from exchange.tape.venues.row import VenueRefused

TRADES = "id,price,qty,quote_qty,time,is_buyer_maker"
AGGREGATES = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
KLINES = "open_time,open,high,low,close,volume,close_time,quote_volume,count,a,b,ignore"
SNAPSHOT = (
    "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,"
    "last_fill_quantity,accumulated_fill_quantity"
)


def report(name: str, path: Path, *lines: str) -> dict[str, Any]:
    path.write_text("\n".join(lines) + "\n")
    return venues.run(name, [path]).report


def test_binance_trades(tmp_path: Path) -> None:
    found = report(
        "binance-trades", tmp_path / "t.csv", TRADES,
        "3,100.5,2,201,1600000000002,true",
        "1,100,1.5,150,1600000000000,false",
        "1,100,1.5,150,1600000000000,false",
        "6,100,1.5,151,1600000000009,false",
    )  # fmt: skip
    assert (found["rows"], found["kept"], found["duplicates"]) == (4, 3, 1)
    assert found["gaps"] == {"count": 2, "missing": 3}
    assert found["out_of_order"] == 2
    assert found["quote_qty"] == {
        "agree": 2, "differ": 1, "undetermined": 0, "largest_difference": "1",
    }  # fmt: skip
    assert found["first_differing"][0]["row"] == 5
    assert found["start_positions"] == {"agree": 0, "holes": 0}
    assert found["closed_pnl"]["agree"] == 0


def test_rows_in_order_are_checked_like_sorted_ones(tmp_path: Path) -> None:
    rows = [
        "1,100,1.5,150,1600000000000,false", "2,100,1.5,151,1600000000000,false",
        "5,100.5,2,201,1600000000002,true", "6,100,1,100,1600000000002,true",
        "9,100,1,100,1600000000009,true",
    ]  # fmt: skip
    in_order = report("binance-trades", tmp_path / "a.csv", TRADES, *rows)
    turned = report("binance-trades", tmp_path / "b.csv", TRADES, *reversed(rows))
    assert in_order["gaps"] == {"count": 2, "missing": 4}
    assert in_order["out_of_order"] == 0
    for told in (in_order, turned):
        assert [place.pop("number") for place in told.pop("first_differing")] == ["quote_qty"]
    assert in_order == turned


def test_binance_files_without_a_header_in_zip_and_gzip(tmp_path: Path) -> None:
    line = b"1,100,1.5,150.0,1600000000000,false\n"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", line)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(line.replace(b"1,100", b"2,100", 1)))
    found = venues.run("binance-trades", [tmp_path / "a.zip", tmp_path / "b.csv.gz"]).report
    assert (found["kept"], found["gaps"]["count"], found["quote_qty"]["agree"]) == (2, 0, 2)


def test_binance_trades_with_the_other_spelling(tmp_path: Path) -> None:
    header = "id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch"
    found = report("binance-trades", tmp_path / "t.csv", header, "1,2,3,6,1600000000000,True,True")
    assert found["quote_qty"]["agree"] == 1


def test_binance_coin_margined_trades_cannot_be_checked(tmp_path: Path) -> None:
    header = "id,price,qty,base_qty,time,is_buyer_maker"
    found = report("binance-trades", tmp_path / "t.csv", header, "1,2,3,6,1600000000000,true")
    assert found["quote_qty"]["undetermined"] == 1


def test_binance_aggregates_follow_each_other(tmp_path: Path) -> None:
    found = report(
        "binance-aggtrades", tmp_path / "t.csv", AGGREGATES,
        "10,100,1,500,502,1600000000000,true",
        "11,100,1,503,503,1600000000001,true",
        "12,100,1,505,506,1600000000001,true",
        "14,100,1,507,507,1600000000003,true",
    )  # fmt: skip
    assert found["first_trade_id"] == {
        "agree": 1, "differ": 1, "undetermined": 2, "largest_difference": "1",
    }  # fmt: skip
    assert found["gaps"] == {"count": 1, "missing": 1}


def test_binance_candles(tmp_path: Path) -> None:
    found = report(
        "binance-klines", tmp_path / "k.csv", KLINES,
        "1600000000000,10,12,9,11,0,1600000059999,0,60,0,0,0",
        "1600000060000,11,11.5,11,12,0,1600000119999,0,60,0,0,0",
        "1600000300000,12,13,9,9,0,1600000359999,0,60,0,0,0",
        "1600000330000,9,13,9,9,0,1600000389999,0,60,0,0,0",
    )  # fmt: skip
    assert found["gaps"] == {"count": 1, "missing": 3}
    assert found["high"]["differ"] == 1
    assert found["low"]["agree"] == 4
    assert found["open_time"] == {
        "agree": 1, "differ": 1, "undetermined": 2, "largest_difference": "30000",
    }  # fmt: skip


@pytest.mark.parametrize("unit", [1, 1000, 10**6, 10**9])
def test_candles_join_whatever_their_times_are_counted_in(tmp_path: Path, unit: int) -> None:
    rows = [
        f"{start * unit},10,12,9,11,0,{(start + 60) * unit - 1},0,60,0,0,0"
        for start in (1735689600, 1735689660, 1735689780)
    ]
    found = report("binance-klines", tmp_path / "k.csv", *rows)
    assert found["gaps"] == {"count": 1, "missing": 1}
    assert (found["open_time"]["agree"], found["open_time"]["differ"]) == (1, 0)


def test_binance_liquidations(tmp_path: Path) -> None:
    found = report(
        "binance-liquidations", tmp_path / "l.csv", SNAPSHOT,
        "1600000000000,SELL,LIMIT,IOC,5,100,99,FILLED,5,5",
        "1600000000001,SELL,LIMIT,IOC,5,100,99,FILLED,4,4",
        "1600000000002,BUY,LIMIT,IOC,5,100,99,PARTIALLY_FILLED,4,4",
    )  # fmt: skip
    assert found["accumulated_fill_quantity"]["agree"] == 2
    assert found["accumulated_fill_quantity"]["differ"] == 1


def test_okx_trades_with_translated_headers(tmp_path: Path) -> None:
    header = "trade_id/交易id,side/交易方向,size/数量,price/价格,created_time/成交时间"
    lines = [header, "7,BUY,1,100,1600000000000", "9,sell,1,100,1600000000001"]
    for encoding in ("utf-8", "gb18030"):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes("\n".join(lines).encode(encoding))
        found = venues.run("okx-trades", [path]).report
        assert found["kept"] == 2
        assert found["gaps"] == {"count": 1, "missing": 1}


def test_deribit_trades(tmp_path: Path) -> None:
    def trade(seq: int, price: float, tick: int, name: str = "BTC-PERPETUAL") -> dict[str, Any]:
        return {
            "trade_seq": seq, "trade_id": str(seq), "timestamp": 1600000000000 + seq,
            "tick_direction": tick, "price": price, "instrument_name": name, "direction": "buy",
            "amount": 10.0,
        }  # fmt: skip

    trades = [
        trade(1, 100.5, 0), trade(2, 101.0, 0), trade(3, 101.0, 1), trade(4, 100.0, 2),
        trade(5, 100.0, 3), trade(6, 100.0, 1), trade(9, 99.5, 2), trade(1, 5.0, 0, "ETH"),
    ]  # fmt: skip
    path = tmp_path / "d.json"
    path.write_text(json.dumps({"jsonrpc": "2.0", "result": {"trades": trades[::-1]}}))
    found = venues.run("deribit-trades", [path]).report
    assert found["gaps"] == {"count": 1, "missing": 2}
    assert found["tick_direction"] == {
        "agree": 4, "differ": 1, "undetermined": 3, "largest_difference": "2",
    }  # fmt: skip
    assert found["series"]["BTC-PERPETUAL"] == {"rows": 7, "first": 1, "last": 9}


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("binance-trades", ("id,price,time", "1,2,3"), "f.csv row 1, qty: is missing from"),
        ("binance-trades", (TRADES, "1,x,1,1,1,true"), 'f.csv row 2, price: "x" is not a number;'),
        ("binance-trades", (TRADES, "1,-1,1,1,1,true"), "f.csv row 2, price: -1 is not above"),
        ("binance-trades", (TRADES, "1,1,1,1,1,perhaps"), "f.csv row 2, is_buyer_maker: "),
        ("binance-trades", (TRADES, "1,1,1,1,1"), "f.csv row 2: has 5 cells"),
        ("binance-trades", (TRADES, "1,1,1,1,1600000000,true", "1,2,1,2,1600000000,true"),
         "f.csv row 3: number 1 is there twice with other content; name files of several"),
        ("binance-aggtrades", (AGGREGATES, "1,1,1,9,8,1600000000,true"),
         "f.csv row 2, last_trade_id: 8 is below first_trade_id 9; give"),
        ("okx-trades", ("trade_id,side,size,price,created_time", "1,up,1,1,1"),
         'f.csv row 2, side: "up" is not one of buy, sell; give'),
        ("deribit-trades", ('{"trades": [5]}',), "f.csv row 1: is not an object."),
        ("deribit-trades", ('[{"trade_seq": 1}]',), "f.csv row 1, price: is missing"),
    ],
)  # fmt: skip
def test_a_broken_row_is_named(
    tmp_path: Path, name: str, lines: tuple[str, ...], message: str
) -> None:
    with pytest.raises(VenueRefused) as refused:
        report(name, tmp_path / "f.csv", *lines)
    assert str(refused.value).startswith(message)


def kraken(number: int, **more: Any) -> dict[str, Any]:
    return {
        "fill_id": f"f{number}", "symbol": "PI_XBTUSD", "side": "buy", "order_id": "o1",
        "size": 1000, "price": 8000.5, "fillTime": f"2020-01-01T00:00:0{number}.000Z",
        "fillType": "maker",
    } | more  # fmt: skip


def test_kraken_fills(tmp_path: Path, tape_store: Path) -> None:
    fills = [
        kraken(3, side="sell", fillType="liquidation"), kraken(2, symbol="PF_ETHUSD", size=0.25),
        kraken(1), kraken(1),
    ]  # fmt: skip
    path = tmp_path / "fills.json"
    path.write_text(json.dumps({"result": "success", "fills": fills}))
    outcome = venues.run("kraken-fills", [path], "acc-1")
    assert (outcome.report["kept"], outcome.report["duplicates"]) == (3, 1)
    assert outcome.report["out_of_order"] == 0
    assert outcome.report["fill_types"] == {"maker": 2, "liquidation": 1}
    assert outcome.book is not None
    tape = venues.store(outcome.book, "kraken")
    assert {s.symbol: (s.kind, s.settle) for s in tape.specs} == {
        "PI_XBTUSD": (0, "XBT"), "PF_ETHUSD": (1, "USD"),
    }  # fmt: skip
    assert tape.fills.quantity.tolist() == [1000, 25, -1000]


def test_spot_fills_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "fills.json"
    path.write_text(json.dumps({"fills": [kraken(1), kraken(2, symbol="XBT/USD")]}))
    found = venues.run("kraken-fills", [path]).report
    assert (found["rows"], found["kept"], found["set_aside"]) == (2, 1, 1)


def test_kraken_fills_as_csv_and_broken(tmp_path: Path) -> None:
    header = "fill_id,symbol,side,order_id,size,price,fillTime,fillType"
    found = report(
        "kraken-fills", tmp_path / "fills.csv", header,
        "f1,PI_XBTUSD,buy,o1,1000,8000.5,2020-01-01T00:00:01.000Z,taker",
    )  # fmt: skip
    assert found["kept"] == 1
    for line, message in (
        ("f1,PI_XBTUSD,buy,o1,1000,8000.5,2020-01-01T00:00:01,taker", "fillTime: "),
        ("f1,PI_XBTUSD,buy,o1,0,8000.5,2020-01-01T00:00:01Z,taker", "size: 0 is not above zero;"),
        ("f1,PI_XBTUSD,buy,o1,1,8000.5,2020-01-01T00:00:01Z,gift", 'fillType: "gift" is not'),
    ):
        with pytest.raises(VenueRefused) as refused:
            report("kraken-fills", tmp_path / "fills.csv", header, line)
        assert str(refused.value).startswith(f"fills.csv row 2, {message}")


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(venues.FormatUnknown, match="hyperliquid-fills"):
        venues.run("mtgox", [])
