"""BitMEX wallets, instruments and executions, and the numbers they state of themselves."""

import json
from pathlib import Path
from typing import Any

import pytest

from exchange.tape import venues
from exchange.tape.venues.row import VenueRefused

WALLET = (
    "timestamp,transactTime,transactType,transactStatus,currency,amount,fee,walletBalance,address"
)
EXECUTION = (
    "execID,orderID,symbol,side,lastQty,lastPx,execType,execCost,execComm,commission,cumQty,"
    "settlCurrency,lastLiquidityInd,trdMatchID,transactTime"
)
INSTRUMENT = (
    "symbol,isInverse,isQuanto,multiplier,settlCurrency,tickSize,underlying,expiry,"
    "quoteToSettleMultiplier,underlyingToPositionMultiplier"
)


def file(path: Path, header: str, *lines: str) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def wallet(path: Path, *lines: str) -> dict[str, Any]:
    """Report on rows of (time, kind, status, amount, balance)."""
    rows = [
        f"2021-01-0{time}Z,2021-01-01T00:00:00Z,{kind},{status},XBt,{amount},0,{balance},"
        for time, kind, status, amount, balance in (line.split() for line in lines)
    ]
    return venues.run("bitmex-wallet", [file(path / "wallet.csv", WALLET, *rows)]).report


def test_a_wallet_whose_balances_follow(tmp_path: Path) -> None:
    report = wallet(
        tmp_path,
        "1T10:00:00 Deposit Completed 1000 1000",
        "1T12:00:00 RealisedPNL Completed -30 990",  # two rows of one session
        "1T12:00:00 RealisedPNL Completed 20 990",
        "1T13:00:00 Withdrawal Canceled -500 990",
        "1T14:00:00.5 RealisedPNL Completed 5 995",  # one stamp, each its own balance
        "1T14:00:00.5 RealisedPNL Completed 5 1000",
    )
    assert (report["rows"], report["kept"], report["set_aside"]) == (6, 5, 1)
    assert report["wallet_balance"] == {
        "agree": 5, "differ": 0, "undetermined": 0, "largest_difference": "0",
    }  # fmt: skip
    assert report["opening_balances"] == {"XBt": "0"}


def test_a_missing_row_is_one_gap_and_one_difference(tmp_path: Path) -> None:
    report = wallet(
        tmp_path,
        "1T10:00:00 Deposit Completed 1000 1000",
        "1T11:00:00 RealisedPNL Completed 10 1110",
        "1T12:00:00 RealisedPNL Completed 10 1120",
    )
    assert report["gaps"] == {"count": 1, "missing": 1}
    assert report["wallet_balance"] == {
        "agree": 2, "differ": 1, "undetermined": 0, "largest_difference": "100",
    }  # fmt: skip
    assert report["first_differing"] == [
        {"number": "walletBalance", "file": "wallet.csv", "row": 3, "kind": "RealisedPNL",
         "venue": "1110", "ours": "1010"}
    ]  # fmt: skip


def test_newest_first_repeated_rows_and_a_wallet_that_begins_full(tmp_path: Path) -> None:
    report = wallet(
        tmp_path,
        "1T12:00:00 RealisedPNL Completed 10 1020",
        "1T11:00:00 RealisedPNL Completed 10 1010",
        "1T11:00:00 RealisedPNL Completed 10 1010",
    )
    assert (report["duplicates"], report["out_of_order"]) == (1, 0)
    assert report["wallet_balance"]["undetermined"] == 1
    assert report["wallet_balance"]["agree"] == 1
    assert report["opening_balances"] == {"XBt": "1000"}


def test_the_wallet_as_the_website_exports_it(tmp_path: Path) -> None:
    path = file(
        tmp_path / "wallet.csv",
        "transactTime,transactType,amount,fee,address,transactStatus,walletBalance",
        "2019-01-01T00:00:00Z,Deposit,1000,,,Completed,1000",
        "2019-01-01T12:00:00Z,RealisedPNL,-10,,XBTUSD,Completed,990",
    )
    found = venues.run("bitmex-wallet", [path]).report
    assert (found["wallet_balance"]["agree"], found["currencies"]) == (2, {"XBt": 2})


