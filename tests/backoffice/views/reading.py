"""What a person reads on a page: the text between the tags, and the cells of a table."""

import re
from html import unescape

from django.http import HttpResponse


def text(response: HttpResponse) -> str:
    """The words of the page's main part, spaces made single."""
    page = response.content.decode()
    return _words(page[page.find('id="main"') :] if 'id="main"' in page else page)


def cells(response: HttpResponse, table: str) -> list[list[str]]:
    """The body of the table in the region with this id, a list of texts a row."""
    page = response.content.decode()
    body = page[page.index(f'id="{table}"') :].split("</tbody>")[0].split("<tbody>")[1]
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [[_words(c) for c in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in rows]


def heads(response: HttpResponse, table: str) -> list[str]:
    """The heads of the columns of a table."""
    page = response.content.decode()
    head = page[page.index(f'id="{table}"') :].partition("</thead>")[0].partition("<thead>")[2]
    return [_words(cell) for cell in re.findall(r"<th\b.*?</th>", head, re.DOTALL)]


def rows(response: HttpResponse, table: str) -> list[list[str]]:
    """As `cells`, of every body of the table."""
    page = response.content.decode()
    whole = page[page.index(f'id="{table}"') :].split("</table>")[0]
    found = re.findall(r"<tr.*?</tr>", whole.partition("</thead>")[2], re.DOTALL)
    return [[_words(c) for c in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in found]


def written(units: str, *, signed: bool = False) -> str:
    """Satoshi as the page writes them, made here by another way than the page's."""
    sign = "\N{MINUS SIGN}" if units.startswith("-") else "+" if signed and units != "0" else ""
    digits = units.lstrip("-").zfill(9)
    return f"{sign}{int(digits[:-8]):,}.{digits[-8:]}"


def csv(response: HttpResponse) -> list[list[str]]:
    """The rows of a streamed CSV of plain cells."""
    content = b"".join(response.streaming_content).decode("utf-8-sig")
    return [line.split(",") for line in content.split("\r\n") if line]


def _words(html: str) -> str:
    # A figure is several elements side by side: taking out their tags joins it again.
    joined = re.sub(r"</?(span|data|small|b|i|strong)\b[^>]*>", "", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", joined)).split())
