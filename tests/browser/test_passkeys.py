"""An officer adds a passkey and signs a plan with it; an auditor verifies what was exported.

The device is Chromium's virtual authenticator, which asks nobody and verifies its user, or not.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from backoffice.embedded.places import PROJECT
from tests.browser.books import one, rows
from tests.browser.conftest import Desk, Visit, sign_in
from tests.browser.test_every_page import faults, unreadable

pytestmark = pytest.mark.browser
DEVICE = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip
PROPOSED = """
from backoffice.rehearsal import Rehearsal
from backoffice.services import plans
run = Rehearsal(scenario="okex-2018", accounts=200, fills=6000, seed=12,
                progress=lambda *told: None, tell=lambda line: None)
run.make_market(); run.investigate()
plan = plans.compute_remedy(incident=run.outcome.incident, by=run.person("mira"))
plans.propose(plan=plan, by=run.person("mira"))
print(plan.pk)
"""
Visits = Callable[..., Visit]
DECISIONS = "SELECT decision, role, method FROM approval WHERE plan_id = %s"


class Device:
    """The virtual authenticator of one page."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.wire: CDPSession = context.new_cdp_session(page)
        self.wire.send("WebAuthn.enable")
        self.id = self.wire.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})[
            "authenticatorId"
        ]

    def knows_its_user(self, knows: bool) -> None:
        """Whether the next fingerprint is the right one."""
        self.wire.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": knows}
        )


@pytest.fixture(scope="module")
def plan(desk: Desk) -> int:
    """A proposed rollback of an incident of its own."""
    return int(desk.manage("shell", "--verbosity", "0", "-c", PROPOSED).split()[-1])


@pytest.fixture
def officer(desk: Desk, browser: Browser) -> Iterator[Visit]:
    """Chen at localhost: browsers make no passkeys for an IP address."""
    address = desk.address.replace("127.0.0.1", "localhost")
    context = browser.new_context(base_url=address)
    context.set_default_timeout(20_000)
    opened = Visit(context.new_page())
    opened.watch()
    sign_in(opened.page, desk, "chen")
    yield opened
    context.close()


def test_a_passkey_signs_a_plan(
    desk: Desk, officer: Visit, visit: Visits, plan: int, tmp_path: Path
) -> None:
    page = officer.page
    device = Device(page.context, page)
    found = add(desk, page, device)
    decide(desk, page, device, plan)
    assert found + faults(page) + unreadable(page) == []
    assert [each for each in officer.problems if "status of 422" not in each] == []
    exported(desk, plan, tmp_path / "export")
    by_ip(visit("fay").page, page.url)
    remove(page)
    assert one(desk, "SELECT count(*) FROM passkey WHERE removed_at IS NULL") == 0


def add(desk: Desk, page: Page, device: Device) -> list[str]:
    """A wrong code goes no further; the right one leads to the device, which may say no first."""
    page.goto("/incidents/")
    page.locator(".topbar .menu summary").last.click()
    page.get_by_role("link", name="Passkeys for decisions").click()
    expect(page.get_by_text("You have no passkey")).to_be_visible()
    page.get_by_label("Name").fill("Red key")
    page.get_by_label("Code of your authenticator").fill("000000")
    page.get_by_role("button", name="Go on to the device").click()
    expect(page.get_by_role("alert")).to_contain_text("not the code")
    page.get_by_label("Code of your authenticator").fill(desk.code("chen"))
    page.get_by_role("button", name="Go on to the device").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add Red key")
    found = faults(page) + unreadable(page)
    device.knows_its_user(False)
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was added")
    assert one(desk, "SELECT count(*) FROM passkey") == 0
    device.knows_its_user(True)
    page.get_by_role("button", name="Make the passkey").press("Enter")
    expect(page.get_by_text("Red key can sign your decisions now.")).to_be_visible()
    return found + faults(page) + unreadable(page)


def decide(desk: Desk, page: Page, device: Device, plan: int) -> None:
    """The amount first, then the device; one that does not know its user decides nothing."""
    page.goto(f"/plans/{plan}/decide/")
    words = page.locator(".digest-words li").all_inner_texts()
    box = page.locator("[data-sign][data-decision=approve]")
    assert [re.sub(r"\W|\d", "", each) for each in words] == (
        box.locator(".sign-words").inner_text().split()
    )
    button = page.get_by_role("button", name="Approve with a passkey")
    button.click()
    expect(box.get_by_role("alert")).to_have_text("Type the amount first.")
    typed = page.get_by_label("To confirm, type")
    expect(typed).to_be_focused()
    assert one(desk, "SELECT count(*) FROM approval_challenge") == 0
    typed.fill(page.locator("form.confirm label b").inner_text())
    device.knows_its_user(False)
    button.click()
    expect(box.get_by_role("alert")).to_contain_text("nothing was decided")
    assert rows(desk, DECISIONS, plan) == []
    device.knows_its_user(True)
    button.press("Enter")
    expect(page.get_by_text("You decided: approve")).to_be_visible()
    assert rows(desk, DECISIONS, plan) == [("approve", "risk", "passkey")]
    asked = "SELECT count(*), count(s.id) FROM approval_challenge c LEFT JOIN spent_challenge s"
    assert rows(desk, f"{asked} ON s.challenge_id = c.id") == [(2, 1)]


def exported(desk: Desk, plan: int, folder: Path) -> None:
    """An auditor with the files alone, no server and no data folder, sees that it holds; and that
    it does not, once a word of it is changed."""
    desk.manage("approvals", "export", str(plan), str(folder))
    environment = {**os.environ, "MAKEWHOLE_DATA": str(folder.parent / "auditor")}
    command = [sys.executable, "manage.py", "approvals", "check", str(folder)]

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
        )

    done = check()
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"Chen Wei, risk: approve by a passkey \(.+, [0-9a-f]{64}\)", done.stdout)
    assert "by signature 1 risk" in done.stdout
    document = json.loads((folder / "approvals.json").read_text())
    document["decisions"][0]["decision"] = "reject"
    (folder / "approvals.json").write_text(json.dumps(document))
    assert "it signs something else" in check().stderr


def by_ip(page: Page, at_localhost: str) -> None:
    """Opened by its IP address the page says where passkeys work, and leads there."""
    page.goto("/passkeys/")
    expect(page.get_by_text("Passkeys do not work at this address")).to_be_visible()
    link = page.get_by_role("link", name="Open this page there")
    assert link.get_attribute("href") == at_localhost.split("/plans/")[0] + "/passkeys/"


def remove(page: Page) -> None:
    page.goto("/passkeys/")
    page.get_by_role("button", name="Remove Red key").click()
    expect(page.get_by_text("Red key signs nothing any more.")).to_be_visible()
    expect(page.locator("#removed")).to_contain_text("Red key")
