"""One incident from market to goodwill, by the command, with a real worker and real mail."""

import re
from email import message_from_bytes, policy
from typing import Any

import numpy as np
import pytest
from django.test import override_settings

from backoffice.models import (
    Approval,
    Award,
    Incident,
    Message,
    NoticeVersion,
    Person,
    Plan,
    PlanEffect,
)
from backoffice.queries import notices
from backoffice.services import audit
from exchange.domain.replay import replay
from exchange.models import Balance, Position
from exchange.services import reconciliation
from exchange.services.books import opening_holdings, settlement_assets
from exchange.tape import store
from tests.desk import Desk
from tests.stories.conftest import drill

ARGUMENTS = ("--accounts", "300", "--fills", "8000", "--seed", "7")
DIGEST = re.compile(r"[0-9a-f]{64}")


@pytest.fixture(scope="module")
def report(desk: Desk) -> dict[str, Any]:
    return drill(desk, *ARGUMENTS)


@pytest.fixture(scope="module")
def incident(report: dict[str, Any]) -> Incident:
    return Incident.objects.get(slug=report["incident"])


def test_the_report_has_every_number(report: dict[str, Any]) -> None:
    assert (report["accounts"], report["fills"]) == (300, 8000)
    assert report["trade_min_price"] == "4755.00"
    assert report["effective_cutoff"] == "2018-03-30T04:47:54+08:00"
    assert report["announced_cutoff"] == "2018-03-30T05:00:00+08:00"
    verdicts = report["liquidations"]
    assert verdicts["recorded"] == sum(
        verdicts[key] for key in ("due_both", "due_printed_only", "not_due")
    )
    assert verdicts["not_due"] >= 1
    assert verdicts["missed"] >= 1
    plan = report["plan"]
    assert plan["remedy"] == "rollback"
    assert DIGEST.fullmatch(plan["digest"])
    assert plan["legs"] > 0
    assert "BTC" in plan["sum_by_asset"]
    assert set(plan["sum_by_asset"].values()) == {0}
    assert set(plan["positions_sum_by_contract"].values()) == {0}
    assert all(type(v) is int for v in plan["sum_by_asset"].values())
    assert [row["officer"] for row in report["approvals"]] == ["Chen Wei", "Ravi Menon"]
    assert {row["digest"] for row in report["approvals"]} == {plan["digest"]}
    assert report["execution"]["state"] == "done"
    assert report["reconciliation"] == {"ledger_ok": True, "positions_ok": True}
    messages, goodwill = report["messages"], report["goodwill"]
    assert messages["queued"] == messages["sent"] > 0
    assert messages["duplicate"] == messages["failed"] == messages["held"] == 0
    assert goodwill["awards"] > 0
    assert goodwill["total"] == goodwill["paid"] > 0
    assert DIGEST.fullmatch(report["tape_digest"])
    assert {"market", "import", "books", "liquidations", "rollback", "execution", "messages",
            "goodwill"} <= report["stages"].keys()  # fmt: skip


def test_the_same_seed_has_the_same_digests(desk: Desk, report: dict[str, Any]) -> None:
    """On the same database, so that every id differs."""
    again = drill(desk, *ARGUMENTS)
    assert again["incident"] != report["incident"]
    for key in ("tape_digest", "liquidations", "plan", "messages", "trade_min_price"):
        assert again[key] == report[key], key
    assert again["goodwill"] == report["goodwill"]


def test_everyone_is_back_at_the_cut_off(incident: Incident) -> None:
    """Positions are those of a replay that stops at the cut-off, account by account."""
    tape = store.load(incident.tape.digest)
    at = int(incident.effective_cutoff.timestamp()) * 1_000_000
    (cut,) = replay(opening_holdings(tape), tape.fills, tape.specs, [at])
    rows = Position.objects.filter(account__venue=incident.venue).values_list(
        "account__tape_index", "contract__tape_index", "quantity", "cost"
    )
    stored = {(account, contract): (q, c) for account, contract, q, c in rows if q}
    held = np.flatnonzero(cut.quantity)
    replayed = {
        (int(cut.account[i]), int(cut.contract[i])): (int(cut.quantity[i]), int(cut.cost[i]))
        for i in held
    }
    assert stored == replayed
    assert len(stored) > 100


