"""The words of a message to one customer, from that customer's own numbers. Pure.

A letter says what was done, shows before, change and after with every digit the ledger holds, says
why, and apologises. Nothing in it is typed by hand, so nothing in it can differ from the books.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from backoffice import customer_words, figures
from backoffice.customer_words import Told


@dataclass(frozen=True)
class AssetLines:
    """One asset of one account, in minor units; `paid` is what the house, the fund or others gave
    (below zero: took), `goodwill` is 0 in every letter but one about goodwill."""

    asset: str
    decimals: int
    futures_before: int
    futures_delta: int
    funding_before: int
    funding_delta: int
    receivable_delta: int
    reversed_pnl: int
    reversed_fees: int
    paid: int
    moved_out: int
    goodwill: int = 0


@dataclass(frozen=True)
class Occasion:
    """What every letter of a campaign has in common: the incident's contract and cut-off, the
    `remedies` that were done in order, and the contract that was `settled` if one was."""

    venue: str
    contract: str
    cutoff: datetime
    zone: str
    address: str
    remedies: tuple[str, ...]
    settled: str = ""


@dataclass(frozen=True)
class Letter:
    """A rendered message."""

    subject: str
    text: str
    html: str


def adjustment(
    *,
    occasion: Occasion,
    name: str,
    account: str,
    lines: Sequence[AssetLines],
    positions_changed: int,
    language: str,
) -> Letter:
    """The letter about a remedy: what it changed on the account, why, and where to check it."""
    words = _CHINESE if language == "zh-hans" else _ENGLISH
    said = customer_words.together(occasion.remedies, language)
    rows: list[tuple[str, str]] = []
    for line in lines:
        rows += _adjustment_rows(words, said, line)
    if positions_changed:
        rows.append((words["positions"], figures.whole_number(positions_changed)))
    texts = words | {"adjustment": f"{said.text}\n{words['adjustment']}"}
    texts["adjustment_subject"] = words["adjustment_subject"] + said.subject
    return _letter(texts, "adjustment", occasion, name, account, rows)


def goodwill(
    *, occasion: Occasion, name: str, account: str, lines: Sequence[AssetLines], language: str
) -> Letter:
    """The letter about a goodwill payment, with the sum."""
    words = _CHINESE if language == "zh-hans" else _ENGLISH
    rows: list[tuple[str, str]] = []
    for line in lines:
        rows += [
            (words["before"].format(asset=line.asset), _plain(line.futures_before, line)),
            (words["paid"].format(asset=line.asset), _signed(line.goodwill, line)),
            (
                words["after"].format(asset=line.asset),
                _plain(line.futures_before + line.goodwill, line),
            ),
        ]
    return _letter(words, "goodwill", occasion, name, account, rows)


def places(occasion: Occasion) -> dict[str, str]:
    """What stands in the places that the texts of `customer_words` leave open."""
    cutoff = occasion.cutoff.astimezone(ZoneInfo(occasion.zone))
    return {
        "contract": occasion.contract,
        "cutoff": f"{cutoff:%Y-%m-%d %H:%M:%S} {cutoff.tzname()}",
        "settled": occasion.settled,
    }


def _adjustment_rows(words: dict[str, str], said: Told, line: AssetLines) -> list[tuple[str, str]]:
    """Before, why, change and after; a reason that comes to nothing is left out."""
    paid = "given" if line.paid > 0 else "taken"
    why = (
        (said.pnl, line.reversed_pnl),
        (said.fees, line.reversed_fees),
        (words[paid], line.paid),
    )
    taken_back = line.funding_delta < 0 or line.receivable_delta < 0
    owed = "owed" if line.receivable_delta < 0 else "forgiven"
    rows = [
        (words["before"].format(asset=line.asset), _plain(line.futures_before, line)),
        *((label, _signed(units, line)) for label, units in why if units),
        (words["change"], _signed(line.futures_delta, line)),
        (
            words["after"].format(asset=line.asset),
            _plain(line.futures_before + line.futures_delta, line),
        ),
    ]
    if line.moved_out and taken_back:
        rows.append((words["moved"], _plain(line.moved_out, line)))
    if line.funding_delta:
        rows.append((words["funding"], _signed(line.funding_delta, line)))
    if line.receivable_delta:
        rows.append((words[owed], _plain(abs(line.receivable_delta), line)))
    return rows


def _letter(
    words: dict[str, str],
    kind: str,
    occasion: Occasion,
    name: str,
    account: str,
    rows: list[tuple[str, str]],
) -> Letter:
    filled = places(occasion) | {"venue": occasion.venue, "name": name, "account": account}
    hello = words["hello"].format(**filled)
    body = [part.format(**filled) for part in words[kind].split("\n")]
    end = words["end"].format(address=occasion.address)
    table = "\n".join(f"  {label}: {value}" for label, value in rows)
    text = "\n\n".join([hello, *body[:-1], table, body[-1], end, occasion.venue]) + "\n"
    cells = "".join(
        f"<tr><th align=left>{escape(label)}</th><td align=right>{escape(value)}</td></tr>"
        for label, value in rows
    )
    paragraphs = "".join(f"<p>{escape(part)}</p>" for part in [hello, *body[:-1]])
    closing = "".join(f"<p>{escape(part)}</p>" for part in [body[-1], end, occasion.venue])
    return Letter(
        subject=words[f"{kind}_subject"].format(**filled),
        text=text,
        html=f"{paragraphs}<table>{cells}</table>{closing}",
    )


def _plain(units: int, line: AssetLines) -> str:
    return f"{figures.amount(units, line.decimals)} {line.asset}"


def _signed(units: int, line: AssetLines) -> str:
    return f"{figures.amount(units, line.decimals, signed=True)} {line.asset}"


_ENGLISH = {
    "hello": "Dear {name},",
    "adjustment_subject": "Your futures account {account}: ",
    "adjustment": (
        "These are the numbers of your account {account}, from the ledger:\n"
        "We are sorry. You were owed a market you could rely on."
    ),
    "goodwill_subject": "A goodwill payment to your account {account}",
    "goodwill": (
        "Your position was closed by force on {contract} when it would not have been at a fair "
        "price. This payment is for the disturbance, and it does not change any right you have.\n"
        "These are the numbers of your account {account}, from the ledger:\n"
        "We are sorry that this happened to you."
    ),
    "end": "How each number came about is on your page: {address}",
    "before": "Futures wallet before, {asset}",
    "given": "Paid to you",
    "taken": "Charged to you",
    "change": "Change of your futures wallet",
    "after": "Futures wallet after, {asset}",
    "moved": "Moved out of the futures wallet after the cut-off",
    "funding": "Change of your funding wallet",
    "owed": "Still owed to us",
    "forgiven": "Taken off what you owe us",
    "positions": "Positions changed",
    "paid": "Goodwill paid, {asset}",
}
_CHINESE = {
    "hello": "尊敬的 {name}：",
    "adjustment_subject": "您的合约账户 {account}：",
    "adjustment": (
        "以下是账本中您的账户 {account} 的数字：\n我们诚挚道歉。您本应得到一个可以信赖的市场。"
    ),
    "goodwill_subject": "您的账户 {account} 收到一笔补偿",
    "goodwill": (
        "您在 {contract} 上的仓位被强制平仓，而按公允价格本不应如此。"
        "这笔款项是对您所受困扰的补偿，不影响您的任何权利。\n"
        "以下是账本中您的账户 {account} 的数字：\n"
        "对于给您造成的影响，我们深表歉意。"
    ),
    "end": "每个数字的来历请见您的页面：{address}",
    "before": "合约钱包，调整前（{asset}）",
    "given": "支付给您的金额",
    "taken": "向您收取的金额",
    "change": "合约钱包变动",
    "after": "合约钱包，调整后（{asset}）",
    "moved": "截止时刻之后转出合约钱包的金额",
    "funding": "资金钱包变动",
    "owed": "仍应归还的金额",
    "forgiven": "从您的欠款中减免",
    "positions": "变动的仓位数",
    "paid": "补偿金额（{asset}）",
}
