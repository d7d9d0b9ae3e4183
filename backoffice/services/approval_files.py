"""The decisions on a plan as files anyone can check: what was decided, by whom, and the proofs.

`export` writes what the database holds; `check` reads such a folder without a database: the
manifest's digest, the seal, every passkey's challenge and signature, and the quorum
(docs/formats/approvals.md). A code leaves nothing to check; it is counted apart: the desk's word.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from backoffice.models import Approval, BreakGlass, BreakGlassSecond, Plan
from backoffice.services import approvals, assertions, canonical, proven, quorums
from backoffice.services.assertions import Terms, Unproven
from backoffice.services.proven import OPEN, SECOND
from backoffice.services.refusals import Refused

FORMAT = "makewhole-approvals/1"
FILE, MANIFEST = "approvals.json", "manifest.json"
DECIDED = ("approved", "executing", "executed", "reconciled")


class NoExport(ValueError):
    """A folder that is no whole export; the message says why."""


@dataclass(frozen=True)
class Found:
    """What checking one decision came to. `wrong` is empty when it holds; `key` is the fingerprint
    of the passkey that signed it, empty for a code."""

    officer: str
    role: str
    decision: str
    method: str
    key: str
    wrong: str


@dataclass(frozen=True)
class Report:
    """What checking a folder came to. Counts are of officers by role whose approval holds: `given`
    all of them, `signed` those a passkey proves."""

    plan: int
    digest: str
    quorum: dict[str, int]
    given: dict[str, int]
    signed: dict[str, int]
    found: list[Found]
    wrong: list[str] = field(default_factory=list)


def export(plan: Plan, folder: Path) -> None:
    """Write a plan's manifest and decisions into a folder; at most six statements.

    Raises Refused for a plan that is not computed.
    """
    if not plan.digest or plan.batch is None:
        raise Refused(f"Plan {plan.pk} is {plan.state}: there is nothing to decide on yet.")
    decided = plan.approvals.select_related("officer").order_by("pk")
    broken = approvals.standing(plan).break_glass
    glass = BreakGlass.objects.select_related("officer", "second__officer").filter(pk=broken)
    document = {
        "format": FORMAT,
        "plan": plan.pk,
        "state": plan.state,
        "digest": plan.digest,
        "maker": {"person": plan.maker_id, "name": str(plan.maker)},
        "quorum": plan.quorum,
        "batch": {
            "key": plan.batch.key,
            "cash": plan.batch.cash_digest,
            "positions": plan.batch.position_digest,
            "preconditions": plan.batch.precondition_digest,
        },
        "seal": proven.seal(plan),
        "decisions": [_written(row, row.decision, row.digest) for row in decided],
        "break_glass": [
            step
            for row in glass
            for step in (
                _written(row, OPEN, row.digest),
                _written(row.second, SECOND, row.digest),
            )
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, what in ((FILE, document), (MANIFEST, plan.manifest)):
        text = json.dumps(what, indent=2, ensure_ascii=False, sort_keys=True)
        (folder / name).write_text(text + "\n", encoding="utf-8")


def check(folder: Path) -> Report:
    """Verify an export from its files alone. Raises NoExport for a folder that is none."""
    try:
        document = json.loads((folder / FILE).read_text(encoding="utf-8"))
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise NoExport(f"{folder / FILE} is not of the format {FORMAT}.")
        return _checked(document, manifest)
    except NoExport:
        raise
    except KeyError as error:
        raise NoExport(f"{folder} is not a whole export: {error} is missing.") from error
    except (OSError, AttributeError, TypeError, ValueError) as error:
        raise NoExport(f"{folder} is not a whole export: {error}.") from error


def _written(
    row: Approval | BreakGlass | BreakGlassSecond, decision: str, digest: str
) -> dict[str, Any]:
    return {
        "person": row.officer_id,
        "name": str(row.officer),
        "role": row.role,
        "decision": decision,
        "reason": getattr(row, "reason", ""),
        "digest": digest,
        "method": row.method,
        "at": row.at.isoformat(),
        "evidence": row.evidence,
    }


def _checked(document: Mapping[str, Any], manifest: object) -> Report:
    batch, decisions = document["batch"], document["decisions"]
    wrong = []
    if canonical.digest(manifest) != document["digest"]:
        wrong.append("the manifest does not have the digest that was decided on")
    sealed = [batch["cash"], batch["positions"], batch["preconditions"]]
    if canonical.digest(sealed) != document["seal"]:
        wrong.append("the batch's digests do not have the seal that was decided on")
    people = [each["person"] for each in decisions]
    if len(set(people)) != len(people):
        wrong.append("somebody decided twice")
    if document["maker"]["person"] in people:
        wrong.append("the maker decided")
    found = [_found(each, document) for each in decisions]
    glass = [_found(each, document) for each in document["break_glass"]]
    wrong += [f"{each.officer}: {each.wrong}" for each in (*found, *glass) if each.wrong]
    holding = [each for each in found if each.decision == "approve" and not each.wrong]
    given = Counter(each.role for each in holding)
    signed = Counter(each.role for each in holding if each.key)
    quorum = dict(document["quorum"])
    if _broken(document["break_glass"], glass):
        quorum = dict(quorums.BREAK_GLASS)
        given, signed = (Counter({quorums.ANY: c.total()}) for c in (given, signed))
    if document["state"] in DECIDED:
        if missing := quorums.missing(quorum, given):
            wrong.append(f"the quorum is not met: {spoken(missing)} missing")
        if any(each.decision == "reject" for each in found):
            wrong.append("an officer rejected it")
    return Report(
        plan=document["plan"],
        digest=document["digest"],
        quorum=quorum,
        given=dict(given),
        signed=dict(signed),
        found=[*glass, *found],
        wrong=wrong,
    )


def spoken(counts: Mapping[str, int]) -> str:
    """Counts by role as text: `2 risk, 1 finance`; `0` when there are none."""
    return ", ".join(f"{count} {role}" for role, count in counts.items()) or "0"


def _broken(steps: list[Any], found: list[Found]) -> bool:
    """Whether the glass was broken: opened and seconded by two people, both steps holding."""
    return (
        [each.decision for each in found] == [OPEN, SECOND]
        and not any(each.wrong for each in found)
        and steps[0]["person"] != steps[1]["person"]
    )


def _found(decision: Mapping[str, Any], document: Mapping[str, Any]) -> Found:
    signed = decision["method"] == Approval.Method.PASSKEY
    evidence = decision["evidence"]
    return Found(
        officer=decision["name"],
        role=decision["role"],
        decision=decision["decision"],
        method=decision["method"],
        key=assertions.fingerprint(evidence["public_key"]) if signed else "",
        wrong="; ".join(_faults(decision, document, signed=signed)),
    )


def _faults(
    decision: Mapping[str, Any], document: Mapping[str, Any], *, signed: bool
) -> Iterator[str]:
    """What does not hold about one decision."""
    evidence = decision["evidence"]
    if decision["digest"] != document["digest"]:
        yield "decided on another digest"
    if evidence["seal"] != document["seal"]:
        yield "decided on other rows"
    if not signed:
        return
    terms = Terms(
        digest=document["digest"],
        seal=document["seal"],
        decision=decision["decision"],
        role=decision["role"],
        person=decision["person"],
        nonce=evidence["nonce"],
        expires=evidence["expires"],
    )
    try:
        assertions.verify(evidence, terms)
    except Unproven as why:
        yield f"the passkey's answer does not hold: {why}"
    if not 0 <= terms.expires - datetime.fromisoformat(decision["at"]).timestamp() <= 600:
        yield "decided at another time than it was signed"
