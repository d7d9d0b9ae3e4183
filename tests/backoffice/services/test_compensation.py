"""Goodwill: exact awards, the limits of a programme, payment through the ledger."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from backoffice.models import Award, Programme
from backoffice.services import compensation
from backoffice.services.refusals import NotAllowed, Refused, Stale
from exchange.models import Balance, Liquidation
from exchange.services import ledger
from tests.backoffice.services.conftest import (
    BTC,
    START,
    World,
    execute,
    ledger_account,
    run_sql,
)


def close(world: World, account: int, verdict: str, loss: int, number: int = 0) -> None:
    """A forced close with a verdict and a loss."""
    Liquidation.objects.create(
        tape=world.incident.tape, account=world.accounts[account], contract=world.contract,
        verdict=verdict, recorded_at=START + timedelta(seconds=number), quantity=10,
        printed_ticks=475_500, fair_ticks=690_000, equity_printed=0, maintenance_printed=0,
        equity_fair=loss, maintenance_fair=0, loss=loss,
    )  # fmt: skip


@pytest.fixture
def closes(world: World) -> World:
    close(world, 0, "due_printed_only", 1_000_000_009)  # 10 % is 100,000,000.9: rounds down
    close(world, 1, "not_due", 12_345)
    close(world, 1, "due_printed_only", 54_321, number=1)  # together 66,666
    close(world, 2, "due_both", 50 * BTC)  # was due: nothing
    close(world, 3, "not_due", 9)  # 0.9 of a satoshi: nothing
    close(world, 2, "missed", 0, number=1)
    return world


def make(world: World, **changes: object) -> Programme:
    rules = {
        "incident": world.incident, "by": world.person("fay"), "name": "goodwill",
        "asset": world.btc, "percent_bp": 1000, "cap": 5 * BTC, "budget": 100 * BTC, **changes,
    }  # fmt: skip
    return compensation.make_programme(**rules)


def awards(programme: Programme) -> list[tuple[str, int, int, bool]]:
    rows = Award.objects.filter(programme=programme).order_by("account__tape_index")
    return list(rows.values_list("account__code", "loss", "amount", "capped"))


def test_an_award_is_the_floor_of_the_percentage(closes: World) -> None:
    assert awards(make(closes)) == [
        ("A00000", 1_000_000_009, 100_000_000, False),
        ("A00001", 66_666, 6_666, False),
    ]


def test_the_cap_caps(closes: World) -> None:
    assert awards(make(closes, cap=99_999_999)) == [
        ("A00000", 1_000_000_009, 99_999_999, True),
        ("A00001", 66_666, 6_666, False),
    ]


def test_an_award_that_meets_the_cap_exactly_is_not_capped(closes: World) -> None:
    assert awards(make(closes, cap=100_000_000))[0] == (
        "A00000", 1_000_000_009, 100_000_000, False,
    )  # fmt: skip


def test_the_de_minimis_leaves_out_the_small(closes: World) -> None:
    assert [code for code, *_ in awards(make(closes, de_minimis=6_666))] == ["A00000", "A00001"]
    assert [code for code, *_ in awards(make(closes, de_minimis=6_667))] == ["A00000"]


def test_the_budget_is_a_wall(closes: World) -> None:
    assert len(awards(make(closes, budget=100_006_666))) == 2
    with pytest.raises(Refused, match="budget"):
        make(closes, budget=100_006_665)
    assert Programme.objects.count() == 1


def test_nobody_to_pay_is_no_programme(closes: World) -> None:
    with pytest.raises(Refused, match="Nobody"):
        make(closes, de_minimis=BTC, cap=BTC // 2)
    assert not Programme.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"percent_bp": 0}, {"percent_bp": 10_001}, {"cap": 0}, {"budget": -1},
              {"de_minimis": -1}],
)  # fmt: skip
def test_senseless_rules_are_refused(closes: World, wrong: dict[str, int]) -> None:
    with pytest.raises(Refused):
        make(closes, **wrong)
    assert not Programme.objects.exists()


@pytest.mark.parametrize("handle", ["sana", "chen"])
def test_only_finance_and_analysts_make_one(closes: World, handle: str) -> None:
    with pytest.raises(NotAllowed):
        make(closes, by=closes.person(handle))


def test_a_preview_leaves_nothing(closes: World) -> None:
    numbers = compensation.preview(
        incident=closes.incident, asset=closes.btc, percent_bp=1000, cap=BTC // 2
    )
    assert numbers == {"accounts": 2, "total": 50_006_666, "largest": 50_000_000, "capped": 1}
    assert not Programme.objects.exists()
    assert not Award.objects.exists()


def test_it_is_paid_through_the_ledger(closes: World) -> None:
    programme = make(closes, by=closes.person("mira"))
    plan = compensation.compute_plan(programme=programme, by=closes.person("mira"))
    assert plan.manifest["sum_by_asset"] == {"BTC": 0}
    assert plan.manifest["legs"] == {"cash": 3, "positions": 0}
    execute(closes, plan)
    held = [Balance.objects.get(pk=place.pk).amount for place in closes.futures]
    assert held == [2 * BTC, 2 * BTC + 6_666, 3 * BTC, 4 * BTC]
    house = Balance.objects.get(ledger_account__kind="goodwill")
    assert house.amount == -100_006_666
    assert sum(amount for _, _, amount, _ in awards(programme)) == -house.amount
    with pytest.raises(Stale):
        compensation.compute_plan(programme=programme, by=closes.person("mira"))


def test_its_plan_says_what_both_wallets_held(closes: World) -> None:
    """The customer's statement shows both; one that is not touched is not empty for that."""
    place = ledger_account(closes.venue, closes.btc, "funding", account=closes.accounts[0])
    with transaction.atomic():
        ledger.post(
            venue=closes.venue, key="deposit", reason="deposit", effective_at=START,
            legs=[(place.pk, closes.btc.pk, 700), (closes.custody.pk, closes.btc.pk, -700)],
        )  # fmt: skip
    plan = compensation.compute_plan(programme=make(closes), by=closes.person("fay"))
    effects = plan.effects.order_by("account__code")
    assert list(effects.values_list("futures_before", "funding_before", "paid")) == [
        (BTC, 700, BTC), (2 * BTC, 0, 6_666)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE award SET amount = amount + 1",
        "DELETE FROM award",
        "TRUNCATE award",
        "UPDATE programme SET percent_bp = 2000",
        "UPDATE programme SET cap = cap + 1",
        "UPDATE programme SET budget = budget * 2",
        "DELETE FROM programme",
        "INSERT INTO award (programme_id, account_id, loss, amount, capped)"
        " SELECT p.id, a.id, 100, 11, false FROM programme p, exchange_account a"
        " WHERE a.tape_index = 2",
        "INSERT INTO award (programme_id, account_id, loss, amount, capped)"
        " SELECT p.id, a.id, 5000000000000, 500000000, true FROM programme p, exchange_account a"
        " WHERE a.tape_index = 2 AND p.budget < 500000000",
        "UPDATE programme SET plan_id = NULL WHERE plan_id IS NOT NULL;"
        " UPDATE programme SET name = 'other'",
    ],
)
def test_sql_cannot_change_what_is_given(closes: World, statement: str) -> None:
    programme = make(closes, budget=200_000_000)
    before = (awards(programme), list(Programme.objects.values()))
    with pytest.raises(IntegrityError):
        run_sql(statement)
    assert (awards(programme), list(Programme.objects.values())) == before
