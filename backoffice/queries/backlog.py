"""What waits, and for how long: the numbers an operator is woken by."""

from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from backoffice.models.break_glass import REVIEW_WITHIN

OPEN_PLANS = ("draft", "computed", "proposed", "approved", "executing")


@dataclass(frozen=True)
class Backlog:
    """Counts, and ages in seconds (0 when nothing waits)."""

    messages_waiting: int
    messages_failed: int
    executions_waiting: int
    execution_oldest_seconds: float
    reconciliations_failed: int
    glasses_unreviewed: int
    glasses_overdue: int
    plans: dict[str, int]


def now() -> Backlog:
    """Two statements; the messages are counted in the partial index of those still open."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT count(*) FROM message WHERE state IN ('queued', 'sending')),
                   (SELECT count(*) FROM message WHERE state = 'failed'),
                   count(*),
                   coalesce(extract(epoch FROM now() - min(requested_at)), 0)::float8,
                   (SELECT count(*) FROM reconciliation WHERE NOT (ledger_ok AND positions_ok)),
                   (SELECT count(*) FROM break_glass_second s WHERE NOT EXISTS (
                       SELECT FROM break_glass_review r WHERE r.break_glass_id = s.break_glass_id)),
                   (SELECT count(*) FROM break_glass_second s WHERE s.at < %s AND NOT EXISTS (
                       SELECT FROM break_glass_review r WHERE r.break_glass_id = s.break_glass_id))
            FROM execution WHERE state IN ('queued', 'running')
            """,
            [timezone.now() - REVIEW_WITHIN],
        )
        waiting, failed, executions, oldest, *rest = cursor.fetchone()
        cursor.execute("SELECT state, count(*) FROM plan GROUP BY state")
        plans = dict.fromkeys(OPEN_PLANS, 0) | dict(cursor.fetchall())
    return Backlog(waiting, failed, executions, oldest, *rest, plans)
