"""Decisions as files: verified from the files alone, and whatever was changed in them is seen."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice import digest_words
from backoffice.embedded.places import PROJECT
from backoffice.models import Plan
from backoffice.services import approval_files, approvals, assertions, break_glass, plans
from backoffice.services.approval_files import FILE, MANIFEST, NoExport
from backoffice.services.refusals import Refused
from backoffice.services.second_factor import Code
from tests.backoffice.services.authenticator import Device, assertion, flipped, register
from tests.backoffice.services.conftest import World, propose

Document = dict[str, Any]


@pytest.fixture
def folder(world: World, proposed: Plan, tmp_path: Path) -> Path:
    """An export of a plan that Chen approved by passkey and Fay by code."""
    chen, device = world.person("chen"), Device()
    register(device, chen, world.code("chen"))
    approvals.decide(
        plan=proposed, by=chen, decision="approve", proof=assertion(device, proposed, chen)
    )
    approvals.decide(
        plan=proposed, by=world.person("fay"), decision="approve", proof=Code(world.code("fay"))
    )
    approval_files.export(proposed, tmp_path / "export")
    return tmp_path / "export"


def rewrite(folder: Path, change: Callable[[Document], object], name: str = FILE) -> None:
    document = json.loads((folder / name).read_text())
    change(document)
    (folder / name).write_text(json.dumps(document))


def test_an_export_holds(folder: Path, proposed: Plan) -> None:
    report = approval_files.check(folder)
    assert (report.wrong, report.digest) == ([], proposed.digest)
    assert report.quorum == {"risk": 1, "finance": 1}
    assert report.given == {"risk": 1, "finance": 1}
    assert report.signed == {"risk": 1}
    kept = proposed.approvals.get(method="passkey").evidence
    assert [(each.officer, each.key) for each in report.found] == [
        ("Chen Wei", assertions.fingerprint(kept["public_key"])),
        ("Fay Duarte", ""),
    ]


def test_a_plan_nobody_decided_on_yet_holds(proposed: Plan, tmp_path: Path) -> None:
    approval_files.export(proposed, tmp_path)
    report = approval_files.check(tmp_path)
    assert (report.wrong, report.given, report.found) == ([], {}, [])


def test_a_draft_has_nothing_to_export(world: World, tmp_path: Path) -> None:
    draft = Plan.objects.create(
        incident=world.incident, remedy="goodwill", maker=world.person("mira")
    )
    with pytest.raises(Refused, match="nothing to decide"):
        approval_files.export(draft, tmp_path)


def first(document: Document) -> Document:
    return document["decisions"][0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: first(d).update(decision="reject"), "it signs something else"),
        (lambda d: first(d).update(role="finance"), "it signs something else"),
        (lambda d: first(d).update(person=10**6), "it signs something else"),
        (lambda d: first(d)["evidence"].update(nonce="A" * 43), "it signs something else"),
        (lambda d: first(d)["evidence"].update(expires=1), "it signs something else"),
        (lambda d: first(d)["evidence"].update(form="makewhole-approval/2"), "another form"),
        (lambda d: d.update(digest="f" * 64), "does not have the digest"),
        (lambda d: d.update(seal="f" * 64), "do not have the seal"),
        (lambda d: d["batch"].update(cash="f" * 64), "do not have the seal"),
        (lambda d: first(d).update(digest="f" * 64), "decided on another digest"),
        (lambda d: first(d)["evidence"].update(seal="f" * 64), "decided on other rows"),
        (lambda d: first(d)["evidence"].update(
            signature=flipped(first(d)["evidence"]["signature"])), "does not match the key"),
        (lambda d: first(d)["evidence"].update(
            public_key=flipped(first(d)["evidence"]["public_key"])), "does not match|read"),
        (lambda d: first(d)["evidence"].update(rp_id="evil.example"), "another address"),
        (lambda d: first(d)["evidence"].update(origin="http://localhost:1"), "another address"),
        (lambda d: first(d)["evidence"].pop("origin"), "cannot be read"),
        (lambda d: first(d).update(at="2031-01-01T00:00:00+00:00"), "another time"),
        (lambda d: d["decisions"].append(first(d)), "somebody decided twice"),
        (lambda d: d["maker"].update(person=first(d)["person"]), "the maker decided"),
        (lambda d: d["decisions"].pop(), "the quorum is not met: 1 finance missing"),
        (lambda d: d["quorum"].update(risk=2), "the quorum is not met: 1 risk missing"),
        (lambda d: d["decisions"][1].update(decision="reject"), "an officer rejected it"),
    ],
)  # fmt: skip
def test_a_change_is_seen(folder: Path, change: Callable[[Document], object], words: str) -> None:
    rewrite(folder, change)
    assert re.search(words, "; ".join(approval_files.check(folder).wrong))


def test_another_manifest_is_seen(folder: Path) -> None:
    rewrite(folder, lambda manifest: manifest.update(remedy="rollback"), MANIFEST)
    assert any("does not have the digest" in each for each in approval_files.check(folder).wrong)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(format="makewhole-approvals/2"),
        lambda d: d.pop("decisions"),
        lambda d: d.update(decisions=[7]),
        lambda d: first(d).pop("evidence"),
        lambda d: first(d)["evidence"].update(nonce=1.5),
    ],
)
def test_what_is_no_export_is_refused(folder: Path, change: Callable[[Document], object]) -> None:
    rewrite(folder, change)
    with pytest.raises(NoExport):
        approval_files.check(folder)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(NoExport):
        approval_files.check(tmp_path / "nowhere")


def test_the_command_writes_and_checks(
    folder: Path, proposed: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("approvals", "export", str(proposed.pk), str(tmp_path / "again"))
    said = capsys.readouterr().out
    assert (tmp_path / "again" / FILE).read_text() == (folder / FILE).read_text()
    assert " ".join(digest_words.words(proposed.digest)) in said
    assert "Chen Wei, risk: approve by a passkey (" in said
    assert "Fay Duarte, finance: approve by a code, on the desk's word" in said
    assert "approved by 1 risk, 1 finance, of them by signature 1 risk" in said
    with pytest.raises(CommandError, match="no plan 999999"):
        call_command("approvals", "export", "999999", str(tmp_path / "x"))
    call_command("approvals", "check", str(folder))
    with pytest.raises(CommandError, match="By signature alone .*: 1 finance missing"):
        call_command("approvals", "check", str(folder), "--signed")
    rewrite(folder, lambda d: first(d).update(decision="reject"))
    with pytest.raises(CommandError, match="does not hold: .*Chen Wei"):
        call_command("approvals", "check", str(folder))


def test_checking_starts_no_server(folder: Path, tmp_path: Path) -> None:
    """As an auditor runs it: another data folder, in which nothing is made or started."""
    kept = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
    done = subprocess.run(
        [sys.executable, "manage.py", "approvals", "check", str(folder)],
        cwd=PROJECT,
        env={**kept, "MAKEWHOLE_DATA": str(tmp_path / "auditor")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Everything that can be checked holds." in done.stdout
    assert not (tmp_path / "auditor" / "postgres").exists()


def test_an_executed_plan_holds(world: World, tmp_path: Path) -> None:
    plan, device = propose(world, [5]), Device()
    chen = world.person("chen")
    register(device, chen, world.code("chen"))
    approvals.decide(plan=plan, by=chen, decision="approve", proof=assertion(device, plan, chen))
    fay = Code(world.code("fay"))
    approvals.decide(plan=plan, by=world.person("fay"), decision="approve", proof=fay)
    plans.request_execution(plan=plan, by=world.person("mira"))
    plans.execute(plan_id=plan.pk)
    plan.refresh_from_db()
    approval_files.export(plan, tmp_path)
    assert json.loads((tmp_path / FILE).read_text())["state"] == "reconciled"
    assert approval_files.check(tmp_path).wrong == []


def test_a_broken_glass_is_exported_with_its_steps(
    world: World, proposed: Plan, tmp_path: Path
) -> None:
    officers = []
    for handle in ("chen", "ravi"):
        person, device = world.person(handle), Device()
        register(device, person, world.code(handle))
        officers.append((person, device))
    (chen, first_device), (ravi, second_device) = officers
    break_glass.open_glass(
        plan=proposed, by=chen, reason="Fay is away",
        proof=assertion(first_device, proposed, chen, "open"),
    )  # fmt: skip
    break_glass.second(
        plan=proposed, by=ravi, proof=assertion(second_device, proposed, ravi, "second")
    )
    for person, device in officers:
        proof = assertion(device, proposed, person)
        approvals.decide(plan=proposed, by=person, decision="approve", proof=proof)
    approval_files.export(proposed, tmp_path)
    report = approval_files.check(tmp_path)
    assert (report.wrong, report.quorum, report.signed) == ([], {"any": 2}, {"any": 2})
    assert [each.decision for each in report.found] == ["open", "second", "approve", "approve"]
    rewrite(tmp_path, lambda d: d["break_glass"][1].update(decision="open"))
    wrong = approval_files.check(tmp_path).wrong
    assert "Ravi Menon: the passkey's answer does not hold: it signs something else" in wrong
    assert "the quorum is not met: 1 finance missing" in wrong
