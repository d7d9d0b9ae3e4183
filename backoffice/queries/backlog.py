"""What waits, and for how long: the numbers an operator is woken by."""

from dataclasses import dataclass

from django.db import connection

OPEN_PLANS = ("draft", "computed", "proposed", "approved", "executing")


@dataclass(frozen=True)
class Backlog:
    """Counts, and ages in seconds (0 when nothing waits)."""

    messages_waiting: int
    messages_failed: int
    executions_waiting: int
    execution_oldest_seconds: float
    reconciliations_failed: int
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
                   (SELECT count(*) FROM reconciliation WHERE NOT (ledger_ok AND positions_ok))
            FROM execution WHERE state IN ('queued', 'running')
            """
        )
        waiting, failed, executions, oldest, wrong = cursor.fetchone()
        cursor.execute("SELECT state, count(*) FROM plan GROUP BY state")
        plans = dict.fromkeys(OPEN_PLANS, 0) | dict(cursor.fetchall())
    return Backlog(waiting, failed, executions, oldest, wrong, plans)
