"""Venue files in the shapes the venues document, with invented values; good and broken.

Columns from binance/binance-public-data README, OKX's data download guide, Deribit's
`get_last_trades_by_instrument`, Kraken's "Get your fills" and "Fills" feed, BitMEX's
`execution/tradeHistory`, and Hyperliquid's node files.
"""

import gzip
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from exchange.tape import venues
from exchange.tape.venues.row import VenueRefused
from tests.exchange.tape.venues.hyper import USER, fill


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def zipped(path: Path, *lines: str) -> Path:
    """As published: one CSV of the same name in a zip."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(path.with_suffix(".csv").name, "\n".join(lines) + "\n")
    return path


def report(name: str, *paths: Path) -> dict[str, Any]:
    return venues.run(name, paths).report


TRADES = [
    # header or None, rows, what becomes of quote_qty: agree, undetermined
    pytest.param(
        "id,price,qty,quote_qty,time,is_buyer_maker",
        ("11,20000.5,0.002,40.001,1600000000000,true", "12,20001,1,20001,1600000000001,false"),
        (2, 0),
        id="usd-m",
    ),
    pytest.param(
        None,
        ("11,20000.5,0.002,40.00100,1600000000000,true", "12,20001,1,20001,1600000000001,false"),
        (2, 0),
        id="usd-m without a header",
    ),
    pytest.param(
        "id,price,qty,base_qty,time,is_buyer_maker",
        ("11,20000.0,4,0.02,1600000000000,true", "12,30000.0,1,0.00333333,1600000000001,true"),
        (0, 2),
        id="coin-m",
    ),
    pytest.param(
        None,
        ("11,20000.0,4,0.02,1600000000000,true", "12,30000.0,1,0.00333333,1600000000001,true"),
        (0, 2),
        id="coin-m without a header",
    ),
    pytest.param(
        None,
        (
            "11,20.5,2,41,1735689600010866,True,True",
            "12,20.25,3,60.75,1735689600010867,False,True",
        ),
        (2, 0),
        id="spot, in microseconds",
    ),
]


@pytest.mark.parametrize(("header", "rows", "expected"), TRADES)
def test_binance_trades(
    tmp_path: Path, header: str | None, rows: tuple[str, ...], expected: tuple[int, int]
) -> None:
    lines = (header, *rows) if header else rows
    found = report("binance-trades", zipped(tmp_path / "ABCUSDT-trades-2020-09-13.zip", *lines))
    assert (found["kept"], found["gaps"]["count"], found["out_of_order"]) == (2, 0, 0)
    assert (found["quote_qty"]["agree"], found["quote_qty"]["undetermined"]) == expected
    assert found["series"] == {"ABCUSDT": {"rows": 2, "first": 11, "last": 12}}


def test_binance_files_of_two_contracts_are_kept_apart(tmp_path: Path) -> None:
    row = "1,10,2,20,1600000000000,true"
    paths = [
        zipped(tmp_path / "ABCUSDT-trades-2020-09-13.zip", row),
        zipped(tmp_path / "XYZUSDT-trades-2020-09-13.zip", row.replace(",20,", ",30,")),
    ]
    found = report("binance-trades", *paths)
    assert (found["kept"], found["duplicates"]) == (2, 0)
    assert sorted(found["series"]) == ["ABCUSDT", "XYZUSDT"]


@pytest.mark.parametrize(
    "lines",
    [
        (
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
            "7,10.5,3,20,22,1600000000000,true",
            "8,10.5,3,23,23,1600000000000,false",
        ),
        ("7,10.5,3,20,22,1600000000000,true", "8,10.5,3,23,23,1600000000000,false"),
        (
            "7,10.5,3,20,22,1735689600000000,True,True",
            "8,10.5,3,23,23,1735689600000001,False,True",
        ),
        (
            '[{"a":7,"p":"10.5","q":"3","f":20,"l":22,"T":1600000000000,"m":true},',
            '{"a":8,"p":"10.5","q":"3","f":23,"l":23,"T":1600000000000,"m":false}]',
        ),
    ],
    ids=["header", "none", "spot", "api"],
)
def test_binance_aggregates(tmp_path: Path, lines: tuple[str, ...]) -> None:
    found = report("binance-aggtrades", write(tmp_path / "ABCUSDT-aggTrades-2020-09.csv", *lines))
    assert (found["kept"], found["first_trade_id"]["agree"]) == (2, 1)
    assert found["first_trade_id"]["differ"] == 0


KLINE = (
    "1600000000000,10,12,9,11,0,1600000059999,0,60,0,0,0",
    "1600000060000,11,12,11,12,0,1600000119999,0,60,0,0,0",
)


@pytest.mark.parametrize(
    "lines",
    [
        (
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
            "taker_buy_quote_volume,ignore",
            *KLINE,
        ),
        KLINE,
        [f"[[{KLINE[0]}],[{KLINE[1]}]]"],
    ],
    ids=["header", "none", "api"],
)
def test_binance_mark_price_candles(tmp_path: Path, lines: tuple[str, ...]) -> None:
    found = report("binance-klines", write(tmp_path / "ABCUSDT-1m-2020-09-13.csv", *lines))
    assert (found["kept"], found["high"]["agree"], found["open_time"]["agree"]) == (2, 2, 1)
    assert list(found["series"]) == ["ABCUSDT"]


LIQUIDATION = "1600000000000,SELL,LIMIT,IOC,5,100,99.5,FILLED,2,5"
SNAPSHOT = (
    "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,"
    "last_fill_quantity,accumulated_fill_quantity"
)


@pytest.mark.parametrize("lines", [(SNAPSHOT, LIQUIDATION, LIQUIDATION), (LIQUIDATION,) * 2])
def test_binance_liquidations(tmp_path: Path, lines: tuple[str, ...]) -> None:
    path = zipped(tmp_path / "ABCUSD_PERP-liquidationSnapshot-2020-09-13.zip", *lines)
    found = report("binance-liquidations", path)
    assert (found["kept"], found["duplicates"]) == (1, 1)
    assert found["accumulated_fill_quantity"]["agree"] == 1
    assert list(found["series"]) == ["ABCUSD_PERP"]


LIQUIDATED = {
    "rest": {
        "symbol": "ABCUSDT", "price": "100", "origQty": "5", "executedQty": "5",
        "averagePrice": "99.5", "status": "FILLED", "timeInForce": "IOC", "type": "LIMIT",
        "side": "SELL", "time": 1600000000000,
    },
    "feed": {
        "e": "forceOrder", "E": 1600000000001,
        "o": {"s": "ABCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "5", "p": "100",
              "ap": "99.5", "X": "FILLED", "l": "2", "z": "5", "T": 1600000000000},
    },
}  # fmt: skip


@pytest.mark.parametrize("shape", LIQUIDATED)
def test_binance_liquidations_of_the_api(tmp_path: Path, shape: str) -> None:
    found = report("binance-liquidations", write(tmp_path / "l", json.dumps(LIQUIDATED[shape])))
    assert found["accumulated_fill_quantity"]["agree"] == 1
    assert found["series"]["ABCUSDT"]["first"] == 1600000000000000


def test_liquidations_of_one_millisecond_are_each_counted_once(tmp_path: Path) -> None:
    other = LIQUIDATION.replace("SELL", "BUY")
    found = report(
        "binance-liquidations",
        write(tmp_path / "l.csv", SNAPSHOT, LIQUIDATION, other, LIQUIDATION, other),
    )
    assert (found["rows"], found["kept"], found["duplicates"]) == (4, 2, 2)


def test_the_checksum_published_beside_a_file(tmp_path: Path) -> None:
    path = zipped(tmp_path / "ABCUSDT-trades-2020-09-13.zip", "1,10,2,20,1600000000000,true")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    beside = write(tmp_path / f"{path.name}.CHECKSUM", f"{digest}  {path.name}")
    assert report("binance-trades", path, beside)["kept"] == 1
    write(beside, f"{'0' * 64}  {path.name}")
    with pytest.raises(VenueRefused) as refused:
        report("binance-trades", path, beside)
    assert str(refused.value) == f"{path.name}: is not what {beside.name} says; fetch it again."


OKX = [
    ("instrument_name,trade_id,side,price,size,created_time", "ABC-USDT-SWAP,{},buy,10.5,3,{}"),
    (
        "instrument_name,trade_id,side,price,size,created_time,source",
        "ABC-USDT-SWAP,{},buy,10.5,3,{},0",
    ),
    (
        "trade_id/交易id,side/交易方向,size/数量,price/价格,created_time/成交时间",
        "{},SELL,3,10.5,{}",
    ),
    ("trade_id,side,size,price,created_time", "{},buy,3,10.5,{}"),
]


@pytest.mark.parametrize(("header", "row"), OKX)
def test_okx_trades(tmp_path: Path, header: str, row: str) -> None:
    rows = [row.format(500 + n, 1600000000000 + n) for n in (0, 1, 3)]
    path = zipped(tmp_path / "ABC-USDT-SWAP-trades-2020-09-13.zip", header, *rows)
    found = report("okx-trades", path)
    assert (found["kept"], found["gaps"]) == (3, {"count": 1, "missing": 1})
    assert list(found["series"]) == ["ABC-USDT-SWAP"]


def test_okx_trades_of_the_api(tmp_path: Path) -> None:
    trades = [
        {"instId": "ABC-USDT", "tradeId": str(n), "px": "1.5", "sz": "2", "side": "buy",
         "ts": "1600000000000"}
        for n in (9, 8)
    ]  # fmt: skip
    path = write(tmp_path / "trades.json", json.dumps({"code": "0", "msg": "", "data": trades}))
    assert report("okx-trades", path)["series"] == {"ABC-USDT": {"rows": 2, "first": 8, "last": 9}}


def deribit(seq: int, **more: Any) -> dict[str, Any]:
    return {
        "trade_seq": seq, "trade_id": f"T-{seq}", "timestamp": 1600000000000 + seq,
        "tick_direction": 1, "price": 10.5, "mark_price": 10.4, "index_price": 10.3,
        "instrument_name": "ABC-PERPETUAL", "direction": "sell", "amount": 30.0, "contracts": 3.0,
    } | more  # fmt: skip


@pytest.mark.parametrize("shape", ["answer", "answers by line", "feed by line", "csv"])
def test_deribit_trades(tmp_path: Path, shape: str) -> None:
    trades = [deribit(1), deribit(2, liquidation="T"), deribit(3)]
    answers = [
        {"jsonrpc": "2.0", "id": 1, "result": {"trades": part, "has_more": True}, "testnet": False}
        for part in (trades[:2], trades[2:])
    ]
    channel = "trades.ABC-PERPETUAL.raw"
    columns = [*deribit(1), "liquidation"]
    lines = {
        "answer": [json.dumps({**answers[0], "result": {"trades": trades, "has_more": False}})],
        "answers by line": [json.dumps(answer) for answer in answers],
        "feed by line": [
            json.dumps({"method": "subscription", "params": {"channel": channel, "data": [trade]}})
            for trade in trades
        ],
        "csv": [
            ",".join(columns),
            *(",".join(str(t.get(name, "")) for name in columns) for t in trades),
        ],
    }[shape]  # fmt: skip
    found = report("deribit-trades", write(tmp_path / "trades.txt", *lines))
    assert found["series"] == {"ABC-PERPETUAL": {"rows": 3, "first": 1, "last": 3}}
    assert (found["tick_direction"]["agree"], found["tick_direction"]["undetermined"]) == (2, 1)


REST = {
    "fill_id": "f-1", "symbol": "PI_XBTUSD", "side": "sell", "order_id": "o-1", "size": 2500,
    "price": 9100.5, "fillTime": "2020-09-13T12:26:40.077Z", "fillType": "takerAfterEdit",
    "cliOrdId": None,
}  # fmt: skip
SOCKET = {
    "instrument": "PI_XBTUSD", "time": 1600000000077, "price": 9100.5, "seq": 3, "buy": False,
    "qty": 2500, "remaining_order_qty": 0, "order_id": "o-1", "fill_id": "f-1",
    "fill_type": "taker", "fee_paid": 0.01, "fee_currency": "BTC",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("fills.json", [json.dumps({"result": "success", "fills": [REST], "serverTime": "x"})]),
        ("saved.txt", [json.dumps({"result": "success", "fills": [REST]}, indent=1)]),
        ("feed.jsonl", [json.dumps({"feed": "fills", "username": "u", "fills": [SOCKET]})] * 2),
        ("fills.csv", [",".join(REST), ",".join(str(v or "") for v in REST.values())]),
        ("feed.csv", [",".join(SOCKET), ",".join(str(v) for v in SOCKET.values())]),
    ],
)
def test_kraken_fills(tmp_path: Path, name: str, lines: list[str]) -> None:
    outcome = venues.run("kraken-fills", [write(tmp_path / name, *lines)], "acc")
    assert outcome.book is not None
    assert outcome.report["kept"] == 1
    made = outcome.book.fills[0]
    assert (made.time_us, made.quantity, made.taker) == (1600000000077000, -2500, True)


EXECUTION = {
    "execID": "e-{n}", "orderID": "o-1", "clOrdID": "", "clOrdLinkID": "", "account": "1",
    "symbol": "XBTUSD", "side": "Buy", "lastQty": "100", "lastPx": "10000",
    "underlyingLastPx": "", "lastMkt": "XBME", "lastLiquidityInd": "RemovedLiquidity",
    "simpleOrderQty": "", "orderQty": "200", "price": "10000", "displayQty": "", "stopPx": "",
    "pegOffsetValue": "", "pegPriceType": "", "currency": "USD", "settlCurrency": "XBt",
    "execType": "Trade", "ordType": "Limit", "timeInForce": "GoodTillCancel", "execInst": "",
    "contingencyType": "", "exDestination": "XBME", "ordStatus": "Filled", "triggered": "",
    "workingIndicator": "False", "ordRejReason": "", "simpleLeavesQty": "", "leavesQty": "0",
    "simpleCumQty": "", "cumQty": "{n}00", "avgPx": "10000", "commission": "0.00075",
    "tradePublishIndicator": "PublishTrade", "multiLegReportingType": "SingleSecurity",
    "text": '"Liquidation, line one\nline ""two"""', "trdMatchID": "t-{n}",
    "execCost": "-1000000", "execComm": "750", "homeNotional": "0.01", "foreignNotional": "-100",
    "transactTime": "2020-09-13T12:26:4{n}.000Z", "timestamp": "2020-09-13T12:26:4{n}.000Z",
}  # fmt: skip
SHORT = (
    "transactTime", "symbol", "execType", "side", "lastQty", "lastPx", "execCost", "commission",
    "execComm", "ordType", "orderQty", "leavesQty", "price", "text", "orderID",
)  # fmt: skip
INSTRUMENT = (
    "symbol,isInverse,isQuanto,multiplier,settlCurrency,tickSize,underlying",
    "XBTUSD,true,false,-100000000,XBt,0.5,XBT",
)


