"""Recusal, computed: who is tied to an account that some remedy of an incident would change.

The rule is `person_recused` in the database (`migrations/sql/0002_recusal.sql`), asked by its
triggers as well. Whoever is recused makes nothing, decides nothing and sees no votes; how many they
are is public.
"""

from django.db import connection

from backoffice.models import Incident, Person, Plan
from backoffice.services.refusals import NotAllowed


def recused(*, incident: Incident, person: Person) -> bool:
    """Whether the person is tied to the incident; one statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT person_recused(%s, %s)", [incident.pk, person.pk])
        return cursor.fetchone()[0]


def incidents(person: Person) -> set[int]:
    """The numbers of the incidents the person is recused from; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.id FROM incident i WHERE EXISTS (SELECT person_ties(%s))"
            " AND person_recused(i.id, %s)",
            [person.pk, person.pk],
        )
        return {number for (number,) in cursor.fetchall()}


def hidden_subjects(person: Person) -> set[str]:
    """The subjects of the audit chain that would tell the person of votes they may not see: every
    plan of an incident they are recused from. One statement for nearly everyone, else two."""
    numbers = incidents(person)
    if not numbers:
        return set()
    plans = Plan.objects.filter(incident__in=numbers).values_list("pk", flat=True)
    return {f"plan:{number}" for number in plans}


def count(incident: Incident) -> int:
    """How many of those who could make or decide something are recused; one statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT incident_recusals(%s)", [incident.pk])
        return cursor.fetchone()[0]


def require_free(person: Person, incident: Incident) -> None:
    """Raises NotAllowed when the person is recused from the incident."""
    if recused(incident=incident, person=person):
        raise NotAllowed(
            "You are recused from this incident: one of its remedies changes an account you are"
            " tied to. Someone else has to do this."
        )
