"""The desk's world in small: a venue with four customers, the cast, and a goodwill plan on its way.

Amounts are satoshi. Accounts 0 to 3 hold 1, 2, 3 and 4 BTC in their futures wallets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from django.db import connection, transaction

from backoffice.models import (
    Approval,
    Award,
    Comparison,
    Gate,
    Incident,
    Interest,
    Person,
    Plan,
    Programme,
    Scenario,
    ScenarioEffect,
    SpentCode,
)
from backoffice.services import approvals, drafting, incidents, people, plans, proven
from backoffice.services.second_factor import Code
from exchange.models import (
    Account,
    Asset,
    Contract,
    Customer,
    LedgerAccount,
    Tape,
    Venue,
)
from exchange.services import batches, ledger
from tests.backoffice.views.market import Market

BTC = 100_000_000
PAID = [BTC // 10, BTC // 5, 3 * BTC // 10]
UNTOUCHED = 3  # the account that a plan of PAID leaves alone
START = datetime(2018, 3, 29, 21, 0, tzinfo=UTC)


@dataclass
class World:
    """Rows that tests name."""

    venue: Venue
    btc: Asset
    contract: Contract
    customers: list[Customer]
    accounts: list[Account]
    futures: list[LedgerAccount]
    custody: LedgerAccount
    incident: Incident

    def person(self, handle: str) -> Person:
        return people.cast_member(handle)

    def code(self, handle: str) -> str:
        """A code that person's authenticator would show and has not approved with."""
        code = people.demo_code(people.email_of(handle))
        assert code is not None
        return code


def ledger_account(world_venue: Venue, asset: Asset, kind: str, **owner: object) -> LedgerAccount:
    return LedgerAccount.objects.create(venue=world_venue, asset=asset, kind=kind, **owner)


def make_world() -> World:
    venue = Venue.objects.create(
        code="rehearsal", name="Rehearsal", rules="okex-2018", is_drill=True, zone="Asia/Hong_Kong"
    )
    btc = Asset.objects.create(code="BTC", decimals=8)
    contract = Contract.objects.create(
        venue=venue, symbol="BTC0629", kind="inverse", underlying="BTC", settle=btc, face=100,
        tick="0.01", tape_index=0,
    )  # fmt: skip
    customers = [
        Customer.objects.create(
            venue=venue, code=f"C{n}", name=f"Customer {n}", email=f"c{n}@customers.example",
            language="zh-hans" if n % 2 else "en",
        )
        for n in range(4)
    ]  # fmt: skip
    accounts = [
        Account.objects.create(venue=venue, customer=c, code=f"A{n:05d}", tape_index=n)
        for n, c in enumerate(customers)
    ]
    futures = [ledger_account(venue, btc, "futures", account=account) for account in accounts]
    custody = ledger_account(venue, btc, "custody")
    for kind in ("goodwill", "fees", "capital"):
        ledger_account(venue, btc, kind)
    ledger_account(venue, btc, "clearing", contract=contract)
    with transaction.atomic():
        held = [(n + 1) * BTC for n in range(4)]
        legs = [(place.pk, btc.pk, units) for place, units in zip(futures, held, strict=True)]
        ledger.post(
            venue=venue, key="opening", reason="opening", effective_at=START,
            legs=[*legs, (custody.pk, btc.pk, -sum(held))],
        )  # fmt: skip
    tape = Tape.objects.create(
        venue=venue, digest="a" * 64, manifest=MANIFEST, accounts=4, fills=0, starts_at=START,
        ends_at=START + timedelta(hours=2), state_digest="b" * 64,
    )  # fmt: skip
    people.seed_cast(venue=venue)
    incident = incidents.open_incident(
        tape=tape, by=people.cast_member("mira"), title="BTC0629 off the index"
    )
    return World(venue, btc, contract, customers, accounts, futures, custody, incident)


MANIFEST = {
    "contract": "BTC0629",
    "zone": "Asia/Hong_Kong",
    "window": {"start": "2018-03-30T05:00:00+08:00", "end": "2018-03-30T06:30:00+08:00"},
    "announced_cutoff": "2018-03-30T05:00:00+08:00",
    "effective_cutoff": "2018-03-30T04:47:54+08:00",
}


def payment(amounts: list[int]) -> drafting.Draft:
    """A draft that pays amounts[n] to account n from the house's goodwill."""
    n = len(amounts)
    paid, owner = np.array(amounts, np.int64), np.arange(n, dtype=np.int64)
    none = np.zeros(0, np.int64)
    zeros = np.zeros(n, np.int64)
    return drafting.Draft(
        assets=("BTC",),
        contracts=("BTC0629",),
        cash=drafting.Cash(
            kind=np.array([6] + [0] * n, np.int8),
            owner=np.append(np.int64(-1), owner),
            asset=np.zeros(n + 1, np.int16),
            amount=np.append(-paid.sum(), paid),
        ),
        moves=drafting.Moves(none, none, none, none),
        effects=drafting.Effects(
            owner, np.zeros(n, np.int16), (owner + 1) * BTC, paid, zeros, zeros, zeros, zeros,
            zeros, paid, zeros, zeros, np.zeros(n, np.bool_),
        ),
        facts={"awards": n},
    )  # fmt: skip


