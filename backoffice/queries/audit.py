"""Reading the audit chain.

What was done in the care lane stands in the chain like everything else, and what it was is shown
only to those who care for people: to others the event has a number, a time and a hash. The same
holds for the plans of an incident and whoever is recused from it, who is not to see the votes.
"""

from collections.abc import Collection

from backoffice.models import AuditEvent, AuditHead
from exchange.queries import keyset
from exchange.queries.keyset import Page

CARE = "care."


def events(
    *,
    subject: str = "",
    action: str = "",
    cares: bool = False,
    hidden: Collection[str] = (),
    after: str = "",
) -> Page[AuditEvent]:
    """A page of events, newest first, of a subject or of actions that begin so; one statement.

    A filter finds nothing of the care lane for whoever may not know of it, and nothing of the
    `hidden` subjects.
    """
    rows = AuditEvent.objects.select_related("actor").order_by("-number")
    if at := keyset.numbers(after, 1):
        rows = rows.filter(number__lt=at[0])
    if subject:
        rows = rows.filter(subject=subject)
    if action:
        rows = rows.filter(action__startswith=action)
    if subject or action:
        if not cares:
            rows = rows.exclude(action__startswith=CARE)
        if hidden:
            rows = rows.exclude(subject__in=hidden)
    found = list(rows[: keyset.LIMIT + 1])
    more = len(found) > keyset.LIMIT
    return Page(found[: keyset.LIMIT], str(found[keyset.LIMIT - 1].number) if more else "")


def head() -> AuditHead:
    """The end of the chain; one statement."""
    return AuditHead.objects.get(pk=1)
