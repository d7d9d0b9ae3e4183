"""Kraken Futures account logs with invented values: balances, entry prices, realised profit."""

import json
import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exchange.domain.replay import empty_holdings, replay
from exchange.tape import venues
from exchange.tape.venues.row import VenueRefused

HEADER = (
    "uid,dateTime,account,type,symbol,contract,change,new balance,new average entry price,"
    "trade price,mark price,funding rate,realized pnl,fee,realized funding,collateral,"
    "conversion spread percentage,liquidation fee,position uid"
)
COLUMNS = HEADER.split(",")


class Log:
    """A model of the venue: prints both rows of every trade, in order."""

    def __init__(self, contract: str = "pf_xbtusd") -> None:
        self.contract = contract
        self.inverse = contract.startswith("pi_")
        self.cash = "xbt" if self.inverse else "usd"
        self.places = Decimal("1e-10") if self.inverse else Decimal("1e-4")
        self.balance, self.size, self.entry = Decimal(1000), Decimal(0), Fraction(0)
        self.rows: list[dict[str, str]] = []
        self.trades = 0
        self._row("cross-exchange transfer", self.cash, Decimal(1000), self.balance, contract="")

    def _row(self, kind: str, asset: str, change: Decimal, after: Decimal, **more: str) -> None:
        number = len(self.rows)
        minute = self.trades // 2  # two trades in one second
        self.rows.append({
            "uid": f"u{number}", "dateTime": f"2026-02-03 09:0{minute}:00", "account": "flex",
            "type": kind, "symbol": asset, "contract": self.contract, "change": f"{change:f}",
            "new balance": f"{after:f}",
        } | more)  # fmt: skip

    def trade(self, size: str, price: str, fee: str, kind: str = "futures trade") -> "Log":
        """One trade; what is realised is rounded to the places the venue prints."""
        added, at, paid = Decimal(size), Fraction(price), Decimal(fee)
        gain = Fraction(0)
        if self.size * added < 0:
            beyond = 1 / self.entry - 1 / at if self.inverse else at - self.entry
            flips = abs(added) > abs(self.size)
            gain = Fraction(self.size if flips else -added) * beyond
            self.entry = at if flips else self.entry
        else:
            weights = Fraction(self.size), Fraction(added)
            total = sum(weights)
            self.entry = (
                total / sum(w / p for w, p in zip(weights, (self.entry or 1, at), strict=True))
                if self.inverse
                else (weights[0] * self.entry + weights[1] * at) / total
            )
        profit = (Decimal(gain.numerator) / Decimal(gain.denominator)).quantize(self.places)
        self.size += added
        self.balance += profit - paid
        entry = Decimal(self.entry.numerator) / Decimal(self.entry.denominator)
        said = {"trade price": price}
        self._row(
            kind, self.contract, added, self.size,
            **said, **{"new average entry price": f"{entry:.10f}"},
        )  # fmt: skip
        self._row(
            kind, self.cash, profit - paid, self.balance,
            **said, **{"realized pnl": f"{profit:f}", "fee": fee, "realized funding": "0"},
        )  # fmt: skip
        self.trades += 1
        return self

    def fund(self, paid: str) -> "Log":
        """A funding payment."""
        self.balance += Decimal(paid)
        self._row(
            "funding rate change", self.cash, Decimal(paid), self.balance,
            **{"realized funding": paid, "fee": "0"},
        )  # fmt: skip
        return self


def linear() -> Log:
    log = Log().trade("-0.03", "40010", "0.6").trade("-0.001", "40020", "0.0071")
    log.trade("-0.002", "39980", "0.04").fund("-0.0003")
    return log.trade("0.004", "40500", "0.08").trade("0.029", "40600", "0.5")


def csv(path: Path, rows: list[dict[str, str]]) -> Path:
    lines = [",".join(row.get(name, "") for name in COLUMNS) for row in rows]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def report(path: Path, rows: list[dict[str, str]]) -> dict[str, Any]:
    return venues.run("kraken-account-log", [csv(path / "account-log.csv", rows)]).report


def counted(found: dict[str, Any], number: str) -> tuple[int, int, int]:
    return tuple(found[number][key] for key in ("agree", "differ", "undetermined"))  # type: ignore[return-value]


def flipped() -> Log:
    return Log().trade("1", "100", "0").trade("-3", "110", "0.1").trade("2.5", "90", "0")


def inverse() -> Log:
    log = Log("pi_xbtusd").trade("100", "8000.5", "0.1").trade("70", "8100", "0")
    return log.trade("-120", "9000", "0.2").trade("-80", "8800", "0.2").trade("40", "8000", "0")


