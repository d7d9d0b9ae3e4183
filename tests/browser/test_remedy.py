"""A rollback from two drafts to an executed one, the letters about it, and goodwill that is paid.

Mira makes, Chen and Ravi decide, a worker executes, Sana writes, Fay pays, which Chen and Noor
decide on: each in a browser.
"""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.books import investigated, one, rows, until, words, written
from tests.browser.conftest import Desk, Visit

pytestmark = pytest.mark.browser
STATE = "SELECT state FROM plan WHERE id = %s"
Visits = Callable[..., Visit]


@pytest.fixture(scope="module")
def incident(desk: Desk) -> str:
    """The slug of an incident nobody has remedied yet."""
    return investigated(desk)


def test_a_rollback_and_what_follows(desk: Desk, visit: Visits, incident: str) -> None:
    people = {name: visit(name) for name in ("mira", "chen", "ravi", "sana", "fay", "noor")}
    page = {name: opened.page for name, opened in people.items()}
    spare = compute(page["mira"], incident, "The announced cut-off")
    plan = compute(page["mira"], incident, "The effective cut-off")
    propose(page["mira"], spare)
    spent = approve(desk, page["chen"], spare)
    propose(page["mira"], plan, supersedes=spare)
    assert one(desk, STATE, spare) == "superseded"
    maker_is_refused(desk, page["mira"], plan)
    approve_once(desk, page["chen"], plan, spent)
    approve(desk, page["ravi"], plan)
    assert one(desk, STATE, plan) == "approved"
    execute(desk, page["mira"], plan)
    tell_customers(desk, page["sana"], page["mira"], incident, plan)
    goodwill = make_programme(desk, page["fay"], incident)
    propose(page["fay"], goodwill)
    approve(desk, page["chen"], goodwill)
    approve(desk, page["noor"], goodwill)
    execute(desk, page["fay"], goodwill)
    paid = one(
        desk,
        "SELECT sum(w.amount) FROM award w JOIN programme p ON p.id = w.programme_id"
        " WHERE p.plan_id = %s",
        goodwill,
    )
    credited = "SELECT sum(futures_delta) FROM plan_effect WHERE plan_id = %s"
    assert one(desk, credited, goodwill) == paid > 0
    assert [problem for opened in people.values() for problem in unexpected(opened)] == []


def unexpected(opened: Visit) -> list[str]:
    """Problems but for the refusals of this story, which a browser also writes to its console."""
    return [each for each in opened.problems if not re.search(r"status of (403|409|422)", each)]


def compute(page: Page, incident: str, cutoff: str) -> int:
    """Ask for the plan of the first scenario, the rollback, and follow the worker to its end; the
    plan's number. Nothing is compared yet when it is the first."""
    page.goto(f"/incidents/{incident}/remedies/")
    if page.get_by_role("button", name="Compare the remedies").count():
        page.get_by_role("button", name="Compare the remedies").click()
        page.get_by_role("link", name=re.compile(r"Look at comparison \d+")).click(timeout=60_000)
    page.get_by_label(cutoff).check()
    page.get_by_role("button", name="Compute as a plan").click()
    look = page.get_by_role("link", name=re.compile(r"Look at plan \d+"))
    expect(look).to_be_visible(timeout=30_000)
    look.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Roll back to a cut-off")
    expect(page.get_by_text("sums to 0").first).to_be_visible()
    return int(page.url.rstrip("/").rpartition("/")[2])


def propose(page: Page, plan: int, *, supersedes: int | None = None) -> None:
    """Put it before the officers; one that is there already is superseded by name."""
    page.goto(f"/plans/{plan}/")
    if supersedes is not None:
        page.get_by_label(f"Supersedes plan {supersedes}, which is proposed").check()
    page.get_by_role("button", name="Propose").click()
    expect(page.locator("#plan-state")).to_have_text("Proposed")


def maker_is_refused(desk: Desk, page: Page, plan: int) -> None:
    page.goto(f"/plans/{plan}/decide/")
    expect(page.get_by_text("You cannot decide on this plan")).to_be_visible()
    assert page.get_by_role("button", name="Approve this plan").count() == 0
    assert decisions(desk, plan) == 0


def fill_in(page: Page, plan: int, code: str) -> None:
    """What an officer types: the amount the page names, and a code."""
    page.goto(f"/plans/{plan}/decide/")
    phrase = page.locator("form.confirm label b").inner_text()
    page.get_by_label("To confirm, type").fill(phrase)
    page.locator("form.confirm").get_by_label("Code of your authenticator").fill(code)
    page.get_by_role("button", name="Approve this plan").click()


def approve(desk: Desk, page: Page, plan: int) -> str:
    """Approves it and returns the code that proved it."""
    before = decisions(desk, plan)
    code = desk.code(person(page))
    fill_in(page, plan, code)
    expect(page.get_by_text("You decided: approve")).to_be_visible()
    assert decisions(desk, plan) == before + 1
    return code


