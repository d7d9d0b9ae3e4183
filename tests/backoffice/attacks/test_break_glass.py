"""Attacks on breaking the glass: it takes two officers, half an hour, and the very plan."""

from datetime import timedelta

import pytest

from backoffice.models import BreakGlass, Person, Plan, Role
from backoffice.services import approvals, break_glass, proven
from backoffice.services.second_factor import Code
from tests.backoffice.attacks.conftest import (
    Attack,
    Desk,
    everything,
    maker_is_an_officer,
    nothing,
    refused,
)
from tests.backoffice.services.conftest import UNTOUCHED, compare, run_sql, tie
from tests.backoffice.services.test_break_glass import age

WHY = "nobody of finance can be reached"
OPEN = (
    "INSERT INTO break_glass (plan_id, officer_id, role, reason, digest, method, evidence, at)"
    " VALUES (%s, %s, %s, 'by hand', %s, 'totp',"
    " jsonb_build_object('step', %s::bigint, 'seal', %s::text), '2000-01-01')"
)
SECOND = (
    "INSERT INTO break_glass_second (break_glass_id, officer_id, role, method, evidence, at)"
    " VALUES (%s, %s, %s, 'totp', jsonb_build_object('step', %s::bigint, 'seal', %s::text),"
    " '2000-01-01')"
)
REVIEW = (
    "INSERT INTO break_glass_review (break_glass_id, officer_id, role, outcome, finding, at)"
    " VALUES (%s, %s, %s, 'justified', 'by hand', '2000-01-01')"
)


def opens(desk: Desk, handle: str = "chen", plan: Plan | None = None, **changes: object) -> None:
    asked = {"reason": WHY, "proof": desk.code(handle), **changes}
    break_glass.open_glass(plan=plan or desk.plan, by=desk.person(handle), **asked)


def seconds(desk: Desk, handle: str = "ravi", plan: Plan | None = None, **changes: object) -> None:
    asked = {"proof": desk.code(handle), **changes}
    break_glass.second(plan=plan or desk.plan, by=desk.person(handle), **asked)


def opens_by_hand(desk: Desk, handle: str = "chen", role: str = "risk", **changes: object) -> None:
    person, plan = desk.person(handle), desk.plan
    row = {"digest": plan.digest, "seal": proven.seal(plan), **changes}
    step = row.pop("step", None) or desk.spend(person)
    run_sql(OPEN, values=[plan.pk, person.pk, role, row["digest"], step, row["seal"]])


def seconds_by_hand(
    desk: Desk, handle: str = "ravi", role: str = "risk", step: int = 0, seal: str = ""
) -> None:
    person = desk.person(handle)
    run_sql(
        SECOND,
        values=[
            BreakGlass.objects.latest("pk").pk, person.pk, role, step or desk.spend(person),
            seal or proven.seal(desk.plan),
        ],
    )  # fmt: skip


def reviews_by_hand(desk: Desk, handle: str, role: str = "risk") -> None:
    run_sql(REVIEW, values=[BreakGlass.objects.latest("pk").pk, desk.person(handle).pk, role])


def ravi_is_recused(desk: Desk) -> None:
    tie(desk.world, "ravi")
    compare(desk.world, {UNTOUCHED: 5})


def ravi_is_gone(desk: Desk) -> None:
    Person.objects.filter(pk=desk.person("ravi").pk).update(is_active=False)


def chen_holds_both_roles(desk: Desk) -> None:
    Role.objects.create(person=desk.person("chen"), name="finance")


def half_an_hour_passes(desk: Desk) -> None:
    age(BreakGlass.objects.latest("pk"), timedelta(minutes=30, seconds=1))


