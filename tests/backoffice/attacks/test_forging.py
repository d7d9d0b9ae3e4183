"""Attacks on the rows themselves: psql, and a Django shell with a superuser's `Person` in hand."""

import pytest
from django.db import connection, transaction

from backoffice.models import Approval, Execution, Person, Plan, PlanEffect, Role, SpentCode
from backoffice.services import executions, plans, proven, quorums
from exchange.models import Balance, Batch
from exchange.services import batches
from tests.backoffice.attacks.conftest import Attack, Desk, everything, refused
from tests.backoffice.services.conftest import run_sql

POSTED = "UPDATE batch SET state = 'posted', posted_at = now() WHERE id > 0"
LEG = "INSERT INTO {table} (batch_id, journal_id, ledger_account_id, asset_id, amount) "

# {plan}, {batch}, {wallet} and {btc} are filled in; `approved` has both of its approvals.
STATEMENTS = {
    "a decision": [
        ("UPDATE approval SET decision = 'approve'", "append only"),
        ("UPDATE approval SET officer_id = officer_id + 1", "append only"),
        ("UPDATE approval SET digest = repeat('0', 64)", "append only"),
        ("UPDATE approval SET evidence = '{{}}'", "append only"),
        ("DELETE FROM approval", "append only"),
        ("TRUNCATE approval", "append only"),
        ("DELETE FROM spent_code", "append only"),
        ("TRUNCATE spent_code", "append only"),
    ],
    "the plan's state": [
        ("UPDATE plan SET state = 'executing'", "left executing"),
        ("UPDATE plan SET state = 'executed', executed_at = now()", "no step"),
        ("UPDATE plan SET state = 'reconciled'", "no step"),
        ("UPDATE plan SET state = 'draft'", "no step"),
        ("INSERT INTO plan SELECT (jsonb_populate_record(p, '{{\"id\": 99999}}')).* FROM plan p",
         "begins as a draft"),
        ("DELETE FROM plan", "append only"),
        ("TRUNCATE plan CASCADE", "append only"),
    ],
    "the plan's content": [
        ("UPDATE plan SET quorum = '{{\"risk\": 2}}'", "frozen"),
        ("UPDATE plan SET quorum = '{{}}'", "content is frozen"),
        ("UPDATE plan SET digest = repeat('0', 64)", "frozen"),
        ("UPDATE plan SET manifest = '{{}}'", "frozen"),
        ("UPDATE plan SET batch_id = 0", "frozen"),
        ("UPDATE plan SET maker_id = (SELECT max(id) FROM backoffice_person)", "never change"),
        ("UPDATE plan SET remedy = 'rollback'", "never change"),
        ("UPDATE plan SET expires_at = expires_at + interval '1 day'", "frozen"),
        ("UPDATE plan_effect SET futures_delta = 0", "append only"),
        ("DELETE FROM plan_effect", "append only"),
    ],
    "the batch": [
        (POSTED, "its entries are not in the ledger"),
        ("UPDATE batch SET cash_digest = repeat('0', 64) WHERE id > 0", "no step from sealed"),
        ("UPDATE ledger_stage_{batch} SET amount = amount + 1", "append only"),
        ("DELETE FROM ledger_stage_{batch}", "append only"),
        ("TRUNCATE ledger_stage_{batch}", "append only"),
    ],
    "the ledger": [
        ("ALTER TABLE ledger_entry ATTACH PARTITION ledger_stage_{batch} FOR VALUES IN ({batch})",
         "no posted batch"),
        ("ALTER TABLE position_entry ATTACH PARTITION position_stage_{batch}"
         " FOR VALUES IN ({batch})", "no posted batch"),
        ("CREATE TABLE slipped_in PARTITION OF ledger_entry FOR VALUES IN (4242)",
         "no posted batch"),
        ("CREATE TABLE slipped_in PARTITION OF ledger_entry FOR VALUES IN (0, 4242)", "overlap"),
        ("CREATE TABLE slipped_in PARTITION OF ledger_entry FOR VALUES IN (4242, 4243)",
         "no posted batch"),
        ("CREATE TABLE slipped_in PARTITION OF ledger_entry DEFAULT", "no posted batch"),
        (LEG.format(table="ledger_entry") + "VALUES ({batch}, 1, {wallet}, {btc}, 5)",
         "no partition"),
        (LEG.format(table="ledger_stage_{batch}") + "VALUES ({batch}, 1, {wallet}, {btc}, 5)",
         "append only"),
        (LEG.format(table="ledger_entry") + "VALUES (0, 1, {wallet}, {btc}, 5)",
         "journal 1 does not exist"),
        ("UPDATE balance SET amount = amount + 1", "follows its entries"),
        ("UPDATE ledger_entry SET amount = amount + 1", "append only"),
    ],
    "an execution": [
        ("INSERT INTO execution (plan_id, state, attempts, requested_by_id, requested_at, message)"
         " SELECT id, 'done', 0, maker_id, now(), '' FROM plan", "begins queued"),
        ("INSERT INTO reconciliation (plan_id, at, ledger_ok, positions_ok, details)"
         " SELECT id, now(), true, true, '{{}}' FROM plan;"
         "UPDATE plan SET state = 'reconciled'", "no step"),
    ],
}  # fmt: skip
EVERY = [
    pytest.param(statement, says, id=f"{of}: {statement[:60]}")
    for of, rows in STATEMENTS.items()
    for statement, says in rows
]
BEFORE_APPROVAL = [
    ("UPDATE plan SET state = 'approved'", "its quorum"),
    (POSTED, "its entries are not in the ledger"),
    ("INSERT INTO execution (plan_id, state, attempts, requested_by_id, requested_at, message)"
     " SELECT id, 'queued', 0, maker_id, now(), '' FROM plan", "for an approved plan"),
]  # fmt: skip


