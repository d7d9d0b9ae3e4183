"""What the attacks share: a desk with plans at every stage, and a digest of all of its database.

An attack is a function of the desk. `refused` runs it and holds two things: it was refused, in the
words given, and the database is what it was before. The desk's controls do the same rightly, so
that no attack is refused for how it is written.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from django.db import DatabaseError, connection, transaction

from backoffice.models import Approval, Person, Plan, Role
from backoffice.services import approvals, proven
from backoffice.services.refusals import Refused
from backoffice.services.second_factor import Code
from tests.backoffice.services.conftest import (
    PAID,
    World,
    approve_by_row,
    compute,
    propose,
    run_sql,
)

# Where nothing of the desk or the books is kept.
LEFT_OUT = ("django_", "spatial_", "celery_")


@dataclass
class Desk:
    """A world in which `plan` waits for a risk and a finance officer; `other` waits beside it."""

    world: World
    plan: Plan
    steps: int = field(default_factory=lambda: int(time.time()) // 30 - 1000)

    def person(self, handle: str) -> Person:
        return self.world.person(handle)

    def code(self, handle: str) -> Code:
        """A fresh code of theirs."""
        return Code(self.world.code(handle))

    def approve(self, handle: str, plan: Plan | None = None, role: str | None = None) -> Approval:
        """Approve through the door."""
        return approvals.decide(
            plan=plan or self.plan, by=self.person(handle), decision="approve", role=role,
            proof=self.code(handle),
        )  # fmt: skip

    def propose(self, amounts: list[int], remedy: str = "goodwill") -> Plan:
        """Another plan of Mira's before the officers; it takes no other plan's place."""
        return propose(self.world, amounts, remedy=remedy)

    def spend(self, person: Person) -> int:
        """Write a spent code by hand, as anyone with the database's password could."""
        self.steps += 1
        run_sql(
            f"INSERT INTO spent_code (person_id, step, spent_at)"
            f" VALUES ({person.pk}, {self.steps}, now())"
        )
        return self.steps

    def forge(self, handle: str, role: str, plan: Plan | None = None, **changes: object) -> None:
        """Write an approval by hand, as right as `changes` leave it: by default as somebody could
        who has the desk's key too."""
        plan, officer = plan or self.plan, self.person(handle)
        with transaction.atomic():
            row = {
                "digest": plan.digest, "method": "totp", "seal": proven.seal(plan),
                "decision": "approve", **changes,
            }  # fmt: skip
            proof = proven.by_code(
                plan=plan, officer=officer, role=role, decision=row["decision"],
                step=row.pop("step", None) or self.spend(officer),
            )  # fmt: skip
            given = {key: row[key] for key in ("seal", "countersignature") if key in row}
            values = [
                plan.pk, officer.pk, role, row["decision"], row["digest"], row["method"],
                json.dumps(proof | given),
            ]  # fmt: skip
            run_sql(
                "INSERT INTO approval (plan_id, officer_id, role, decision, reason, digest, method,"
                " evidence, at) VALUES (%s, %s, %s, %s, 'by hand', %s, %s, %s, '2000-01-01')",
                values=values,
            )


Attack = Callable[[Desk], object]


def nothing(desk: Desk) -> None:
    """Nothing has to be arranged for the attack."""


def maker_is_an_officer(desk: Desk) -> None:
    """Granted after the plan was made, as a superuser could."""
    Role.objects.create(person=desk.person("mira"), name="risk")


def everything(*names: str) -> str:
    """One hash over every row of every table (or of those named), over which partition is attached
    to what, and over the triggers that are on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' ORDER BY relname"
        )
        found = [name for (name,) in cursor.fetchall() if not name.startswith(LEFT_OUT)]
        tables = [name for name in found if not names or name.startswith(names)]
        assert len(tables) > (3 if names else 40)
        rows = [
            f"SELECT '{name}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM \"{name}\" t"
            for name in tables
        ]
        cursor.execute(" UNION ALL ".join(rows) + " ORDER BY 1")
        told = [
            *cursor.fetchall(), *_fetch(cursor, "SELECT inhrelid, inhparent FROM pg_inherits"),
            *_fetch(cursor, "SELECT tgname, tgrelid, tgenabled FROM pg_trigger"),
        ]  # fmt: skip
    return hashlib.sha256(repr(told).encode()).hexdigest()


def books() -> str:
    """The same over the ledger, positions, balances, journals and batches alone."""
    return everything("ledger_", "position", "balance", "journal", "batch")


def _fetch(cursor: object, statement: str) -> list[tuple[object, ...]]:
    cursor.execute(statement + " ORDER BY 1, 2")
    return cursor.fetchall()


def refused(desk: Desk, attack: Attack, says: str) -> None:
    """The attack is refused in these words, and nothing is changed. It opens its own transaction,
    as a verb, a shell or psql does."""
    before = everything()
    with pytest.raises((Refused, DatabaseError), match=says):
        attack(desk)
    assert everything() == before


@pytest.fixture
def desk(world: World, proposed: Plan) -> Desk:
    """Its plan wants risk and finance, and is before the officers."""
    return Desk(world, proposed)


@pytest.fixture
def approved(world: World) -> Desk:
    """The same plan, approved by Chen and Fay."""
    plan = compute(world, PAID)
    approve_by_row(world, plan)
    return Desk(world, plan)
