"""Every page anyone can reach by clicking, looked at by a browser: nothing is broken on any.

One page of each kind is visited: addresses that differ by a number only are the same kind.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page

from tests.browser.books import compared, one
from tests.browser.conftest import Desk, Visit

pytestmark = pytest.mark.browser
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
KINDS_MAX = 80
SEEN: dict[tuple[object, ...], set[str]] = defaultdict(set)
# What an element is to axe, apart from its words and numbers, and in what it stands.
FEATURES = """() => {
  const own = each => each && each.tagName + [...each.attributes].map(({name, value}) =>
    ["class", "role", "type", "lang"].includes(name) ? `[${name}=${value}]` : `[${name}]`).sort()
    .join("") + (each.textContent.trim() ? "" : " empty");
  const all = [...document.querySelectorAll("*")];
  return [...new Set(all.map(each => `${own(each.parentElement)} > ${own(each)}`))];
}"""
DOWNLOADS = (".csv", ".json", ".atom", ".zip", ".pdf", ".yaml", ".js")
STAFF = ("mira", "sana", "chen", "fay")
CUSTOMERS = ("liquidated", "winner")


def kind(address: str) -> str:
    """The address without what numbers it and without the values of its query."""
    parts = urlsplit(address)
    keys = ",".join(sorted({name for name, _ in parse_qsl(parts.query)}))
    return re.sub(r"\d+", "N", parts.path) + (f"?{keys}" if keys else "")


def links(page: Page) -> list[str]:
    """The addresses of this desk that the page links to, downloads included."""
    # A link within a drawing has no plain address of its own.
    found = page.eval_on_selector_all(
        "a[href]", "all => all.map(a => new URL(a.getAttribute('href'), document.baseURI).href)"
    )
    here = urlsplit(page.url).netloc
    return [
        address.partition("#")[0]
        for address in found
        if urlsplit(address).netloc == here and "/logout" not in address
    ]


def crawl(visit: Visit, start: str) -> Iterator[Page]:
    """Visits one page of each kind reachable from `start`; downloads are fetched only."""
    page = visit.page
    page.goto(start)
    waiting, seen = [page.url], {kind(page.url)}
    while waiting:
        address = waiting.pop(0)
        if urlsplit(address).path.endswith(DOWNLOADS):
            answer = page.request.get(address)
            if answer.status != 200:
                visit.problems.append(f"{answer.status} for {address}")
            continue
        answer = page.goto(address)
        if answer is None or answer.status != 200:
            visit.problems.append(f"{answer and answer.status} for {address}")
            continue
        yield page
        for each in links(page):
            if kind(each) not in seen and len(seen) < KINDS_MAX:
                seen.add(kind(each))
                waiting.append(each)


def faults(page: Page) -> list[str]:
    """What every page owes its reader, whoever it is."""
    found = []
    if not page.title().strip():
        found.append("no title")
    if page.locator("h1").count() != 1:
        found.append(f"{page.locator('h1').count()} main headings")
    if not page.get_attribute("html", "lang"):
        found.append("no language")
    for raw in page.locator("main").all_inner_texts():
        if re.search(r"\{%|^\s*(None|NaN|undefined)\s*$|\bNaN\b", raw, re.MULTILINE):
            found.append("an unrendered value")
    return [f"{page.url}: {each}" for each in found]


def unreadable(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA; nothing for a page with nothing on it that axe has not
    seen on a page of its kind, as wide and of the same scheme."""
    looks = page.evaluate("innerWidth + matchMedia('(prefers-color-scheme: dark)').matches")
    seen, here = SEEN[kind(page.url), looks], set(page.evaluate(FEATURES))
    if here <= seen:
        return []
    seen |= here
    page.evaluate(AXE)
    # Only what is wrong comes back: what is right is megabytes.
    wrong = page.evaluate(
        "async tags => (await axe.run(document, {runOnly: {type: 'tag', values: tags},"
        " resultTypes: ['violations']})).violations",
        STANDARDS,
    )
    return [f"{page.url}: {each['id']}: {each['nodes'][0]['html'][:120]}" for each in wrong]


@pytest.fixture(scope="module", autouse=True)
def everything(desk: Desk) -> None:
    """What a rehearsal leaves out and has pages of its own."""
    compared(desk, one(desk, "SELECT slug FROM incident ORDER BY id LIMIT 1"))


def report(problems: list[str]) -> None:
    """Fails with all of them, one a line, when there are any."""
    assert not problems, "\n".join(dict.fromkeys(problems))


def test_the_eye_sees_a_fault(visit: Callable[..., Visit]) -> None:
    """Otherwise its silence on all other pages would say nothing."""
    opened = visit(None)
    opened.page.goto("/help/")
    assert unreadable(opened.page) == []
    opened.page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert [each.split(": ")[1] for each in unreadable(opened.page)] == ["button-name"]


@pytest.mark.parametrize("handle", [*STAFF, *CUSTOMERS])
def test_for_everyone_who_signs_in(visit: Callable[..., Visit], handle: str) -> None:
    opened = visit(handle)
    found, visited = [], 0
    for page in crawl(opened, "/"):
        visited += 1
        found += faults(page) + unreadable(page)
    report(found + opened.problems)
    assert visited >= (10 if handle in STAFF else 3)


def test_for_everyone_else(visit: Callable[..., Visit]) -> None:
    opened = visit(None)
    found = []
    for start in ("/notices/", "/margin/", "/accounts/login/"):
        for page in crawl(opened, start):
            found += faults(page) + unreadable(page)
    report(found + opened.problems)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_in_chinese_on_a_telephone(visit: Callable[..., Visit], scheme: str) -> None:
    """Nothing is cut off at 320 pixels, which is also what a zoom of 400 % leaves."""
    opened = visit(
        None, locale="zh-CN", viewport={"width": 320, "height": 640}, color_scheme=scheme
    )
    found = []
    for page in crawl(opened, "/notices/"):
        found += faults(page) + unreadable(page)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            found.append(f"{page.url}: {wide} pixels too wide")
    report(found + opened.problems)
    assert re.search("[\u4e00-\u9fff]", opened.page.inner_text("main"))


def test_without_script(visit: Callable[..., Visit]) -> None:
    """Every page is whole and every link works where no script runs."""
    opened = visit("mira", java_script_enabled=False)
    visited = sum(1 for _ in crawl_without_script(opened))
    report(opened.problems)
    assert visited >= 10


def crawl_without_script(visit: Visit) -> Iterator[str]:
    """As crawl; a page without script cannot be asked for its links, so its text is."""
    page = visit.page
    waiting, seen = ["/"], {"/"}
    while waiting:
        address = waiting.pop(0)
        answer = page.goto(address)
        assert answer is not None
        if answer.status != 200:
            visit.problems.append(f"{answer.status} for {address}")
        yield address
        for each in re.findall(r'<a\b[^>]*\shref="(/[^"#]*)', answer.text()):
            path = each.replace("&amp;", "&")
            skip = urlsplit(path).path.endswith(DOWNLOADS) or "/logout" in path
            if not skip and kind(path) not in seen and len(seen) < KINDS_MAX:
                seen.add(kind(path))
                waiting.append(path)
