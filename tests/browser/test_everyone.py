"""What holds for everyone: the keyboard is enough, no script is needed, no theme hides anything."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.books import compared, rows
from tests.browser.conftest import Desk, Visit, sign_in
from tests.browser.test_every_page import unreadable

pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]
TABS = (
    "",
    "liquidations/",
    "accounts/",
    "remedies/",
    "remedies/new/?add=bust",
    "plans/",
    "goodwill/",
    "notices/",
    "messages/",
)


def main_pages(desk: Desk) -> list[str]:
    ((slug,),) = rows(desk, "SELECT slug FROM incident ORDER BY id LIMIT 1")
    plan = ("/plans/1/", "/plans/1/effects/", "/plans/1/decide/", "/plans/1/execution/")
    return [
        "/incidents/",
        *(f"/incidents/{slug}/{tab}" for tab in TABS),
        *plan,
        *(f"/comparisons/{compared(desk, slug)}/{part}" for part in ("", "accounts/1/")),
        "/campaigns/1/",
        "/messages/1/",
        "/liquidations/1/",
        "/accounts/1/",
        "/approvals/",
    ]


def test_main_pages_in_the_dark(desk: Desk, visit: Visits) -> None:
    """No fault of accessibility; the crawl looks for them in the light."""
    staff = visit("mira", color_scheme="dark", viewport={"width": 1440, "height": 900})
    customer = visit("liquidated", color_scheme="dark", viewport={"width": 390, "height": 900})
    found = []
    for opened, addresses in ((staff, main_pages(desk)), (customer, ["/me/", "/notices/"])):
        for address in addresses:
            opened.page.goto(address)
            found += unreadable(opened.page)
    assert found + staff.problems + customer.problems == []


def test_no_page_is_wider_than_a_telephone(desk: Desk, visit: Visits) -> None:
    staff = visit("mira", viewport={"width": 390, "height": 900})
    customer = visit("liquidated", viewport={"width": 390, "height": 900})
    found = []
    for opened, addresses in ((staff, main_pages(desk)), (customer, ["/me/", "/notices/"])):
        for address in addresses:
            opened.page.goto(address)
            wide = opened.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wide > 0:
                found.append(f"{address}: {wide} pixels too wide")
    assert found + staff.problems + customer.problems == []


def test_signing_in_by_keyboard(visit: Visits) -> None:
    """Every control is reached with Tab and shows that it is; Enter signs in."""
    opened = visit(None)
    page = opened.page
    page.goto("/accounts/login/")
    tab_to(page, "input[name=login]")
    page.keyboard.type("winner@drill.makewhole.example")
    tab_to(page, "input[name=password]")
    page.keyboard.type("rehearsal-winner-2018")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your statement")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("href", "#main")
    assert opened.problems == []


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until it has the focus, which has to be visible on every control passed."""
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement);"
            " return s.outlineStyle !== 'none' || s.boxShadow !== 'none'; }"
        ), page.evaluate("() => document.activeElement.outerHTML.slice(0, 200)")
        if page.locator(selector).evaluate("it => it === document.activeElement"):
            return
    raise AssertionError(f"Tab never reached {selector}")


def test_without_script_one_signs_in_and_filters(desk: Desk, visit: Visits) -> None:
    opened = visit(None, java_script_enabled=False)
    page = opened.page
    sign_in(page, desk, "sana")
    page.goto(main_pages(desk)[2])
    page.locator("form.filters").get_by_label("Verdict").select_option("not_due")
    page.locator("form.filters").get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("verdict=not_due"))
    closes = rows(
        desk,
        "SELECT count(*) FROM liquidation l JOIN incident i ON i.tape_id = l.tape_id"
        " WHERE i.slug = %s AND l.verdict = 'not_due'",
        main_pages(desk)[2].split("/")[2],
    )
    expect(page.locator("#closes tbody tr")).to_have_count(closes[0][0])
    assert opened.problems == []


def test_without_script_a_customer_reads(visit: Visits) -> None:
    opened = visit("liquidated", java_script_enabled=False)
    page = opened.page
    page.goto("/me/")
    page.get_by_role("link", name="Read the notice about what happened").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto("/me/")
    page.get_by_role("link", name="Why, step by step").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Why your position was closed")
    assert opened.problems == []
