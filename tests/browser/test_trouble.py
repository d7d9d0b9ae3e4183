"""A desk that is away for a moment, and a hand that clicks twice."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.books import compared, one
from tests.browser.conftest import Desk, Visit

pytestmark = pytest.mark.browser


def test_what_waits_for_the_desk_asks_again(visit: Callable[..., Visit]) -> None:
    """The check of the audit chain is cut off, then fails, then answers."""
    page = visit("mira").page
    answers = iter([Route.abort, lambda route: route.fulfill(status=503)])
    page.route("**/audit/check/", lambda route: next(answers, Route.continue_)(route))
    page.goto("/audit/")
    trouble = page.locator("#trouble")
    expect(trouble).to_have_text("The desk cannot be reached.")
    expect(trouble).to_have_text("The desk could not answer (503). Nothing was changed.")
    expect(page.locator("#chain")).to_contain_text("Chain verified")
    expect(trouble).to_be_hidden()


def test_a_second_click_sends_nothing(desk: Desk, visit: Callable[..., Visit]) -> None:
    slug = one(desk, "SELECT slug FROM incident ORDER BY id LIMIT 1")
    compared(desk, slug)
    page = visit("mira").page
    sent: list[Route] = []
    page.route("**/remedies/compute/", lambda route: sent.append(route))
    page.goto(f"/incidents/{slug}/remedies/")
    # A click of Playwright would wait for the answer to the first.
    twice = "button => { button.click(); setTimeout(() => button.click(), 100) }"
    page.get_by_role("button", name="Compare again").evaluate(twice)
    page.wait_for_timeout(500)
    assert len(sent) == 1
    sent[0].fulfill(status=200, content_type="text/html", body="<h1>Answered</h1>")
    expect(page.get_by_role("heading", name="Answered")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Compare again").click(no_wait_after=True)
    page.wait_for_timeout(300)
    assert len(sent) == 2
