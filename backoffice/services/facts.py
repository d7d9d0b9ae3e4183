"""Numbers that may be said in public: each is a row with its value and what it came from.

A fact is never edited. Computing it again writes a new row when the value moved, and the latest row
of a key is the fact. A notice cites rows, so it can be told when what it said has moved since.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from backoffice.models import Fact, Incident
from backoffice.services import audit, canonical


@dataclass(frozen=True)
class Computed:
    """A value for the public, what computed it in words, and the inputs of its digest."""

    value: str
    source: str
    inputs: Mapping[str, object]

    @property
    def digest(self) -> str:
        """Of the value and of what it came from."""
        return canonical.digest({"value": self.value, **self.inputs})


def latest(incident: Incident) -> dict[str, Fact]:
    """The latest fact of every key; one statement."""
    rows = Fact.objects.filter(incident=incident).order_by("key", "-id").distinct("key")
    return {fact.key: fact for fact in rows}


def record(*, incident: Incident, computed: Mapping[str, Computed]) -> list[Fact]:
    """Write those facts that are new or have moved, in the caller's transaction or its own.

    Returns the rows written; three statements however many facts there are.
    """
    with transaction.atomic():
        known = latest(incident)
        new = [
            Fact(
                incident=incident,
                key=key,
                value=fact.value,
                source=fact.source,
                digest=fact.digest,
            )
            for key, fact in computed.items()
            if key not in known or known[key].value != fact.value
        ]
        if not new:
            return []
        rows = Fact.objects.bulk_create(new)
        audit.record(
            by=None,
            action="facts.computed",
            subject=f"incident:{incident.pk}",
            data={row.key: row.value for row in rows},
        )
    return rows
