"""Who is recused, computed: every kind of tie, every kind of remedy, and what it forbids."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from backoffice.models import Person, Plan, Programme, Role
from backoffice.services import approvals, compensation, computations, plans, recusals
from backoffice.services.refusals import NotAllowed, Stale
from backoffice.services.second_factor import Code
from exchange.domain.remedies.catalogue import Step
from tests.backoffice.services.conftest import (
    UNTOUCHED,
    World,
    approve_all,
    award,
    compare,
    compute,
    run_sql,
    tie,
)


@pytest.mark.parametrize(
    "touch",
    [
        lambda world: compute(world, [1, 1, 1, 5]),
        lambda world: compute(world, [1, 1, 1, 5], remedy="rollback"),
        lambda world: compare(world, {UNTOUCHED: 5}),
        lambda world: compare(world, {UNTOUCHED: -5}),
        lambda world: compare(world, {}, {UNTOUCHED: 7}),
        award,
    ],
    ids=["goodwill", "rollback", "gains", "loses", "a later scenario", "an award"],
)
def test_a_tie_counts_under_every_remedy(
    world: World, proposed: Plan, touch: Callable[[World], object]
) -> None:
    chen = tie(world, "chen")
    assert not recusals.recused(incident=world.incident, person=chen)
    touch(world)
    assert recusals.recused(incident=world.incident, person=chen)
    assert "recused" in str(approvals.ineligible(plan=proposed, by=chen))
    assert not recusals.recused(incident=world.incident, person=world.person("ravi"))


@pytest.mark.parametrize(
    "change",
    [
        {"futures_delta": 1}, {"funding_delta": -1}, {"receivable_delta": -1}, {"worth_delta": 1},
        {"positions_changed": 1}, {"reliquidated": True},
    ],
    ids=str,
)  # fmt: skip
def test_whatever_changes_ties(world: World, change: dict[str, int]) -> None:
    chen = tie(world, "chen")
    compare(world, {UNTOUCHED: {}})
    assert not recusals.recused(incident=world.incident, person=chen)
    compare(world, {UNTOUCHED: change})
    assert recusals.recused(incident=world.incident, person=chen)


def test_a_customer_on_the_staff_is_tied_to_their_own_account(world: World) -> None:
    person = world.person("lena")
    Person.objects.filter(pk=person.pk).update(customer=world.customers[UNTOUCHED])
    assert not recusals.recused(incident=world.incident, person=person)
    compare(world, {UNTOUCHED: 1})
    assert recusals.recused(incident=world.incident, person=person)


def test_an_approval_of_who_is_recused_since_does_not_count(world: World, proposed: Plan) -> None:
    tie(world, "fay")
    approve_all(proposed)
    assert proposed.state == Plan.State.APPROVED
    assert approvals.blocked(proposed) is None
    compare(world, {UNTOUCHED: 5})
    assert approvals.standing(proposed).missing == {"finance": 1}
    assert approvals.blocked(proposed) == "the approvals that hold are not its quorum"


def test_who_is_recused_makes_nothing(world: World) -> None:
    plan = compute(world, [5])
    programme = Programme.objects.create(
        incident=world.incident, name="x", asset=world.btc, percent_bp=1, cap=1, budget=1,
        maker=world.person("fay"),
    )  # fmt: skip
    mira = tie(world, "mira")
    compare(world, {UNTOUCHED: 5})
    before = (Plan.objects.count(), plan.state)
    for verb in (
        lambda: plans.propose(plan=plan, by=mira),
        lambda: plans.compute_remedy(incident=world.incident, by=mira),
        lambda: computations.request(
            incident=world.incident, by=mira, steps=[Step("rollback", {})]
        ),
        lambda: compensation.compute_plan(programme=programme, by=mira),
    ):
        with pytest.raises(NotAllowed, match="recused"):
            verb()
    with pytest.raises(IntegrityError, match="maker is recused"), transaction.atomic():
        Plan.objects.create(incident=world.incident, remedy="rollback", maker=mira)
    with pytest.raises(IntegrityError, match="maker is recused"), transaction.atomic():
        Plan.objects.filter(pk=plan.pk).update(state="proposed")
    plan.refresh_from_db()
    assert (Plan.objects.count(), plan.state) == before


def test_a_plan_that_pays_its_own_maker_is_not_computed(world: World) -> None:
    tie(world, "mira", account=0)
    before = Plan.objects.count()
    with pytest.raises(NotAllowed, match="recused"), transaction.atomic():
        compute(world, [5])
    assert Plan.objects.count() == before


def test_a_plan_of_a_maker_who_is_recused_since_is_blocked(world: World, proposed: Plan) -> None:
    tie(world, "mira")
    approve_all(proposed)
    compare(world, {UNTOUCHED: 5})
    assert str(approvals.blocked(proposed)).startswith("its maker is tied")


def test_how_many_are_recused_is_counted_among_those_who_could_act(world: World) -> None:
    compare(world, {0: 5})
    assert recusals.count(world.incident) == 0
    for handle in ("chen", "fay", "mira"):
        tie(world, handle, account=0)
    tie(world, "sana", account=0)  # support makes and decides nothing
    tie(world, "ravi")  # tied to what nothing changes
    assert recusals.count(world.incident) == 3
    Person.objects.filter(pk=world.person("chen").pk).update(is_active=False)
    assert recusals.count(world.incident) == 2


def test_incidents_of_a_person(world: World) -> None:
    chen = tie(world, "chen")
    assert recusals.incidents(chen) == set()
    compare(world, {UNTOUCHED: 5})
    assert recusals.incidents(chen) == {world.incident.pk}
    assert recusals.incidents(world.person("ravi")) == set()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM interest",
        "TRUNCATE interest",
        "UPDATE interest SET person_id = (SELECT min(id) FROM backoffice_person)",
        "UPDATE backoffice_person SET customer_id = NULL WHERE customer_id IS NOT NULL",
        "UPDATE scenario_effect SET futures_delta = 0, worth_delta = 0",
        "DELETE FROM scenario_effect",
        "TRUNCATE scenario_effect",
        "UPDATE scenario SET comparison_id = comparison_id",
        "DELETE FROM scenario",
        "TRUNCATE scenario CASCADE",
        "UPDATE comparison SET incident_id = incident_id",
        "DELETE FROM comparison",
        "TRUNCATE comparison CASCADE",
    ],
)
def test_a_tie_is_not_undone(world: World, statement: str) -> None:
    chen = tie(world, "chen")
    lena = world.person("lena")
    Person.objects.filter(pk=lena.pk).update(customer=world.customers[UNTOUCHED])
    compare(world, {UNTOUCHED: 5})
    with pytest.raises(IntegrityError):
        run_sql(statement)
    for person in (chen, lena):
        assert recusals.recused(incident=world.incident, person=person)


def test_a_customer_without_a_role_may_change(world: World) -> None:
    person = Person.objects.create_user("c@customers.example", customer=world.customers[0])
    Person.objects.filter(pk=person.pk).update(customer=world.customers[1])
    Role.objects.create(person=person, name="support")
    with pytest.raises(IntegrityError, match="stays the customer"), transaction.atomic():
        Person.objects.filter(pk=person.pk).update(customer=world.customers[2])


def test_asking_for_an_execution_tells_no_vote(world: World, proposed: Plan) -> None:
    """Chen is a risk officer, so they may ask, and recused, so they see no votes."""
    tie(world, "chen", account=0)
    approvals.decide(
        plan=proposed, by=world.person("fay"), decision="reject", reason="not at this price",
        proof=Code(world.code("fay")),
    )  # fmt: skip
    with pytest.raises(Stale, match="is rejected") as refused:
        plans.request_execution(plan=proposed, by=world.person("chen"))
    assert "not at this price" not in str(refused.value)