ORDERS = {
    "oldest first": lambda rows: rows,
    "newest first": lambda rows: rows[::-1],
    "shuffled": lambda rows: random.Random(7).sample(rows, len(rows)),
    "twice": lambda rows: rows + rows,
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("log", [linear, inverse, flipped])
def test_a_whole_log_agrees_in_any_order(tmp_path: Path, log: Any, order: str) -> None:
    rows = log().rows
    found = report(tmp_path, ORDERS[order](rows))
    assert (found["kept"], found["duplicates"]) == (len(rows), len(rows) * (order == "twice"))
    assert found["gaps"] == {"count": 0, "missing": 0}
    trades = sum("_" in row["symbol"] for row in rows)
    assert found["start_positions"] == {"agree": trades, "holes": 0, "started_mid_position": 0}
    assert counted(found, "closed_pnl") == (trades, 0, 0)
    for number in ("new_balance", "change", "new_average_entry_price"):
        assert found[number]["agree"] > 0
        assert counted(found, number)[1:] == (0, 0)


def test_the_log_as_the_api_answers_it(tmp_path: Path) -> None:
    logs = [
        {
            "id": number, "booking_uid": row["uid"], "info": row["type"], "asset": row["symbol"],
            "contract": row["contract"] or None, "execution": f"e{number // 2}",
            "date": row["dateTime"].replace(" ", "T") + ".123Z", "margin_account": "flex",
            "new_balance": float(row["new balance"]),
            "old_balance": float(Decimal(row["new balance"]) - Decimal(row["change"])),
            "trade_price": float(row["trade price"]) if row.get("trade price") else None,
            "realized_pnl": float(row["realized pnl"]) if row.get("realized pnl") else None,
        }
        for number, row in enumerate(linear().rows[1:7])
    ]  # fmt: skip
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"accountUid": "a", "logs": logs[::-1]}))
    found = venues.run("kraken-account-log", [path]).report
    assert (found["start_positions"]["agree"], found["closed_pnl"]["agree"]) == (3, 3)
    assert found["out_of_order"] == 0


def test_trades_that_cannot_be_told_apart_leave_their_profit_open(tmp_path: Path) -> None:
    log = Log().trade("-1", "100", "0.1").trade("-1", "100", "0.1").trade("1", "90", "0.1")
    found = report(tmp_path, log.rows)
    assert counted(found, "closed_pnl") == (1, 0, 2)
    assert counted(found, "new_average_entry_price") == (3, 0, 0)


def test_an_opening_that_was_added_to_is_valued_at_its_first_price(tmp_path: Path) -> None:
    path = csv(tmp_path / "account-log.csv", linear().rows[3:])
    book = venues.run("kraken-account-log", [path], "acc").book
    assert book is not None
    assert book.openings == [("acc", "PF_XBTUSD", -30, -30 * 40020 * 10**5)]


def test_missing_rows_are_gaps_and_the_venue_goes_on(tmp_path: Path) -> None:
    rows = linear().rows
    found = report(tmp_path, [row for row in rows if row["uid"] not in ("u3", "u4")])
    assert found["gaps"] == {"count": 2, "missing": 2}
    assert found["start_positions"] == {"agree": 3, "holes": 1, "started_mid_position": 0}
    assert found["first_holes"][0]["missing"] == "-0.001"
    assert counted(found, "closed_pnl") == (4, 0, 0)
    assert counted(found, "new_average_entry_price") == (2, 0, 1)
    assert found["new_balance"]["differ"] == 1
    assert found["new_balance"]["largest_difference"] == "0.0071"


@pytest.mark.parametrize(
    ("field", "row", "number"),
    [
        ("realized pnl", 9, "closed_pnl"),
        ("fee", 9, "change"),
        ("new average entry price", 5, "new_average_entry_price"),
    ],
)
def test_a_forged_number_differs(tmp_path: Path, field: str, row: int, number: str) -> None:
    rows = linear().rows
    rows[row][field] = str(Decimal(rows[row][field]) + Decimal("0.001"))
    found = report(tmp_path, rows)
    assert found[number]["differ"] == 1
    told = [place["row"] for place in found["first_differing"]]
    assert set(told) == {row + 2}


def test_a_log_from_mid_position_becomes_a_tape_that_ends_where_the_venue_does(
    tmp_path: Path, tape_store: Path
) -> None:
    log = linear().trade("0.5", "41000", "1").trade("-0.2", "42000", "1", "futures liquidation")
    outcome = venues.run(
        "kraken-account-log", [csv(tmp_path / "account-log.csv", log.rows[8:])], "acc"
    )
    assert outcome.report["start_positions"]["started_mid_position"] == 1
    assert counted(outcome.report, "closed_pnl") == (3, 0, 1)
    assert outcome.book is not None
    assert [fill.reason for fill in outcome.book.fills].count("liquidation") == 1
    [(_, _, held, cost)] = outcome.book.openings
    assert (held, cost) == (-33, round(Fraction("-0.033") * Fraction("40008.4848484848") * 10**8))
    tape = venues.store(outcome.book, "log")
    nothing = tape.positions.cost * 0
    opening = empty_holdings()._replace(
        account=tape.positions.account, contract=tape.positions.contract,
        quantity=tape.positions.quantity, cost=tape.positions.cost, realised=nothing, fees=nothing,
    )  # fmt: skip
    [state] = replay(opening, tape.fills, tape.specs, [2**62])
    assert state.quantity.tolist() == [300]
    assert state.fees.tolist() == [round(Decimal("2.58") * 10**8)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"new balance": "lots"}, 'row 3, new_balance: "lots" is not a number'),
        ({"change": ""}, "row 3, change: is missing"),
        ({"dateTime": "03/02/2026 09:00"}, "row 3, date: "),
        ({"symbol": "pf_usd"}, 'row 3, asset: "PF_USD" names no coin'),
        ({"trade price": "0"}, "row 3, trade_price: 0 is not above zero; give"),
        ({"uid": "u0"}, "row 3, uid: u0 is there twice with other content; give"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, change: dict[str, str], message: str) -> None:
    rows = linear().rows
    rows[1] |= change
    with pytest.raises(VenueRefused) as refused:
        report(tmp_path, rows)
    assert str(refused.value).startswith(f"account-log.csv {message}")