def test_the_wallet_as_the_api_answers_it(tmp_path: Path) -> None:
    row = {
        "timestamp": "2021-01-01T00:00:00Z", "transactType": "Deposit", "currency": "XBt",
        "transactStatus": "Completed", "amount": 1000, "walletBalance": 1000, "address": None,
    }  # fmt: skip
    path = tmp_path / "wallet.json"
    path.write_text(json.dumps([row, row | {"amount": -1, "walletBalance": 998}]))
    found = venues.run("bitmex-wallet", [path]).report["wallet_balance"]
    assert (found["agree"], found["differ"], found["largest_difference"]) == (1, 1, "1")


def test_the_wallet_becomes_transfers(tmp_path: Path, tape_store: Path) -> None:
    path = file(
        tmp_path / "wallet.csv", WALLET,
        "2021-01-01T00:00:00Z,2021-01-01T00:00:00Z,Deposit,Completed,XBt,1000,,1000,abc",
        "2021-01-01T00:00:01Z,2021-01-01T00:00:00Z,RealisedPNL,Completed,XBt,-10,,990,XBTUSD",
    )  # fmt: skip
    book = venues.run("bitmex-wallet", [path], "acc-1").book
    assert book is not None
    tape = venues.store(book, "wallet")
    assert tape.transfers.amount.tolist() == [1000, -10]
    assert tape.transfers.reference == ("Deposit abc", "RealisedPNL XBTUSD")
    assert tape.assets.code == ("XBT",)


@pytest.mark.parametrize(
    ("header", "line", "message"),
    [
        (WALLET.replace("walletBalance", "balance"), "a", "row 1, walletBalance: is missing from"),
        (WALLET, "2021-01-01T00:00:00Z,,Deposit,Completed,XBt,lots,,1,", 'row 2, amount: "lots"'),
        (WALLET, "2021-01-01T00:00:00,,Deposit,Completed,XBt,1,,1,", "row 2, timestamp: "),
        (WALLET, "2021-01-01T00:00:00Z,,Deposit,Completed,,1,,1,", "row 2, currency: is missing"),
        (WALLET, "2021-01-01T00:00:00Z,Deposit", "row 2: has 2 cells where the header has 9."),
    ],
)
def test_a_broken_wallet_row_is_named(tmp_path: Path, header: str, line: str, message: str) -> None:
    with pytest.raises(VenueRefused) as refused:
        venues.run("bitmex-wallet", [file(tmp_path / "wallet.csv", header, line)])
    assert str(refused.value).startswith(f"wallet.csv {message}")


INSTRUMENTS = (
    "XBTUSD,true,false,-100000000,XBt,0.5,XBT,,,",
    "ETHUSD,false,true,100,XBt,0.05,ETH,,1279,",
    "XBTUSDT,false,false,1,USDt,0.5,XBT,2021-06-25T12:00:00.000Z,1000000,1000000",
    ".BXBT,false,false,,,0.01,,,,",
)


def test_instruments(tmp_path: Path, tape_store: Path) -> None:
    path = file(tmp_path / "instrument.csv", INSTRUMENT, *INSTRUMENTS)
    outcome = venues.run("bitmex-instruments", [path])
    report = outcome.report
    assert (report["kept"], report["set_aside"]) == (3, 1)
    assert report["kinds"] == {"inverse": 1, "quanto": 1, "linear": 1}
    assert report["multiplier"]["agree"] == 1
    assert report["not_exact"] == []
    assert outcome.book is not None
    tape = venues.store(outcome.book, "instruments")
    terms = {spec.symbol: (spec.kind, str(spec.face), spec.settle) for spec in tape.specs}
    assert terms["XBTUSD"] == (0, "1", "XBT")
    assert terms["ETHUSD"] == (2, "0.000001", "XBT")
    assert terms["XBTUSDT"] == (1, "0.000001", "USDT")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("XBTUSD,maybe,false,-1,XBt,0.5,XBT,,,", 'isInverse: "maybe" is not one of'),
        ("XBTUSD,true,false,-1,XBt,0,XBT,,,", "tickSize: 0 is not above zero; give"),
    ],
)
def test_a_broken_instrument_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(VenueRefused) as refused:
        venues.run("bitmex-instruments", [file(tmp_path / "i.csv", INSTRUMENT, line)])
    assert str(refused.value).startswith(f"i.csv row 2, {message}")


