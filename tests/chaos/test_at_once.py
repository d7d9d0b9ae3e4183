"""Two steps at the same moment: whoever comes first, one of the two is done, or both in turn."""

import random

import pytest

from backoffice.models import Execution, Plan
from backoffice.services import incidents, plans
from backoffice.services.refusals import Refused
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import approve_all, propose
from tests.chaos.books import Books, sound
from tests.chaos.cutting import DONE, REFUSED, SEED, Theatre, Victim, deciding, officers

pytestmark = pytest.mark.chaos


def computed(theatre: Theatre, number: int) -> Plan:
    """One of several plans that were computed from the same books."""
    return remedy.computed(theatre.world, remedy.anything([(number, 7), (3, -7)]))


def test_of_two_proposed_at_once_one_is_before_the_officers(theatre: Theatre) -> None:
    pair = [computed(theatre, number) for number in range(2)]
    maker = theatre.world.person("mira")
    codes = theatre.race(*(lambda plan=plan: plans.propose(plan=plan, by=maker) for plan in pair))
    assert sorted(codes) == [DONE, REFUSED]
    states = sorted(Plan.objects.get(pk=plan.pk).state for plan in pair)
    assert states == [Plan.State.COMPUTED, Plan.State.PROPOSED]
    sound(theatre.world)


def test_of_two_asked_for_at_once_one_is_executed(theatre: Theatre) -> None:
    first = theatre.approved(random.Random(7))
    second = propose(theatre.world, [5])
    approve_all(second)
    codes = theatre.race(theatre.requesting(first), theatre.requesting(second))
    assert sorted(codes) == [DONE, REFUSED]
    asked = Execution.objects.get(plan__in=(first, second))
    theatre.finish(asked.plan, Books.now())


@pytest.mark.parametrize("number", range(4))
def test_a_gate_opened_while_a_plan_is_approved(theatre: Theatre, number: int) -> None:
    """Whoever comes first: a plan is never executable with a gate that opened under it."""
    chance = random.Random(f"{SEED}/gate/{number}")
    plan = theatre.proposed(chance)
    first, last = officers(2)
    deciding(plan, first)()
    incident, mira = theatre.world.incident, theatre.world.person("mira")
    gate = incident.gates.get(kind="withdrawals", lifted_at=None)
    lifts = Victim.fork(lambda: incidents.lift_gate(gate=gate, by=mira, reason="calm"))
    decides = Victim.fork(deciding(plan, last))
    lifts.go()
    theatre.pause("approve", chance.uniform(0, 0.5))
    decides.go()
    lifted, approved = lifts.end() == DONE, decides.end() == DONE
    assert lifted or approved
    before = Books.now()
    if not lifted:
        theatre.requesting(plan)()
        theatre.finish(plan, before)
        return
    incidents.close_gate(incident=incident, by=mira, kind="withdrawals", reason="again")
    with pytest.raises(Refused):
        theatre.requesting(plan)()
    assert Plan.objects.get(pk=plan.pk).state == Plan.State.STALE
    assert Books.now() == before
    sound(theatre.world)
