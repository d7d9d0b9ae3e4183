"""What follows from a scenario: one account under all of them, a plan, and who may make one."""

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backoffice.models import (
    Comparison,
    Computation,
    Interest,
    Person,
    ScenarioEffect,
)
from backoffice.services import comparisons, computations, people
from exchange.models import LedgerAccount
from exchange.services import ledger
from tests.backoffice.views.conftest import signed_in
from tests.backoffice.views.market import Market, compared
from tests.backoffice.views.reading import cells, text, written

pytestmark = pytest.mark.django_db
EVERY = len(comparisons.SCENARIOS)


def test_one_account_under_every_remedy(
    market: Market, analyst: Client, django_assert_num_queries: object
) -> None:
    comparison, ann = compared(market), market.account("A-ann")
    at = reverse("comparison-account", args=[comparison.pk, ann.pk])
    # session, person, standing, comparison, account, the rows; two of the frame
    with django_assert_num_queries(8):
        page = analyst.get(at)
    shown = {row[0]: row[1:] for row in cells(page, "across")}
    assert len(shown) == EVERY
    for scenario in comparison.scenarios.all():
        name = next(label for label in shown if label.startswith(f"{scenario.number + 1} "))
        effect = ScenarioEffect.objects.filter(scenario=scenario, account=ann).first()
        if effect is None:
            assert shown[name] == ["not touched"]
            continue
        amounts = (
            effect.futures_delta, effect.funding_delta, effect.receivable_delta, effect.worth_delta
        )  # fmt: skip
        assert shown[name] == [
            "BTC", *(written(str(units), signed=True) for units in amounts),
            str(effect.positions_changed), "yes" if effect.reliquidated else "–",
        ]  # fmt: skip
    linked = analyst.get(reverse("account", args=[ann.pk])).content.decode()
    assert at in linked


def test_a_plan_says_which_scenario_it_is(market: Market, analyst: Client) -> None:
    comparison = compared(market)
    scenario = comparison.scenarios.get(remedy="reinstate")
    analyst.post(reverse("scenario-plan", args=[scenario.pk]), {"which": "effective"})
    plan = computations.run(computation_id=Computation.objects.get().pk).plan
    assert plan.digest == scenario.digest
    page = text(analyst.get(reverse("plan", args=[plan.pk])))
    assert f"Scenario {scenario.number + 1} of comparison {comparison.pk} Digest equal" in page
    assert "Contracts every contract" in page
    assert f"Plan {plan.pk}" in text(analyst.get(reverse("comparison", args=[comparison.pk])))


def test_a_plan_says_what_moved_since_its_scenario(market: Market, analyst: Client) -> None:
    scenario = compared(market).scenarios.get(remedy="reinstate")
    places = LedgerAccount.objects.filter(venue=market.record.venue, asset__code="BTC")
    wallet = places.get(kind="futures", account=market.account("A-ann"))
    custody = places.get(kind="custody")
    with transaction.atomic():
        ledger.post(
            venue=market.record.venue, key="since", reason="deposit",
            effective_at=timezone.now(),
            legs=[(wallet.pk, wallet.asset_id, 5), (custody.pk, wallet.asset_id, -5)],
        )  # fmt: skip
    analyst.post(reverse("scenario-plan", args=[scenario.pk]), {"which": "effective"})
    plan = computations.run(computation_id=Computation.objects.get().pk).plan
    assert plan.digest != scenario.digest
    page = text(analyst.get(reverse("plan", args=[plan.pk])))
    assert "Digest differs" in page
    assert "something moved since it was compared: balances before, or changes." in page


def test_whoever_is_recused_looks_and_makes_nothing(market: Market, analyst: Client) -> None:
    comparison = compared(market)
    mira = Person.objects.get(email=people.email_of("mira"))
    Interest.objects.create(person=mira, account=market.account("A-ann"), relation="a friend")
    slug, scenario = market.incident.slug, comparison.scenarios.get(number=0)
    page = analyst.get(reverse("incident-remedies", args=[slug]))
    assert "You are recused from this incident" in text(page)
    for button in ("Compare again", "Compute as a plan"):
        assert button not in text(page)
    for name, given in (
        (reverse("comparison-compute", args=[slug]), {"default": ["0"]}),
        (reverse("scenario-plan", args=[scenario.pk]), {"which": "effective"}),
    ):
        answer = analyst.post(name, given)
        assert answer.status_code == 403
        assert "recused" in text(answer)
    assert (Comparison.objects.count(), Computation.objects.count()) == (1, 0)


def test_others_are_not_offered_to_make_one(market: Market) -> None:
    compared(market)
    for who in ("support", "risk", "finance", "legal"):
        page = text(signed_in(who).get(reverse("incident-remedies", args=[market.incident.slug])))
        assert "Compare again" not in page
        assert "Compute as a plan" not in page
