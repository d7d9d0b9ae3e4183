"""A small sound market for the tape's tests: every table, as rows of text to spoil one at a time.

Mo makes markets, Ann is long and is taken over, Hal hedges, FUND is the insurance account.
"""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exchange.tape import arrays, store

Rows = list[dict[str, str]]

MANIFEST: dict[str, Any] = {
    "format": "makewhole-bundle/1",
    "name": "test-market",
    "title": "A test market",
    "venue": "testex",
    "rules": "okex-2018",
    "scope": "market",
    "zone": "Asia/Hong_Kong",
    "window": {"start": "2018-03-30T05:00:00+08:00", "end": "2018-03-30T05:00:03+08:00"},
    "announced_cutoff": "2018-03-30T05:00:02+08:00",
    "effective_cutoff": "2018-03-30T05:00:01+08:00",
    "contract": "BTC0629",
    "source": {"made_by": "test"},
}


def rows(header: str, *lines: str) -> Rows:
    """Rows from a comma separated header and lines."""
    names = header.split(",")
    return [dict(zip(names, line.split(","), strict=True)) for line in lines]


def tables() -> dict[str, Rows]:
    """The sound market, new at every call."""
    return {
        "assets": rows("code,decimals", "BTC,8", "ETH,8"),
        "contracts": rows(
            "symbol,kind,underlying,settle,face,tick,lot,expiry",
            "BTC0629,inverse,BTC,BTC,100,0.01,1,2018-06-29T16:00:00+08:00",
            "ETH0629,inverse,ETH,ETH,10,0.001,1,2018-06-29T16:00:00+08:00",
        ),
        "accounts": rows(
            "account,customer,kind,name,email,language,margin_mode,leverage,tags",
            "A-mo,C-mo,customer,Mo,mo@example.org,en,cross,10,market_maker api",
            "A-ann,C-ann,customer,Ann,ann@example.org,zh-Hans,fixed,20,",
            "A-hal,C-hal,customer,Hal,hal@example.org,en,cross,10,hedger",
            "FUND,,insurance,Insurance fund,,en,cross,10,",
        ),
        "balances": rows(
            "account,wallet,asset,amount",
            "A-mo,futures,BTC,100",
            "A-mo,funding,BTC,1",
            "A-ann,futures,BTC,0.12345678",
            "A-hal,futures,BTC,5",
            "FUND,futures,BTC,20",
        ),
        "positions": rows(
            "account,contract,quantity,cost",
            "A-ann,BTC0629,10,-0.15",
            "A-mo,BTC0629,-10,0.15",
        ),
        "fills": rows(
            "seq,time,contract,account,side,price,quantity,fee,trade,order,liquidity,reason",
            "1,2018-03-30T05:00:00.100000+08:00,BTC0629,A-hal,buy,6500.00,3,0.00001,1,11,taker,trade",
            "2,2018-03-30T05:00:00.100000+08:00,BTC0629,A-mo,sell,6500.00,3,-0.000005,1,12,maker,trade",
            "3,2018-03-30T05:00:01+08:00,BTC0629,A-ann,sell,6400.5,10,0,2,0,taker,takeover",
            "4,2018-03-30T05:00:01+08:00,BTC0629,FUND,buy,6400.5,10,0,2,0,maker,takeover",
            "5,2018-03-30T05:00:02+08:00,BTC0629,FUND,sell,6300.25,10,0,3,0,taker,liquidation",
            "6,2018-03-30T05:00:02+08:00,BTC0629,A-mo,buy,6300.25,10,0,3,13,maker,trade",
        ),
        "prices": rows(
            "time,contract,mark,index",
            *(
                f"2018-03-30T05:00:0{second}+08:00,{contract},{mark},{mark}"
                for second in range(4)
                for contract, mark in (("BTC0629", "6500.01"), ("ETH0629", "400.001"))
            ),
        ),
        "transfers": rows(
            "seq,time,account,wallet,asset,amount,kind,reference",
            "1,2018-03-30T05:00:00+08:00,A-hal,funding,BTC,2,deposit,d1",
            "2,2018-03-30T05:00:01+08:00,A-hal,funding,BTC,-0.5,internal,i1",
            "3,2018-03-30T05:00:01+08:00,A-hal,futures,BTC,0.5,internal,i1",
            "4,2018-03-30T05:00:02+08:00,A-hal,funding,BTC,-1.5,withdrawal,w1",
        ),
        "liquidations": rows(
            "time,account,contract,quantity,price",
            "2018-03-30T05:00:01+08:00,A-ann,BTC0629,10,6400.5",
        ),
    }


def write(folder: Path, content: dict[str, Rows], manifest: dict[str, Any] | None = None) -> Path:
    """Write the tables as CSV and the manifest beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(MANIFEST if manifest is None else manifest))
    for name, lines in content.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(lines[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)
    return folder


@contextmanager
def altered_balances(tape: arrays.Tape) -> Iterator[None]:
    """Meanwhile an edit lies in the store: each balance a unit higher, under its old name."""
    path = store.folder() / f"{store.table_digest('balances', tape.balances)}.parquet"
    content = path.read_bytes()
    path.unlink()
    store._write(path, tape.balances._replace(amount=tape.balances.amount + 1))
    try:
        yield
    finally:
        path.unlink()
        path.write_bytes(content)
