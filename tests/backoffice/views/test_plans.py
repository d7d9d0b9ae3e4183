"""The plans of an incident and the page of one: exact values, who may do what, refusals."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.digest_words import words
from backoffice.models import AuditEvent, Computation, Gate, Plan
from backoffice.services import approvals, computations, incidents, jobs, people, plans
from backoffice.services.remedies import ROLLBACK
from backoffice.services.second_factor import Code
from exchange.models import Batch
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import BTC, World, approve_all, compute, propose
from tests.backoffice.views.conftest import ROLES, expected, getting, matrix, signed_in
from tests.backoffice.views.market import Market, compared
from tests.backoffice.views.reading import cells, heads, text

pytestmark = pytest.mark.django_db
PAID = [BTC // 10, BTC // 5, 3 * BTC // 10]


def traces() -> tuple[object, ...]:
    """What a refused step must leave as it was."""
    return (
        list(Plan.objects.values_list("pk", "state", "reason")),
        list(Batch.objects.values_list("pk", "state")),
        Computation.objects.count(),
        AuditEvent.objects.count(),
    )


def test_the_list_shows_state_sizes_and_digest(world: World, analyst: Client) -> None:
    plan = compute(world, PAID)
    (row,) = cells(analyst.get(reverse("incident-plans", args=[world.incident.slug])), "plans")
    assert row[:6] == [f"{plan.pk}: Goodwill payment", "Computed", "0 / 2", "3", "4", "0"]
    assert row[6] == "Mira Okafor"
    assert plan.digest in row[9]


def test_the_list_costs_the_same_however_long(
    world: World, analyst: Client, django_assert_num_queries: object
) -> None:
    for _ in range(3):
        compute(world, PAID)
    # session, person, standing, incident, two of the frame, plans, their undos, computation
    with django_assert_num_queries(10):
        page = analyst.get(reverse("incident-plans", args=[world.incident.slug]))
    assert len(cells(page, "plans")) == 3


def test_the_pages_are_for_staff(world: World) -> None:
    plan = compute(world, PAID)
    assert matrix(getting("incident-plans", world.incident.slug)) == expected()
    for name in ("plan", "plan-effects", "plan-legs", "plan-positions", "plan-execution"):
        assert matrix(getting(name, plan.pk)) == expected(), name
    assert matrix(getting("approvals")) == expected()


def test_a_plan_that_is_not_there_is_not_found(world: World, analyst: Client) -> None:
    assert analyst.get(reverse("plan", args=[404])).status_code == 404


def test_the_page_says_what_the_plan_does(world: World, analyst: Client) -> None:
    plan = compute(world, PAID)
    page = analyst.get(reverse("plan", args=[plan.pk]))
    assert cells(page, "totals") == [
        ["BTC", "3", "3", "+0.60000000", "0", "0.00000000", "+0.60000000"]
    ]
    assert heads(page, "totals") == [
        "Asset", "Accounts", "Of them credited", "Credited", "Of them debited", "Debited",
        "Paid to customers",
    ]  # fmt: skip
    assert cells(page, "kinds") == [["BTC", "+0.60000000", "−0.60000000", "sums to 0"]]
    assert [row[0] for row in cells(page, "extremes")] == ["A00002", "A00001", "A00000"]
    shown = text(page)
    assert " ".join(words(plan.digest)) in shown
    assert plan.digest[:8] in shown
    assert "Risk officer 0 / 1 Missing Finance officer 0 / 1 Missing" in shown
    assert "0 members of staff are recused from this incident." in shown


def test_the_page_costs_the_same_however_many_accounts(
    world: World, analyst: Client, django_assert_max_num_queries: object
) -> None:
    plan = compute(world, PAID)
    with django_assert_max_num_queries(17):
        analyst.get(reverse("plan", args=[plan.pk]))


def test_its_maker_alone_is_offered_to_propose_it(world: World) -> None:
    plan = compute(world, PAID)
    offered = {
        who: "Put it before the officers"
        in text(signed_in(who).get(reverse("plan", args=[plan.pk])))
        for who in ("analyst", "support", "risk", "finance", "legal")
    }
    assert offered == {
        "analyst": True, "support": False, "risk": False, "finance": False, "legal": False
    }  # fmt: skip


def test_the_officers_are_offered_to_decide_until_they_did(world: World) -> None:
    plan = propose(world, PAID)
    at, button = (reverse(name, args=[plan.pk]) for name in ("plan", "plan-decide"))

    def offered() -> list[str]:
        return [
            who
            for who in ROLES.values()
            if f'data-kind="primary" href="{button}"' in signed_in(who).get(at).content.decode()
        ]

    assert offered() == ["risk", "finance"]
    chen = world.person("chen")
    code = Code(people.demo_code(chen.email))
    approvals.decide(plan=plan, by=chen, decision="approve", proof=code, role="risk")
    assert offered() == ["finance"]
    legal = text(signed_in("legal").get(button))
    assert "none of the roles that decide on this plan: risk officer, finance officer." in legal


def test_it_proposes(world: World, analyst: Client) -> None:
    plan = compute(world, PAID)
    answer = analyst.post(reverse("plan-propose", args=[plan.pk]), {"hours": 6})
    assert answer.url == reverse("plan", args=[plan.pk])
    plan.refresh_from_db()
    assert plan.state == Plan.State.PROPOSED
    assert (plan.expires_at - plan.proposed_at).total_seconds() == 6 * 3600


def test_it_refuses_to_propose(world: World, analyst: Client) -> None:
    plan = compute(world, PAID)
    before = traces()
    at = reverse("plan-propose", args=[plan.pk])
    assert analyst.post(at, {"hours": 49}).status_code == 422
    refused = signed_in("finance").post(at, {"hours": 4})
    assert refused.status_code == 403
    assert "proposed by the person who made it" in text(refused)
    assert matrix(lambda client: client.post(at, {}).status_code) == (
        expected("analyst", "finance", done=422)
    )
    assert traces() == before


def test_it_names_the_plan_it_supersedes(world: World, analyst: Client) -> None:
    first, second = remedy.computed(world), remedy.computed(world, remedy="reprice")
    analyst.post(reverse("plan-propose", args=[first.pk]), {"hours": 4})
    at = reverse("plan-propose", args=[second.pk])
    assert f"Supersedes plan {first.pk}, which is proposed" in text(
        analyst.get(reverse("plan", args=[second.pk]))
    )
    for wrong in ({"hours": 4}, {"hours": 4, "supersedes": second.pk}):
        assert analyst.post(at, wrong).status_code == 422
    assert Plan.objects.get(pk=first.pk).state == Plan.State.PROPOSED
    assert analyst.post(at, {"hours": 4, "supersedes": first.pk}).status_code == 302
    shown = text(analyst.get(reverse("plan", args=[first.pk])))
    assert f"SupersededPlan {second.pk} took its place." in shown
    assert Plan.objects.get(pk=second.pk).state == Plan.State.PROPOSED


def test_it_withdraws_for_a_reason(world: World, analyst: Client) -> None:
    plan = compute(world, PAID)
    at = reverse("plan-withdraw", args=[plan.pk])
    before = traces()
    refused = analyst.post(at, {"reason": " "})
    assert refused.status_code == 422
    assert "Say why you take it back." in text(refused)
    assert traces() == before
    analyst.post(at, {"reason": "the reference was wrong"})
    plan.refresh_from_db()
    assert (plan.state, plan.reason) == (Plan.State.WITHDRAWN, "the reference was wrong")
    page = text(analyst.get(reverse("plan", args=[plan.pk])))
    assert "the reference was wrong" in page
    legs = text(analyst.get(reverse("plan-legs", args=[plan.pk])))
    assert "its staged legs were dropped" in legs


def test_a_dry_run_posts_nothing(world: World, analyst: Client) -> None:
    plan = compute(world, PAID)
    answer = analyst.post(reverse("plan-dry-run", args=[plan.pk]))
    shown = text(answer)
    assert "it could be posted now" in shown
    assert "Cash legs 4 Position legs 0 Balances moved 4 Positions moved 0" in shown
    assert Batch.objects.get(pk=plan.batch_id).state == Batch.State.SEALED
    assert AuditEvent.objects.filter(action="plan.dry_run").count() == 1


def test_a_dry_run_is_refused(world: World, analyst: Client) -> None:
    plan = compute(world, PAID)
    at = reverse("plan-dry-run", args=[plan.pk])
    assert signed_in("support").post(at).status_code == 403
    assert signed_in("legal").post(at).status_code == 403
    plans.withdraw(plan=plan, by=world.person("mira"), reason="no")
    before = traces()
    refused = analyst.post(at)
    assert refused.status_code == 409
    assert "This plan is withdrawn; nothing is left to try." in text(refused)
    assert traces() == before


def test_a_plan_is_computed_by_a_worker(market: Market, analyst: Client) -> None:
    slug = market.incident.slug
    analyst.post(of_rollback(market), {"which": "effective"})
    row = Computation.objects.get()
    assert (row.state, row.remedy) == ("queued", "rollback")
    page = analyst.get(reverse("incident-plans", args=[slug]))
    assert "Queued Roll back to a cut-off" in text(page)
    assert "hx-get" in page.content.decode()
    computations.run(computation_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.plan.state, row.attempts) == ("done", "computed", 1)
    part = analyst.get(
        reverse("computation", args=[row.pk]), headers={"HX-Request": "true"}
    ).content.decode()
    assert reverse("plan", args=[row.plan_id]) in part
    assert "load delay" not in part, "polling has an end"
    assert computations.run(computation_id=row.pk).plan_id == row.plan_id
    assert Plan.objects.filter(incident=market.incident).count() == 1


def of_rollback(market: Market) -> str:
    """Where the plan of the rollback's scenario is asked for."""
    return reverse("scenario-plan", args=[compared(market).scenarios.get(number=0).pk])


