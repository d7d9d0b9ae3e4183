"""What customers are told about each remedy, in English and Chinese. Words only, nothing computed.

One text a remedy, for the letter and for the customer's own page, so that both say the same. It
says what was done, not whose fault it was, and no text names another customer. It says nothing of
what holds now: a later plan may undo it, and the text stands there still. `{contract}`,
`{cutoff}` and `{settled}` are filled in by whoever tells.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

CHINESE = "zh-hans"


class Told(NamedTuple):
    """What is said of a remedy. `label` names it, `subject` heads a letter, `text` explains it;
    `pnl` and `fees` name what it changed of results and of fees."""

    label: str
    subject: str
    text: str
    pnl: str
    fees: str


_OFF = (
    "The price of {contract} was driven far from the market. We should have stopped that, and we"
    " did not. "
)
_CLOSED = (
    "Your position was closed by force on {contract} when it would not have been at a fair price. "
)
_FEES = "Fees returned"
ENGLISH: dict[str, Told] = {
    "rollback": Told(
        "Trades after the cut-off were cancelled",
        "trades after {cutoff} were cancelled",
        _OFF + "All futures trades after {cutoff} were cancelled for every account, and yours was"
        " put back to where it stood at that moment.",
        "Results of cancelled trades taken back",
        "Fees of cancelled trades returned",
    ),
    "bust": Told(
        "Trades outside the price band were cancelled",
        "trades outside the price band were cancelled",
        _OFF + "Trades after {cutoff} at prices too far from the reference were cancelled, for both"
        " sides, and every account was worked out again without them.",
        "Results of cancelled trades, and what followed from them",
        "Fees of cancelled trades returned",
    ),
    "reprice": Told(
        "Trades outside the price band were given another price",
        "trades outside the price band were given another price",
        _OFF + "Trades after {cutoff} at prices too far from the reference were given the price at"
        " the edge of the band around it, for both sides, and every account was worked out again"
        " with those prices.",
        "Difference in results at the new prices",
        _FEES,
    ),
    "restore": Told(
        "Your equity was restored",
        "your equity was restored",
        _CLOSED + "We paid you back the equity this took from you. No trade was changed.",
        "Change of results",
        _FEES,
    ),
    "reference": Told(
        "You were paid the difference to a reference price",
        "you were paid the difference to a reference price",
        _CLOSED + "We paid you the difference between a reference price and the price at which"
        " it was closed. No trade was changed.",
        "Change of results",
        _FEES,
    ),
    "reinstate": Told(
        "Your position was given back",
        "your position was given back",
        _CLOSED + "We gave it back to you, at the price at which it was closed.",
        "Results of taking the position back",
        "Fees of the close returned",
    ),
    "settle": Told(
        "Positions were settled at one price",
        "positions in {settled} were settled",
        "All positions in {settled} were closed at one settlement price. Those on the side"
        " named in our notice were then paid as if closed at the refund price.",
        "Result at the settlement price",
        _FEES,
    ),
    "socialise": Told(
        "What was left of the loss was shared",
        "your part of what was left",
        "Some losses after the incident were larger than the accounts they fell on. The insurance"
        " fund paid first. What was left was shared by one rule, the same for everyone, and"
        " what could not be paid was written off.",
        "Change of results",
        _FEES,
    ),
    "goodwill": Told(
        "Goodwill payment",
        "a goodwill payment",
        "We paid this to your futures wallet as an apology. It takes none of your rights away.",
        "Change of results",
        _FEES,
    ),
    "undo": Told(
        "An earlier change was taken back",
        "an earlier change was taken back",
        "A change we had made to your account was taken back in full: every amount and every"
        " position of it was posted the other way round.",
        "Results put back",
        "Fees put back",
    ),
}
_OFF_ZH = "{contract} 的价格曾被推动，严重偏离市场。我们本应阻止，却没有做到。"
_CLOSED_ZH = "您在 {contract} 上的仓位被强制平仓，而按公允价格本不应如此。"
_FEES_ZH = "退还的手续费"
_RESULTS_ZH = "盈亏变动"
CHINESE_TEXTS: dict[str, Told] = {
    "rollback": Told(
        "截止时刻之后的交易已撤销",
        "{cutoff} 之后的交易已撤销",
        _OFF_ZH + "{cutoff} 之后所有账户的合约交易均已撤销，您的账户已恢复到该时刻的状态。",
        "撤销交易的盈亏冲回",
        "退还撤销交易的手续费",
    ),
    "bust": Told(
        "价格区间之外的交易已撤销",
        "价格区间之外的交易已撤销",
        _OFF_ZH + "{cutoff} 之后价格偏离参考价过远的交易，买卖双方均已撤销，"
        "所有账户已按没有这些交易重新计算。",
        "撤销交易及其后果的盈亏",
        "退还撤销交易的手续费",
    ),
    "reprice": Told(
        "价格区间之外的交易已重新定价",
        "价格区间之外的交易已重新定价",
        _OFF_ZH + "{cutoff} 之后价格偏离参考价过远的交易，买卖双方均改按区间边界的价格计算，"
        "所有账户已按新价格重新计算。",
        "按新价格计算的盈亏差额",
        _FEES_ZH,
    ),
    "restore": Told(
        "您的权益已恢复",
        "您的权益已恢复",
        _CLOSED_ZH + "我们已将您因此失去的权益付还给您。没有任何交易被更改。",
        _RESULTS_ZH,
        _FEES_ZH,
    ),
    "reference": Told(
        "已按参考价向您支付差额",
        "已按参考价向您支付差额",
        _CLOSED_ZH + "我们已将参考价与平仓价之间的差额支付给您。没有任何交易被更改。",
        _RESULTS_ZH,
        _FEES_ZH,
    ),
    "reinstate": Told(
        "您的仓位已归还",
        "您的仓位已归还",
        _CLOSED_ZH + "该仓位已按平仓时的价格归还给您。",
        "收回仓位产生的盈亏",
        "退还平仓手续费",
    ),
    "settle": Told(
        "仓位已按统一价格结算",
        "{settled} 的仓位已结算",
        "{settled} 的全部仓位已按同一结算价平仓。公告中所述的一方随后按退款价获得补付。",
        "按结算价计算的盈亏",
        _FEES_ZH,
    ),
    "socialise": Told(
        "剩余损失已分摊",
        "您在剩余损失中的份额",
        "事件之后，部分损失超过了相关账户的余额。保险基金首先赔付；剩余部分按同一规则由所有相关账户"
        "分摊，无法偿还的部分已核销。",
        _RESULTS_ZH,
        _FEES_ZH,
    ),
    "goodwill": Told(
        "补偿",
        "一笔补偿",
        "我们将这笔款项支付到您的合约钱包以示歉意。这不影响您的任何权利。",
        _RESULTS_ZH,
        _FEES_ZH,
    ),
    "undo": Told(
        "此前的一项变更已撤回",
        "此前的一项变更已撤回",
        "我们此前对您账户所做的一项变更已全部撤回：其中每一笔金额和每一个仓位均已反向记账。",
        "恢复的盈亏",
        "恢复的手续费",
    ),
}


def told(remedy: str, language: str) -> Told:
    """What a customer who reads that language is told of a remedy; English where there is no other.

    Languages are named as Django does.
    """
    return (CHINESE_TEXTS if language == CHINESE else ENGLISH)[remedy]


def together(remedies: Sequence[str], language: str) -> Told:
    """What is told of a plan of one remedy or several: it is named after the first, and what each
    did is said in order."""
    first, *rest = (told(remedy, language) for remedy in remedies)
    gap = "" if language == CHINESE else " "
    return first._replace(text=gap.join([first.text, *(each.text for each in rest)]))


def filled(words: Told, values: Mapping[str, str]) -> Told:
    """The same with `{contract}`, `{cutoff}` and `{settled}` filled in."""
    return Told(*(each.format(**values) for each in words))
