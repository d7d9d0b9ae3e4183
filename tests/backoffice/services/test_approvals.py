"""Decisions: who may, on what, when, how often. Each refusal in words and again in the database."""

import json
import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from backoffice.models import Approval, AuditEvent, Person, Plan, Role, SpentCode
from backoffice.services import approvals, people, plans, proven, second_factor
from backoffice.services.approvals import Standing
from backoffice.services.refusals import Moved, NotAllowed, Refused, Stale, WrongCode
from backoffice.services.second_factor import Code
from exchange.models import Balance, Batch
from tests.backoffice.services.conftest import BTC, World, compute, propose, run_sql, tie


def fingerprint() -> tuple[object, ...]:
    """Everything a refused decision must leave as it was."""
    return (
        list(Plan.objects.order_by("pk").values("pk", "state", "digest", "reason")),
        list(Approval.objects.order_by("pk").values()),
        list(SpentCode.objects.order_by("pk").values("person", "step")),
        list(Batch.objects.order_by("pk").values("pk", "state")),
        list(Balance.objects.order_by("pk").values("pk", "amount", "version")),
        AuditEvent.objects.count(),
    )


def approve(world: World, plan: Plan, handle: str, role: str | None = None) -> Approval:
    return approvals.decide(
        plan=plan, by=world.person(handle), decision="approve", role=role,
        proof=Code(world.code(handle)),
    )  # fmt: skip


def insert(plan: Plan, officer: Person, **changes: object) -> None:
    """A decision written by hand, as right as `changes` leave it; its code is spent first."""
    row = {
        "role": "risk", "decision": "approve", "digest": plan.digest, "method": "totp",
        "step": int(time.time()) // 30, "seal": proven.seal(plan), "spend": True, **changes,
    }  # fmt: skip
    proof = proven.by_code(
        plan=plan, officer=officer, role=row["role"], decision=row["decision"], step=row["step"]
    )
    with transaction.atomic(), connection.cursor() as cursor:
        if row.pop("spend"):
            cursor.execute(
                "INSERT INTO spent_code (person_id, step, spent_at) VALUES (%s, %s, now())",
                [officer.pk, row["step"]],
            )
        cursor.execute(
            "INSERT INTO approval (plan_id, officer_id, role, decision, reason, digest, method,"
            " evidence, at) VALUES (%s, %s, %s, %s, 'by hand', %s, %s, %s, now())",
            [
                plan.pk, officer.pk, row["role"], row["decision"], row["digest"], row["method"],
                json.dumps({**proof, "seal": row["seal"]}),
            ],
        )  # fmt: skip


def test_two_officers_approve(world: World, proposed: Plan) -> None:
    approve(world, proposed, "chen")
    assert proposed.state == Plan.State.PROPOSED
    assert approvals.valid_approvals(proposed) == 1
    approve(world, proposed, "fay")
    assert proposed.state == Plan.State.APPROVED
    assert approvals.valid_approvals(proposed) == 2
    assert approvals.blocked(proposed) is None
    assert list(Approval.objects.values_list("digest", flat=True)) == [proposed.digest] * 2


def test_one_rejection_ends_it(world: World, proposed: Plan) -> None:
    approve(world, proposed, "chen")
    approvals.decide(
        plan=proposed, by=world.person("fay"), decision="reject", proof=Code(world.code("fay")),
        reason="the reference price is not the median",
    )  # fmt: skip
    assert proposed.state == Plan.State.REJECTED
    assert proposed.reason == "the reference price is not the median"


def test_a_hand_written_decision_that_keeps_the_rules_is_taken(
    world: World, proposed: Plan
) -> None:
    """The control of the attacks below: the same statement, nothing wrong with it."""
    insert(proposed, world.person("chen"))
    assert approvals.valid_approvals(proposed) == 1


