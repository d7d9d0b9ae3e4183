"""Breaking the glass: two officers, half an hour, one digest, and a third within a day."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backoffice.models import AuditEvent, BreakGlass, BreakGlassReview, Person, Plan, Role
from backoffice.queries import break_glass as queries
from backoffice.services import approvals, break_glass
from backoffice.services.approvals import Standing
from backoffice.services.refusals import Moved, NotAllowed, Refused, Stale, WrongCode
from backoffice.services.second_factor import Code
from tests.backoffice.services.conftest import (
    BTC,
    World,
    compare,
    compute,
    propose,
    without_triggers,
)

WHY = "the only legal officer cannot be reached before the gates expire"


@pytest.fixture
def plan(world: World) -> Plan:
    """A plan that wants risk, finance and legal, before the officers."""
    return propose(world, [BTC // 10], remedy="socialise")


def open_glass(world: World, plan: Plan, handle: str = "chen", **changes: object) -> BreakGlass:
    asked = {"reason": WHY, "proof": Code(world.code(handle)), **changes}
    return break_glass.open_glass(plan=plan, by=world.person(handle), **asked)


def second(world: World, plan: Plan, handle: str = "ravi", **changes: object) -> object:
    asked = {"proof": Code(world.code(handle)), **changes}
    return break_glass.second(plan=plan, by=world.person(handle), **asked)


def approve(world: World, plan: Plan, handle: str) -> object:
    return approvals.decide(
        plan=plan, by=world.person(handle), decision="approve", proof=Code(world.code(handle))
    )


def review(world: World, row: BreakGlass, handle: str, **changes: str) -> BreakGlassReview:
    asked = {"outcome": "justified", "finding": "nobody else was there", **changes}
    return break_glass.review(break_glass=row, by=world.person(handle), **asked)


def age(row: BreakGlass, by: timedelta) -> None:
    """Move a break-glass into the past, as the owner of the schema."""
    earlier = f"at - interval '{by.total_seconds()} seconds'"
    for table, key in (("break_glass", "id"), ("break_glass_second", "break_glass_id")):
        without_triggers(table, f"UPDATE {table} SET at = {earlier} WHERE {key} = {row.pk}")


def test_two_open_it_and_two_decide(world: World, plan: Plan) -> None:
    approve(world, plan, "chen")
    row = open_glass(world, plan)
    assert approvals.standing(plan).missing == {"finance": 1, "legal": 1}, "one alone: nothing"
    second(world, plan)
    assert plan.state == Plan.State.PROPOSED
    assert approvals.standing(plan) == Standing({"risk": 1}, {"any": 1}, row.pk)
    approve(world, plan, "ravi")
    assert plan.state == Plan.State.APPROVED
    assert approvals.blocked(plan) is None
    assert list(
        AuditEvent.objects.filter(action__startswith="break_glass").values_list("action", "subject")
    ) == [("break_glass.opened", f"plan:{plan.pk}"), ("break_glass.seconded", f"plan:{plan.pk}")]


def test_approvals_given_before_count(world: World, plan: Plan) -> None:
    approve(world, plan, "chen")
    approve(world, plan, "noor")
    open_glass(world, plan)
    second(world, plan)
    assert plan.state == Plan.State.APPROVED


def test_a_role_nobody_asked_for_decides(world: World) -> None:
    plan = propose(world, [BTC], remedy="rollback")
    with pytest.raises(NotAllowed, match="no officer of this role"):
        approvals.decide(
            plan=plan, by=world.person("lena"), decision="approve", role="legal",
            proof=Code(world.code("lena")),
        )  # fmt: skip
    open_glass(world, plan, "lena")
    second(world, plan, "noor")
    approve(world, plan, "lena")
    assert plan.state == Plan.State.PROPOSED
    approve(world, plan, "noor")
    assert plan.state == Plan.State.APPROVED


def test_it_is_for_one_plan(world: World, plan: Plan) -> None:
    other = compute(world, [7], remedy="goodwill")
    open_glass(world, plan)
    second(world, plan)
    assert approvals.standing(other).break_glass is None


@pytest.mark.parametrize(
    ("handle", "changes", "error", "words"),
    [
        ("mira", {}, NotAllowed, "maker"),
        ("sana", {}, NotAllowed, "does not hold the role"),
        ("fay", {}, NotAllowed, "recused"),
        ("noor", {"role": "risk"}, NotAllowed, "does not hold the role"),
        ("chen", {"reason": " "}, Refused, "Say why"),
        ("chen", {"proof": Code("000000")}, WrongCode, "not the code"),
    ],
)
def test_opening_is_refused(
    world: World, plan: Plan, handle: str, changes: dict[str, object], error: type, words: str
) -> None:
    Role.objects.create(person=world.person("mira"), name="risk")
    world.person("fay").interests.create(account=world.accounts[3], relation="own")
    compare(world, {3: 5})
    events = AuditEvent.objects.count()
    with pytest.raises(error, match=words):
        open_glass(world, plan, handle, **changes)
    assert (BreakGlass.objects.count(), AuditEvent.objects.count()) == (0, events)


def test_only_a_proposed_plan_as_it_was_looked_at(world: World, plan: Plan) -> None:
    with pytest.raises(Stale, match="computed"):
        open_glass(world, compute(world, [5]))
    plan.digest = "f" * 64
    with pytest.raises(Moved):
        open_glass(world, plan)


def test_it_is_opened_once_at_a_time(world: World, plan: Plan) -> None:
    row = open_glass(world, plan)
    with pytest.raises(Stale, match="open already"):
        open_glass(world, plan, "ravi")
    age(row, timedelta(minutes=31))
    with pytest.raises(Stale, match="lapses"):
        second(world, plan, "ravi")
    again = open_glass(world, plan, "ravi")
    second(world, plan, "noor")
    with pytest.raises(Stale, match="open already"):
        open_glass(world, plan, "lena")
    assert [glass.state for glass in queries.of_plan(plan, timezone.now())] == [
        "unreviewed", "glass_lapsed"
    ]  # fmt: skip
    assert approvals.standing(plan).break_glass == again.pk


def test_seconding_is_refused(world: World, plan: Plan) -> None:
    with pytest.raises(Stale, match="Nothing is open"):
        second(world, plan)
    open_glass(world, plan)
    with pytest.raises(NotAllowed, match="You opened it"):
        second(world, plan, "chen")
    with pytest.raises(NotAllowed, match="maker"):
        second(world, plan, "mira", proof=Code("000000"))
    with pytest.raises(WrongCode):
        second(world, plan, "ravi", proof=Code("000000"))
    assert approvals.standing(plan).break_glass is None


def test_one_code_is_one_step(world: World, plan: Plan) -> None:
    code = world.code("chen")
    open_glass(world, plan, proof=Code(code))
    with pytest.raises(WrongCode, match="before"):
        approvals.decide(plan=plan, by=world.person("chen"), decision="approve", proof=Code(code))


@pytest.mark.parametrize("handle", ["chen", "ravi"])
def test_it_holds_while_both_may_still_do_it(world: World, plan: Plan, handle: str) -> None:
    open_glass(world, plan)
    second(world, plan)
    approve(world, plan, "noor")
    approve(world, plan, "lena")
    assert approvals.blocked(plan) is None
    Person.objects.filter(pk=world.person(handle).pk).update(is_active=False)
    assert approvals.standing(plan).missing == {"risk": 1}
    assert approvals.blocked(plan) == "the approvals that hold are not its quorum"


def test_a_third_reviews_it(world: World, plan: Plan) -> None:
    row = open_glass(world, plan)
    with pytest.raises(Stale, match="seconded"):
        review(world, row, "lena")
    second(world, plan)
    approve(world, plan, "noor")
    for handle, words in (
        ("chen", "You broke the glass"), ("ravi", "You broke the glass"),
        ("noor", "You decided on this plan"), ("mira", "maker"), ("sana", "role"),
    ):  # fmt: skip
        with pytest.raises(NotAllowed, match=words):
            review(world, row, handle)
    with pytest.raises(Refused, match="what you found"):
        review(world, row, "lena", finding=" ")
    with pytest.raises(Refused, match="justified"):
        review(world, row, "lena", outcome="perhaps")
    assert review(world, row, "lena").outcome == "justified"
    with pytest.raises(Stale, match="once"):
        review(world, row, "fay")
    with pytest.raises(NotAllowed, match="reviewed its break-glass"):
        approve(world, plan, "lena")


def test_what_waits_for_its_review(world: World, plan: Plan) -> None:
    row = open_glass(world, plan)
    assert states() == ["glass_open"]
    second(world, plan)
    assert states() == ["unreviewed"]
    age(row, timedelta(hours=24))
    assert states() == ["review_overdue"]
    assert [glass.state for glass in queries.of_incident(world.incident, timezone.now())] == [
        "review_overdue"
    ]
    review(world, row, "lena", outcome="not_justified")
    assert states() == []
    (told,) = queries.of_incident(world.incident, timezone.now())
    assert (told.state, told.row.review.outcome) == ("reviewed", "not_justified")


def states() -> list[str]:
    return [glass.state for glass in queries.unfinished(timezone.now())]