@pytest.mark.parametrize("columns", [tuple(EXECUTION), SHORT], ids=["bulk", "website"])
def test_bitmex_executions(tmp_path: Path, columns: tuple[str, ...]) -> None:
    rows = [",".join(EXECUTION[name].format(n=n) for name in columns) for n in (2, 1)]
    path = tmp_path / "trades.csv.gz"
    path.write_bytes(gzip.compress("\r\n".join([",".join(columns), *rows, ""]).encode()))
    terms = write(tmp_path / "instrument.csv", *INSTRUMENT)
    found = report("bitmex-executions", path, terms)
    assert (found["kept"], found["exec_cost"]["agree"], found["exec_comm"]["agree"]) == (2, 2, 2)


@pytest.mark.parametrize("shape", ["node line", "node block", "socket", "twap slices"])
def test_hyperliquid_fills(tmp_path: Path, shape: str) -> None:
    made = fill("ABC", "10.5", "2", "B", "0.0", builderFee="0.01", cloid="0x1", twapId=None)
    block = {"local_time": "x", "block_time": "x", "block_number": 7, "events": [[USER, made]]}
    data = {"isSnapshot": True, "user": USER, "fills": [made]}
    written = {
        "node line": [USER, made],
        "node block": block,
        "socket": {"channel": "userFills", "data": data},
        "twap slices": [{"fill": made, "twapId": 3}],
    }[shape]
    found = report("hyperliquid-fills", write(tmp_path / "0", json.dumps(written)))
    assert (found["kept"], found["start_positions"]["agree"]) == (1, 1)


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("binance-trades", ("1,10,2,20,1600000000000,true", "2,10,2,20,,true"),
         "f.csv row 2, time: is missing"),
        ("binance-trades", ("1,10,two,20,1600000000000,true",),
         'f.csv row 1, qty: "two" is not a number; give'),
        ("binance-aggtrades", ('[{"a":7,"p":"10.5","q":"3","f":20,"l":22,"m":true}]',),
         "f.csv row 1, transact_time: is missing"),
        ("binance-klines", ("[[1600000000000,10,9]]",), "f.csv row 1: is not an object."),
        ("okx-trades", ('{"code":"0","data":[{"tradeId":"1","px":"1","sz":"-2","side":"buy",'
                        '"ts":"1600000000000"}]}',),
         "f.csv row 1, size: -2 is not above zero; give"),
        ("okx-trades", ("instrument_name,trade_id,side,price,size",),
         "f.csv row 1, created_time: is missing from the header"),
        ("deribit-trades", (json.dumps({"result": {"trades": [deribit(1, direction="up")]}}),),
         'f.csv row 1, direction: "up" is not one of buy, sell; give'),
        ("deribit-trades", ("trade_seq,timestamp,price", "1,2,3"),
         "f.csv row 1, amount: is missing from the header"),
        ("kraken-fills", (json.dumps({"fills": [{**SOCKET, "buy": "maybe"}]}),),
         'f.csv row 1, buy: "maybe" is not one of true, false'),
        ("kraken-fills", (json.dumps({"result": "error", "error": "apiLimitExceeded"}),),
         "f.csv row 1, fill_id: is missing"),
        ("bitmex-executions", (",".join(SHORT), "2020-09-13T12:26:40.000Z,XBTUSD,Trade,Buy,1"),
         "f.csv row 2: has 5 cells where the header has 15."),
        ("hyperliquid-fills", (json.dumps([{"fill": {"coin": "ABC"}, "twapId": 1}]),),
         "f.csv row 1, sz: is missing"),
    ],
)  # fmt: skip
def test_a_broken_row_is_named(
    tmp_path: Path, name: str, lines: tuple[str, ...], message: str
) -> None:
    with pytest.raises(VenueRefused) as refused:
        report(name, write(tmp_path / "f.csv", *lines))
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(("magic", "word"), [("04224d18", "LZ4"), ("28b52ffd", "Zstandard")])
def test_a_packing_that_is_not_read_says_how_to_unpack_it(
    tmp_path: Path, magic: str, word: str
) -> None:
    (tmp_path / "10.lz4").write_bytes(bytes.fromhex(magic) + b"\x00" * 20)
    with pytest.raises(VenueRefused, match=rf"10\.lz4: is {word}; unpack it with"):
        report("hyperliquid-fills", tmp_path / "10.lz4")
