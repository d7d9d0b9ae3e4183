"""Every remedy of a rehearsed market: compared, made a plan with the same digest, executed, and the
books rebuilt from entries afterwards."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from backoffice.models import Comparison, Gate, Incident, Plan, ScenarioEffect
from backoffice.services import comparisons, incidents, people, plans, remedies
from backoffice.services.refusals import NotAllowed, Refused, Stale
from exchange import drill
from exchange.domain.remedies.catalogue import REMEDIES, Step
from exchange.models import Balance, Position
from exchange.services import books, reconciliation
from exchange.tape import arrays, bundle
from tests.backoffice.services.conftest import UNTOUCHED, World, approve_all, compare, run_sql
from tests.exchange.tape import market


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> arrays.Tape:
    """The rehearsal's market in small, in the store."""
    folder = tmp_path_factory.mktemp("bundle")
    drill.generate("okex-2018", 300, 8000, 7, folder, lambda stage, done, total: None)
    return bundle.read(Path(folder))


@pytest.fixture
def incident(db: None, clean_cache: None, tape: arrays.Tape) -> Incident:
    """Its books open, its incident declared, both gates closed."""
    record = books.open_books(tape=tape, venue="small", name="Small", is_drill=True, progress=None)
    people.seed_cast(venue=record.venue)
    mira = people.cast_member("mira")
    made = incidents.open_incident(tape=record, by=mira, title="BTC quarterly off the index")
    for kind in Gate.Kind.values:
        incidents.close_gate(incident=made, by=mira, kind=kind, reason="off the index")
    return made


def compared(incident: Incident) -> Comparison:
    row = comparisons.request(incident=incident, by=people.cast_member("mira"))
    done = comparisons.run(comparison_id=row.pk)
    assert done.state == Comparison.State.DONE, done.message
    return done


def test_every_scenario_is_computed_and_balances(incident: Incident) -> None:
    scenarios = list(compared(incident).scenarios.order_by("number"))
    assert [row.remedy for row in scenarios] == [*REMEDIES, "rollback"]
    assert [row.refusal for row in scenarios] == [""] * 9
    for row in scenarios:
        sums = row.summary["sum_by_asset"] | row.summary["positions_sum_by_contract"]
        assert set(sums.values()) <= {"0"}, row
        effects = ScenarioEffect.objects.filter(scenario=row)
        accounts = effects.values("account").distinct().count()
        assert row.summary["accounts"] <= accounts, row
    by_name = {row.remedy: row for row in scenarios[:8]}
    assert by_name["rollback"].summary["by_asset"]["BTC"]["gainers"] > 0
    assert int(by_name["restore"].summary["by_asset"]["BTC"]["house_cost"]) > 0
    shared = by_name["socialise"].summary["by_asset"]["BTC"]
    assert int(shared["fund_worth_before"]) < 0 == int(shared["fund_worth_after"])


def test_the_command_says_the_same_from_run_to_run_and_as_the_comparison(
    incident: Incident,
) -> None:
    said = []
    for _ in range(2):
        out = StringIO()
        call_command("remedies", incident.slug, "--json", stdout=out)
        said.append(out.getvalue())
    assert said[0] == said[1]
    rows = json.loads(said[0])["remedies"]
    stored = compared(incident).scenarios.order_by("number")
    assert [row["digest"] for row in rows] == list(stored.values_list("digest", flat=True))
    wanted = {
        "parameters", "cohorts", "house_cost", "fund_after", "negative_customers", "reliquidated",
        "recoverable", "sum_by_asset", "positions_sum_by_contract", "digest",
    }  # fmt: skip
    assert all(wanted <= set(row) for row in rows)


def test_the_command_says_as_one_object_what_it_cannot_compute(db: None) -> None:
    out = StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("remedies", "nowhere", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"detail": str(refused.value)}


@pytest.mark.parametrize("number", range(9))
def test_a_plan_of_a_scenario_has_its_digest_and_does_what_it_says(
    incident: Incident, number: int
) -> None:
    scenario = compared(incident).scenarios.get(number=number)
    mira, steps = people.cast_member("mira"), comparisons.SCENARIOS[number]
    before = held()
    plan = plans.compute_remedy(incident=incident, by=mira, steps=steps)
    assert plan.digest == scenario.digest
    assert plan.parameters == scenario.parameters
    assert held() == before, "a computed plan posts nothing"
    plans.propose(plan=plan, by=mira)
    approve_all(plan)
    plans.request_execution(plan=plan, by=mira)
    done = plans.execute(plan_id=plan.pk)
    assert done.state == "done", done.message
    plan.refresh_from_db()
    assert plan.state == Plan.State.RECONCILED
    report = reconciliation.reconcile(incident.venue)
    assert (report.ledger_ok, report.positions_ok) == (True, True)
    changed = wallet_changes(before)
    for effect in scenario.effects.all():
        moved = effect.futures_delta + effect.funding_delta + effect.receivable_delta
        assert changed.get((effect.account_id, effect.asset_id), 0) == moved
    touched = {(row.account_id, row.asset_id) for row in scenario.effects.all()}
    assert {key for key, moved in changed.items() if moved} <= touched, "nobody else changed"
    with pytest.raises(Refused, match="in the books already"):
        plans.compute_remedy(incident=incident, by=mira)


