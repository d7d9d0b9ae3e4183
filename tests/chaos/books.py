"""What a cut may leave behind: all of a plan in the books or nothing, and rows that agree."""

from dataclasses import dataclass

from django.db import connection

from backoffice.models import Plan
from backoffice.services import approvals, audit
from exchange.queries.batches import standing
from exchange.services import reconciliation
from tests.backoffice.services.conftest import World


@dataclass(frozen=True)
class Books:
    """Everything an execution may change in the books: (amount, version) by ledger account,
    (contracts, cost, version) by account and contract, and how many rows there are of the rest."""

    balances: dict[int, tuple[int, int]]
    positions: dict[tuple[int, int], tuple[int, int, int]]
    rows: tuple[int, int, int]
    posted: frozenset[int]

    @classmethod
    def now(cls) -> "Books":
        with connection.cursor() as cursor:
            cursor.execute("SELECT ledger_account_id, amount, version FROM balance")
            balances = {place: (amount, version) for place, amount, version in cursor}
            cursor.execute("SELECT account_id, contract_id, quantity, cost, version FROM position")
            positions = {(who, what): tuple(rest) for who, what, *rest in cursor}
            cursor.execute(
                "SELECT (SELECT count(*) FROM ledger_entry),"
                " (SELECT count(*) FROM position_entry), (SELECT count(*) FROM journal)"
            )
            counts = cursor.fetchone()
            cursor.execute("SELECT id FROM batch WHERE state = 'posted'")
            posted = frozenset(number for (number,) in cursor)
        return cls(balances, positions, counts, posted)

    def after(self, plan: Plan) -> "Books":
        """These books with the plan posted once: every leg, nothing else, one version on."""
        balances, positions = dict(self.balances), dict(self.positions)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT ledger_account_id, delta FROM ledger_before_{plan.batch_id}")
            for place, delta in cursor:
                amount, version = balances[place]
                balances[place] = (amount + delta, version + 1)
            cursor.execute(
                "SELECT account_id, contract_id, quantity_delta, cost_delta"
                f" FROM position_before_{plan.batch_id}"
            )
            for who, what, contracts, cost in cursor:
                was = positions.get((who, what), (0, 0, 0))
                positions[who, what] = (was[0] + contracts, was[1] + cost, was[2] + 1)
        batch = plan.batch
        entries, moves, journals = self.rows
        rows = (entries + batch.cash_legs, moves + batch.position_legs, journals + 1)
        return Books(balances, positions, rows, self.posted | {batch.pk})


def sound(world: World) -> None:
    """The books, the approvals and the chain of events, whatever was cut: nothing of a plan is in
    the books but all of it, and every row that tells of it agrees."""
    report = reconciliation.reconcile(world.venue)
    assert (report.ledger_ok, report.positions_ok) == (True, True), report.details
    chain = audit.verify()
    assert chain.ok, chain
    with connection.cursor() as cursor:
        cursor.execute(DISAGREEING)
        assert cursor.fetchall() == []


# Whatever a plan's row, its batch, its execution, its approvals and its events say differently.
DISAGREEING = """
    SELECT p.id, p.state, b.state, e.state, 'plan and books' FROM plan p
    JOIN batch b ON b.id = p.batch_id LEFT JOIN execution e ON e.plan_id = p.id
    WHERE (p.state IN ('executed', 'reconciled')) <> (b.state = 'posted')
       OR (p.state IN ('executed', 'reconciled')) <> (e.state IS NOT DISTINCT FROM 'done')
       OR p.state = 'executing'
    UNION ALL
    SELECT p.id, p.state, '', '', 'plan and its approvals' FROM plan p
    WHERE p.state IN ('proposed', 'approved')
      AND (p.state = 'approved') <> (plan_missing(p.id) = '{}')
    UNION ALL
    SELECT p.id, p.state, '', '', 'approvals, spent codes and events' FROM plan p
    WHERE p.incident_id IN (SELECT incident_id FROM plan)
      AND (SELECT count(*) FROM approval a WHERE a.plan_id = p.id)
       <> (SELECT count(*) FROM audit_event v
           WHERE v.action = 'plan.approve' AND v.subject = 'plan:' || p.id)
    UNION ALL
    SELECT p.id, p.state, '', '', 'executed and told' FROM plan p
    WHERE (p.state IN ('executed', 'reconciled'))::integer
       <> (SELECT count(*) FROM audit_event v
           WHERE v.action = 'plan.executed' AND v.subject = 'plan:' || p.id)
    UNION ALL
    SELECT NULL, '', '', '', 'codes spent for no decision' FROM spent_code s
    WHERE NOT EXISTS (SELECT FROM approval a WHERE a.officer_id = s.person_id
                      AND (a.evidence->>'step')::bigint = s.step)
"""


def is_there(plan: Plan) -> bool:
    """Whether the plan is wholly in the books; asserts that otherwise nothing of it is."""
    found = standing(plan.batch_id)
    assert found.whole != found.absent, found
    return found.whole


def decided(plan: Plan) -> int:
    """How many decisions on the plan are kept, and count."""
    kept = plan.approvals.count()
    assert approvals.valid_approvals(plan) == kept
    return kept