def approve_once(desk: Desk, page: Page, plan: int, spent: str) -> None:
    """A code decides once: the one that approved another plan is refused, and nothing changes."""
    fill_in(page, plan, spent)
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed")
    expect(page.get_by_role("alert")).to_contain_text("code")
    assert decisions(desk, plan) == 0
    assert one(desk, STATE, plan) == "proposed"
    approve(desk, page, plan)


def execute(desk: Desk, page: Page, plan: int) -> None:
    """A wrong amount starts nothing; the right one is followed to its end without a reload."""
    page.goto(f"/plans/{plan}/execution/")
    box = page.get_by_label("To confirm, type")
    button = page.get_by_role("button", name="Execute the plan")
    box.fill("1 BTC")
    expect(button).to_have_attribute("aria-disabled", "true")
    assert one(desk, "SELECT count(*) FROM execution WHERE plan_id = %s", plan) == 0
    box.fill(page.locator("form.confirm label b").inner_text())
    expect(button).to_have_attribute("aria-disabled", "false")
    button.click()
    expect(page.locator("#execution")).to_contain_text("every one agrees", timeout=60_000)
    expect(page.locator("#plan-state")).to_have_text("Reconciled")
    assert page.locator("#execution [hx-get]").count() == 0
    assert rows(
        desk,
        "SELECT p.state, e.state, r.ledger_ok, r.positions_ok FROM plan p"
        " JOIN execution e ON e.plan_id = p.id JOIN reconciliation r ON r.plan_id = p.id"
        " WHERE p.id = %s",
        plan,
    ) == [("reconciled", "done", True, True)]


def tell_customers(desk: Desk, sana: Page, mira: Page, incident: str, plan: int) -> None:
    """Sana prepares, cannot approve; Mira approves, Sana sends; a letter reads as it was sent."""
    sana.goto(f"/incidents/{incident}/messages/")
    sana.get_by_role("button", name="Freeze the audience").click()
    expect(sana.get_by_text("A second person approves it")).to_be_visible()
    assert sana.get_by_role("button", name="Approve these letters").count() == 0
    confirm_count(mira, sana.url, "Approve these letters")
    confirm_count(sana, sana.url, "Send")
    expect(sana.locator("#campaign-state")).to_have_text("Sent", timeout=60_000)
    ((campaign, audience, sent),) = rows(
        desk,
        "SELECT c.id, c.audience, count(*) FILTER (WHERE m.state = 'sent') FROM campaign c"
        " JOIN message m ON m.campaign_id = c.id WHERE c.plan_id = %s GROUP BY c.id",
        plan,
    )
    assert audience == sent > 0
    read_a_letter(desk, sana, campaign)


def confirm_count(page: Page, address: str, button: str) -> None:
    page.goto(address)
    page.get_by_label("To confirm, type").fill(page.locator("form.confirm label b").inner_text())
    page.get_by_role("button", name=button, exact=True).click()


def read_a_letter(desk: Desk, page: Page, campaign: int) -> None:
    """The letter to whoever gained most has their own change in it, to the last digit."""
    message, change, decimals = rows(
        desk,
        "SELECT m.id, e.futures_delta, s.decimals FROM message m"
        " JOIN campaign c ON c.id = m.campaign_id"
        " JOIN plan_effect e ON e.plan_id = c.plan_id AND e.account_id = m.account_id"
        " JOIN exchange_asset s ON s.id = e.asset_id WHERE c.id = %s AND m.language = 'en'"
        " ORDER BY e.futures_delta DESC LIMIT 1",
        campaign,
    )[0]
    page.goto(f"/messages/{message}/")
    letter = words(page, "pre.letter-text")
    plain = written(change, decimals)
    assert plain in letter or plain.replace(",", "") in letter, letter


def make_programme(desk: Desk, page: Page, incident: str) -> int:
    """Fay looks at what rules would pay, fixes them, and has the plan computed; its number."""
    page.goto(f"/incidents/{incident}/goodwill/")
    page.get_by_label("Name").fill("Goodwill of the story")
    page.get_by_label("At most, an account").fill("1")
    page.get_by_label("Budget").fill("5000")
    page.get_by_role("button", name="What would it pay?").click()
    expect(page.get_by_text("Nothing is fixed yet")).to_be_visible()
    assert one(desk, "SELECT count(*) FROM programme WHERE name = 'Goodwill of the story'") == 0
    page.get_by_role("button", name="Fix these rules").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Goodwill of the story")
    page.get_by_role("button", name="Compute its plan").click()
    until(page, lambda: "/plans/" in page.url or link(page).count() > 0, "the plan of a programme")
    if "/plans/" not in page.url:
        link(page).click()
    page.wait_for_url(re.compile(r"/plans/\d+/$"))
    return int(page.url.rstrip("/").rpartition("/")[2])


def link(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("link", name=re.compile(r"^Plan \d+"))


def decisions(desk: Desk, plan: int) -> int:
    number = one(desk, "SELECT count(*) FROM approval WHERE plan_id = %s", plan)
    assert isinstance(number, int)
    return number


def person(page: Page) -> str:
    """The short name of whoever is signed in."""
    page.goto("/approvals/")
    return page.locator(".topbar .menu .word").last.inner_text().split()[0].lower()
