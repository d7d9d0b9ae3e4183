"""Attacks by somebody who writes every row a decision needs, and writes them rightly.

PostgreSQL takes the rows: it knows neither who typed a code nor what a passkey signed. The desk
counts none of them, and nothing is posted.
"""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings

from backoffice.models import Plan
from backoffice.services import approvals, break_glass, plans, proven
from tests.backoffice.attacks.conftest import Desk, books
from tests.backoffice.attacks.test_break_glass import opens_by_hand, seconds_by_hand
from tests.backoffice.services.conftest import run_sql

UNSEEN = "its code was not given at the desk"


def two_votes(desk: Desk) -> None:
    """A spent code and a vote of each officer, by psql."""
    desk.forge("chen", "risk", countersignature=None)
    desk.forge("fay", "finance", countersignature=None)


def votes_with_somebody_s_countersignature(desk: Desk) -> None:
    """Of a vote that was given rightly, under the name of another officer and another role."""
    given = desk.approve("chen").evidence["countersignature"]
    desk.forge("fay", "finance", countersignature=given)


def a_vote_turned_round(desk: Desk) -> None:
    """A code given to reject, and written down as an approval."""
    fay = desk.person("fay")
    step = desk.spend(fay)
    said = proven.by_code(plan=desk.plan, officer=fay, role="finance", decision="reject", step=step)
    desk.approve("chen")
    desk.forge("fay", "finance", **said)


def a_vote_on_another_plan(desk: Desk) -> None:
    """A code given to approve one plan, under another."""
    other, fay = desk.propose([5], remedy="restore"), desk.person("fay")
    step = desk.spend(fay)
    said = proven.by_code(plan=other, officer=fay, role="finance", decision="approve", step=step)
    desk.approve("chen")
    desk.forge("fay", "finance", **said)


def votes_asleep(desk: Desk) -> None:
    """A superuser of PostgreSQL puts the triggers to sleep: no code is even spent."""
    with transaction.atomic():
        run_sql("SET LOCAL session_replication_role = replica")
        for number, (handle, role) in enumerate((("chen", "risk"), ("fay", "finance"))):
            desk.forge(handle, role, step=number + 1, countersignature="made up")
        run_sql("SET LOCAL session_replication_role = origin")


def votes_inherited(desk: Desk) -> None:
    """In a table that inherits from the approvals: read with them, and watched by no trigger."""
    officers = [(desk.person("chen").pk, "risk"), (desk.person("fay").pk, "finance")]
    run_sql("CREATE TABLE more_approvals () INHERITS (approval)")
    for number, (officer, role) in enumerate(officers):
        run_sql(
            "INSERT INTO more_approvals (id, plan_id, officer_id, role, decision, reason, digest,"
            f" method, evidence, at) SELECT -{number} - 1, p.id, {officer}, '{role}', 'approve',"
            " '', p.digest, 'totp', jsonb_build_object('step', 1, 'seal', batch_seal(p.batch_id)),"
            " now() FROM plan p"
            f" WHERE p.id = {desk.plan.pk}"
        )


@pytest.mark.parametrize(
    "attack",
    [
        two_votes,
        votes_with_somebody_s_countersignature,
        a_vote_turned_round,
        a_vote_on_another_plan,
        votes_asleep,
        votes_inherited,
    ],
)
def test_what_was_not_given_at_the_desk_posts_nothing(
    desk: Desk, attack: Callable[[Desk], None]
) -> None:
    attack(desk)
    assert approvals.standing(desk.plan).missing
    run_sql(f"UPDATE plan SET state = 'approved' WHERE id = {desk.plan.pk}")
    plans.request_execution(plan=desk.plan, by=desk.person("mira"))
    before = books()
    execution = plans.execute(plan_id=desk.plan.pk)
    assert (execution.state, books() == before) == ("refused", True)
    assert UNSEEN in execution.message
    assert Plan.objects.get(pk=desk.plan.pk).state == "stale"


def test_it_completes_no_quorum(desk: Desk) -> None:
    desk.forge("chen", "risk", countersignature=None)
    desk.approve("fay")
    assert desk.plan.state == Plan.State.PROPOSED
    assert approvals.standing(desk.plan).missing == {"risk": 1}
    assert UNSEEN in proven.forged(desk.plan)[0].why


def test_nor_is_a_glass_broken_by_it(desk: Desk) -> None:
    opens_by_hand(desk)
    seconds_by_hand(desk)
    assert break_glass.live(desk.plan) is None
    desk.approve("noor")
    desk.forge("chen", "risk", countersignature=None)
    assert approvals.standing(desk.plan).missing == {"risk": 1}


def test_the_desk_s_next_key_knows_what_the_last_one_countersigned(desk: Desk) -> None:
    desk.approve("chen")
    last = settings.SECRET_KEY
    with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[]):
        assert UNSEEN in proven.forged(desk.plan)[0].why
    with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[last]):
        assert proven.forged(desk.plan) == []