# Who opens, who seconds, and what stands in the way; each through the door and by hand.
SECONDING = [
    (nothing, "chen", "risk", "You opened it|seconds themselves"),
    (chen_holds_both_roles, "chen", "finance", "You opened it|seconds themselves"),
    (maker_is_an_officer, "mira", "risk", "maker of a plan"),
    (ravi_is_recused, "ravi", "risk", "recused"),
    (ravi_is_gone, "ravi", "risk", "may no longer sign in"),
    (nothing, "sana", "support", "risk, finance and legal officers"),
    (nothing, "ravi", "legal", "does not hold the role"),
    (half_an_hour_passes, "ravi", "risk", "half an hour|30 minutes"),
]


@pytest.mark.parametrize(("arrange", "handle", "role", "says"), SECONDING)
class TestSeconding:
    def test_through_the_door(
        self, desk: Desk, arrange: Attack, handle: str, role: str, says: str
    ) -> None:
        opens(desk)
        arrange(desk)
        refused(desk, lambda desk: seconds(desk, handle, role=role), says)

    def test_by_hand(self, desk: Desk, arrange: Attack, handle: str, role: str, says: str) -> None:
        opens(desk)
        arrange(desk)
        step = desk.spend(desk.person(handle))
        refused(desk, lambda desk: seconds_by_hand(desk, handle, role, step), says)


@pytest.mark.parametrize(
    ("arrange", "handle", "role", "says"),
    [
        (maker_is_an_officer, "mira", "risk", "maker of a plan"),
        (ravi_is_recused, "ravi", "risk", "recused"),
        (ravi_is_gone, "ravi", "risk", "may no longer sign in"),
        (nothing, "sana", "risk", "does not hold the role"),
        (opens, "ravi", "risk", "open already"),
    ],
)
class TestOpening:
    def test_through_the_door(
        self, desk: Desk, arrange: Attack, handle: str, role: str, says: str
    ) -> None:
        arrange(desk)
        refused(desk, lambda desk: opens(desk, handle, role=role), says)

    def test_by_hand(self, desk: Desk, arrange: Attack, handle: str, role: str, says: str) -> None:
        arrange(desk)
        step = desk.spend(desk.person(handle))
        refused(desk, lambda desk: opens_by_hand(desk, handle, role, step=step), says)


def test_alone_it_is_worth_nothing(desk: Desk) -> None:
    """One officer opens and approves; nobody seconds. Two of risk are then no quorum."""
    opens(desk)
    desk.approve("chen")
    desk.approve("ravi")
    assert approvals.standing(desk.plan).missing == {"finance": 1}
    refused(desk, lambda desk: run_sql("UPDATE plan SET state = 'approved'"), "not its quorum")
    half_an_hour_passes(desk)
    refused(desk, lambda desk: run_sql("UPDATE plan SET state = 'approved'"), "not its quorum")


def test_broken_it_still_takes_two_people(desk: Desk) -> None:
    opens(desk)
    seconds(desk)
    desk.approve("chen")
    desk.plan.refresh_from_db()
    assert desk.plan.state == Plan.State.PROPOSED
    refused(desk, lambda desk: desk.approve("chen"), "already")
    refused(desk, lambda desk: desk.forge("chen", "risk"), "approval_officer_once")
    maker_is_an_officer(desk)
    refused(desk, lambda desk: desk.approve("mira"), "maker")
    refused(desk, lambda desk: desk.forge("mira", "risk"), "maker")
    refused(desk, lambda desk: run_sql("UPDATE plan SET state = 'approved'"), "not its quorum")


def test_it_opens_no_other_plan(desk: Desk) -> None:
    other = desk.propose([7], remedy="restore")
    opens(desk)
    seconds(desk)
    refused(desk, lambda desk: desk.approve("lena", other, role="legal"), "no officer of this role")
    refused(desk, lambda desk: desk.forge("lena", "legal", other), "no officer of this role")


