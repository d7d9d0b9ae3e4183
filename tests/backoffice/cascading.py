"""A market with a cascade of three: Flo's selling closes Ann, Ann's close Ben, Ben's Cleo.

Imported for real like every other: its tape stored, its books opened, its closes judged. Ann, Ben
and Cleo are 10 times long with fixed margin from 7,000, 6,900 and 6,800, so due at 6,422.01,
6,330.27 and 6,238.53. Flo sells far outside the band in the end, which is what flags her.
"""

from pathlib import Path

from backoffice.models import Incident
from backoffice.services import incidents, people
from exchange.services import books, liquidations
from exchange.tape import bundle
from tests.backoffice.views.market import Market
from tests.exchange.tape.market import MANIFEST, Rows, rows, tables, write

HOUR = "2018-03-30T05:00:0"
SECONDS = 7
TRADES = (
    # time, seller, buyer, price, contracts, reason of the fund's side
    ("0.2", "A-flo", "A-mo", "6450.00", 1, "trade"),
    ("0.9", "A-flo", "A-mo", "6420.00", 1, "trade"),
    ("1.5", "A-ann", "FUND", "6363.64", 100, "takeover"),
    ("1.6", "FUND", "A-mo", "6400.00", 60, "liquidation"),
    ("1.7", "A-hal", "A-mo", "6360.00", 1, "trade"),
    ("1.8", "FUND", "A-mo", "6320.00", 40, "liquidation"),
    ("2.5", "A-ben", "FUND", "6272.73", 50, "takeover"),
    ("2.7", "FUND", "A-mo", "6200.00", 50, "liquidation"),
    ("3.5", "A-cleo", "FUND", "6181.82", 100, "takeover"),
    ("4.2", "A-flo", "A-mo", "6190.00", 1, "trade"),
)
MARKS = ("6500.00", "6420.00", "6320.00", "6200.00", "6200.00", "6190.00", "6190.00")
HELD = (("ann", 100, "1.42857143"), ("ben", 50, "0.72463768"), ("cleo", 100, "1.47058824"))


def content() -> dict[str, Rows]:
    """The tables of the bundle."""
    found = tables()
    people_of = [
        f"A-{who},C-{who},customer,{who.title()},{who}@example.org,en,{mode},10,"
        for who, mode in (("mo", "cross"), ("hal", "cross"), ("flo", "cross"),
                          *((who, "fixed") for who, _, _ in HELD))
    ]  # fmt: skip
    found["accounts"] = rows(
        "account,customer,kind,name,email,language,margin_mode,leverage,tags",
        *people_of,
        "FUND,,insurance,Insurance fund,,en,cross,10,",
    )
    cash = ("A-mo,100", "A-hal,5", "A-flo,5", "A-ann,2", "A-ben,2", "A-cleo,2", "FUND,20")
    found["balances"] = rows(
        "account,wallet,asset,amount", *(f"{who},futures,BTC,{held}" for who, held in
                                         (line.split(",") for line in cash))
    )  # fmt: skip
    found["positions"] = rows(
        "account,contract,quantity,cost",
        *(f"A-{who},BTC0629,{size},-{cost}" for who, size, cost in HELD),
        "A-mo,BTC0629,-250,3.62379735",
    )
    found["fills"] = rows(
        "seq,time,contract,account,side,price,quantity,fee,trade,order,liquidity,reason",
        *_fills(),
    )
    found["prices"] = rows(
        "time,contract,mark,index",
        *(
            f"{HOUR}{second}+08:00,{contract},{mark},{index}"
            for second in range(SECONDS)
            for contract, mark, index in (
                ("BTC0629", MARKS[second], "6500.00"), ("ETH0629", "400.001", "400.001"),
            )
        ),
    )  # fmt: skip
    found["transfers"] = rows(
        "seq,time,account,wallet,asset,amount,kind,reference",
        f"1,{HOUR}0+08:00,A-hal,funding,BTC,2,deposit,d1",
    )
    found["liquidations"] = rows(
        "time,account,contract,quantity,price",
        *(
            f"{HOUR}{at}+08:00,{seller},BTC0629,{size},{price}"
            for at, seller, _, price, size, reason in TRADES
            if reason == "takeover"
        ),
    )
    return found


def _fills() -> list[str]:
    lines = []
    for number, (at, seller, buyer, price, size, reason) in enumerate(TRADES, 1):
        for side, who in (("sell", seller), ("buy", buyer)):
            why = "trade" if reason == "liquidation" and who != "FUND" else reason
            taker = "taker" if side == "sell" else "maker"
            lines.append(
                f"{len(lines) + 1},{HOUR}{at}+08:00,BTC0629,{who},{side},{price},{size},0,"
                f"{number},{len(lines) + 1},{taker},{why}"
            )
    return lines


def open_cascade(folder: Path, *, leverage: str = "10") -> Market:
    """Import it, open its books, judge its closes, open its incident.

    At another leverage than the venue's rules know nothing is judged.
    """
    manifest = MANIFEST | {
        "window": {"start": f"{HOUR}0+08:00", "end": f"{HOUR}6+08:00"},
        "announced_cutoff": f"{HOUR}1+08:00",
        "effective_cutoff": f"{HOUR}0+08:00",
    }
    found = content()
    for row in found["accounts"]:
        row["leverage"] = leverage
    tape = bundle.read(write(folder, found, manifest))
    record = books.open_books(
        tape=tape, venue="testex", name="Testex", is_drill=True, progress=None
    )
    if leverage == "10":
        liquidations.recompute(tape_record=record)
    people.seed_cast(venue=record.venue)
    incident: Incident = incidents.open_incident(
        tape=record, by=people.cast_member("mira"), title="BTC0629 in a cascade"
    )
    return Market(record, incident)
