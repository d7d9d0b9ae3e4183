"""What a rehearsal came to: one JSON object for machines, a page of text for people.

Numbers are read back from the database, not remembered by whoever ran the steps.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from django.db.models import F, Sum
from django.db.models.functions import Greatest

from backoffice import figures
from backoffice.models import Approval, Comparison, Execution, Message, Plan, Reconciliation
from backoffice.rehearsal import Outcome, mail_root
from backoffice.services import facts
from exchange.models import Account, LedgerEntry, Liquidation

MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^>]+)>", re.IGNORECASE | re.MULTILINE)
"""A long one stands on a line of its own below its name."""
HEAD_BYTES = 4096


def of(outcome: Outcome) -> dict[str, Any]:
    """The report. Amounts are whole minor units, prices and times are text."""
    incident, record, plan = outcome.incident, outcome.record, outcome.plan
    plan.refresh_from_db()
    known = facts.latest(incident)
    return {
        "incident": incident.slug,
        "venue": record.venue.code,
        "accounts": Account.objects.filter(venue=record.venue, kind="customer").count(),
        "fills": record.fills,
        "trade_min_price": known["trade_min_price"].value.replace(",", ""),
        "index_at_low": known["index_at_low"].value.replace(",", ""),
        "announced_cutoff": record.manifest["announced_cutoff"],
        "effective_cutoff": record.manifest["effective_cutoff"],
        "liquidations": _liquidations(outcome),
        "comparison": _comparison(outcome.comparison),
        "plan": {**_plan(plan), "reliquidated": plan.totals["reliquidated"]},
        "approvals": _approvals(plan),
        "execution": _execution(plan),
        "reconciliation": _reconciliation(plan),
        "messages": _messages(outcome),
        "goodwill": _goodwill(outcome),
        "tape_digest": record.digest,
        "stages": outcome.stages,
        "import_to_plan_seconds": import_to_plan(outcome),
        "seconds": round(sum(outcome.stages.values()), 3),
    }


def import_to_plan(outcome: Outcome) -> float:
    """Seconds from the bundle on disk to a plan that can be approved."""
    stages = ("import", "books", "incident", "liquidations", "notice", "comparison", "rollback")
    return round(sum(outcome.stages.get(stage, 0.0) for stage in stages), 3)


def page(outcome: Outcome, report: dict[str, Any]) -> str:
    """The report for people."""
    plan, messages, goodwill = report["plan"], report["messages"], report["goodwill"]
    verdicts = report["liquidations"]
    settle = outcome.incident.contract.settle
    paid = figures.amount(goodwill["paid"], settle.decimals)
    lines = [
        "",
        f"{outcome.incident.title} ({report['incident']})",
        f"  market          {report['accounts']:,} accounts, {report['fills']:,} fills, low "
        f"{report['trade_min_price']} with the index at {report['index_at_low']}",
        f"  cut-off         {report['effective_cutoff']} (announced {report['announced_cutoff']})",
        f"  forced closes   {verdicts['recorded']:,} recorded: {verdicts['due_both']:,} due, "
        f"{verdicts['due_printed_only']:,} due only at the printed price, "
        f"{verdicts['not_due']:,} not due; {verdicts['missed']:,} missed",
        f"  rollback        {plan['legs']:,} legs, every asset and every contract sums to zero, "
        f"{plan['reliquidated']:,} of its accounts closed again at the reopening price",
        f"                  digest {plan['digest']}",
        f"  approved by     {', '.join(row['officer'] for row in report['approvals'])}",
        f"  executed        {report['execution']['state']} in {report['execution']['seconds']} s; "
        f"ledger {_word(report['reconciliation']['ledger_ok'])}, positions "
        f"{_word(report['reconciliation']['positions_ok'])}",
        f"  messages        {messages['sent']:,} of {messages['queued']:,} sent, "
        f"{messages['duplicate']:,} twice, {messages['held_back']:,} in the care lane",
        f"  goodwill        {goodwill['awards']:,} awards, {paid} {settle.code} paid",
        f"  tape            {report['tape_digest']}",
        "",
        "  seconds         "
        + ", ".join(f"{name} {seconds:.1f}" for name, seconds in report["stages"].items()),
        f"                  bundle to approvable plan {report['import_to_plan_seconds']:.1f}, "
        f"all {report['seconds']:.1f}",
    ]
    return "\n".join(lines)


def duplicates(outcome: Outcome) -> int:
    """How often a message arrived again, told by the mail that arrived, not by our own marks.

    Counted from the Message-IDs in the catcher's folder since the run began. Where mail goes to
    somebody else's server: from how often we handed each over.
    """
    root = mail_root()
    keys = tuple(f"{campaign.key}." for campaign in outcome.campaigns)
    if root is None or not root.exists():
        again = Message.objects.filter(campaign__in=outcome.campaigns, state="sent").aggregate(
            again=Sum(Greatest(F("attempts") - 1, 0))
        )
        return again["again"] or 0
    seen = Counter(_message_ids(root, outcome.began_ns, keys))
    return seen.total() - len(seen)


def _message_ids(root: Path, since_ns: int, keys: tuple[str, ...]) -> list[str]:
    found = []
    for file in root.glob("*/*.eml"):
        stamp = file.name.split("-", 1)[0]
        if not stamp.isdigit() or int(stamp) < since_ns:
            continue
        with file.open("rb") as mail:
            match = MESSAGE_ID.search(mail.read(HEAD_BYTES))
        if match and (message := match[1].decode()).startswith(keys):
            found.append(message)
    return found


def _liquidations(outcome: Outcome) -> dict[str, int]:
    rows = Liquidation.objects.filter(tape=outcome.record)
    counts = Counter(rows.values_list("verdict", flat=True))
    verdicts = {verdict: counts[verdict] for verdict in Liquidation.Verdict.values}
    due = rows.filter(due_printed_at__isnull=False).count()
    recorded = sum(verdicts.values()) - verdicts["missed"]
    return {"recorded": recorded, "recomputed": due, **verdicts}


def _comparison(row: Comparison) -> list[dict[str, Any]]:
    """What each remedy would come to, in the order compared."""
    return [
        {
            "remedy": one.remedy,
            "digest": one.digest,
            "refusal": one.refusal,
            "accounts": one.summary.get("accounts", 0),
            "reliquidated": one.summary.get("reliquidated", 0),
            "negative_customers": one.summary.get("negative_customers", 0),
            "sums_zero": not any(
                int(total)
                for sums in ("sum_by_asset", "positions_sum_by_contract")
                for total in one.summary.get(sums, {}).values()
            ),
        }
        for one in row.scenarios.order_by("number")
    ]


def _plan(plan: Plan) -> dict[str, Any]:
    manifest = plan.manifest
    return {
        "remedy": plan.remedy,
        "digest": plan.digest,
        "state": plan.state,
        "legs": sum(manifest["legs"].values()),
        "sum_by_asset": manifest["sum_by_asset"],
        "positions_sum_by_contract": manifest["positions_sum_by_contract"],
    }


def _approvals(plan: Plan) -> list[dict[str, str]]:
    rows = Approval.objects.filter(plan=plan).select_related("officer").order_by("at")
    return [
        {
            "officer": row.officer.display_name,
            "role": row.role,
            "decision": row.decision,
            "method": row.method,
            "digest": row.digest,
        }
        for row in rows
    ]


def _execution(plan: Plan) -> dict[str, Any]:
    row = Execution.objects.get(plan=plan)
    return {
        "state": row.state,
        "seconds": float(row.seconds) if row.seconds is not None else None,
        "attempts": row.attempts,
    }


def _reconciliation(plan: Plan) -> dict[str, bool]:
    row = Reconciliation.objects.filter(plan=plan).order_by("-at").first()
    return {
        "ledger_ok": bool(row and row.ledger_ok),
        "positions_ok": bool(row and row.positions_ok),
    }


def _messages(outcome: Outcome) -> dict[str, int]:
    states = Counter(
        Message.objects.filter(campaign__in=outcome.campaigns).values_list("state", flat=True)
    )
    return {
        "queued": states.total(),
        "sent": states["sent"],
        "duplicate": duplicates(outcome),
        "failed": states["failed"],
        "held": states["held"],
        "held_back": sum(campaign.held_back for campaign in outcome.campaigns),
    }


def _goodwill(outcome: Outcome) -> dict[str, Any]:
    """`total` is what the awards come to, `paid` what the ledger's entries of the plan paid."""
    if outcome.programme is None:
        return {"awards": 0, "total": 0, "paid": 0}
    awards = outcome.programme.awards.aggregate(total=Sum("amount"))
    outcome.goodwill.refresh_from_db()
    paid = LedgerEntry.objects.filter(batch=outcome.goodwill.batch_id, amount__gt=0).aggregate(
        total=Sum("amount")
    )
    return {
        "awards": outcome.programme.awards.count(),
        "total": int(awards["total"] or 0),
        "paid": int(paid["total"] or 0),
        "asset": outcome.programme.asset.code,
        "digest": outcome.goodwill.digest,
    }


def _word(fine: bool) -> str:
    return "agrees" if fine else "DOES NOT AGREE"
