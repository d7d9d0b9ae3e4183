"""A plan's steps: who takes them, in which order, and what stops an execution."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction

from backoffice.models import AuditEvent, Campaign, Execution, Plan, Role
from backoffice.services import audit, drafting, dry_runs, facts, lifecycle, plans
from backoffice.services.refusals import NotAllowed, Refused, Stale
from exchange.domain import legs
from exchange.models import Balance, Batch, Journal
from exchange.services import batches
from exchange.services.refusals import Unbalanced
from tests.backoffice.services.conftest import (
    BTC,
    START,
    World,
    approve_all,
    compute,
    execute,
    payment,
    propose,
    without_triggers,
)


def balances(world: World) -> list[int]:
    found = {row.pk: row.amount for row in Balance.objects.all()}
    return [found[place.pk] for place in world.futures]


def test_the_table_of_steps_is_the_databases(world: World) -> None:
    states = Plan.State.values
    with connection.cursor() as cursor:
        for was, becomes in itertools.product(states, states):
            cursor.execute("SELECT plan_step_is_legal(%s, %s)", [was, becomes])
            assert cursor.fetchone()[0] == (was in lifecycle.PLAN.get(becomes, ())), (was, becomes)


def test_a_step_is_taken_once(world: World) -> None:
    plan = compute(world, [5])
    other = Plan.objects.get(pk=plan.pk)
    plans.propose(plan=plan, by=world.person("mira"))
    with pytest.raises(Stale, match="Someone got there first: it is proposed"):
        plans.propose(plan=other, by=world.person("mira"))


def test_a_plan_pays_exactly_its_legs(world: World) -> None:
    plan = execute(world, compute(world, [10, 20, 30]))
    assert balances(world) == [BTC + 10, 2 * BTC + 20, 3 * BTC + 30, 4 * BTC]
    assert plan.totals["by_asset"]["BTC"]["credited"] == "60"
    assert plan.manifest["sum_by_asset"] == {"BTC": 0}
    assert Batch.objects.get(pk=plan.batch_id).state == "posted"
    assert audit.verify().ok
    actions = list(AuditEvent.objects.order_by("number").values_list("action", flat=True))
    assert actions[-7:] == [
        "plan.proposed", "plan.approve", "plan.approve", "execution.requested", "plan.executed",
        "facts.computed", "plan.reconciled",
    ]  # fmt: skip
    told = facts.latest(world.incident)
    assert (told["plan_digest"].value, told["accounts_changed"].value) == (plan.digest, "3")
    line = world.incident.timeline.get(key=f"plan-{plan.pk}-executed")
    assert (line.text, line.public) == (f"Plan {plan.pk} executed: Goodwill payment", False)


def test_asking_again_after_a_refusal_is_an_asking_of_its_own(world: World) -> None:
    plan = approved(world)
    plans.request_execution(plan=plan, by=world.person("mira"))
    without_triggers(
        "execution",
        "UPDATE execution SET state = 'refused', requested_at = requested_at - interval '1 day'",
    )
    again = plans.request_execution(plan=plan, by=world.person("fay"))
    again.refresh_from_db()
    assert (again.state, again.requested_by) == ("queued", world.person("fay"))
    assert again.requested_at > plan.proposed_at


def test_the_same_plan_has_the_same_digest(world: World) -> None:
    first, second, other = (compute(world, amounts) for amounts in ([7, 8], [7, 8], [7, 9]))
    assert first.digest == second.digest
    assert first.digest != other.digest
    assert first.batch_id != second.batch_id


def test_executing_again_changes_nothing(world: World) -> None:
    plan = execute(world, compute(world, [10, 20, 30]))
    before = (balances(world), Journal.objects.count(), AuditEvent.objects.count())
    assert plans.execute(plan_id=plan.pk).state == Execution.State.DONE
    assert (balances(world), Journal.objects.count(), AuditEvent.objects.count()) == before
    with pytest.raises(Stale):
        plans.request_execution(plan=plan, by=world.person("mira"))


def commit_after(act: Callable[[], object]) -> None:
    """Do it, and make the checks a commit would make."""
    act()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def approved(world: World, *, remedy: str = "goodwill") -> Plan:
    plan = propose(world, [10, 20, 30], remedy=remedy)
    approve_all(plan)
    return plan


def refused(world: World, plan: Plan) -> Execution:
    before = (balances(world), Journal.objects.count())
    execution = plans.execute(plan_id=plan.pk)
    assert execution.state == Execution.State.REFUSED
    assert (balances(world), Journal.objects.count()) == before
    plan.refresh_from_db()
    return execution


def test_books_that_do_not_agree_are_left_to_a_person(world: World) -> None:
    """Two balances off by one satoshi each way: sums close, so only rebuilding finds it."""
    plan = approved(world)
    plans.request_execution(plan=plan, by=world.person("mira"))
    without_triggers(
        "balance",
        f"UPDATE balance SET amount = amount + 1 WHERE ledger_account_id = {world.futures[3].pk}",
        f"UPDATE balance SET amount = amount - 1 WHERE ledger_account_id = {world.custody.pk}",
    )
    assert plans.execute(plan_id=plan.pk).state == Execution.State.DONE
    plan.refresh_from_db()
    assert plan.state == Plan.State.EXECUTED
    found = plan.reconciliations.get()
    assert (found.ledger_ok, found.positions_ok) == (False, True)
    assert plans.sweep() == 0
    plans.execute(plan_id=plan.pk)
    assert plan.reconciliations.count() == 1


def test_a_role_taken_away_stops_the_execution(world: World) -> None:
    plan = approved(world)
    plans.request_execution(plan=plan, by=world.person("mira"))
    Role.objects.filter(person=world.person("chen")).delete()
    execution = refused(world, plan)
    assert "the approvals that hold are not its quorum" in execution.message
    assert plan.state == Plan.State.STALE


def test_a_staged_leg_that_was_changed_stops_the_execution(world: World) -> None:
    plan = approved(world)
    plans.request_execution(plan=plan, by=world.person("mira"))
    stage = f"ledger_stage_{plan.batch_id}"
    without_triggers(
        stage,
        f"UPDATE {stage} SET amount = amount + 5 WHERE seq = 2",
        f"UPDATE {stage} SET amount = amount - 5 WHERE seq = 3",
    )
    execution = refused(world, plan)
    assert plan.state == Plan.State.STALE
    assert "approved" in execution.message


def test_no_batch_is_posted_without_its_plan(world: World) -> None:
    """Not from a shell either: the books ask the desk's trigger."""
    plan = approved(world)
    batch = plan.batch
    before = balances(world)
    unapproved = pytest.raises(IntegrityError, match="no approved plan in execution")
    with unapproved, transaction.atomic():
        commit_after(lambda: batches.post(batch, batches.sealed_digests(batch)))
    loose = batches.open_batch(venue=world.venue, key="loose", reason="x", effective_at=START)
    known = [(world.futures[0].pk, 1), (world.custody.pk, -1)]
    batches.stage(
        loose, legs.cash_legs([p for p, _ in known], [world.btc.pk] * 2, [a for _, a in known])
    )
    batches.seal(loose)
    with unapproved, transaction.atomic():
        commit_after(lambda: batches.post(loose, batches.sealed_digests(loose)))
    assert balances(world) == before