def test_computing_is_refused(market: Market, analyst: Client) -> None:
    at = of_rollback(market)
    before = traces()
    answers = {
        "no time": analyst.post(at, {"which": "other"}),
        "outside": analyst.post(at, {"which": "other", "at": "2017-01-01 00:00:00"}),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "no time": 422, "outside": 422
    }  # fmt: skip
    assert "choose a cut-off within it" in text(answers["outside"])
    assert matrix(lambda client: client.post(at, {}).status_code) == expected("analyst", done=422)
    assert traces() == before
    analyst.post(at, {"which": "effective"})
    before = traces()
    assert analyst.post(at, {"which": "effective"}).status_code == 409
    assert traces() == before


def test_a_rollback_is_not_done_twice(market: Market, analyst: Client) -> None:
    mira = market.incident.commander
    close_doors(market)
    plan = plans.compute_remedy(incident=market.incident, by=mira)
    plans.propose(plan=plan, by=mira)
    approve_all(plan)
    plans.request_execution(plan=plan, by=mira)
    plans.execute(plan_id=plan.pk)
    assert Plan.objects.get(pk=plan.pk).state == Plan.State.RECONCILED
    at = of_rollback(market)
    before = traces()
    answer = analyst.post(at, {"which": "effective"})
    assert answer.status_code == 422
    assert "is not computed on top of it" in text(answer)
    assert traces() == before


def close_doors(market: Market) -> None:
    for kind in Gate.Kind.values:
        incidents.close_gate(
            incident=market.incident, by=market.incident.commander, kind=kind, reason="off"
        )


def test_a_computation_is_given_up_after_three_workers(market: Market) -> None:
    row = computations.request(
        incident=market.incident, by=market.incident.commander, steps=ROLLBACK
    )
    Computation.objects.filter(pk=row.pk).update(state="running", attempts=3)
    assert computations.run(computation_id=row.pk).state == "refused"
    assert Computation.objects.get().message == jobs.GAVE_UP
    assert Plan.objects.filter(incident=market.incident).count() == 0