def test_the_maker_cannot_decide(world: World, proposed: Plan) -> None:
    Role.objects.create(person=world.person("mira"), name="risk")
    before = fingerprint()
    with pytest.raises(NotAllowed, match="maker"):
        approve(world, proposed, "mira")
    with pytest.raises(IntegrityError, match="maker"):
        insert(proposed, world.person("mira"))
    assert fingerprint() == before


@pytest.mark.parametrize("handle", ["sana", "lena"])
def test_the_role_must_be_held(world: World, proposed: Plan, handle: str) -> None:
    before = fingerprint()
    with pytest.raises(NotAllowed, match="role"):
        approve(world, proposed, handle)
    with pytest.raises(IntegrityError, match="role"):
        insert(proposed, world.person(handle))
    assert fingerprint() == before


def test_the_quorum_asks_for_the_role(world: World, proposed: Plan) -> None:
    before = fingerprint()
    with pytest.raises(IntegrityError, match="no officer of this role"):
        insert(proposed, world.person("lena"), role="legal")
    with pytest.raises(IntegrityError, match="risk, finance and legal officers"):
        insert(proposed, world.person("sana"), role="support")
    with pytest.raises(NotAllowed, match="no officer of this role"):
        approve(world, proposed, "lena", role="legal")
    assert fingerprint() == before


def test_a_superuser_has_no_door(world: World, proposed: Plan) -> None:
    root = Person.objects.create_superuser("root@desk.example", "x" * 12)
    before = fingerprint()
    with pytest.raises(NotAllowed, match="role"):
        approvals.decide(plan=proposed, by=root, decision="approve", proof=Code("000000"))
    with pytest.raises(IntegrityError, match="role"):
        insert(proposed, root)
    assert fingerprint() == before


def test_an_officer_who_left_cannot_decide(world: World, proposed: Plan) -> None:
    Person.objects.filter(pk=world.person("chen").pk).update(is_active=False)
    before = fingerprint()
    with pytest.raises(NotAllowed, match="sign in"):
        approve(world, proposed, "chen")
    with pytest.raises(IntegrityError, match="sign in"):
        insert(proposed, world.person("chen"))
    assert fingerprint() == before


def test_nobody_decides_twice(world: World, proposed: Plan) -> None:
    approve(world, proposed, "chen")
    before = fingerprint()
    with pytest.raises(NotAllowed, match="already"):
        approve(world, proposed, "chen")
    with pytest.raises(IntegrityError, match="approval_officer_once"):
        insert(proposed, world.person("chen"), step=1)
    assert fingerprint() == before


def test_another_digest_is_refused(world: World, proposed: Plan) -> None:
    before = fingerprint()
    shown = Plan.objects.get(pk=proposed.pk)
    shown.digest = "f" * 64
    with pytest.raises(Moved):
        approve(world, shown, "chen")
    with pytest.raises(IntegrityError, match="another digest"):
        insert(proposed, world.person("chen"), digest="f" * 64)
    with pytest.raises(IntegrityError, match="other rows"):
        insert(proposed, world.person("chen"), seal="f" * 64)
    assert fingerprint() == before


def test_after_its_time_it_cannot_be_decided(world: World) -> None:
    plan = compute(world, [BTC])
    past = timezone.now() - timedelta(seconds=1)
    Plan.objects.filter(pk=plan.pk).update(
        state="proposed", proposed_at=past - timedelta(hours=1), expires_at=past
    )
    plan.refresh_from_db()
    before = fingerprint()
    with pytest.raises(Refused, match="over"):
        approve(world, plan, "chen")
    with pytest.raises(IntegrityError, match="expired"):
        insert(plan, world.person("chen"))
    assert fingerprint() == before
    assert plans.expire_due() == 1
    plan.refresh_from_db()
    assert plan.state == Plan.State.EXPIRED


def test_a_plan_that_is_not_proposed_cannot_be_decided(world: World) -> None:
    plan = compute(world, [BTC])
    before = fingerprint()
    with pytest.raises(Stale):
        approve(world, plan, "chen")
    with pytest.raises(IntegrityError, match="not proposed"):
        insert(plan, world.person("chen"))
    assert fingerprint() == before


