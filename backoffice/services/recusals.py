"""Recusal, computed: who is tied to an account that some remedy of an incident would change.

The rule is `person_recused` in the database (`migrations/sql/0002_recusal.sql`), asked by its
triggers as well. Whoever is recused makes nothing, decides nothing and sees no votes; how many they
are is public.
"""

from django.db import connection, transaction
from django.db.models import QuerySet

from backoffice.models import Incident, Interest, Person, Plan
from backoffice.services import audit
from backoffice.services.refusals import NotAllowed, Refused
from exchange.models import Account, Venue

RELATION_MAX = 40


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


def ties(person: Person) -> QuerySet[Interest]:
    """What the person declared, the newest first; one statement."""
    rows = Interest.objects.filter(person=person).select_related("account__venue")
    return rows.order_by("-pk")


def declare(*, by: Person, venue: Venue, code: str, relation: str) -> Interest:
    """Keep a tie of one's own to the account with this code. It is never taken back.

    Raises Refused for an unknown account, an empty relation, or a tie that was declared before.
    """
    relation = " ".join(relation.split())
    if not 0 < len(relation) <= RELATION_MAX:
        raise Refused(f"Say how you are tied to it, in at most {RELATION_MAX} characters.")
    account = Account.objects.filter(venue=venue, code=code.strip()).first()
    if account is None:
        raise Refused("There is no account with this code.")
    with transaction.atomic(durable=True):
        tie, new = Interest.objects.get_or_create(
            person=by, account=account, defaults={"relation": relation}
        )
        if not new:
            raise Refused("You have declared that tie already.")
        audit.record(
            by=by,
            action="interest.declared",
            subject=f"person:{by.pk}",
            data={"tie": tie.pk},
        )
    return tie


def require_free(person: Person, incident: Incident) -> None:
    """Raises NotAllowed when the person is recused from the incident."""
    if recused(incident=incident, person=person):
        raise NotAllowed(
            "You are recused from this incident: one of its remedies changes an account you are"
            " tied to. Someone else has to do this."
        )
