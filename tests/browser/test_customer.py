"""A customer who was closed by force reads what was done to their account, and why."""

import csv
import io
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.books import one, rows, words, written
from tests.browser.conftest import Desk, Visit, sign_in

pytestmark = pytest.mark.browser
MINE = "liquidated@drill.makewhole.example"
EFFECTS = """
    SELECT e.futures_before, e.futures_delta, e.funding_before, e.funding_delta, s.decimals, s.code,
           p.digest
    FROM backoffice_person who
    JOIN exchange_account a ON a.customer_id = who.customer_id
    JOIN plan_effect e ON e.account_id = a.id
    JOIN exchange_asset s ON s.id = e.asset_id
    JOIN plan p ON p.id = e.plan_id AND p.state = 'reconciled'
    WHERE who.email = %s
"""


def test_a_customer_reads_their_statement(desk: Desk, visit: Callable[..., Visit]) -> None:
    opened = visit(None)
    page = opened.page
    sign_in(page, desk, "liquidated")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your statement")
    figures_are_the_rows(desk, page)
    csv_is_the_rows(desk, page)
    page.get_by_role("link", name="Why, step by step").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Why your position was closed")
    expect(page.get_by_role("main")).to_contain_text("Maintenance")
    page.goto("/me/")
    page.get_by_role("link", name="Your account was adjusted").first.click()
    assert written(gained(desk), 8).lstrip("+") in words(page).replace(",", "")
    read_the_notice_in_chinese(page)
    assert opened.problems == []


def test_a_telephone_reads_it_downwards(visit: Callable[..., Visit]) -> None:
    """No table and no way to another page is looked for sideways."""
    page = visit("liquidated", viewport={"width": 390, "height": 844}).page
    page.goto("/me/")
    expect(page.locator("[data-stack]").first).to_be_visible()
    sideways = """all => all.filter(each => each.scrollWidth > each.clientWidth)
                            .map(each => each.outerHTML.slice(0, 80))"""
    assert page.eval_on_selector_all("html, nav, .sheet-wrap", sideways) == []


def figures_are_the_rows(desk: Desk, page: Page) -> None:
    """Before, change and after of both wallets of every change, to the last digit."""
    shown = words(page)
    found = rows(desk, EFFECTS, MINE)
    assert found
    for before, change, funding, moved, decimals, code, _digest in found:
        for units, signed in (
            (before, False), (change, True), (before + change, False),
            (funding, False), (moved, True), (funding + moved, False),
        ):  # fmt: skip
            assert f"{written(units, decimals, signed=signed)} {code}" in shown, shown


def csv_is_the_rows(desk: Desk, page: Page) -> None:
    with page.expect_download() as waited:
        page.get_by_role("link", name="Download as CSV").click()
    text = waited.value.path().read_text("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text)))
    downloaded = {
        (row["futures_before"], row["futures_change"], row["funding_before"], row["plan_digest"])
        for row in table
    }
    assert downloaded == {
        tuple(
            written(units, decimals).replace(",", "").replace("\N{MINUS SIGN}", "-")
            for units in (before, change, funding)
        )
        + (digest,)
        for before, change, funding, _moved, decimals, _code, digest in rows(desk, EFFECTS, MINE)
    }


def gained(desk: Desk) -> int:
    """What the rollback changed on the customer's futures wallet."""
    found = one(
        desk,
        f"SELECT futures_delta FROM ({EFFECTS.replace('e.futures_before,', '', 1)}"
        " AND p.remedy = 'rollback' AND s.code = 'BTC') theirs",
        MINE,
    )
    assert isinstance(found, int)
    return found


def read_the_notice_in_chinese(page: Page) -> None:
    page.goto("/me/")
    page.get_by_role("link", name="Read the notice about what happened").first.click()
    page.locator("details.menu summary[aria-label]").first.click()
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", re.compile("zh"))
    assert re.search("[\u4e00-\u9fff]{10}", words(page))
    page.locator("details.menu summary[aria-label]").first.click()
    page.get_by_role("button", name="English").click()


def test_anothers_rows_are_not_there(desk: Desk, visit: Callable[..., Visit]) -> None:
    """Every close and letter of another customer is the same 404 as a number nobody has."""
    page = visit("winner").page
    others = "WHERE a.customer_id <> (SELECT customer_id FROM backoffice_person WHERE email = %s)"
    winner = "winner@drill.makewhole.example"
    close = one(
        desk,
        "SELECT min(l.id) FROM liquidation l"
        f" JOIN exchange_account a ON a.id = l.account_id {others}",
        winner,
    )
    letter = one(
        desk,
        f"SELECT min(m.id) FROM message m JOIN exchange_account a ON a.id = m.account_id {others}",
        winner,
    )
    for address in (f"/me/closes/{close}/", f"/me/messages/{letter}/", "/me/closes/999999999/"):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 404
    for address in ("/incidents/", "/plans/1/", "/approvals/"):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 404
