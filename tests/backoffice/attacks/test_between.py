"""Attacks between approval and execution, as the owner of the schema, who can turn triggers off.

What cannot be refused when it is done is found when the plan is executed: the execution is refused,
and the books are to the row what they were.
"""

from collections.abc import Callable

import pytest

from backoffice.models import Person, Plan, Role
from backoffice.services import canonical, plans
from tests.backoffice.attacks.conftest import Desk, books
from tests.backoffice.services.conftest import UNTOUCHED, compare, execute, tie, without_triggers


def digest_swapped(desk: Desk) -> None:
    """Another manifest with its own right digest."""
    manifest = desk.plan.manifest | {"format": "other"}
    digest = canonical.digest(manifest)
    without_triggers(
        "plan",
        f"UPDATE plan SET digest = '{digest}', manifest = manifest || '{{\"format\": \"other\"}}'",
    )


def manifest_swapped(desk: Desk) -> None:
    """Another manifest under the digest that was approved."""
    without_triggers("plan", 'UPDATE plan SET manifest = manifest || \'{"format": "other"}\'')


def quorum_lowered(desk: Desk) -> None:
    """Two of risk have approved, and the plan says that this is enough."""
    without_triggers(
        "approval",
        f"UPDATE approval SET officer_id = {desk.person('ravi').pk}, role = 'risk'"
        " WHERE role = 'finance'",
    )
    without_triggers("plan", "UPDATE plan SET quorum = '{\"risk\": 2}'")


def legs_swapped(desk: Desk) -> None:
    """What accounts 0 and 1 get is exchanged: every sum stays what it was."""
    stage = f"ledger_stage_{desk.plan.batch_id}"
    first, second = (desk.world.futures[n].pk for n in (0, 1))
    without_triggers(
        stage,
        f"UPDATE {stage} SET ledger_account_id = CASE ledger_account_id WHEN {first} THEN {second}"
        f" ELSE {first} END WHERE ledger_account_id IN ({first}, {second})",
    )


def legs_swapped_and_sealed_again(desk: Desk) -> None:
    """The same, and the batch says so: its digest is that of the new rows."""
    legs_swapped(desk)
    without_triggers(
        "batch", f"UPDATE batch SET cash_digest = repeat('a', 64) WHERE id = {desk.plan.batch_id}"
    )


def balances_before_swapped(desk: Desk) -> None:
    """The staged rows that say what the balances were when they were approved."""
    table = f"ledger_before_{desk.plan.batch_id}"
    without_triggers(table, f"UPDATE {table} SET version = version + 1")


def votes_deleted(desk: Desk) -> None:
    without_triggers("approval", "DELETE FROM approval WHERE role = 'finance'")


def a_vote_of_somebody_else(desk: Desk) -> None:
    without_triggers(
        "approval",
        f"UPDATE approval SET officer_id = {desk.person('sana').pk} WHERE role = 'finance'",
    )


def a_vote_of_the_maker(desk: Desk) -> None:
    Role.objects.create(person=desk.person("mira"), name="finance")
    without_triggers(
        "approval",
        f"UPDATE approval SET officer_id = {desk.person('mira').pk} WHERE role = 'finance'",
    )


def both_votes_of_one_role(desk: Desk) -> None:
    Role.objects.create(person=desk.person("fay"), name="risk")
    without_triggers("approval", "UPDATE approval SET role = 'risk'")


def rejected(desk: Desk) -> None:
    without_triggers(
        "approval",
        "UPDATE approval SET decision = 'reject', reason = 'no' WHERE role = 'finance'",
    )


def expired(desk: Desk) -> None:
    without_triggers("plan", "UPDATE plan SET expires_at = now() - interval '1 second'")


def officer_gone(desk: Desk) -> None:
    Person.objects.filter(pk=desk.person("chen").pk).update(is_active=False)


def role_gone(desk: Desk) -> None:
    Role.objects.filter(person=desk.person("fay")).delete()


def officer_tied(desk: Desk) -> None:
    tie(desk.world, "fay", account=0)


def officer_recused_by_a_later_comparison(desk: Desk) -> None:
    tie(desk.world, "fay")
    compare(desk.world, {UNTOUCHED: 5})


def maker_recused_by_a_later_comparison(desk: Desk) -> None:
    tie(desk.world, "mira")
    compare(desk.world, {UNTOUCHED: 5})


QUORUM = "not its quorum"


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (digest_swapped, QUORUM),
        (manifest_swapped, "manifest is not what was approved"),
        (quorum_lowered, "not the one in its manifest"),
        (legs_swapped, "approved"),
        (legs_swapped_and_sealed_again, QUORUM),
        (balances_before_swapped, "was 1.00000000 BTC when the plan was computed"),
        (votes_deleted, QUORUM),
        (a_vote_of_somebody_else, QUORUM),
        (a_vote_of_the_maker, QUORUM),
        (both_votes_of_one_role, QUORUM),
        (rejected, "an officer rejected it"),
        (expired, "is over"),
        (officer_gone, QUORUM),
        (role_gone, QUORUM),
        (officer_tied, QUORUM),
        (officer_recused_by_a_later_comparison, QUORUM),
        (maker_recused_by_a_later_comparison, "its maker is tied"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_execution_finds_it(approved: Desk, tamper: Callable[[Desk], None], says: str) -> None:
    plans.request_execution(plan=approved.plan, by=approved.person("mira"))
    tamper(approved)
    before = books()
    execution = plans.execute(plan_id=approved.plan.pk)
    assert (execution.state, books() == before) == ("refused", True)
    assert says in execution.message
    ended = "expired" if tamper is expired else "stale"
    assert Plan.objects.get(pk=approved.plan.pk).state == ended


def test_untouched_it_is_executed(approved: Desk) -> None:
    """The control: with nothing done to it the same plan changes the books."""
    before = books()
    execute(approved.world, approved.plan)
    assert books() != before
