"""Reading the audit chain."""

from backoffice.models import AuditEvent

PAGE = 50


def events(*, before: int | None = None, subject: str = "") -> list[AuditEvent]:
    """A page of events, newest first, before a number; one statement."""
    rows = AuditEvent.objects.select_related("actor").order_by("-number")
    if before is not None:
        rows = rows.filter(number__lt=before)
    if subject:
        rows = rows.filter(subject=subject)
    return list(rows[:PAGE])