def test_who_is_tied_to_an_affected_account_is_recused(world: World, proposed: Plan) -> None:
    tie(world, "chen", account=1)
    before = fingerprint()
    with pytest.raises(NotAllowed, match="recused"):
        approve(world, proposed, "chen")
    with pytest.raises(IntegrityError, match="recused"):
        insert(proposed, world.person("chen"))
    assert fingerprint() == before


def test_a_tie_under_another_remedy_recuses_too(world: World, proposed: Plan) -> None:
    compute(world, [1, 1, 1, 5])  # another plan of the incident, which touches account 3
    tie(world, "chen")
    with pytest.raises(NotAllowed, match="recused"):
        approve(world, proposed, "chen")


def test_a_customer_among_the_officers_is_recused(world: World, proposed: Plan) -> None:
    Person.objects.filter(pk=world.person("chen").pk).update(customer=world.customers[0])
    before = fingerprint()
    with pytest.raises(NotAllowed, match="recused"):
        approve(world, proposed, "chen")
    assert fingerprint() == before


def test_a_tie_that_no_remedy_touches_does_not_recuse(world: World, proposed: Plan) -> None:
    tie(world, "chen")
    approve(world, proposed, "chen")
    assert approvals.valid_approvals(proposed) == 1


def test_people_of_the_drill_decide_on_drills_only(world: World, proposed: Plan) -> None:
    type(world.venue).objects.filter(pk=world.venue.pk).update(is_drill=False)
    before = fingerprint()
    with pytest.raises(NotAllowed, match="drill"):
        approve(world, proposed, "chen")
    with pytest.raises(IntegrityError, match="drill"):
        insert(proposed, world.person("chen"))
    assert fingerprint() == before


def test_a_role_taken_away_takes_its_approval_away(world: World, proposed: Plan) -> None:
    approve(world, proposed, "chen")
    approve(world, proposed, "fay")
    Role.objects.filter(person=world.person("fay")).delete()
    assert approvals.standing(proposed) == Standing({"risk": 1}, {"finance": 1}, None)
    assert approvals.blocked(proposed) == "the approvals that hold are not its quorum"


@pytest.mark.parametrize("code", ["", "000000", "12345", "1234567", "abcdef", "１２３４５６"])
def test_a_wrong_code_is_refused(world: World, proposed: Plan, code: str) -> None:
    shown = {
        second_factor.code_at(people.secret_of("chen"), step) for step in second_factor.steps_now()
    }
    assert code not in shown
    before = fingerprint()
    with pytest.raises(WrongCode):
        approvals.decide(
            plan=proposed, by=world.person("chen"), decision="approve", proof=Code(code)
        )
    assert fingerprint() == before


def test_a_code_decides_once_whatever_the_plan(world: World, proposed: Plan) -> None:
    code = world.code("chen")
    approvals.decide(plan=proposed, by=world.person("chen"), decision="approve", proof=Code(code))
    other = propose(world, [5])
    before = fingerprint()
    with pytest.raises(WrongCode, match="before"):
        approvals.decide(plan=other, by=world.person("chen"), decision="approve", proof=Code(code))
    spent = SpentCode.objects.get().step
    with pytest.raises(IntegrityError, match="decided something else"):
        insert(other, world.person("chen"), step=spent, spend=False)
    assert fingerprint() == before


def test_a_decision_without_a_spent_code_is_refused(world: World, proposed: Plan) -> None:
    before = fingerprint()
    with pytest.raises(IntegrityError, match="no spent code"):
        insert(proposed, world.person("chen"), spend=False)
    with pytest.raises(IntegrityError, match="no spent challenge"):
        insert(proposed, world.person("chen"), method="passkey")
    assert fingerprint() == before