def run_sql(*statements: str, values: Sequence[object] | None = None) -> None:
    """Run statements as anyone with the database's password could, and make a commit's checks."""
    with transaction.atomic(), connection.cursor() as cursor:
        # What the test did before is as good as committed: a table with checks due is not altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for statement in statements:
            cursor.execute(statement, values)
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def without_triggers(table: str, *statements: str) -> None:
    """Run statements on a table as the owner of the schema, who can turn its triggers off."""
    run_sql(
        f"ALTER TABLE {table} DISABLE TRIGGER USER",
        *statements,
        f"ALTER TABLE {table} ENABLE TRIGGER USER",
    )


def compute(world: World, amounts: list[int], *, remedy: str = "goodwill") -> Plan:
    """A computed plan of Mira's."""
    with transaction.atomic():
        plan = Plan.objects.create(
            incident=world.incident, remedy=remedy, maker=world.person("mira"), parameters={}
        )
        batch = batches.open_batch(
            venue=world.venue, key=f"test-{plan.pk}", reason=remedy, effective_at=START
        )
        drafting.write(plan=plan, batch=batch, draft=payment(amounts), inputs={"tape": "a" * 64})
    return plan


def propose(world: World, amounts: list[int], *, remedy: str = "goodwill") -> Plan:
    """The same, before the officers."""
    return plans.propose(plan=compute(world, amounts, remedy=remedy), by=world.person("mira"))


def tie(world: World, handle: str, account: int = UNTOUCHED) -> Person:
    """Someone of the cast with an interest in an account."""
    person = world.person(handle)
    Interest.objects.create(person=person, account=world.accounts[account], relation="sibling")
    return person


def award(world: World) -> None:
    """A programme that pays the untouched account, written by hand."""
    programme = Programme.objects.create(
        incident=world.incident, name="goodwill", asset=world.btc, percent_bp=10_000, cap=BTC,
        budget=BTC, maker=world.person("fay"),
    )  # fmt: skip
    Award.objects.create(programme=programme, account=world.accounts[UNTOUCHED], loss=1, amount=1)


Change = int | dict[str, int]
UNCHANGED = {
    "futures_delta": 0, "funding_delta": 0, "receivable_delta": 0, "worth_delta": 0,
    "positions_changed": 0,
}  # fmt: skip


def compare(world: World, *scenarios: dict[int, Change]) -> Comparison:
    """A finished comparison. Each scenario is account number to what its wallet and worth change
    by, or to the fields of its effect that are not zero."""
    comparison = Comparison.objects.create(
        incident=world.incident, requested_by=world.person("ravi")
    )
    Comparison.objects.filter(pk=comparison.pk).update(state="running")
    for number, changes in enumerate(scenarios):
        scenario = Scenario.objects.create(
            comparison=comparison, number=number, remedy="bust", digest="c" * 64, seconds=0
        )
        ScenarioEffect.objects.bulk_create(
            ScenarioEffect(
                scenario=scenario, account=world.accounts[account], asset=world.btc,
                **UNCHANGED | (
                    change if isinstance(change, dict)
                    else {"futures_delta": change, "worth_delta": change}
                ),
            )
            for account, change in changes.items()
        )  # fmt: skip
    Comparison.objects.filter(pk=comparison.pk).update(state="done")
    return comparison


def close_gates(of: World | Market) -> None:
    """Close trading and withdrawals of its venue."""
    mira = people.cast_member("mira")
    for kind in Gate.Kind.values:
        incidents.close_gate(incident=of.incident, by=mira, kind=kind, reason="off the index")


def officers(plan: Plan) -> list[tuple[str, Person]]:
    """Whom of the cast the plan's quorum asks for, with their roles."""
    return people.cast_for(plan.quorum, besides=plan.maker)


def approve_all(plan: Plan) -> None:
    """Every officer its quorum asks for approves the plan, with a fresh code each."""
    for role, officer in officers(plan):
        proof = Code(people.demo_code(officer.email))
        approvals.decide(plan=plan, by=officer, decision="approve", proof=proof, role=role)


def approve_by_row(world: World, plan: Plan) -> None:
    """Propose and approve without waiting for codes, for tests that need many plans: an officer
    has three codes a minute. What the database asks of a decision it asks of these rows too."""
    plans.propose(plan=plan, by=world.person("mira"))
    for number, (role, officer) in enumerate(officers(plan)):
        step = 1000 * plan.pk + number
        SpentCode.objects.create(person=officer, step=step)
        proof = proven.by_code(plan=plan, officer=officer, role=role, decision="approve", step=step)
        Approval.objects.create(
            plan=plan, officer=officer, role=role, decision="approve", digest=plan.digest,
            method="totp", evidence={**proof, "seal": proven.seal(plan)},
        )  # fmt: skip
    Plan.objects.filter(pk=plan.pk).update(state="approved")
    plan.refresh_from_db()


def execute(world: World, plan: Plan) -> Plan:
    """Propose, approve twice with fresh codes, execute and reconcile, all through the services."""
    if plan.state == Plan.State.COMPUTED:
        plans.propose(plan=plan, by=world.person("mira"))
    if plan.state == Plan.State.PROPOSED:
        approve_all(plan)
    plans.request_execution(plan=plan, by=world.person("mira"))
    execution = plans.execute(plan_id=plan.pk)
    assert execution.state == "done", execution.message
    plan.refresh_from_db()
    assert plan.state == Plan.State.RECONCILED
    return plan


def executed(world: World, plan: Plan) -> Plan:
    """A computed plan approved without waiting for codes, executed and reconciled."""
    approve_by_row(world, plan)
    return execute(world, plan)