def test_instruments_that_contradict_themselves_or_share_a_name(tmp_path: Path) -> None:
    path = file(
        tmp_path / "i.csv", INSTRUMENT, INSTRUMENTS[0], INSTRUMENTS[0],
        "XBTUSD,true,false,-100000000,XBt,0.1,XBT,,,", "ODD,true,false,100,XBt,0.5,XBT,,,",
    )  # fmt: skip
    report = venues.run("bitmex-instruments", [path]).report
    assert (report["rows"], report["kept"], report["set_aside"], report["duplicates"]) == (
        4, 1, 2, 1,
    )  # fmt: skip
    assert report["notes"] == [
        "XBTUSD: two contracts of that name, the later one is taken",
        "ODD: multiplier 100 does not go with isInverse",
    ]


def execution(
    number: int, symbol: str, side: str, quantity: int, price: str, cost: int, **more: str
) -> str:
    """One line of a tradeHistory CSV."""
    cells = {
        "execID": f"e{number}", "orderID": f"o{number}", "symbol": symbol, "side": side,
        "lastQty": str(quantity), "lastPx": price, "execType": "Trade", "execCost": str(cost),
        "execComm": "", "commission": "", "cumQty": str(quantity), "settlCurrency": "XBt",
        "lastLiquidityInd": "RemovedLiquidity", "trdMatchID": f"t{number}",
        "transactTime": f"2021-01-01T00:00:{number:02}.000Z",
    } | more  # fmt: skip
    return ",".join(cells[name] for name in EXECUTION.split(","))


def executions(tmp_path: Path, *lines: str, instruments: bool = True) -> venues.Outcome:
    paths = [file(tmp_path / "trades.csv", EXECUTION, *lines)]
    if instruments:
        paths.append(file(tmp_path / "instrument.csv", INSTRUMENT, *INSTRUMENTS))
    return venues.run("bitmex-executions", paths, "acc-1")


def test_inverse_costs_rounded_for_one_contract(tmp_path: Path) -> None:
    """1e8 / 11397.5 = 8773.85...: 8774 satoshi a contract, so 100 contracts cost 877400."""
    report = executions(
        tmp_path,
        execution(
            1, "XBTUSD", "Buy", 100, "11397.5", -877400, execComm="658", commission="0.00075"
        ),
        execution(2, "XBTUSD", "Sell", 30, "9999.5", 300030),
    ).report
    assert report["inverse_rounding"] == {"XBTUSD": "per contract"}
    assert report["exec_cost"]["agree"] == 2
    assert report["exec_cost"]["differ"] == 0
    assert report["exec_comm"]["agree"] == 1


def test_inverse_costs_rounded_for_the_whole_trade(tmp_path: Path) -> None:
    report = executions(
        tmp_path, execution(1, "XBTUSD", "Buy", 100, "11397.5", -877385)
    ).report  # fmt: skip
    assert report["inverse_rounding"] == {"XBTUSD": "per trade"}
    assert report["exec_cost"]["agree"] == 1


def test_quanto_costs_and_a_difference(tmp_path: Path) -> None:
    report = executions(
        tmp_path,
        execution(1, "ETHUSD", "Buy", 45, "1800.05", 8100225),
        execution(2, "ETHUSD", "Sell", 10, "1800.05", -1800051),
        execution(3, "ETHUSD", "Sell", 10, "1800.05", -1800050),
    ).report
    assert report["exec_cost"] == {
        "agree": 2, "differ": 1, "undetermined": 0, "largest_difference": "1",
    }  # fmt: skip
    assert report["first_differing"] == [
        {"number": "execCost", "file": "trades.csv", "row": 3, "symbol": "ETHUSD",
         "venue": "-1800051", "ours": "-1800050"}
    ]  # fmt: skip


def test_a_price_printed_too_short_is_recovered_from_its_cost(
    tmp_path: Path, tape_store: Path
) -> None:
    outcome = executions(tmp_path, execution(1, "ETHUSD", "Buy", 10, "1800.1", 1800050))
    assert outcome.report["exec_cost"]["undetermined"] == 1
    assert outcome.report["prices_recovered_from_cost"] == 1
    assert outcome.book is not None
    tape = venues.store(outcome.book, "executions")
    assert tape.fills.price.tolist() == [36001]


