"""The tables of a plan: the long ones page by page, and what they say of the same legs."""

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import PlanEffect
from backoffice.services import drafting, ledger_places
from exchange.queries import keyset
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import BTC, World, compute
from tests.backoffice.views.reading import cells, heads, text

pytestmark = pytest.mark.django_db
PAID = [BTC // 10, 3 * BTC // 10, BTC // 5]


def test_effects_are_sorted_by_extremes(world: World, analyst: Client) -> None:
    at = reverse("plan-effects", args=[compute(world, PAID).pk])
    falling = cells(analyst.get(at), "effect-sheet")
    assert [row[0] for row in falling] == ["A00001", "A00002", "A00000"]
    assert falling[0][:4] == ["A00001", "Customer", "2.00000000", "+0.30000000"]
    rising = cells(analyst.get(at, {"sort": "change"}), "effect-sheet")
    assert [row[0] for row in rising] == ["A00000", "A00002", "A00001"]


@pytest.mark.parametrize("sort", ["change", "-change"])
def test_pages_of_effects_follow_each_other(
    world: World, analyst: Client, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr(keyset, "LIMIT", 1)
    at = reverse("plan-effects", args=[compute(world, [BTC, BTC, 2 * BTC]).pk])
    found, after = [], ""
    for _ in range(3):
        page = analyst.get(at, {"sort": sort, "after": after})
        found += [row[0] for row in cells(page, "effect-sheet")]
        after = page.context["page"].after
    assert after == ""
    assert sorted(found) == ["A00000", "A00001", "A00002"]
    assert found.index("A00002") == (2 if sort == "change" else 0)


def test_effects_are_filtered(world: World, analyst: Client) -> None:
    plan = compute(world, PAID)
    at = reverse("plan-effects", args=[plan.pk])
    assert [row[0] for row in cells(analyst.get(at, {"account": "A00002"}), "effect-sheet")] == [
        "A00002"
    ]
    assert not PlanEffect.objects.filter(plan=plan, reliquidated=True).exists()
    assert "No effect matches" in text(analyst.get(at, {"again": "on"}))
    assert len(cells(analyst.get(at, {"asset": "DOGE"}), "effect-sheet")) == 3


def test_legs_are_in_the_order_they_were_staged(
    world: World, analyst: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "LIMIT", 3)
    at = reverse("plan-legs", args=[compute(world, PAID).pk])
    first = analyst.get(at)
    assert cells(first, "leg-sheet") == [
        ["1", "The house", "Goodwill expense", "−0.60000000 BTC"],
        ["2", "A00000", "Futures wallet", "+0.10000000 BTC"],
        ["3", "A00001", "Futures wallet", "+0.30000000 BTC"],
    ]
    rest = analyst.get(at, {"after": first.context["page"].after})
    assert cells(rest, "leg-sheet") == [["4", "A00002", "Futures wallet", "+0.20000000 BTC"]]


def lending(to: int = 1) -> drafting.Draft:
    """Account `to`, 0 or 1, has to give back 5 BTC: what is in its wallet, and the rest it owes."""
    future, owed = (ledger_places.KINDS.index(kind) for kind in ("futures", "receivable"))
    made = remedy.draft(5 * BTC, contracts=0, charged=to, paid=1 - to)
    held, owing = to + 1, 4 - to
    change, lent = np.full(2, 5 * BTC), np.zeros(2, np.int64)
    change[to], lent[to] = -held * BTC, -owing * BTC
    return made._replace(
        cash=drafting.Cash(
            np.array([future, future, owed], np.int8), np.array([0, 1, to]),
            np.zeros(3, np.int16), np.append(change, lent[to]),
        ),
        effects=made.effects._replace(futures_delta=change, receivable_delta=lent),
    )  # fmt: skip


def test_what_is_owed_has_one_name_and_one_sign(world: World, analyst: Client) -> None:
    plan = remedy.computed(world, lending())
    summed = analyst.get(reverse("plan", args=[plan.pk]))
    effects = analyst.get(reverse("plan-effects", args=[plan.pk]), {"account": "A00001"})
    account = analyst.get(reverse("account", args=[world.accounts[1].pk]))
    for page, table in (
        (summed, "totals"), (summed, "kinds"), (effects, "effect-sheet"), (account, "effects"),
    ):  # fmt: skip
        (row,) = cells(page, table)
        assert row[heads(page, table).index("Owed to the house")] == "−3.00000000", table


def test_a_plan_without_position_legs_says_so(world: World, analyst: Client) -> None:
    page = analyst.get(reverse("plan-positions", args=[compute(world, PAID).pk]))
    assert "No position legs" in text(page)


def test_a_swap_gets_the_rows_alone(world: World, analyst: Client) -> None:
    plan = compute(world, PAID)
    for name in ("effects", "legs", "positions"):
        page = analyst.get(reverse(f"plan-{name}", args=[plan.pk]), headers={"HX-Request": "true"})
        assert page.content.decode().strip().startswith(f'<div id="{name}">')


def test_a_place_that_no_page_gave_out_is_not_found(world: World, analyst: Client) -> None:
    plan = compute(world, PAID)
    for name in ("effects", "legs", "positions"):
        at = reverse(f"plan-{name}", args=[plan.pk])
        assert analyst.get(at, {"after": "1 or 1"}).status_code == 404


@pytest.mark.parametrize(("name", "most"), [("effects", 11), ("legs", 10), ("positions", 10)])
def test_a_page_costs_the_same_however_long(
    world: World, analyst: Client, django_assert_max_num_queries: object, name: str, most: int
) -> None:
    plan = compute(world, PAID)
    with django_assert_max_num_queries(most):
        analyst.get(reverse(f"plan-{name}", args=[plan.pk]))
