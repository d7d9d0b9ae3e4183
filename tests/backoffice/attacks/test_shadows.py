"""Attacks by other tables of the same name: a session that looks elsewhere for `role` or `plan`.

PostgreSQL looks for a table in the session's temporary schema first, and then along its search
path; whoever may connect may make both. What the desk's triggers ask must not be answered there.
"""

import pytest
from django.db import connection, transaction

from exchange.services import batches
from tests.backoffice.attacks.conftest import Attack, Desk, refused
from tests.backoffice.services.conftest import close_gates, run_sql, tie

SHADOW = "CREATE TEMPORARY TABLE {0} (LIKE public.{0} INCLUDING DEFAULTS) ON COMMIT DROP"


def shadowed(table: str, *rows: str) -> None:
    """A temporary table of this name, empty but for what `rows` put there."""
    run_sql(SHADOW.format(table), *rows)


def hers(desk: Desk) -> str:
    """A row that gives Sana of support the role of a risk officer."""
    return f"SELECT 1 AS id, {desk.person('sana').pk} AS person_id, 'risk' AS name, now()"


def holds_a_role_elsewhere(desk: Desk) -> None:
    with transaction.atomic():
        shadowed("role", f"INSERT INTO role (id, person_id, name, granted_at) {hers(desk)}")
        desk.forge("sana", "risk")


def holds_a_role_in_another_schema(desk: Desk) -> None:
    with transaction.atomic():
        run_sql(
            "CREATE SCHEMA elsewhere",
            f"CREATE TABLE elsewhere.role AS {hers(desk)}",
            "SET LOCAL search_path = elsewhere, public",
        )
        desk.forge("sana", "risk")


def spends_no_code(desk: Desk) -> None:
    with transaction.atomic():
        chen = desk.person("chen").pk
        shadowed("spent_code", f"INSERT INTO spent_code VALUES (1, 77, now(), {chen})")
        desk.forge("chen", "risk", step=77)


def forgets_a_tie(desk: Desk) -> None:
    with transaction.atomic():
        shadowed("interest")
        desk.forge("lena", "legal")


def votes_elsewhere(desk: Desk) -> None:
    """Two officers' approvals in the session's own table of them."""
    chen, fay = desk.person("chen").pk, desk.person("fay").pk
    shadowed(
        "approval",
        "INSERT INTO approval (id, plan_id, officer_id, role, decision, reason, digest, method,"
        " evidence, at) SELECT n, p.id, officer, role, 'approve', '', p.digest, 'totp',"
        " jsonb_build_object('seal', batch_seal(p.batch_id)), now() FROM public.plan p,"
        f" (VALUES (1, {chen}, 'risk'), (2, {fay}, 'finance')) AS v (n, officer, role)",
    )


def approves_without_votes(desk: Desk) -> None:
    with transaction.atomic():
        votes_elsewhere(desk)
        run_sql("UPDATE plan SET state = 'approved'")


def posts_without_approvals(desk: Desk) -> None:
    """The books ask for an executed plan; the session has one, and the approvals to it."""
    with transaction.atomic(), connection.cursor() as cursor:
        votes_elsewhere(desk)
        shadowed(
            "plan",
            "INSERT INTO plan SELECT * FROM public.plan",
            "UPDATE pg_temp.plan SET state = 'executed'",
        )
        batches.post(desk.plan.batch, batches.sealed_digests(desk.plan.batch))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def prolongs_a_gate_as_nobody(desk: Desk) -> None:
    with transaction.atomic():
        shadowed("role", f"INSERT INTO role (id, person_id, name, granted_at) {hers(desk)}")
        run_sql(
            "INSERT INTO gate_prolongation (gate_id, officer_id, reason, expires_before,"
            f" expires_at, decided_at) SELECT id, {desk.person('sana').pk}, 'x', expires_at,"
            " expires_at + interval '1 hour', now() FROM gate LIMIT 1"
        )


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        (holds_a_role_elsewhere, "does not hold the role"),
        (holds_a_role_in_another_schema, "does not hold the role"),
        (spends_no_code, "no spent code"),
        (forgets_a_tie, "recused"),
        (approves_without_votes, "its quorum"),
        (posts_without_approvals, "has no approved plan in execution"),
        (prolongs_a_gate_as_nobody, "by an officer"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_a_session_keeps_for_itself_answers_nothing(
    desk: Desk, attack: Attack, says: str
) -> None:
    tie(desk.world, "lena", account=1)
    close_gates(desk.world)
    refused(desk, attack, says)


def test_every_function_knows_where_the_tables_are(db: None) -> None:
    """Also those that a later migration makes or replaces."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p"
            " JOIN pg_language l ON l.oid = p.prolang"
            " WHERE p.pronamespace = 'public'::regnamespace AND l.lanname IN ('sql', 'plpgsql')"
            " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
            " AND NOT 'search_path=public, pg_temp' = ANY (coalesce(p.proconfig, '{}'))"
        )
        assert cursor.fetchall() == []
