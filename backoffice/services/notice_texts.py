"""The words of the desk on a market that broke, in the languages it speaks.

The notices say what happened, what we did, what we do not know, and that we are sorry. Every number
in them is a mark that cites a fact.
"""

FIRST = {
    "en": (
        "{{ contract }}: trading and withdrawals are closed while we put things right",
        "Between {{ window_start }} and {{ window_end }} someone drove the price of {{ contract }} "
        "far away from the market. It traded as low as {{ trade_min_price }} while the index "
        "stood at {{ index_at_low }}. Positions were closed by force that should not have been.\n\n"
        "It was our duty to stop this and we did not. We are sorry.\n\n"
        "Futures trading and withdrawals are closed for everyone. Our records show "
        "{{ liquidations_recorded }} forced closes; {{ liquidations_wrong }} of them would not "
        "have happened at a fair price.\n\n"
        "We announced {{ announced_cutoff }} as the time to which trades will be rolled back. The "
        "last trade that stands is the one at {{ effective_cutoff }}; both times are kept here so "
        "that nobody has to wonder which one counts: it is the second.\n\n"
        "We will not name anyone here, and we do not say who is to blame before we know it.",
    ),
    "zh-hans": (
        "{{ contract }}：交易与提币已暂停，我们正在纠正",
        "在 {{ window_start }} 至 {{ window_end }} 之间，有人将 {{ contract }} 的价格推离市场。"
        "最低成交价为 {{ trade_min_price }}，而当时指数为 {{ index_at_low }}。"
        "一些本不应被强平的仓位遭到强制平仓。\n\n"
        "阻止此事是我们的责任，我们没有做到。我们诚挚道歉。\n\n"
        "所有用户的合约交易与提币均已暂停。记录显示共发生 {{ liquidations_recorded }} 次强制平仓，"
        "其中 {{ liquidations_wrong }} 次在公允价格下不会发生。\n\n"
        "我们曾公告交易将回滚至 {{ announced_cutoff }}。最后一笔有效成交的时间为 "
        "{{ effective_cutoff }}；两个时间都保留在此，以后者为准。\n\n"
        "我们不会在此公布任何人的身份，也不会在查明之前指责任何人。",
    ),
}
AFTER_ROLLBACK = {
    "en": (
        "{{ contract }}: the rollback is complete",
        "All futures trades after {{ effective_cutoff }} are cancelled. {{ accounts_changed }} "
        "accounts are back where they stood at that moment; every balance and every position was "
        "rebuilt from the ledger's entries afterwards and agrees.\n\n"
        "The plan was approved by two risk officers who had not made it. Its digest is "
        "{{ plan_digest }}.\n\n"
        "Every customer concerned has a message with their own numbers. We are sorry for the "
        "hours you could not trade, and for the fright.",
    ),
    "zh-hans": (
        "{{ contract }}：回滚已完成",
        "{{ effective_cutoff }} 之后的合约交易均已撤销。{{ accounts_changed }} "
        "个账户已恢复到该时刻的状态；"
        "此后所有余额与仓位均已根据账本分录重新计算，结果一致。\n\n"
        "该方案由两名未参与制定的风控人员批准，其摘要为 {{ plan_digest }}。\n\n"
        "每位相关用户都会收到载有本人数字的消息。对于您无法交易的时间和所受的惊扰，我们深表歉意。",
    ),
}
# Beside a notice, once a plan that it tells of was undone.
UNDONE = {
    "en": "Undone since: what it tells was posted the other way round and no longer counts.",
    "zh-hans": "此后已撤销：本公告所述的调整已作相反分录，不再有效。",
}