def held() -> dict[int, int]:
    return dict(Balance.objects.values_list("ledger_account", "amount")) | {
        -pk: quantity for pk, quantity in Position.objects.values_list("pk", "quantity")
    }


def wallet_changes(before: dict[int, int]) -> dict[tuple[int, int], int]:
    """(account, asset) -> what its wallets and receivable moved by together."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.account_id, l.asset_id, b.ledger_account_id, b.amount FROM balance b"
            " JOIN ledger_account l ON l.id = b.ledger_account_id WHERE l.account_id IS NOT NULL"
        )
        rows = cursor.fetchall()
    changed: dict[tuple[int, int], int] = {}
    for account, asset, place, amount in rows:
        key = (account, asset)
        changed[key] = changed.get(key, 0) + amount - before.get(place, 0)
    return changed


def test_parameters_are_resolved_and_refused_in_words(incident: Incident) -> None:
    mira = people.cast_member("mira")
    with pytest.raises(Refused, match="band: a share lies between 0 and 1, not 3"):
        plans.compute_remedy(incident=incident, by=mira, steps=[Step("bust", {"band": "3"})])
    with pytest.raises(Refused, match="A scenario is one or more of rollback"):
        comparisons.request(incident=incident, by=mira, scenarios=[[Step("magic", {})]])
    assert not Plan.objects.exists()
    row = comparisons.request(
        incident=incident, by=mira,
        scenarios=[[Step("bust", {"band": "0.5"})], [Step("settle", {"price": "-1"})]],
    )  # fmt: skip
    with pytest.raises(Stale):
        comparisons.request(incident=incident, by=mira)
    done = comparisons.run(comparison_id=row.pk)
    wide, refused = done.scenarios.order_by("number")
    assert (wide.parameters["words"]["band"], wide.parameters["words"]["follow"]) == ("0.5", "yes")
    assert "price" in refused.refusal
    assert refused.digest == ""
    with pytest.raises(NotAllowed):
        comparisons.request(incident=incident, by=people.cast_member("sana"))


def test_what_would_change_nothing_is_no_plan(incident: Incident) -> None:
    wide = [Step("bust", {"band": "0.9", "follow": "no"})]
    with pytest.raises(Refused, match="would change nothing"):
        plans.compute_remedy(incident=incident, by=people.cast_member("mira"), steps=wide)
    assert not Plan.objects.exists()


def test_a_tape_altered_in_the_store_makes_no_scenario_and_no_plan(
    incident: Incident, tape: arrays.Tape
) -> None:
    mira = people.cast_member("mira")
    with market.altered_balances(tape):
        with pytest.raises(Refused, match="cannot be computed: .*import the bundle again"):
            plans.compute_remedy(incident=incident, by=mira, steps=remedies.ROLLBACK)
        row = comparisons.request(incident=incident, by=mira)
        done = comparisons.run(comparison_id=row.pk)
    assert (done.state, "does not hold what its name says" in done.message) == ("refused", True)
    assert not Plan.objects.exists()


def test_a_comparison_says_the_same_after_a_remedy_is_in_the_books(incident: Incident) -> None:
    mira = people.cast_member("mira")
    before = list(compared(incident).scenarios.order_by("number").values_list("digest", flat=True))
    plan = plans.compute_remedy(incident=incident, by=mira)
    plans.propose(plan=plan, by=mira)
    approve_all(plan)
    plans.request_execution(plan=plan, by=mira)
    plans.execute(plan_id=plan.pk)
    after = list(compared(incident).scenarios.order_by("number").values_list("digest", flat=True))
    assert before == after


def test_effects_are_explained_to_the_unit(incident: Incident) -> None:
    past = remedies.freeze(incident, incident.effective_cutoff, lambda *said: None)
    for one in comparisons.compute(past, comparisons.SCENARIOS, lambda *said: None):
        effects = one.made.outcome.effects
        moved = effects.futures_delta + effects.funding_delta + effects.receivable_delta
        why = effects.reversed_pnl + effects.reversed_fees + effects.paid
        assert np.array_equal(moved, why), one.steps


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE comparison SET message = 'x'",
        "UPDATE comparison SET state = 'queued'",
        "DELETE FROM comparison",
        "UPDATE scenario SET digest = repeat('0', 64)",
        "DELETE FROM scenario",
        "TRUNCATE scenario CASCADE",
        "INSERT INTO scenario (comparison_id, number, remedy, parameters, digest, manifest,"
        " summary, refusal, seconds) SELECT id, 99, 'bust', '{}', '', '{}', '{}', 'why', 1"
        " FROM comparison",
        "UPDATE scenario_effect SET futures_delta = 0",
        "DELETE FROM scenario_effect",
        "TRUNCATE scenario_effect",
        "INSERT INTO scenario_effect (scenario_id, account_id, asset_id, futures_delta,"
        " funding_delta, receivable_delta, worth_delta, positions_changed, reliquidated)"
        " SELECT scenario_id, account_id + 1, asset_id, 0, 0, 0, 0, 0, false FROM scenario_effect"
        " ORDER BY scenario_id, account_id DESC LIMIT 1",
    ],
)
def test_a_finished_comparison_is_kept_as_it_was(world: World, statement: str) -> None:
    compare(world, {0: 5}, {UNTOUCHED: -1})
    with pytest.raises(IntegrityError), transaction.atomic():
        run_sql(statement)
