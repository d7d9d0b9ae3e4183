"""From nothing to a plan: Mira compares remedies, looks closer, chooses, and has it computed."""

import io
import re
from collections.abc import Callable

import pypdf
import pytest
from playwright.sync_api import Page, expect

from tests.browser.books import investigated, one, rows, until, words, written
from tests.browser.conftest import Desk, Visit

pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]
SUMMARY = "SELECT summary FROM scenario WHERE comparison_id = %s AND number = %s"
NEWEST = (
    "SELECT max(c.id) FROM comparison c JOIN incident i ON i.id = c.incident_id WHERE slug = %s"
)


@pytest.fixture(scope="module")
def incident(desk: Desk) -> str:
    """The slug of an incident nobody has remedied yet."""
    return investigated(desk)


def test_from_a_comparison_to_a_plan(desk: Desk, visit: Visits, incident: str) -> None:
    opened = visit("mira", viewport={"width": 1440, "height": 900})
    page = opened.page
    comparison = compare(desk, page, incident)
    figures_are_the_rows(desk, page, comparison)
    go_sideways(page)
    go_down(page)
    on_paper(page)
    choose_columns(page)
    look_closer(page)
    one_account_across(desk, page, comparison)
    download_the_paper(desk, page, comparison)
    plan = make_a_plan(page, comparison)
    digests = rows(
        desk,
        "SELECT p.digest, s.digest FROM plan p, scenario s WHERE p.id = %s"
        " AND s.comparison_id = %s AND s.number = 5",
        plan, comparison,
    )  # fmt: skip
    assert digests[0][0] == digests[0][1]
    assert opened.problems == []


def compare(desk: Desk, page: Page, incident: str) -> int:
    """The default remedies and one with a band of its own; followed to its end without a reload."""
    page.goto(f"/incidents/{incident}/remedies/")
    page.get_by_role("link", name="Choose what to compare").click()
    page.get_by_role("button", name="Bust trades outside a band").click()
    band = page.locator("#scenario-0").get_by_label("Band")
    expect(band).to_have_value("0.03")
    band.fill("0.2")
    page.get_by_role("button", name="Compare", exact=True).click()
    look = page.get_by_role("link", name=re.compile(r"Look at comparison \d+"))
    expect(look).to_be_visible(timeout=60_000)
    look.click()
    expect(page.locator("#compare")).to_be_visible()
    comparison = one(desk, NEWEST, incident)
    assert one(desk, "SELECT count(*) FROM scenario WHERE comparison_id = %s", comparison) == 10
    return int(comparison)


def figures_are_the_rows(desk: Desk, page: Page, comparison: int) -> None:
    """What is gained and what it costs the house, of every scenario, to the last digit."""
    gain = page.locator("#rows-sides tr").nth(1).inner_text()
    cost = page.locator("#rows-pays tr").nth(1).inner_text()
    for number in range(10):
        btc = one(desk, SUMMARY, comparison, number)["by_asset"]["BTC"]
        assert written(int(btc["gained"]), 8, signed=True) in gain
        assert written(int(btc["house_cost"]), 8) in cost


