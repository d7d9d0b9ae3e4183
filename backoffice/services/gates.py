"""The gates a plan needs closed while it is executed, and those a plan keeps from being lifted.

What a plan needs is in its manifest (`drafting.gates`), what is closed in the rows of `gate`; the
comparison is the database's (`migrations/sql/0008_execution.sql`), here it gets words.
"""

from datetime import datetime
from typing import NamedTuple

from django.db import connection

from backoffice.models import Gate, Plan
from backoffice.services.refusals import Moved, Refused


class Wanting(NamedTuple):
    """A gate that a plan needs and that does not hold. `symbol` is None for withdrawals;
    `opened_at` is when it last opened since the plan was computed, None when it was never closed
    in between."""

    kind: str
    symbol: str | None
    opened_at: datetime | None

    @property
    def what(self) -> str:
        """The gate in words."""
        return f"trading of {self.symbol}" if self.kind == Gate.Kind.MARKET else "withdrawals"


def wanting(plan: Plan) -> list[Wanting]:
    """The gates the plan needs that do not hold now; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, symbol, opened_at FROM plan_gates_wanting(%s) ORDER BY kind, symbol",
            [plan.pk],
        )
        return [Wanting(*row) for row in cursor.fetchall()]


def opened(found: list[Wanting]) -> str | None:
    """Why the plan is void for a gate that opened since it was computed; None when none did."""
    for gate in found:
        if gate.opened_at is not None:
            what = gate.what[0].upper() + gate.what[1:]
            return (
                f"{what} opened at {gate.opened_at:%Y-%m-%d %H:%M:%S} UTC, after the plan was"
                " computed: what it was computed from may have moved."
            )
    return None


def missing(found: list[Wanting]) -> str | None:
    """What has to be closed first, in words; None when nothing has."""
    if not found:
        return None
    *most, last = (gate.what for gate in found)
    named = f"{', '.join(most)} and {last}" if most else last
    return f"Closed first, while this plan is executed: {named}."


def require_closed(plan: Plan, *, hold: bool = False) -> None:
    """Every gate the plan needs is closed. `hold` keeps them so until the caller commits.

    Raises Moved when one opened since the plan was computed, Refused when one is open and closing
    it is enough.
    """
    if hold:
        with connection.cursor() as cursor:
            cursor.execute("SELECT plan_gates_open(%s, true)", [plan.pk])
    found = wanting(plan)
    if why := opened(found):
        raise Moved(why)
    if why := missing(found):
        raise Refused(why)


def held(gate: Gate) -> str | None:
    """Why the gate may not be lifted now, in words; None when it may. One statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT gate_held(%s)", [gate.pk])
        why: str | None = cursor.fetchone()[0]
    return why