def test_terms_learned_from_the_costs_themselves(tmp_path: Path, tape_store: Path) -> None:
    outcome = executions(
        tmp_path,
        execution(1, "LINKUSDT", "Buy", 40, "21.507", 8602800),
        execution(2, "LINKUSDT", "Sell", 17, "21.507", -3656190),
        execution(3, "XBTH21", "Sell", 18, "50000", 36000),
        execution(4, "XBTH21", "Sell", 9, "40000", 22500),
        instruments=False,
    )
    assert outcome.report["exec_cost"] == {
        "agree": 2, "differ": 0, "undetermined": 2, "largest_difference": "0",
    }  # fmt: skip
    assert outcome.book is not None
    tape = venues.store(outcome.book, "executions")
    assert {spec.symbol: spec.kind for spec in tape.specs} == {"LINKUSDT": 2, "XBTH21": 0}
    assert tape.fills.quantity.tolist() == [40, -17, -18, -9]


def test_a_symbol_that_was_another_contract_then(tmp_path: Path) -> None:
    """The instrument file describes today's ETHUSD; the costs tell what it was worth then."""
    lines = [execution(n, "ETHUSD", "Buy", 10 + n, "1800.05", 1000 * (10 + n) * 180005 // 100)
             for n in range(1, 5)]  # fmt: skip
    report = executions(tmp_path, *lines).report
    assert report["exec_cost"]["agree"] == 3
    assert report["exec_cost"]["undetermined"] == 1


def test_order_quantities_add_up_in_the_order_of_cum_qty(tmp_path: Path) -> None:
    at = {"transactTime": "2021-01-01T00:00:01.000Z", "orderID": "o"}
    report = executions(
        tmp_path,
        execution(1, "ETHUSD", "Buy", 5, "1800", 900000, cumQty="15", **at),
        execution(2, "ETHUSD", "Buy", 10, "1800", 1800000, cumQty="10", **at),
        execution(3, "ETHUSD", "Buy", 10, "1800", 1800000, cumQty="40", orderID="o"),
    ).report
    assert report["cum_qty"] == {
        "agree": 2, "differ": 0, "undetermined": 1, "largest_difference": "0",
    }  # fmt: skip
    assert report["gaps"] == {"count": 1, "missing": 1}


def test_a_history_that_begins_inside_an_order_has_no_gap_there(tmp_path: Path) -> None:
    first = execution(1, "ETHUSD", "Buy", 10, "1800", 1800000, cumQty="40", orderID="o")
    report = executions(tmp_path, first).report
    assert report["cum_qty"]["undetermined"] == 1
    assert report["gaps"] == {"count": 0, "missing": 0}


def test_funding_is_set_aside_and_repeated_executions_counted_once(tmp_path: Path) -> None:
    one = execution(1, "ETHUSD", "Buy", 10, "1800", 1800000)
    report = executions(
        tmp_path, one, one, execution(2, "ETHUSD", "Buy", 10, "1800", 1800000, execType="Funding")
    ).report
    assert (report["rows"], report["kept"], report["set_aside"], report["duplicates"]) == (
        3, 1, 1, 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (execution(1, "ETHUSD", "Hold", 1, "1", 1), 'side: "Hold" is not one of buy, sell; give'),
        (execution(1, "ETHUSD", "Buy", 1, "", 1), "lastPx: is missing"),
        (execution(1, "ETHUSD", "Buy", 1, "0", 1), "lastPx: 0 is not above zero; give"),
        (execution(1, "ETHUSD", "Buy", 0, "1", 1), "lastQty: is zero; give"),
        (execution(1, "ETHUSD", "Buy", 1, "1", 1, transactTime="soon"), 'transactTime: "soon"'),
    ],
)
def test_a_broken_execution_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(VenueRefused) as refused:
        executions(tmp_path, line)
    assert str(refused.value).startswith(f"trades.csv row 2, {message}")


def test_one_execution_id_with_two_contents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VenueRefused, match="row 3, execID: e1 is there twice"):
        executions(
            tmp_path,
            execution(1, "ETHUSD", "Buy", 10, "1800", 1800000),
            execution(1, "ETHUSD", "Buy", 11, "1800", 1980000),
        )
