"""Attacks on a decision, each through the door and then by hand in the database."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backoffice.models import Passkey, Person, Plan, Role
from backoffice.services import approvals, plans
from backoffice.services.second_factor import Code
from exchange.models import Venue
from tests.backoffice.attacks.conftest import (
    Attack,
    Desk,
    everything,
    maker_is_an_officer,
    nothing,
    refused,
)
from tests.backoffice.services.authenticator import Device, register
from tests.backoffice.services.conftest import (
    UNTOUCHED,
    award,
    compare,
    compute,
    run_sql,
    tie,
    without_triggers,
)


# Who may not decide: what is arranged first, who tries, in which role, and why it is refused.
def has_decided(desk: Desk) -> None:
    desk.approve("chen")


def has_decided_and_holds_both_roles(desk: Desk) -> None:
    Role.objects.create(person=desk.person("chen"), name="finance")
    desk.approve("chen", role="risk")


def is_gone(desk: Desk) -> None:
    Person.objects.filter(pk=desk.person("chen").pk).update(is_active=False)


def is_superuser(desk: Desk) -> None:
    Person.objects.filter(pk=desk.person("sana").pk).update(is_superuser=True, is_staff=True)


def tied_by_this_plan(desk: Desk) -> None:
    tie(desk.world, "chen", account=1)


def tied_by_another_plan(desk: Desk) -> None:
    tie(desk.world, "chen")
    compute(desk.world, [1, 1, 1, 5])


def tied_by_a_comparison(desk: Desk) -> None:
    tie(desk.world, "chen")
    compare(desk.world, {0: 5}, {UNTOUCHED: -1})


def tied_by_an_award(desk: Desk) -> None:
    tie(desk.world, "chen")
    award(desk.world)


def is_the_customer(desk: Desk) -> None:
    Person.objects.filter(pk=desk.person("chen").pk).update(customer=desk.world.customers[0])


def the_venue_is_real(desk: Desk) -> None:
    Venue.objects.filter(pk=desk.world.venue.pk).update(is_drill=False)


WHO = [
    (maker_is_an_officer, "mira", "risk", "maker of a plan"),
    (has_decided, "chen", "risk", "decided on this plan already|approval_officer_once"),
    (has_decided_and_holds_both_roles, "chen", "finance", "already|approval_officer_once"),
    (nothing, "chen", "finance", "does not hold the role"),
    (nothing, "sana", "risk", "does not hold the role"),
    (nothing, "sana", "support", "risk, finance and legal officers"),
    (nothing, "lena", "legal", "asks for no officer of this role"),
    (is_superuser, "sana", "risk", "does not hold the role"),
    (is_gone, "chen", "risk", "may no longer sign in"),
    (tied_by_this_plan, "chen", "risk", "recused"),
    (tied_by_another_plan, "chen", "risk", "recused"),
    (tied_by_a_comparison, "chen", "risk", "recused"),
    (tied_by_an_award, "chen", "risk", "recused"),
    (is_the_customer, "chen", "risk", "recused"),
    (the_venue_is_real, "chen", "risk", "decide on drills only"),
]


@pytest.mark.parametrize(("arrange", "handle", "role", "says"), WHO)
class TestWho:
    """The same person, through the door and by hand."""

    def test_through_the_door(
        self, desk: Desk, arrange: Attack, handle: str, role: str, says: str
    ) -> None:
        arrange(desk)
        refused(desk, lambda desk: desk.approve(handle, role=role), says)

    def test_by_hand(self, desk: Desk, arrange: Attack, handle: str, role: str, says: str) -> None:
        arrange(desk)
        refused(desk, lambda desk: desk.forge(handle, role), says)


# What may not be decided on: how the plan came to be so, and why it is refused.
def expired(desk: Desk) -> None:
    past = timezone.now() - timedelta(seconds=1)
    without_triggers("plan", f"UPDATE plan SET expires_at = '{past.isoformat()}'")


def withdrawn(desk: Desk) -> None:
    plans.withdraw(plan=desk.plan, by=desk.person("mira"), reason="wrong cut-off")


def rejected(desk: Desk) -> None:
    desk.forge("ravi", "risk", decision="reject")
    Plan.objects.update(state="rejected")


def stale(desk: Desk) -> None:
    Plan.objects.update(state="stale")


@pytest.mark.parametrize(
    ("arrange", "says"),
    [
        (expired, "over|expired"),
        (withdrawn, "withdrawn"),
        (rejected, "rejected"),
        (stale, "stale"),
    ],
)
class TestWhen:
    """A plan that is past it, through the door and by hand."""

    def test_through_the_door(self, desk: Desk, arrange: Attack, says: str) -> None:
        arrange(desk)
        desk.plan.refresh_from_db()
        refused(desk, lambda desk: desk.approve("chen"), says)

    def test_by_hand(self, desk: Desk, arrange: Attack, says: str) -> None:
        arrange(desk)
        refused(desk, lambda desk: desk.forge("chen", "risk"), says)


# What proves nothing.
def decide(desk: Desk, handle: str, proof: Code, plan: Plan | None = None) -> object:
    return approvals.decide(
        plan=plan or desk.plan, by=desk.person(handle), decision="approve", proof=proof
    )


def another_digest(desk: Desk) -> object:
    seen = Plan.objects.get(pk=desk.plan.pk)
    seen.digest = "f" * 64
    return decide(desk, "chen", desk.code("chen"), seen)


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        pytest.param(another_digest, "not the plan that is here", id="another digest seen"),
        pytest.param(lambda d: decide(d, "chen", d.code("ravi")), "not the code", id="ravi's code"),
        pytest.param(lambda d: decide(d, "chen", Code("")), "not the code", id="no code"),
        *(
            pytest.param(
                lambda d, forged=forged: d.forge("chen", "risk", **forged), says, id=str(forged)
            )
            for forged, says in (
                ({"digest": "f" * 64}, "another digest"),
                ({"seal": "f" * 64}, "other rows"),
                ({"seal": None}, "other rows"),
                ({"step": 7}, "no spent code"),
                ({"method": "passkey"}, "approval: "),
                ({"method": "magic"}, "approval: "),
            )
        ),
    ],
)
def test_what_proves_nothing(desk: Desk, attack: Attack, says: str) -> None:
    refused(desk, attack, says)


def test_a_code_is_not_used_twice(desk: Desk) -> None:
    """The code that approved one plan, on another and on the same one again."""
    code, other = desk.code("chen"), desk.propose([5], remedy="restore")
    decide(desk, "chen", code)
    refused(desk, lambda desk: decide(desk, "chen", code, other), "used before")
    refused(desk, lambda desk: decide(desk, "chen", code), "already")


def test_a_code_that_another_spent_is_no_proof(desk: Desk) -> None:
    step = desk.spend(desk.person("ravi"))
    refused(desk, lambda desk: desk.forge("chen", "risk", step=step), "no spent code")


def test_a_code_that_began_a_passkey_is_no_proof(desk: Desk) -> None:
    """It was spent to register the key; one factor alone does not both make the other and vote."""
    register(Device(), desk.person("chen"), desk.world.code("chen"))
    step = Passkey.objects.get().code_step
    refused(desk, lambda desk: desk.forge("chen", "risk", step=step), "no spent code")


def test_a_spent_code_stands_behind_one_row(desk: Desk) -> None:
    """By hand: one spent code behind approvals of two plans."""
    step, other = desk.spend(desk.person("chen")), desk.propose([5])
    desk.forge("chen", "risk", step=step)
    refused(desk, lambda desk: desk.forge("chen", "risk", plan=other, step=step), "something else")


def test_the_same_rows_written_rightly_are_taken(desk: Desk) -> None:
    """The control: by hand and through the door, with nothing wrong, a plan becomes approved."""
    before = everything()
    desk.forge("chen", "risk")
    assert everything() != before
    desk.approve("fay")
    assert desk.plan.state == Plan.State.APPROVED


def test_what_was_decided_does_not_go_away(desk: Desk) -> None:
    desk.forge("chen", "risk")
    desk.forge("fay", "finance")
    run_sql("UPDATE plan SET state = 'approved'")
    desk.plan.refresh_from_db()
    assert desk.plan.state == Plan.State.APPROVED