def filled(desk: Desk, statement: str) -> str:
    return statement.format(
        plan=desk.plan.pk, batch=desk.plan.batch_id, wallet=desk.world.futures[0].pk,
        btc=desk.world.btc.pk,
    )  # fmt: skip


@pytest.mark.parametrize(("statement", "says"), EVERY)
def test_by_psql_on_an_approved_plan(approved: Desk, statement: str, says: str) -> None:
    refused(approved, lambda desk: run_sql(filled(desk, statement)), says)


@pytest.mark.parametrize(("statement", "says"), BEFORE_APPROVAL)
def test_by_psql_before_it_is_approved(desk: Desk, statement: str, says: str) -> None:
    desk.forge("chen", "risk")
    refused(desk, lambda desk: run_sql(filled(desk, statement)), says)


def root(desk: Desk) -> Person:
    return Person.objects.get(email="root@house.example")


def approves_as_root(desk: Desk) -> None:
    with transaction.atomic():
        SpentCode.objects.create(person=root(desk), step=1)
        Approval.objects.create(**row(desk, root(desk), "risk", 1))


def approves_in_bulk(desk: Desk) -> None:
    """Both approvals as one person, in both roles."""
    with transaction.atomic():
        Role.objects.bulk_create(Role(person=root(desk), name=name) for name in ("risk", "finance"))
        SpentCode.objects.bulk_create(SpentCode(person=root(desk), step=n) for n in (1, 2))
        Approval.objects.bulk_create(
            Approval(**row(desk, root(desk), role, step))
            for role, step in (("risk", 1), ("finance", 2))
        )


def one_role_is_no_quorum(desk: Desk) -> None:
    """A role of one's own makes one officer of one, whatever else one may write."""
    with transaction.atomic():
        Role.objects.create(person=root(desk), name="risk")
        SpentCode.objects.create(person=root(desk), step=1)
        Approval.objects.create(**row(desk, root(desk), "risk", 1))
        Plan.objects.filter(pk=desk.plan.pk).update(state="approved")


def row(desk: Desk, person: Person, role: str, step: int) -> dict[str, object]:
    return {
        "plan": desk.plan, "officer": person, "role": role, "decision": "approve",
        "digest": desk.plan.digest, "method": "totp",
        "evidence": {"step": step, "seal": proven.seal(desk.plan)},
    }  # fmt: skip


