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
    page.wait_for_url(re.compile(r"/accounts/\d+/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(account)
    reveal_the_address(desk, page)
    cannot_decide(desk, page)
    # The empty reason was refused, which a browser also writes to its console.
    assert [each for each in opened.problems if "status of 422" not in each] == []


def find_with_the_palette(page: Page, looked_for: str) -> None:
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Find or go to")
    expect(box).to_be_focused()
    box.fill(looked_for)
    found = page.locator("#palette-list").get_by_role("option").first
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
    expect(readout).to_have_text(last, use_inner_text=True)


def open_a_receipt(desk: Desk, page: Page) -> str:
    """Filters the forced closes by verdict and opens the first receipt; returns its account."""
    page.get_by_role("link", name="Liquidations", exact=True).click()
    page.locator("form.filters").get_by_label("Verdict").select_option(PRINTED_ONLY)
    page.wait_for_url(re.compile(f"verdict={PRINTED_ONLY}"))
    totals = page.locator("#totals tbody tr")
    expect(totals).to_have_count(1)
    closes = one(
        desk,
        "SELECT count(*) FROM liquidation l JOIN incident i ON i.tape_id = l.tape_id"
        " WHERE l.verdict = %s AND i.slug = %s",
        PRINTED_ONLY,
        page.url.partition("/incidents/")[2].partition("/")[0],
    )
    assert f" {closes} " in " ".join(totals.inner_text().split())
    first = page.locator("#closes tbody tr").first
    account = first.get_by_role("rowheader").inner_text()
    first.get_by_role("link", name="Receipt").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Receipt of a forced close")
    return account


def reveal_the_address(desk: Desk, page: Page) -> None:
    ((email, name),) = rows(
        desk,
        "SELECT c.email, c.name FROM exchange_customer c"
        " JOIN exchange_account a ON a.customer_id = c.id WHERE a.id = %s",
        page.url.rstrip("/").rpartition("/")[2],
    )
    before = len(revealed(desk))
    contact = page.locator("#contact")
    expect(contact).to_contain_text(name)
    assert email not in page.content()
    contact.get_by_text("Show the address").click()
    contact.get_by_role("button", name="Show it").click()
    expect(contact).to_contain_text("This field is required.")
    assert len(revealed(desk)) == before
    reason = "They telephoned and ask where we wrote to."
    contact.get_by_label("Why you need the address").fill(reason)
    contact.get_by_role("button", name="Show it").click()
    expect(contact).to_contain_text(email)
    assert len(revealed(desk)) == before + 1
    assert revealed(desk)[-1] == ("Sana Lindqvist", reason)


def revealed(desk: Desk) -> list[tuple[str, str]]:
    """Who saw an address and why, the newest last."""
    return rows(
        desk,
        "SELECT p.display_name, e.data->>'reason' FROM audit_event e"
        " JOIN backoffice_person p ON p.id = e.actor_id"
        " WHERE e.action = 'contact.revealed' ORDER BY e.number",
    )


def cannot_decide(desk: Desk, page: Page) -> None:
    """Support reads every plan and finds no button that decides on one."""
    for (plan,) in rows(desk, "SELECT id FROM plan ORDER BY id"):
        for tab in ("", "decide/", "execution/"):
            page.goto(f"/plans/{plan}/{tab}")
            for name in ("Approve", "Reject", "Execute", "Propose", "Withdraw"):
                assert page.get_by_role("button", name=name).count() == 0, words(page)
    until(page, lambda: page.get_by_role("heading", level=1).count() == 1, "a page")