def go_sideways(page: Page) -> None:
    """Nine remedies fit on a small laptop; of more, the table says that it goes on, the keyboard
    goes there, and the names of the rows stay."""
    table = page.get_by_role("region", name=re.compile("Remedies side by side"))
    said = page.get_by_text("More columns than fit")
    back = page.url
    page.goto(f"{back}?" + "&".join(f"s={number}" for number in range(1, 10)))
    for width in (1280, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert table.evaluate("table => table.scrollWidth - table.clientWidth") == 0, width
        expect(said).to_be_hidden()
    page.goto(back)
    page.set_viewport_size({"width": 1100, "height": 900})
    expect(said).to_be_visible()
    expect(table).to_have_attribute("data-right", "")
    name = table.get_by_role("rowheader", name="Gain", exact=True).first
    edge = name.evaluate("cell => cell.getBoundingClientRect().left")
    table.focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    expect(table).to_have_attribute("data-left", "")
    expect(table).not_to_have_attribute("data-right", "")
    assert name.evaluate("cell => cell.getBoundingClientRect().left") == edge
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    page.set_viewport_size({"width": 1440, "height": 900})


def go_down(page: Page) -> None:
    """Where the rest of the table is below the edge of its frame, the edge says so."""
    table = page.get_by_role("region", name=re.compile("Remedies side by side"))
    expect(table).to_have_attribute("data-below", "")
    table.evaluate("table => table.scrollTo(0, table.scrollHeight)")
    expect(table).not_to_have_attribute("data-below", "")
    table.evaluate("table => table.scrollTo(0, 0)")
    expect(table).to_have_attribute("data-below", "")


def on_paper(page: Page) -> None:
    """All of the table is printed, and nothing over it."""
    page.emulate_media(media="print")
    hidden = "table => table.scrollHeight - table.clientHeight"
    assert page.locator("#compare").evaluate(hidden) == 0
    page.emulate_media(media="screen")


def choose_columns(page: Page) -> None:
    """Two remedies beside each other, by keyboard; the address keeps the choice."""
    heads = page.locator("#compare thead th[data-col]")
    expect(heads).to_have_count(10)
    page.locator(".picker > summary").focus()
    page.keyboard.press("Enter")
    for left, number in zip(range(9, 2, -1), (2, 3, 5, 7, 8, 9, 10), strict=True):
        page.locator(f'input[name="s"][value="{number}"]').focus()
        page.keyboard.press("Space")
        expect(heads).to_have_count(left)
    assert re.findall(r"[?&]s=(\d+)", page.url) == ["1", "4", "6"]
    page.reload()
    expect(heads).to_have_count(3)
    assert words(page, "#compare").count("sums to 0") >= 3


def look_closer(page: Page) -> None:
    page.locator("#compare thead").get_by_role("link", name=re.compile("Reinstate")).click()
    expect(page.locator("#closer-name")).to_have_text("6 Reinstate liquidated positions")
    page.get_by_role("link", name="Look closer").click()
    expect(page.locator("#closer-name")).to_be_in_viewport()
    expect(page.locator("#extremes tbody tr").first).to_be_visible()
    expect(page.locator("#spread svg").first).to_be_visible()


def one_account_across(desk: Desk, page: Page, comparison: int) -> None:
    """The page of the account that gains the most, under all ten."""
    back = page.url
    row = page.locator("#extremes tbody tr").first
    code = row.get_by_role("rowheader").inner_text()
    row.get_by_role("link", name=re.compile("Compare")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{code} under every remedy")
    shown = words(page, "#across")
    for worth, decimals in rows(
        desk,
        "SELECT e.worth_delta, x.decimals FROM scenario_effect e"
        " JOIN scenario s ON s.id = e.scenario_id JOIN exchange_account a ON a.id = e.account_id"
        " JOIN exchange_asset x ON x.id = e.asset_id"
        " WHERE s.comparison_id = %s AND a.code = %s AND e.worth_delta <> 0"
        " AND a.venue_id = (SELECT venue_id FROM incident i JOIN comparison c"
        "   ON c.incident_id = i.id WHERE c.id = s.comparison_id)",
        comparison, code,
    ):  # fmt: skip
        assert written(worth, decimals, signed=True) in shown
    assert "not touched" in shown
    page.goto(back)


def download_the_paper(desk: Desk, page: Page, comparison: int) -> None:
    with page.expect_download() as waited:
        page.get_by_role("link", name="Paper for the committee (PDF)").click()
    reader = pypdf.PdfReader(io.BytesIO(waited.value.path().read_bytes()))
    text = "".join(" ".join(each.extract_text() for each in reader.pages).split())
    digest = one(
        desk, "SELECT digest FROM scenario WHERE comparison_id = %s AND number = 0", comparison
    )
    assert digest in text


def make_a_plan(page: Page, comparison: int) -> int:
    """The plan of the scenario that is looked at; it says that its digest is the scenario's."""
    page.get_by_role("button", name="Compute as a plan").click()
    look = page.get_by_role("link", name=re.compile(r"Look at plan \d+"))
    expect(look).to_be_visible(timeout=60_000)
    look.click()
    expect(page.locator("#origin")).to_contain_text(f"Scenario 6 of comparison {comparison}")
    expect(page.locator("#origin")).to_contain_text("Digest equal")
    return int(page.url.rstrip("/").rpartition("/")[2])


def test_on_a_telephone_one_remedy_stands_alone(desk: Desk, visit: Visits, incident: str) -> None:
    page = visit("sana", viewport={"width": 390, "height": 900}).page
    comparison = one(desk, NEWEST, incident)
    page.goto(f"/comparisons/{comparison}/?at=2")
    heads = page.locator("#compare thead th[data-col]:visible")
    expect(heads).to_have_count(1)
    expect(heads).to_contain_text("Bust trades outside a band")
    page.locator(".one-of").get_by_role("link", name=re.compile("Settle")).click()
    until(page, lambda: "at=7" in page.url, "the seventh remedy")
    expect(heads).to_contain_text("Settle at a price")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    assert page.get_by_role("button", name="Compute as a plan").count() == 0


def test_without_script_remedies_are_compared(desk: Desk, visit: Visits, incident: str) -> None:
    page = visit("mira", java_script_enabled=False).page
    page.goto(f"/incidents/{incident}/remedies/new/")
    page.get_by_role("button", name="Settle at a price, then refund").click()
    expect(page.locator("fieldset.scenario")).to_have_count(1)
    page.get_by_role("button", name="Leave out").click()
    expect(page.locator("fieldset.scenario")).to_have_count(0)
    comparison = one(desk, NEWEST, incident)
    page.goto(f"/comparisons/{comparison}/?s=1&s=4")
    expect(page.locator("#compare thead th[data-col]")).to_have_count(2)