def changes_the_plan(**values: object) -> Attack:
    def attack(desk: Desk) -> None:
        with transaction.atomic():
            Plan.objects.filter(pk=desk.plan.pk).update(**values)

    return attack


def deletes_the_votes(desk: Desk) -> None:
    with transaction.atomic():
        Approval.objects.all().delete()


def saves_a_vote_again(desk: Desk) -> None:
    vote = Approval.objects.first()
    vote.officer = root(desk)
    with transaction.atomic():
        vote.save()


def posts_the_batch(desk: Desk) -> None:
    with transaction.atomic():
        Batch.objects.filter(pk=desk.plan.batch_id).update(state="posted")


def posts_it_rightly(desk: Desk) -> None:
    """All that an execution does to the books, and no plan in execution around it."""
    with transaction.atomic(), connection.cursor() as cursor:
        batches.post(desk.plan.batch, batches.sealed_digests(desk.plan.batch))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def executes_without_approval(desk: Desk) -> None:
    executions.request_execution(plan=desk.plan, by=desk.person("mira"))


def queues_an_execution(desk: Desk) -> None:
    with transaction.atomic():
        Execution.objects.create(plan=desk.plan, requested_by=root(desk))


def moves_money(desk: Desk) -> None:
    with transaction.atomic():
        Balance.objects.update(amount=10**12)


def rewrites_the_effects(desk: Desk) -> None:
    with transaction.atomic():
        PlanEffect.objects.update(futures_delta=0)


def makes_an_approved_plan(desk: Desk) -> None:
    with transaction.atomic():
        Plan.objects.create(
            incident=desk.world.incident, remedy="goodwill", maker=root(desk), state="approved",
            batch=desk.plan.batch, digest="f" * 64, quorum=quorums.of("goodwill"),
        )  # fmt: skip


def proposes_as_root(desk: Desk) -> None:
    plans.propose(plan=desk.plan, by=root(desk))


def raw(desk: Desk) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE plan SET state = 'approved' WHERE id = %s", [desk.plan.pk])


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        (approves_as_root, "does not hold the role"),
        (approves_in_bulk, "approval_officer_once"),
        (one_role_is_no_quorum, "its quorum"),
        (changes_the_plan(state="approved"), "its quorum"),
        (changes_the_plan(state="executed"), "no step"),
        (changes_the_plan(quorum={"risk": 2}), "frozen"),
        (changes_the_plan(digest="f" * 64), "frozen"),
        (changes_the_plan(maker=3), "never change"),
        (deletes_the_votes, "append only"),
        (saves_a_vote_again, "append only"),
        (posts_the_batch, "posted without its time"),
        (posts_it_rightly, "has no approved plan in execution"),
        (executes_without_approval, "only an approved plan"),
        (queues_an_execution, "for an approved plan"),
        (moves_money, "follows its entries"),
        (rewrites_the_effects, "append only"),
        (makes_an_approved_plan, "begins as a draft"),
        (proposes_as_root, "needs the role"),
        (raw, "its quorum"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_from_a_shell(desk: Desk, attack: Attack, says: str) -> None:
    Person.objects.create_superuser("root@house.example", "x" * 20)
    desk.forge("chen", "risk")
    refused(desk, attack, says)


def test_the_digest_sees_what_an_attack_would_change(desk: Desk) -> None:
    """The control of all of them: rows, partitions and triggers are in it."""
    seen = {everything()}
    for statement in (
        "UPDATE role SET name = 'legal' WHERE name = 'finance'",
        "ALTER TABLE approval DISABLE TRIGGER approval_check",
        "CREATE TABLE elsewhere (id int) PARTITION BY LIST (id)",
        "CREATE TABLE somewhere PARTITION OF elsewhere FOR VALUES IN (1)",
    ):
        run_sql(statement)
        seen.add(everything())
    assert len(seen) == 4  # an empty table without partitions is nothing
