"""The same forgeries by ways of writing that a guard on INSERT or UPDATE could have forgotten."""

import pytest
from django.db import connection, transaction

from backoffice.models import Approval, Person, Plan, Role
from backoffice.services import plans, proven, undo
from exchange.services import batches
from tests.backoffice.attacks.conftest import Attack, Desk, refused
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import (
    PAID,
    close_gates,
    compute,
    executed,
    run_sql,
    without_triggers,
)


def state_in_bulk(desk: Desk) -> None:
    desk.plan.state = "approved"
    with transaction.atomic():
        Plan.objects.bulk_update([desk.plan], ["state"])


def state_by_saving(desk: Desk) -> None:
    desk.plan.state = "approved"
    with transaction.atomic():
        desk.plan.save()


def vote_by_upsert(desk: Desk) -> None:
    """Chen's vote once more, to be written over where it is there already."""
    chen = desk.person("chen")
    with transaction.atomic():
        step = desk.spend(chen)
        Approval.objects.bulk_create(
            [Approval(
                plan=desk.plan, officer=chen, role="risk", decision="approve", method="totp",
                digest=desk.plan.digest,
                evidence={"step": step, "seal": proven.seal(desk.plan)},
            )],
            update_conflicts=True, unique_fields=["plan", "officer"], update_fields=["reason"],
        )  # fmt: skip


def vote_by_merge(desk: Desk) -> None:
    fay = desk.person("fay").pk
    run_sql(
        f"MERGE INTO approval USING (SELECT {fay} AS id) AS other ON true"
        " WHEN MATCHED THEN UPDATE SET officer_id = other.id, role = 'finance'"
    )


def vote_by_copy(desk: Desk) -> None:
    """Sana's vote by COPY, which no rule is asked about."""
    sana = desk.person("sana")
    with transaction.atomic():
        step = desk.spend(sana)
        evidence = f'{{"step": {step}, "seal": "{proven.seal(desk.plan)}"}}'
        line = f"{desk.plan.pk}\t{sana.pk}\trisk\tapprove\t\t{desk.plan.digest}\ttotp\t{evidence}"
        with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(
            "COPY approval (plan_id, officer_id, role, decision, reason, digest, method, evidence,"
            " at) FROM STDIN"
        ) as copy:  # fmt: skip
            copy.write(line + "\t2000-01-01\n")