def test_a_proof_is_for_one_step(desk: Desk) -> None:
    """The code that opened it neither seconds, decides, nor opens another."""
    other, code = desk.propose([7], remedy="restore"), desk.code("chen")
    opens(desk, proof=code)
    step = BreakGlass.objects.get().evidence["step"]
    for attack in (
        lambda desk: opens(desk, plan=other, proof=code),
        lambda desk: approvals.decide(
            plan=other, by=desk.person("chen"), decision="approve", proof=code
        ),
    ):
        refused(desk, attack, "used before")
    refused(desk, lambda desk: desk.forge("chen", "risk", step=step), "decided something else")
    refused(desk, lambda desk: desk.forge("chen", "risk", other, step=step), "something else")


def test_a_vote_is_no_proof_for_it(desk: Desk) -> None:
    vote = desk.approve("chen")
    refused(desk, lambda desk: opens_by_hand(desk, step=vote.evidence["step"]), "something else")
    opens_by_hand(desk, "ravi")
    refused(
        desk, lambda desk: seconds_by_hand(desk, "chen", step=vote.evidence["step"]),
        "something else",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        (lambda desk: opens(desk, proof=Code("000000")), "not the code"),
        (lambda desk: opens(desk, proof=desk.code("ravi")), "not the code"),
        (lambda desk: opens_by_hand(desk, step=7), "no spent code"),
        (lambda desk: run_sql(OPEN, values=forged(desk, digest="f" * 64)), "another digest"),
        (lambda desk: run_sql(OPEN, values=forged(desk, seal="f" * 64)), "other rows"),
    ],
    ids=["no code", "another's code", "no spent code", "another digest", "other rows"],
)
def test_what_proves_nothing(desk: Desk, attack: Attack, says: str) -> None:
    desk.spend(desk.person("chen"))
    refused(desk, attack, says)


def forged(desk: Desk, **changes: str) -> list[object]:
    """The values of an opening by hand, its code spent already."""
    row = {"digest": desk.plan.digest, "seal": proven.seal(desk.plan), **changes}
    return [desk.plan.pk, desk.person("chen").pk, "risk", row["digest"], desk.steps, row["seal"]]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE break_glass SET at = now() + interval '1 day'",
        "UPDATE break_glass SET digest = repeat('0', 64)",
        "UPDATE break_glass SET officer_id = officer_id + 1",
        "DELETE FROM break_glass_second",
        "TRUNCATE break_glass CASCADE",
        "UPDATE break_glass_second SET officer_id = officer_id + 1",
        "TRUNCATE break_glass_second CASCADE",
        "UPDATE break_glass_review SET outcome = 'justified'",
        "DELETE FROM break_glass_review",
        "TRUNCATE break_glass_review",
    ],
)
def test_its_rows_stand(desk: Desk, statement: str) -> None:
    opens(desk)
    seconds(desk)
    reviews_by_hand(desk, "lena", "legal")
    refused(desk, lambda desk: run_sql(statement), "append only")


@pytest.mark.parametrize(
    ("handle", "role", "says"),
    [
        ("chen", "risk", "nobody reviews their own"),
        ("ravi", "risk", "nobody reviews their own"),
        ("noor", "finance", "who decided on the plan"),
        ("mira", "risk", "maker"),
        ("sana", "support", "risk, finance and legal officers"),
        ("fay", "finance", "recused"),
    ],
)
def test_who_had_a_part_does_not_review(desk: Desk, handle: str, role: str, says: str) -> None:
    maker_is_an_officer(desk)
    tie(desk.world, "fay")
    compare(desk.world, {UNTOUCHED: 5})
    opens(desk)
    seconds(desk)
    desk.approve("noor")
    refused(desk, lambda desk: reviews_by_hand(desk, handle, role), says)


def test_the_same_rows_written_rightly_are_taken(desk: Desk) -> None:
    """The control: opened, seconded, decided and reviewed by hand."""
    before = everything()
    opens_by_hand(desk)
    assert BreakGlass.objects.get().at.year > 2000, "the database says when"
    seconds_by_hand(desk)
    desk.forge("chen", "risk")
    desk.forge("ravi", "risk")
    reviews_by_hand(desk, "lena", "legal")
    run_sql("UPDATE plan SET state = 'approved'")
    assert everything() != before