def test_a_dry_run_moves_nothing(world: World) -> None:
    plan = compute(world, [10, 20, 30])
    before = (balances(world), Journal.objects.count())
    posting = dry_runs.dry_run(plan=plan, by=world.person("mira"))
    assert (posting.cash_legs, posting.balances) == (4, 4)
    assert (balances(world), Journal.objects.count()) == before
    assert Batch.objects.get(pk=plan.batch_id).state == "sealed"
    execute(world, plan)


@pytest.mark.parametrize("handle", ["sana", "chen", "ravi"])
def test_others_cannot_propose_or_withdraw(world: World, handle: str) -> None:
    plan = compute(world, [5])
    for verb in (
        lambda: plans.propose(plan=plan, by=world.person(handle)),
        lambda: plans.withdraw(plan=plan, by=world.person(handle), reason="x"),
    ):
        with pytest.raises(NotAllowed):
            verb()
    plan.refresh_from_db()
    assert plan.state == Plan.State.COMPUTED


def test_too_few_officers_cannot_be_asked(world: World) -> None:
    plan = compute(world, [5])
    Role.objects.filter(name__in=["risk", "finance"]).delete()
    with pytest.raises(Refused, match="Fewer than two officers"):
        plans.propose(plan=plan, by=world.person("mira"))


def test_a_withdrawn_plan_drops_its_legs(world: World) -> None:
    plan = compute(world, [5])
    plans.withdraw(plan=plan, by=world.person("mira"), reason="wrong cut-off")
    assert plan.state == Plan.State.WITHDRAWN
    assert Batch.objects.get(pk=plan.batch_id).state == "discarded"
    with pytest.raises(Stale):
        plans.propose(plan=plan, by=world.person("mira"))


def test_a_draft_that_does_not_balance_is_refused(world: World) -> None:
    draft = payment([10, 20])
    wrong = draft._replace(cash=draft.cash._replace(amount=np.array([-29, 10, 20])))
    plan = Plan.objects.create(
        incident=world.incident, remedy="goodwill", maker=world.person("mira"), parameters={}
    )
    batch = batches.open_batch(venue=world.venue, key="off", reason="x", effective_at=START)
    with pytest.raises(Unbalanced):
        drafting.write(plan=plan, batch=batch, draft=wrong, inputs={})
    plan.refresh_from_db()
    assert plan.state == Plan.State.DRAFT


def test_the_campaigns_table_of_steps_is_the_databases(world: World) -> None:
    plan = execute(world, compute(world, [10, 20, 30]))
    states = Campaign.State.values
    for was, becomes in itertools.product(states, states):
        if was == becomes:
            continue
        with transaction.atomic():
            campaign = Campaign.objects.create(
                incident=world.incident, plan=plan, key=f"{was}-{becomes}", kind="adjustment",
                maker=world.person("sana"), audience_digest="d" * 64,
            )  # fmt: skip
            path = {
                "draft": [], "approved": ["approved"], "sending": ["approved", "sending"],
                "paused": ["approved", "sending", "paused"],
                "sent": ["approved", "sending", "sent"],
            }[was]  # fmt: skip
            approver = world.person("mira")
            for state in path:
                Campaign.objects.filter(pk=campaign.pk).update(state=state, approver=approver)
            legal = was in lifecycle.CAMPAIGN.get(becomes, ())
            try:
                with transaction.atomic():
                    Campaign.objects.filter(pk=campaign.pk).update(state=becomes, approver=approver)
                taken = True
            except IntegrityError:
                taken = False
            assert taken == legal, (was, becomes)
