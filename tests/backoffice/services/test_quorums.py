"""Who must agree to what: the table, its twin in the database, and what makes a quorum up."""

import json

import pytest
from django.db import IntegrityError, connection, transaction

from backoffice.models import Person, Plan, Role
from backoffice.queries import plans as queries
from backoffice.services import approvals, quorums
from backoffice.services.approvals import Standing
from backoffice.services.refusals import NotAllowed
from backoffice.services.second_factor import Code
from tests.backoffice.services.conftest import BTC, World, approve_all, compute, propose

EVERY = {"risk": 1, "finance": 1, "legal": 1}


@pytest.mark.parametrize(
    ("remedies", "wanted"),
    [
        (("rollback",), {"risk": 2}),
        (("bust",), {"risk": 2}),
        (("reprice",), {"risk": 2}),
        (("reinstate",), {"risk": 1, "finance": 1}),
        (("undo",), {"risk": 2}),
        (("restore",), {"risk": 1, "finance": 1}),
        (("reference",), {"risk": 1, "finance": 1}),
        (("goodwill",), {"risk": 1, "finance": 1}),
        (("settle",), EVERY),
        (("socialise",), EVERY),
        (("rollback", "socialise"), {"risk": 2, "finance": 1, "legal": 1}),
        (("restore", "goodwill"), {"risk": 1, "finance": 1}),
    ],
)
def test_each_remedy_has_its_quorum(remedies: tuple[str, ...], wanted: dict[str, int]) -> None:
    assert quorums.of(*remedies) == wanted
    assert list(quorums.of(*remedies)) == [r for r in quorums.DECIDING if r in wanted]


def test_the_database_holds_the_same_table(db: None) -> None:
    with connection.cursor() as cursor:
        for remedy in Plan.Remedy.values:
            cursor.execute("SELECT remedy_quorum(%s)", [remedy])
            assert json.loads(cursor.fetchone()[0]) == quorums.of(remedy)


@pytest.mark.parametrize(
    ("quorum", "sane"),
    [
        ({"risk": 2}, True),
        ({"risk": 1, "finance": 1}, True),
        (EVERY, True),
        ({}, False),
        ({"risk": 1}, False),
        ({"finance": 2}, False),
        ({"risk": 0, "finance": 2}, False),
        ({"risk": -1, "finance": 3}, False),
        ({"risk": 1, "finance": 0}, False),
        ({"risk": 1, "analyst": 1}, False),
        ({"risk": 1.5, "finance": 1}, False),
        ({"risk": "2"}, False),
        ({"risk": None, "finance": 2}, False),
        ({"risk": [2]}, False),
        ([2], False),
        (2, False),
        ("risk", False),
        (None, False),
    ],
)
def test_a_quorum_is_two_people_or_more_and_a_risk_officer(
    db: None, quorum: object, sane: bool
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT quorum_is_sane(%s::jsonb)", [json.dumps(quorum)])
        assert cursor.fetchone() == (sane,)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, EVERY),
        ({"risk": 3}, {"finance": 1, "legal": 1}),
        ({"risk": 1, "finance": 1}, {"legal": 1}),
        (EVERY, {}),
        ({**EVERY, "risk": 2}, {}),
    ],
)
def test_no_role_stands_in_for_another(
    db: None, given: dict[str, int], missing: dict[str, int]
) -> None:
    assert quorums.missing(EVERY, given) == missing
    with connection.cursor() as cursor:
        cursor.execute("SELECT quorum_missing(%s, %s)", [json.dumps(EVERY), json.dumps(given)])
        assert json.loads(cursor.fetchone()[0]) == missing


def test_the_quorum_is_in_the_digest_and_frozen(world: World) -> None:
    plan = compute(world, [BTC], remedy="socialise")
    assert plan.quorum == plan.manifest["quorum"] == EVERY
    for quorum in ({"risk": 2}, {"risk": 2, "finance": 1, "legal": 1}):
        with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
            Plan.objects.filter(pk=plan.pk).update(quorum=quorum)


def test_every_role_is_needed(world: World) -> None:
    plan = propose(world, [5], remedy="settle")
    assert approvals.standing(plan) == Standing({}, EVERY, None)
    for handle, missing in (
        ("chen", {"finance": 1, "legal": 1}), ("ravi", {"finance": 1, "legal": 1}),
        ("noor", {"legal": 1}), ("lena", {}),
    ):  # fmt: skip
        assert plan.state == Plan.State.PROPOSED
        approve(world, plan, handle)
        assert approvals.standing(plan).missing == missing
    assert plan.state == Plan.State.APPROVED
    assert approvals.standing(plan).given == {**EVERY, "risk": 2}


@pytest.mark.parametrize("remedy", ["rollback", "restore", "socialise"])
def test_the_cast_approves_every_remedy(world: World, remedy: str) -> None:
    plan = propose(world, [5], remedy=remedy)
    approve_all(plan)
    assert plan.state == Plan.State.APPROVED


def test_one_person_is_counted_in_one_role(world: World, proposed: Plan) -> None:
    """Chen holds both roles that goodwill asks for, and is still one person."""
    Role.objects.create(person=world.person("chen"), name="finance")
    approve(world, proposed, "chen")
    assert approvals.standing(proposed) == Standing({"risk": 1}, {"finance": 1}, None)
    with pytest.raises(NotAllowed, match="already"):
        approve(world, proposed, "chen", role="finance")
    assert proposed.state == Plan.State.PROPOSED


def test_one_decides_in_the_role_that_is_missing(world: World, proposed: Plan) -> None:
    Role.objects.create(person=world.person("ravi"), name="finance")
    assert approvals.roles(plan=proposed, by=world.person("ravi")) == ["risk", "finance"]
    approve(world, proposed, "chen")
    assert approvals.roles(plan=proposed, by=world.person("ravi")) == ["finance", "risk"]
    assert approve(world, proposed, "ravi").role == "finance"
    assert proposed.state == Plan.State.APPROVED


def test_one_may_choose_the_role(world: World, proposed: Plan) -> None:
    Role.objects.create(person=world.person("ravi"), name="finance")
    assert approve(world, proposed, "ravi", role="finance").role == "finance"
    assert approvals.standing(proposed).missing == {"risk": 1}
    with pytest.raises(NotAllowed, match="does not hold the role"):
        approve(world, proposed, "chen", role="finance")


def approve(world: World, plan: Plan, handle: str, role: str | None = None) -> object:
    return approvals.decide(
        plan=plan, by=world.person(handle), decision="approve", role=role,
        proof=Code(world.code(handle)),
    )  # fmt: skip


def test_the_list_of_what_waits_counts_who_counts(world: World, proposed: Plan) -> None:
    """An officer who has left since stands among the decisions and in no number."""
    for handle in ("chen", "ravi"):
        approvals.decide(
            plan=proposed, by=world.person(handle), decision="approve",
            proof=Code(world.code(handle)),
        )  # fmt: skip
    reader = world.person("lena")
    assert [row.approving for row in queries.waiting(reader)] == [2]
    Person.objects.filter(pk=world.person("ravi").pk).update(is_active=False)
    assert [row.approving for row in queries.waiting(reader)] == [1]