def test_everyone_has_the_money_of_the_cut_off(incident: Incident) -> None:
    """What each account holds, all wallets and debts together, recomputed from the tape alone:
    opening balances, every transfer, results and fees up to the cut-off, and the goodwill."""
    tape = store.load(incident.tape.digest)
    at = int(incident.effective_cutoff.timestamp()) * 1_000_000
    (cut,) = replay(opening_holdings(tape), tape.fills, tape.specs, [at])
    expected = np.zeros((len(tape.accounts.code), len(tape.assets.code)), np.int64)
    for table in (tape.balances, tape.transfers):
        np.add.at(expected, (table.account, table.asset), table.amount)
    settle = settlement_assets(tape)[cut.contract]
    np.add.at(expected, (cut.account, settle), cut.realised - cut.fees)
    for award in Award.objects.filter(programme__incident=incident).select_related(
        "account", "programme__asset"
    ):
        asset = tape.assets.code.index(award.programme.asset.code)
        expected[award.account.tape_index, asset] += award.amount
    held = np.zeros_like(expected)
    rows = Balance.objects.filter(
        ledger_account__venue=incident.venue,
        ledger_account__kind__in=["futures", "funding", "receivable"],
    ).values_list("ledger_account__account__tape_index", "ledger_account__asset__code", "amount")
    for account, code, units in rows:
        held[account, tape.assets.code.index(code)] += units
    assert np.array_equal(held, expected)
    assert np.count_nonzero(expected) > 300


def test_the_ledger_agrees_and_the_chain_holds(incident: Incident) -> None:
    found = reconciliation.reconcile(incident.venue)
    assert (found.ledger_ok, found.positions_ok) == (True, True)
    assert audit.verify().ok
    negative = Balance.objects.filter(sign=1, amount__lt=0)
    assert not negative.exists()


def test_the_people_who_approved_did_not_make_it(incident: Incident) -> None:
    for plan in incident.plans.all():
        assert plan.state == Plan.State.RECONCILED
        officers = list(Approval.objects.filter(plan=plan).values_list("officer", flat=True))
        assert len(set(officers)) == 2
        assert plan.maker_id not in officers


def test_every_changed_customer_was_told_once(incident: Incident) -> None:
    plan = incident.plans.get(remedy="rollback")
    changed = set(
        PlanEffect.objects.filter(plan=plan, account__customer__isnull=False).values_list(
            "account", flat=True
        )
    )
    told = Message.objects.filter(campaign__plan=plan, state="sent")
    assert set(told.values_list("account", flat=True)) == changed
    assert told.count() == len(changed)
    assert set(told.values_list("attempts", flat=True)) == {1}


def test_a_letter_ends_on_what_the_ledger_holds(desk: Desk, incident: Incident) -> None:
    """The last number of the goodwill letter is the balance of the wallet, digit by digit."""
    award = Award.objects.filter(programme__incident=incident).order_by("-amount").first()
    customer = award.account.customer
    letters = [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in desk.mail(customer.email)
    ]
    named = f"<{incident.slug}-goodwill-"
    mine = [mail for mail in letters if mail["Message-ID"].strip().startswith(named)]
    assert len(mine) == 1
    text = mine[0].get_body(("plain",)).get_content()
    balance = Balance.objects.get(
        ledger_account__account=award.account, ledger_account__kind="futures",
        ledger_account__asset=incident.contract.settle,
    )  # fmt: skip
    units, part = divmod(balance.amount, 10**8)
    assert f"{units:,}.{part:08d} BTC" in text
    assert f"+{award.amount // 10**8:,}.{award.amount % 10**8:08d} BTC" in text


def test_the_notices_cite_facts_in_both_languages(incident: Incident) -> None:
    versions = NoticeVersion.objects.filter(notice__incident=incident)
    assert sorted(versions.values_list("notice__slug", "language")) == [
        ("first", "en"), ("first", "zh-hans"), ("rollback", "en"), ("rollback", "zh-hans"),
    ]  # fmt: skip
    first = versions.get(notice__slug="first", language="en")
    assert "4,755.00" in first.rendered
    assert "{{" not in first.rendered + first.title
    assert not notices.moved_since(first)
    promise = incident.promises.get()
    assert notices.promise_state(promise) == "kept"


def test_the_cast_can_sign_in(report: dict[str, Any], incident: Incident) -> None:
    people = {person.email.partition("@")[0]: person for person in Person.objects.all()}
    assert {"mira", "sana", "chen", "ravi", "fay", "noor", "lena", "liquidated", "winner"} <= set(
        people
    )
    # The drill ran with the real settings, whose passwords are expensive to check.
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher"]):
        assert people["mira"].check_password("rehearsal-mira-2018")
        assert people["winner"].check_password("rehearsal-winner-2018")
    assert people["liquidated"].customer is not None


def test_a_timeline_of_the_tape_is_in_order(incident: Incident) -> None:
    lines = {line.key: line.at for line in incident.timeline.filter(source="tape")}
    order = ["last-kept-trade", "announced-cutoff", "off-band-3", "off-band-5", "first-trough",
             "rebound", "low", "first-moved-out"]  # fmt: skip
    times = [lines[key] for key in order]
    assert times == sorted(times)
    assert lines["announced-cutoff"] < lines["first-liquidation"] < lines["low"]
