"""A desk that is away for a moment, and a hand that clicks twice."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.books import compared, one, until
from tests.browser.conftest import Desk, Visit

pytestmark = pytest.mark.browser
UNCHECKED = """
from django.core.cache import cache
from backoffice.views.audit import LAST_CHECK
cache.delete(LAST_CHECK)
"""


def test_what_waits_for_the_desk_asks_again(desk: Desk, visit: Callable[..., Visit]) -> None:
    """The check of the audit chain is cut off, then fails, then answers."""
    desk.manage("shell", "--verbosity", "0", "-c", UNCHECKED)  # a chain checked to its end is not
    page = visit("mira").page
    asked = held(page, "**/audit/check/")
    page.goto("/audit/")
    trouble = page.locator("#trouble")
    until(page, lambda: len(asked) == 1, "it asks")
    asked[0].abort()
    expect(trouble).to_have_text("The desk cannot be reached.")
    until(page, lambda: len(asked) == 2, "it asks again")
    asked[1].fulfill(status=503)
    expect(trouble).to_have_text("The desk could not answer (503). Nothing was changed.")
    until(page, lambda: len(asked) == 3, "it asks once more")
    asked[2].continue_()
    expect(page.locator("#chain")).to_contain_text("Chain verified")
    expect(trouble).to_be_hidden()


def test_a_second_click_sends_nothing(desk: Desk, visit: Callable[..., Visit]) -> None:
    slug = one(desk, "SELECT slug FROM incident ORDER BY id LIMIT 1")
    compared(desk, slug)
    page = visit("mira").page
    sent = held(page, "**/remedies/compute/")
    page.goto(f"/incidents/{slug}/remedies/")
    # A click of Playwright would wait for the answer to the first.
    twice = "button => { button.click(); setTimeout(() => button.click(), 100) }"
    page.get_by_role("button", name="Compare again").evaluate(twice)
    until(page, lambda: bool(sent), "the first is sent")
    page.wait_for_timeout(500)
    assert len(sent) == 1
    sent[0].fulfill(status=200, content_type="text/html", body="<h1>Answered</h1>")
    expect(page.get_by_role("heading", name="Answered")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Compare again").click(no_wait_after=True)
    until(page, lambda: len(sent) == 2, "another is sent")


def held(page: Page, address: str) -> list[Route]:
    """The requests of a page to an address, which wait until the test answers them."""
    waiting: list[Route] = []
    page.route(address, lambda route: waiting.append(route))
    return waiting
