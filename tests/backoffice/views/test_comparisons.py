"""Remedies side by side: the figures of the command on the screen, who may do what, one account."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from backoffice.models import (
    AuditEvent,
    Comparison,
)
from backoffice.services import comparisons, people
from exchange.domain.remedies.catalogue import REMEDIES, Step
from tests.backoffice.views.conftest import expected, getting, matrix
from tests.backoffice.views.market import Market, compared
from tests.backoffice.views.reading import cells, rows, text, written

pytestmark = pytest.mark.django_db
EVERY = len(comparisons.SCENARIOS)


def rows_of(page: HttpResponse) -> dict[str, list[str]]:
    """The table's rows by their first cell; of those of the same name the first, which is that of
    all customers."""
    found: dict[str, list[str]] = {}
    for head, *figures in rows(page, "compare"):
        found.setdefault(head, figures)
    return found


def plain(cell: str) -> str:
    """A cell without the name of the most and the least, and without what stands under it."""
    return cell.removeprefix("max").removeprefix("min").split()[0]


def commanded(market: Market) -> list[dict[str, object]]:
    """What the command says of the same remedies."""
    out = StringIO()
    call_command("remedies", market.incident.slug, "--json", stdout=out)
    return json.loads(out.getvalue())["remedies"]


def test_the_screen_has_the_figures_of_the_command(market: Market, analyst: Client) -> None:
    said = commanded(market)
    comparison = compared(market)
    shown = rows_of(analyst.get(reverse("comparison", args=[comparison.pk])))
    btc = [one["by_asset"]["BTC"] for one in said]
    assert [plain(cell) for cell in shown["Gain"]] == [
        written(one["gained"], signed=True) for one in btc
    ]
    assert [plain(cell) for cell in shown["Lose"]] == [
        written(one["lost"], signed=True) for one in btc
    ]
    for label, name in (("Fees returned", "fees_returned"), ("Insurance fund after", "fund_after")):
        assert [plain(cell) for cell in shown[label]] == [written(one[name]) for one in btc], label
    cost = next(row for label, row in shown.items() if label.startswith("Cost to the house"))
    assert [plain(cell) for cell in cost] == [written(one["house_cost"]) for one in btc]
    again = next(row for label, row in shown.items() if label.startswith("Closed again"))
    assert [plain(cell) for cell in again] == [str(one["reliquidated"]) for one in btc]
    assert [plain(cell) for cell in shown["Cash legs"]] == [f"{one['cash_legs']:,}" for one in said]
    assert set(shown["All cash legs, BTC"]) <= {"sums to 0", "–"}
    assert "sums to 0" in shown["All position legs, BTC0629"]


def test_the_most_and_the_least_are_named(market: Market, analyst: Client) -> None:
    btc = [one["by_asset"]["BTC"] for one in commanded(market)]
    gained = [int(one["gained"]) for one in btc]
    shown = rows_of(analyst.get(reverse("comparison", args=[compared(market).pk])))["Gain"]
    named = [cell[:3] if cell[:3] in ("max", "min") else "" for cell in shown]
    names = {max(gained): "max", min(gained): "min"}
    assert named == [names.get(units, "") for units in gained]


def test_columns_and_asset_are_chosen_in_the_address(market: Market, analyst: Client) -> None:
    at = reverse("comparison", args=[compared(market).pk])
    page = analyst.get(at, {"s": ["4", "2"], "asset": "BTC", "at": "4"})
    assert [column.number for column in page.context["columns"]] == [2, 4]
    assert page.context["closer"]["number"] == 4
    unknown = analyst.get(at, {"s": "77", "asset": "DOGE", "at": "x"})
    assert len(unknown.context["columns"]) == EVERY
    assert unknown.context["closer"]["number"] == 1
    assert "amounts in BTC" in text(unknown)
    part = analyst.get(at, {"s": "2"}, headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<div id="comparison"')
    assert "Compute as a plan" in part, "a swap leaves the form where it was"


def test_one_scenario_is_looked_at_closer(market: Market, analyst: Client) -> None:
    comparison = compared(market)
    row = comparison.scenarios.get(remedy="reinstate")
    page = analyst.get(reverse("comparison", args=[comparison.pk]), {"at": row.number + 1})
    extremes = row.summary["by_asset"]["BTC"]["extremes"]["gain"]
    assert [(each[0], each[1]) for each in cells(page, "extremes")] == [
        (end["account"], f"{written(end['amount'], signed=True)} BTC") for end in extremes
    ]
    shown = text(page)
    assert "Precedent the house as counterparty Contracts every contract" in shown
    assert row.digest in page.content.decode()
    ann = market.account("A-ann")
    assert reverse("comparison-account", args=[comparison.pk, ann.pk]) in page.content.decode()


@pytest.mark.parametrize("name", ["comparison", "comparison-paper"])
def test_the_pages_are_the_staffs(market: Market, name: str) -> None:
    assert matrix(getting(name, compared(market).pk)) == expected()


def test_every_page_is_the_staffs(market: Market) -> None:
    comparison, slug = compared(market), market.incident.slug
    assert matrix(getting("incident-remedies", slug)) == expected()
    assert matrix(getting("comparison-new", slug)) == expected()
    of_ann = (comparison.pk, market.account("A-ann").pk)
    assert matrix(getting("comparison-account", *of_ann)) == expected()
    assert matrix(getting("comparison-progress", comparison.pk)) == expected(done=302)


def test_what_does_not_exist_is_not_found(market: Market, analyst: Client) -> None:
    comparison = compared(market)
    waiting = comparisons.request(incident=market.incident, by=people.cast_member("mira"))
    for name, *numbers in (
        ("comparison", 404), ("comparison-paper", waiting.pk),
        ("comparison-account", comparison.pk, 404),
        ("comparison-account", waiting.pk, market.account("A-ann").pk),
    ):  # fmt: skip
        assert analyst.get(reverse(name, args=numbers)).status_code == 404, name


def test_the_screen_costs_the_same_however_many_scenarios(
    market: Market, analyst: Client, django_assert_num_queries: object
) -> None:
    mira = people.cast_member("mira")
    row = comparisons.request(
        incident=market.incident, by=mira, scenarios=[[Step("rollback", {})]] * 3
    )
    small = comparisons.run(comparison_id=row.pk)
    # session, person, standing, comparison; scenarios, plans, asset, accounts; two of the frame,
    # and whether the analyst is recused
    for comparison in (small, compared(market)):
        with django_assert_num_queries(11):
            analyst.get(reverse("comparison", args=[comparison.pk]))


def test_the_tab_shows_the_newest_and_lists_the_others(market: Market, analyst: Client) -> None:
    at = reverse("incident-remedies", args=[market.incident.slug])
    assert "Nothing is compared yet" in text(analyst.get(at))
    first, second = compared(market), compared(market)
    page = analyst.get(at)
    assert page.context["comparison"] == second
    assert [row[0] for row in cells(page, "comparisons")] == [f"Comparison {first.pk}"]
    running = comparisons.request(incident=market.incident, by=people.cast_member("mira"))
    page = analyst.get(at)
    assert page.context["comparison"] == second
    assert reverse("comparison-progress", args=[running.pk]) in page.content.decode()
    comparisons.run(comparison_id=running.pk)
    part = analyst.get(
        reverse("comparison-progress", args=[running.pk]), headers={"HX-Request": "true"}
    ).content.decode()
    assert reverse("comparison", args=[running.pk]) in part
    assert "load delay" not in part, "polling has an end"


def test_a_comparison_is_put_together_and_asked_for(market: Market, analyst: Client) -> None:
    at = reverse("comparison-compute", args=[market.incident.slug])
    draft = analyst.post(at, {"default": ["0"], "add": "bust"})
    assert draft.status_code == 200
    assert "NYSE, 1 August 2012" in text(draft)
    more = analyst.post(
        at, {"default": ["0"], "extra": ["bust"], "0-band": "0.05", "add": "settle"}
    ).content.decode()
    assert 'name="0-band" value="0.05"' in more
    assert 'name="1-refund_price"' in more
    less = analyst.post(
        at,
        {"default": ["0"], "extra": ["bust", "settle"], "1-price": "6500", "drop": "0"},
    ).content.decode()
    assert 'name="0-price" value="6500"' in less
    assert "0-band" not in less
    assert not Comparison.objects.exists()
    answer = analyst.post(
        at,
        {
            "default": ["0"], "extra": ["bust", "settle"], "0-band": "0.05", "0-reference": "fair",
            "0-follow": "no", "0-contracts": ["BTC0629"], "0-then": "on", "1-price": "6500.01",
        },
    )  # fmt: skip
    assert answer.url == reverse("incident-remedies", args=[market.incident.slug])
    row = comparisons.run(comparison_id=Comparison.objects.get().pk)
    rollback, busted, settled = row.scenarios.order_by("number")
    assert busted.parameters["words"] == {
        "band": "0.05", "reference": "fair", "contracts": "BTC0629", "follow": "no"
    }  # fmt: skip
    assert [then["remedy"] for then in busted.parameters["then"]] == ["socialise"]
    assert settled.parameters["words"]["price"] == "6500.01"
    assert rollback.remedy == "rollback"
    page = text(analyst.get(reverse("comparison", args=[row.pk]), {"at": "2"}))
    assert "Bust trades outside a band, then socialise what is left" in page
    assert (
        "5\N{NO-BREAK SPACE}%"
        in analyst.get(reverse("comparison", args=[row.pk]), {"at": "2"}).content.decode()
    )


@pytest.mark.parametrize(
    ("typed", "band"), [("3 %", "0.03"), ("12.5%", "0.125"), ("0.2", "0.2"), ("300 %", None),
                        ("three %", None)],
)  # fmt: skip
def test_a_share_is_typed_as_one_or_in_per_cent(
    market: Market, analyst: Client, typed: str, band: str | None
) -> None:
    at = reverse("comparison-compute", args=[market.incident.slug])
    asked = {"extra": ["bust"], "0-band": typed, "0-reference": "fair", "0-follow": "no"}
    answer = analyst.post(at, asked)
    if band is None:
        assert (answer.status_code, Comparison.objects.count()) == (422, 0)
        assert f'value="{typed}"' in answer.content.decode(), "what was typed is still there"
        return
    (scenario,) = comparisons.run(comparison_id=Comparison.objects.get().pk).scenarios.all()
    assert scenario.parameters["words"]["band"] == band


def test_what_does_not_fit_is_refused_and_nothing_is_asked_for(
    market: Market, analyst: Client
) -> None:
    at = reverse("comparison-compute", args=[market.incident.slug])
    events = AuditEvent.objects.count()
    wrong = analyst.post(at, {"extra": ["bust"], "0-band": "3", "0-reference": "guess"})
    assert wrong.status_code == 422
    assert "0-band" in wrong.content.decode()
    assert "less than or equal to 0.999999" in text(wrong)
    assert analyst.post(at, {}).status_code == 422
    assert "A scenario is one or more of" in text(analyst.post(at, {}))
    assert matrix(lambda client: client.post(at, {}).status_code) == expected("analyst", done=422)
    assert (Comparison.objects.count(), AuditEvent.objects.count()) == (0, events)
    assert analyst.post(at, {"default": ["0"]}).status_code == 302
    assert analyst.post(at, {"default": ["0"]}).status_code == 409
    assert Comparison.objects.count() == 1


def test_every_parameter_of_every_remedy_has_words_and_a_field(
    market: Market, analyst: Client
) -> None:
    at = reverse("comparison-new", args=[market.incident.slug])
    for remedy in REMEDIES.values():
        page = analyst.get(at, {"add": remedy.name}).content.decode()
        for field in remedy.fields:
            assert f'name="0-{field.name}"' in page, (remedy.name, field.name)


def test_a_refused_scenario_says_why(market: Market, analyst: Client) -> None:
    row = comparisons.request(
        incident=market.incident, by=people.cast_member("mira"),
        scenarios=[[Step("settle", {"price": "-1"})], [Step("rollback", {})]],
    )  # fmt: skip
    comparison = comparisons.run(comparison_id=row.pk)
    page = analyst.get(reverse("comparison", args=[comparison.pk]))
    assert "a price is above zero" in text(page)
    assert rows_of(page)["Gain"][0] == "–"
    assert "Compute as a plan" not in text(page)
    ann = market.account("A-ann")
    across = analyst.get(reverse("comparison-account", args=[comparison.pk, ann.pk]))
    assert cells(across, "across")[0][1] == "could not be computed"


def test_a_comparison_of_nothing_but_refusals_is_a_page_and_a_paper(
    market: Market, analyst: Client
) -> None:
    row = comparisons.request(
        incident=market.incident, by=people.cast_member("mira"),
        scenarios=[[Step("settle", {"price": "-1"})]],
    )  # fmt: skip
    comparison = comparisons.run(comparison_id=row.pk)
    for name in ("comparison", "comparison-paper"):
        assert analyst.get(reverse(name, args=[comparison.pk])).status_code == 200
