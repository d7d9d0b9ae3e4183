"""Facts that are counted in the database: verdicts, what a plan did, what was paid."""

from django.db import connection

from backoffice import figures
from backoffice.models import Fact, Incident, Plan, Programme
from backoffice.services.facts import Computed, record

VERDICTS = """
    SELECT count(*) FILTER (WHERE verdict <> 'missed'),
           count(*) FILTER (WHERE verdict IN ('due_printed_only', 'not_due')),
           count(*) FILTER (WHERE verdict = 'missed')
    FROM liquidation WHERE tape_id = %s
"""


def of_liquidations(*, incident: Incident) -> list[Fact]:
    """How many closes were recorded, wrong at a fair price, and missed; two statements and one."""
    with connection.cursor() as cursor:
        cursor.execute(VERDICTS, [incident.tape_id])
        recorded, wrong, missed = cursor.fetchone()
    inputs = {"tape": incident.tape.digest, "rules": incident.venue.rules}
    counts = {
        "liquidations_recorded": (recorded, "forced closes on the tape"),
        "liquidations_wrong": (wrong, "forced closes not due at the fair reference"),
        "liquidations_missed": (missed, "due at the printed price and not done"),
    }
    return record(
        incident=incident,
        computed={
            key: Computed(figures.whole_number(count), source, inputs)
            for key, (count, source) in counts.items()
        },
    )


def of_executed(*, plan: Plan) -> list[Fact]:
    """What a plan did once it is reconciled: the programme that it pays, or else the remedy."""
    programme = Programme.objects.filter(plan=plan).select_related("asset").first()
    return of_programme(programme=programme) if programme else of_plan(plan=plan)


def of_plan(*, plan: Plan) -> list[Fact]:
    """What an executed plan changed."""
    return record(incident=plan.incident, computed=_plan(plan))


def of_programme(*, programme: Programme) -> list[Fact]:
    """What a programme pays in all."""
    return record(incident=programme.incident, computed=_programme(programme))


def digests(plan: Plan) -> set[str]:
    """Of all facts that are computed from the plan, or from the programme that it pays; at most
    three statements."""
    found = _plan(plan)
    for programme in Programme.objects.filter(plan=plan).select_related("asset"):
        found |= _programme(programme)
    return {fact.digest for fact in found.values()}


def _plan(plan: Plan) -> dict[str, Computed]:
    inputs = {"digest": plan.digest}
    return {
        "accounts_changed": Computed(
            figures.whole_number(int(plan.totals["accounts"])), "effects of the plan", inputs
        ),
        "plan_digest": Computed(plan.digest, "SHA-256 of the plan's manifest", inputs),
    }


def _programme(programme: Programme) -> dict[str, Computed]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(amount), 0)::bigint FROM award WHERE programme_id = %s",
            [programme.pk],
        )
        awards, total = cursor.fetchone()
    asset = programme.asset
    inputs = {"programme": programme.name, "awards": awards}
    return {
        "goodwill_awards": Computed(
            figures.whole_number(awards), "awards of the programme", inputs
        ),
        "goodwill_total": Computed(
            f"{figures.amount(total, asset.decimals)} {asset.code}", "sum of awards", inputs
        ),
    }