def vote_by_another_statement_s_rows(desk: Desk) -> None:
    fay = desk.person("fay").pk
    run_sql(
        "WITH gone AS (DELETE FROM approval RETURNING *) INSERT INTO approval"
        " (plan_id, officer_id, role, decision, reason, digest, method, evidence, at)"
        f" SELECT plan_id, {fay}, 'finance', decision, '', digest, method, evidence, at FROM gone"
    )


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        (state_in_bulk, "its quorum"),
        (state_by_saving, "its quorum"),
        (vote_by_upsert, "append only"),
        (vote_by_merge, "append only"),
        (vote_by_copy, "does not hold the role"),
        (vote_by_another_statement_s_rows, "append only"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_however_it_is_written(desk: Desk, attack: Attack, says: str) -> None:
    desk.forge("chen", "risk")
    refused(desk, attack, says)


@pytest.mark.parametrize("end", ["expired", "stale", "withdrawn", "superseded", "rejected"])
@pytest.mark.parametrize(
    "renewal",
    [
        "state = 'proposed'",
        "state = 'approved'",
        "state = 'proposed', proposed_at = now(), expires_at = now() + interval '1 hour'",
        "expires_at = now() + interval '1 hour'",
    ],
)
def test_what_is_over_is_not_renewed(desk: Desk, end: str, renewal: str) -> None:
    desk.forge("chen", "risk")
    run_sql(f"UPDATE plan SET state = '{end}', reason = 'over'")
    refused(desk, lambda desk: run_sql(f"UPDATE plan SET {renewal}"), "no step|frozen")


def test_the_maker_votes_under_no_other_name(desk: Desk) -> None:
    """An officer's row made over to the maker, or the maker's vote under it."""
    mira, chen = desk.person("mira").pk, desk.person("chen").pk
    desk.forge("chen", "risk")
    for change in (
        f"UPDATE plan SET maker_id = {chen}",
        f"UPDATE backoffice_person SET id = 99999 WHERE id = {mira}",
        f"UPDATE approval SET officer_id = {mira}",
    ):
        refused(desk, lambda desk, change=change: run_sql(change), "never change|violates|append")
    Role.objects.create(person=desk.person("mira"), name="finance")
    refused(desk, lambda desk: desk.forge("mira", "finance"), "maker of a plan")


def test_asleep_triggers_wake_at_the_execution(approved: Desk) -> None:
    """A superuser of PostgreSQL puts the session's triggers to sleep and takes a vote away."""
    plans.request_execution(plan=approved.plan, by=approved.person("mira"))
    with transaction.atomic():
        run_sql(
            "SET LOCAL session_replication_role = replica",
            "DELETE FROM approval WHERE role = 'finance'",
            "SET LOCAL session_replication_role = origin",
        )
    execution = plans.execute(plan_id=approved.plan.pk)
    assert execution.state == "refused"
    assert "not its quorum" in execution.message


class TestAnUndoOfAnUndo:
    def test_through_the_door_and_by_hand(self, desk: Desk) -> None:
        world = desk.world
        close_gates(world)
        mira = desk.person("mira")
        plan = executed(world, remedy.computed(world))
        back = executed(world, undo.compute_undo(plan=plan, by=mira, reason="wrong"))
        refused(
            desk, lambda desk: undo.compute_undo(plan=back, by=mira, reason="again"), "not undone"
        )

        def by_hand(desk: Desk) -> None:
            with transaction.atomic():
                undo._compute(back, mira, "again")

        refused(desk, by_hand, "an undo is not undone")

    def test_nor_is_a_batch_reversed_without_a_plan(self, desk: Desk) -> None:
        world = desk.world
        close_gates(world)
        plan = executed(world, compute(world, PAID))

        def attack(desk: Desk) -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                batch = batches.reverse(
                    plan.batch, key="x", reason="x", effective_at=plan.executed_at
                )
                batches.post(batch, batches.sealed_digests(batch))
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

        refused(desk, attack, "has no approved plan in execution")


def test_an_execution_is_not_lent_to_another_plan(approved: Desk) -> None:
    plans.request_execution(plan=approved.plan, by=approved.person("mira"))
    other = approved.propose([5])
    refused(approved, lambda desk: run_sql(f"UPDATE execution SET plan_id = {other.pk}"), "no step")
    without_triggers("execution", f"UPDATE execution SET plan_id = {other.pk}")
    assert plans.execute(plan_id=other.pk).state == "refused"
    assert Plan.objects.get(pk=other.pk).state == "proposed"


def test_a_refused_execution_is_not_queued_for_a_plan_that_is_over(approved: Desk) -> None:
    plans.request_execution(plan=approved.plan, by=approved.person("mira"))
    run_sql(
        "UPDATE execution SET state = 'refused'",
        "UPDATE plan SET state = 'stale', reason = 'a balance moved'",
    )
    again = "UPDATE execution SET state = 'queued'"
    refused(approved, lambda desk: run_sql(again), "not approved any more")


def test_by_hand_nothing_is_posted_but_what_was_approved(approved: Desk) -> None:
    """All that an execution does, and under its digest another manifest than was approved."""
    without_triggers("plan", 'UPDATE plan SET manifest = manifest || \'{"format": "other"}\'')

    def attack(desk: Desk) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE plan SET state = 'executing'")
            batches.post(desk.plan.batch, batches.sealed_digests(desk.plan.batch))
            cursor.execute("UPDATE plan SET state = 'executed', executed_at = now()")
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    refused(approved, attack, "is not what was approved")


def test_a_person_of_two_accounts_is_one_customer(desk: Desk) -> None:
    """Ravi is a customer too: what that customer has ties him, without his saying so."""
    Person.objects.filter(pk=desk.person("ravi").pk).update(customer=desk.world.customers[1])
    refused(desk, lambda desk: desk.forge("ravi", "risk"), "recused")
