"""The words of a message to one customer, from that customer's own numbers. Pure.

A letter says what was done, shows before, change and after with every digit the ledger holds, says
why, and apologises. Nothing in it is typed by hand, so nothing in it can differ from the books.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from backoffice import figures


@dataclass(frozen=True)
class AssetLines:
    """One asset of one account, in minor units; `goodwill` is 0 in a letter about a rollback."""

    asset: str
    decimals: int
    futures_before: int
    futures_delta: int
    funding_before: int
    funding_delta: int
    receivable_delta: int
    reversed_pnl: int
    reversed_fees: int
    moved_out: int
    goodwill: int = 0


@dataclass(frozen=True)
class Occasion:
    """What every letter of a campaign has in common."""

    venue: str
    contract: str
    cutoff: datetime
    zone: str
    address: str


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
    """The letter about a rollback: what changed on the account, why, and where to check it."""
    words = _CHINESE if language == "zh-hans" else _ENGLISH
    rows: list[tuple[str, str]] = []
    for line in lines:
        rows += _adjustment_rows(words, line)
    rows.append((words["positions"], figures.whole_number(positions_changed)))
    return _letter(words, "adjustment", occasion, name, account, rows)


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


def _adjustment_rows(words: dict[str, str], line: AssetLines) -> list[tuple[str, str]]:
    rows = [
        (words["before"].format(asset=line.asset), _plain(line.futures_before, line)),
        (words["pnl"], _signed(line.reversed_pnl, line)),
        (words["fees"], _signed(line.reversed_fees, line)),
        (words["change"], _signed(line.futures_delta, line)),
        (
            words["after"].format(asset=line.asset),
            _plain(line.futures_before + line.futures_delta, line),
        ),
    ]
    if line.moved_out:
        rows.append((words["moved"], _plain(line.moved_out, line)))
    if line.funding_delta:
        rows.append((words["funding"], _signed(line.funding_delta, line)))
    if line.receivable_delta:
        rows.append((words["owed"], _plain(-line.receivable_delta, line)))
    return rows


def _letter(
    words: dict[str, str],
    kind: str,
    occasion: Occasion,
    name: str,
    account: str,
    rows: list[tuple[str, str]],
) -> Letter:
    cutoff = occasion.cutoff.astimezone(ZoneInfo(occasion.zone))
    filled = {
        "venue": occasion.venue,
        "contract": occasion.contract,
        "cutoff": f"{cutoff:%Y-%m-%d %H:%M:%S} {cutoff.tzname()}",
        "name": name,
        "account": account,
    }
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
    "adjustment_subject": "Your futures account {account}: trades after {cutoff} were cancelled",
    "adjustment": (
        "The price of {contract} was driven far from the market. We should have stopped that, and "
        "we did not. All futures trades after {cutoff} have been cancelled for every account, and "
        "yours is now as it stood at that moment.\n"
        "These are the numbers of your account {account}, from the ledger:\n"
        "We are sorry. You were owed a market you could rely on."
    ),
    "goodwill_subject": "A goodwill payment to your account {account}",
    "goodwill": (
        "Your position was closed by force on {contract} when it would not have been at a fair "
        "price. The rollback restored your account as of {cutoff}; this payment is for the "
        "disturbance, and it does not change any right you have.\n"
        "These are the numbers of your account {account}, from the ledger:\n"
        "We are sorry that this happened to you."
    ),
    "end": "How each number came about is on your page: {address}",
    "before": "Futures wallet before, {asset}",
    "pnl": "Results of cancelled trades taken back",
    "fees": "Fees of cancelled trades returned",
    "change": "Change of your futures wallet",
    "after": "Futures wallet after, {asset}",
    "moved": "Moved out of the futures wallet after the cut-off",
    "funding": "Change of your funding wallet",
    "owed": "Still owed to us",
    "positions": "Positions restored",
    "paid": "Goodwill paid, {asset}",
}
_CHINESE = {
    "hello": "尊敬的 {name}：",
    "adjustment_subject": "您的合约账户 {account}：{cutoff} 之后的交易已撤销",
    "adjustment": (
        "{contract} 的价格曾被恶意操纵，严重偏离市场。我们本应阻止，却没有做到。"
        "{cutoff} 之后所有账户的合约交易均已撤销，您的账户已恢复到该时刻的状态。\n"
        "以下是账本中您的账户 {account} 的数字：\n"
        "我们诚挚道歉。您本应得到一个可以信赖的市场。"
    ),
    "goodwill_subject": "您的账户 {account} 收到一笔补偿",
    "goodwill": (
        "您在 {contract} 上的仓位被强制平仓，而按公允价格本不应如此。"
        "回滚已将您的账户恢复到 {cutoff}；这笔款项是对您所受困扰的补偿，不影响您的任何权利。\n"
        "以下是账本中您的账户 {account} 的数字：\n"
        "对于给您造成的影响，我们深表歉意。"
    ),
    "end": "每个数字的来历请见您的页面：{address}",
    "before": "合约钱包，调整前（{asset}）",
    "pnl": "撤销交易的盈亏冲回",
    "fees": "退还撤销交易的手续费",
    "change": "合约钱包变动",
    "after": "合约钱包，调整后（{asset}）",
    "moved": "截止时刻之后转出合约钱包的金额",
    "funding": "资金钱包变动",
    "owed": "仍应归还的金额",
    "positions": "恢复的仓位数",
    "paid": "补偿金额（{asset}）",
}
