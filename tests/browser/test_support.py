"""Sana of support answers a customer: from signing in to an address shown for a reason."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.books import one, rows, until, words
from tests.browser.conftest import Desk, Visit, sign_in

pytestmark = pytest.mark.browser
PRINTED_ONLY = "due_printed_only"


def test_sana_finds_what_happened_to_a_customer(desk: Desk, visit: Callable[..., Visit]) -> None:
    opened = visit(None, viewport={"width": 1440, "height": 900})
    page = opened.page
    sign_in(page, desk, "sana")
    find_with_the_palette(page, "driven off")
    read_the_chart_by_keyboard(page)
    account = open_a_receipt(desk, page)
    page.get_by_role("main").get_by_role("link", name=account, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(account)
    reveal_the_address(desk, page, account)
    cannot_decide(desk, page)
    assert opened.problems == []


def find_with_the_palette(page: Page, looked_for: str) -> None:
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Find or go to")
    expect(box).to_be_focused()
    box.fill(looked_for)
    found = page.get_by_role("option").first
    expect(found).to_contain_text("driven off the index")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/incidents/[a-z0-9-]+/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def read_the_chart_by_keyboard(page: Page) -> None:
    plot = page.get_by_role("application")
    plot.locator("canvas").first.wait_for()
    readout = page.locator("[data-readout]")
    plot.focus()
    page.keyboard.press("End")
    expect(readout).to_contain_text("22:30:00 UTC")
    last = readout.inner_text()
    page.keyboard.press("ArrowLeft")
    expect(readout).not_to_have_text(last)
    expect(readout).to_contain_text("contract")
    expect(readout).to_contain_text("index")
    expect(readout).to_have_attribute("aria-live", "polite")
    page.keyboard.press("ArrowRight")
    assert readout.inner_text() == last


def open_a_receipt(desk: Desk, page: Page) -> str:
    """Filters the forced closes by verdict and opens the first receipt; returns its account."""
    page.get_by_role("link", name="Liquidations", exact=True).click()
    page.get_by_label("Verdict").select_option(PRINTED_ONLY)
    page.wait_for_url(re.compile(f"verdict={PRINTED_ONLY}"))
    totals = page.locator("#totals tbody tr")
    expect(totals).to_have_count(1)
    of_verdict = "SELECT count(*) FROM liquidation WHERE verdict = %s AND tape_id = 1"
    assert f" {one(desk, of_verdict, PRINTED_ONLY)} " in " ".join(totals.inner_text().split())
    first = page.locator("#closes tbody tr").first
    account = first.get_by_role("rowheader").inner_text()
    first.get_by_role("link", name="Receipt").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Receipt of a forced close")
    return account


def reveal_the_address(desk: Desk, page: Page, account: str) -> None:
    email, name = rows(
        desk,
        "SELECT c.email, c.name FROM customer c JOIN exchange_account a ON a.customer_id = c.id"
        " WHERE a.code = %s AND a.venue_id = 1",
        account,
    )[0]
    contact = page.locator("#contact")
    expect(contact).to_contain_text(name)
    assert email not in page.content()
    contact.get_by_text("Show the address").click()
    contact.get_by_role("button", name="Show it").click()
    expect(contact).to_contain_text("This field is required.")
    assert one(desk, "SELECT count(*) FROM audit_event WHERE action = 'contact.revealed'") == 0
    reason = "They telephoned and ask where we wrote to."
    contact.get_by_label("Why you need the address").fill(reason)
    contact.get_by_role("button", name="Show it").click()
    expect(contact).to_contain_text(email)
    ((by, kept),) = rows(
        desk,
        "SELECT p.display_name, e.data->>'reason' FROM audit_event e"
        " JOIN person p ON p.id = e.actor_id WHERE e.action = 'contact.revealed'",
    )
    assert (by, kept) == ("Sana Lindqvist", reason)


def cannot_decide(desk: Desk, page: Page) -> None:
    """Support reads every plan and finds no button that decides on one."""
    for (plan,) in rows(desk, "SELECT id FROM plan ORDER BY id"):
        for tab in ("", "decide/", "execution/"):
            page.goto(f"/plans/{plan}/{tab}")
            for name in ("Approve", "Reject", "Execute", "Propose", "Withdraw"):
                assert page.get_by_role("button", name=name).count() == 0, words(page)
    until(page, lambda: page.get_by_role("heading", level=1).count() == 1, "a page")
