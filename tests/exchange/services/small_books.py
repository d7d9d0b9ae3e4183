"""A venue small enough to count by hand: four customers, a house, two contracts, two assets."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from exchange.models import Account, Asset, Contract, Customer, Venue
from exchange.services import ledger

NOON = datetime(2018, 3, 30, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Books:
    """Ids by name. Customers hold 1,000 each in their futures wallets, against custody."""

    venue: Venue
    btc: int
    eth: int
    contract: Contract
    other: Contract
    accounts: list[int]
    wallets: list[int]
    custody: int
    fees: int
    clearing: int

    def names(self) -> dict[str, int]:
        """For SQL: {venue} {btc} {eth} {contract} {custody} {fees} {clearing} {a0}.. {w0}.."""
        found = {
            name: getattr(self, name) for name in ("btc", "eth", "custody", "fees", "clearing")
        }
        found |= {"venue": self.venue.pk, "contract": self.contract.pk, "other": self.other.pk}
        found |= {f"a{n}": account for n, account in enumerate(self.accounts)}
        return found | {f"w{n}": wallet for n, wallet in enumerate(self.wallets)}


def open_small(code: str = "small", customers: int = 4, amount: int = 1_000) -> Books:
    """Open them, in one transaction."""
    with transaction.atomic():
        venue = Venue.objects.create(code=code, name=code.title(), rules="okex-2018")
        btc, _ = Asset.objects.get_or_create(code="BTC", defaults={"decimals": 8})
        eth, _ = Asset.objects.get_or_create(code="ETH", defaults={"decimals": 8})
        contracts = [
            Contract.objects.create(
                venue=venue, symbol=symbol, kind="inverse", underlying="BTC", settle=btc,
                face=100, tick="0.01", tape_index=index,
            )
            for index, symbol in enumerate(("BTC-NEAR", "BTC-FAR"))
        ]  # fmt: skip
        people = [
            Customer.objects.create(venue=venue, code=f"p{n}", name=f"P {n}", email=f"p{n}@x.test")
            for n in range(customers)
        ]
        accounts = [
            Account.objects.create(venue=venue, customer=person, code=f"a{n}", tape_index=n).pk
            for n, person in enumerate(people)
        ]
        wallets = ledger.wallets(
            venue=venue, kind="futures", accounts=accounts, assets=[btc.pk] * customers
        ).tolist()
        house = {
            kind: ledger.house_account(venue=venue, kind=kind, asset_id=btc.pk).pk
            for kind in ("custody", "fees")
        }
        clearing = ledger.house_account(
            venue=venue, kind="clearing", asset_id=btc.pk, contract=contracts[0]
        ).pk
        ledger.post(
            venue=venue, key=f"{code}:opening", reason="opening", effective_at=NOON,
            legs=[
                *((wallet, btc.pk, amount) for wallet in wallets),
                (house["custody"], btc.pk, -amount * customers),
            ],
        )  # fmt: skip
    return Books(
        venue, btc.pk, eth.pk, *contracts, accounts, wallets, house["custody"], house["fees"],
        clearing,
    )  # fmt: skip


def receivable(books: Books, number: int = 0) -> int:
    """Where what a customer owes stands, opened."""
    found = ledger.wallets(
        venue=books.venue, kind="receivable", accounts=[books.accounts[number]], assets=[books.btc]
    )
    return int(found[0])


STATE = {
    "balance": "ledger_account_id, amount, version",
    "position": "account_id, contract_id, quantity, cost, version",
    "ledger_entry": "batch_id, seq, journal_id, ledger_account_id, asset_id, amount",
    "position_entry": "batch_id, seq, journal_id, account_id, contract_id, quantity, cost",
    "journal": "id, key, content_hash",
    "batch": "id, state, cash_digest",
    "ledger_account": "id, kind, asset_id",
}


def snapshot() -> dict[str, list[Any]]:
    """Everything the books hold, to show that a refusal changed none of it."""
    with connection.cursor() as cursor:
        found = {}
        for table, columns in STATE.items():
            cursor.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}")
            found[table] = cursor.fetchall()
    return found


def holdings(books: Books) -> tuple[list[int], list[tuple[int, int, int, int]]]:
    """Amounts of every balance of the venue, and its open positions: without versions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.amount FROM balance b JOIN ledger_account a ON a.id = b.ledger_account_id"
            " WHERE a.venue_id = %s ORDER BY a.id",
            [books.venue.pk],
        )
        amounts = [amount for (amount,) in cursor.fetchall()]
        cursor.execute(
            "SELECT p.account_id, p.contract_id, p.quantity, p.cost FROM position p"
            " JOIN exchange_contract c ON c.id = p.contract_id"
            " WHERE c.venue_id = %s AND p.quantity <> 0 ORDER BY 1, 2",
            [books.venue.pk],
        )
        return amounts, cursor.fetchall()