def test_codes_of_the_step_before_and_after_are_taken(world: World, proposed: Plan) -> None:
    steps = second_factor.steps_now()
    secret = people.secret_of("chen")
    approvals.decide(
        plan=proposed, by=world.person("chen"), decision="approve",
        proof=Code(second_factor.code_at(secret, steps[-1])),
    )  # fmt: skip
    assert SpentCode.objects.get().step == steps[-1]


def test_codes_further_away_are_refused(world: World, proposed: Plan) -> None:
    now = second_factor.steps_now()[1]
    for step in (now - 3, now + 3):
        with pytest.raises(WrongCode):
            approvals.decide(
                plan=proposed, by=world.person("chen"), decision="approve",
                proof=Code(second_factor.code_at(people.secret_of("chen"), step)),
            )  # fmt: skip


def test_five_wrong_codes_close_the_door(world: World, proposed: Plan) -> None:
    for _ in range(second_factor.TRIES_MAX):
        with pytest.raises(WrongCode, match="not the code"):
            approvals.decide(
                plan=proposed, by=world.person("chen"), decision="approve", proof=Code("x")
            )
    with pytest.raises(WrongCode, match="Too many"):
        approve(world, proposed, "chen")
    cache.clear()
    approve(world, proposed, "chen")


def test_a_rejection_needs_a_reason(world: World, proposed: Plan) -> None:
    before = fingerprint()
    with pytest.raises(Refused, match="why"):
        approvals.decide(
            plan=proposed,
            by=world.person("chen"),
            decision="reject",
            proof=Code(world.code("chen")),
        )
    assert fingerprint() == before


# What the guards say. A statement that is refused for how it is written would show nothing.
GUARDED = (
    "append only|frozen|no step|never change|not its quorum|not in the ledger|for an approved plan"
)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE approval SET decision = 'approve'",
        "UPDATE approval SET officer_id = officer_id",
        "DELETE FROM approval",
        "TRUNCATE approval",
        "UPDATE spent_code SET step = step + 1",
        "DELETE FROM spent_code",
        "TRUNCATE spent_code",
        "DELETE FROM plan",
        "TRUNCATE plan CASCADE",
        "UPDATE plan SET state = 'approved'",
        "UPDATE plan SET state = 'executing'",
        "UPDATE plan SET state = 'executed'",
        "UPDATE plan SET state = 'draft'",
        "UPDATE plan SET digest = repeat('0', 64)",
        "UPDATE plan SET manifest = '{}'",
        "UPDATE plan SET totals = '{}'",
        'UPDATE plan SET parameters = \'{"a": "b"}\'',
        "UPDATE plan SET batch_id = 0",
        "UPDATE plan SET quorum = '{\"risk\": 2}'",
        "UPDATE plan SET maker_id = (SELECT max(id) FROM backoffice_person)",
        "UPDATE plan SET expires_at = expires_at + interval '1 day'",
        "UPDATE plan_effect SET futures_delta = 0",
        "DELETE FROM plan_effect",
        "TRUNCATE plan_effect",
        "INSERT INTO plan_effect (plan_id, account_id, asset_id, futures_before, futures_delta,"
        " funding_before, funding_delta, receivable_delta, reversed_pnl, reversed_fees, paid,"
        " moved_out, positions_changed, reliquidated) SELECT p.id, a.id, s.id, 0, 0, 0, 0, 0, 0, 0,"
        " 0, 0, 0, false FROM plan p, exchange_account a, exchange_asset s WHERE a.tape_index = 3",
        "UPDATE batch SET state = 'posted', posted_at = now() WHERE id > 0",
        "UPDATE batch SET cash_digest = repeat('0', 64) WHERE id > 0",
        "INSERT INTO execution (plan_id, state, attempts, requested_by_id, requested_at, message)"
        " SELECT id, 'queued', 0, maker_id, now(), '' FROM plan",
    ],
)
def test_sql_cannot_forge_a_decision(world: World, proposed: Plan, statement: str) -> None:
    approve(world, proposed, "chen")
    before = fingerprint()
    with pytest.raises(DatabaseError, match=GUARDED):
        run_sql(statement)
    assert fingerprint() == before
