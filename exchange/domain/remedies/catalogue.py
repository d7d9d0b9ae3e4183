"""The remedies by name, with their parameters as data: what a comparison and a plan are made of.

A parameter is a word: a share ("0.03"), a price ("6950.00"), an amount of the settlement asset, a
choice, or contracts by symbol. `resolve` fills in what was not given and gives every word its one
spelling, so that what is stored says everything; `compute` runs one remedy, or several one after
the other. Adding a remedy is adding its pure function and one entry here.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from exchange.domain.holdings import I64
from exchange.domain.receipts import price
from exchange.domain.remedies import house_trades, payments, replays, rollback, socialising
from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.outcome import Outcome, compose
from exchange.domain.remedies.words import (
    AMOUNT,
    CHOICE,
    CONTRACT,
    CONTRACTS,
    NO_PRICE,
    PRICE,
    SHARE,
    YES_NO,
    Field,
    ParameterRefused,
    checked,
    contract_of,
    contracts_of,
    decimal_of,
    ppm,
    ticks_of,
    units_of,
)


class Step(NamedTuple):
    """A remedy to be computed: its name and its parameters as words."""

    remedy: str
    parameters: Mapping[str, str]


class Remedy(NamedTuple):
    """A remedy as people choose it: its parameters and the precedent it follows. ``replays``: it
    leads from the cut-off to a state of its own, so nothing can have been done before it."""

    name: str
    label: str
    precedent: str
    fields: tuple[Field, ...]
    run: Callable[[Facts, Mapping[str, str]], Outcome]
    replays: bool = False


_BAND = (
    Field("band", SHARE, "0.03", "how far from the reference a trade may be"),
    Field("reference", CHOICE, replays.FAIR, "what the band is around",
          (replays.FAIR, replays.AT_CUT)),
    Field("contracts", CONTRACTS, "", "symbols; empty for every contract"),
    Field("follow", CHOICE, "yes", "undo the forced closes a fair price would not have caused",
          YES_NO),
)  # fmt: skip
_PAYER = Field("payer", CHOICE, payments.HOUSE_ONLY, "who pays",
               (payments.HOUSE_ONLY, payments.FUND_FIRST))  # fmt: skip


def _roll_back(facts: Facts, given: Mapping[str, str]) -> Outcome:
    return rollback.roll_back(facts)


def _bust(facts: Facts, given: Mapping[str, str]) -> Outcome:
    return replays.bust(facts, band_of(facts, given))


def _reprice(facts: Facts, given: Mapping[str, str]) -> Outcome:
    return replays.reprice(facts, band_of(facts, given))


def _restore(facts: Facts, given: Mapping[str, str]) -> Outcome:
    return payments.restore(facts, given["measure"], given["payer"])


def _reference(facts: Facts, given: Mapping[str, str]) -> Outcome:
    reference = payments.Reference(
        _close_prices(facts, given), given["opened"] == "before", given["fees"] == "yes"
    )
    return payments.pay_reference(facts, reference, given["payer"])


def _reinstate(facts: Facts, given: Mapping[str, str]) -> Outcome:
    contracts = contracts_of(facts, given["contracts"])
    if not contracts:
        return house_trades.reinstate(facts)
    return house_trades.reinstate(facts, np.isin(facts.closes.contract, contracts))


def _settle(facts: Facts, given: Mapping[str, str]) -> Outcome:
    contract = contract_of(facts, given["contract"])
    return house_trades.settle(
        facts,
        house_trades.Settlement(
            contract,
            ticks_of(facts, contract, "price", given["price"]),
            ticks_of(facts, contract, "refund_price", given["refund_price"]),
            house_trades.LONG if given["refund_side"] == "long" else house_trades.SHORT,
        ),
    )


def _socialise(facts: Facts, given: Mapping[str, str]) -> Outcome:
    injected = np.zeros(facts.wallets.futures.shape[1], np.int64)
    contract = contract_of(facts, given["contract"])
    injected[facts.asset_of[contract]] = units_of(facts, contract, "injected", given["injected"])
    return socialising.socialise(
        facts,
        socialising.Sharing(
            given["method"], given["period"], injected, ppm(given["rate"], "rate"), given["beyond"]
        ),
    )


REMEDIES = {
    remedy.name: remedy
    for remedy in (
        Remedy("rollback", "Roll back to a cut-off", "OKEx, 30 March 2018", (), _roll_back, True),
        Remedy("bust", "Bust trades outside a band", "NYSE, 1 August 2012", _BAND, _bust, True),
        Remedy("reprice", "Re-price trades to the band's edge", "CME rule 588", _BAND, _reprice,
               True),
        Remedy("restore", "Restore equity from house funds", "Deribit, 31 October 2019", (
            Field("measure", CHOICE, payments.BY_CUTOFF,
                  "equity as at the cut-off, or what the closes took at a fair price",
                  (payments.BY_CUTOFF, payments.BY_CLOSE)),
            _PAYER,
        ), _restore),
        Remedy("reference", "Pay reference minus liquidation price",
               "BitMEX 2017, OKX 2023, OKB 2024, Binance 2025", (
            Field("reference", CHOICE, "before",
                  "the mark at the cut-off, the fair price of the second, the reopening price, or"
                  " a fixed one",
                  ("before", "fair", "reopening", "fixed")),
            Field("price", PRICE, NO_PRICE, "a fixed reference price, for the incident's contract",
                  only=("reference", "fixed")),
            Field("contract", CONTRACT, "", "what a fixed price is of"),
            Field("opened", CHOICE, "before", "positions opened before the cut-off, or any",
                  ("before", "any")),
            Field("fees", CHOICE, "yes", "return the fees of the close", YES_NO),
            _PAYER,
        ), _reference),
        Remedy("reinstate", "Reinstate liquidated positions", "the house as counterparty", (
            Field("contracts", CONTRACTS, "", "symbols; empty for every contract"),
        ), _reinstate),
        Remedy("settle", "Settle at a price, then refund", "Hyperliquid JELLY, 26 March 2025", (
            Field("contract", CONTRACT, "", "the contract that is settled"),
            Field("price", PRICE, "", "what every position is closed at"),
            Field("refund_price", PRICE, "", "what one side is paid as if closed at"),
            Field("refund_side", CHOICE, "", "who is refunded", ("long", "short")),
        ), _settle),
        Remedy("socialise", "Socialise what is left",
               "OKEx, 31 July 2018; Bitfinex 2016; Poloniex 2019", (
            Field("method", CHOICE, socialising.CLAWBACK, "from net profits, or from balances",
                  (socialising.CLAWBACK, socialising.HAIRCUT)),
            Field("period", CHOICE, socialising.TAPE, "what net profit is counted over",
                  (socialising.TAPE, socialising.SINCE_CUTOFF),
                  only=("method", socialising.CLAWBACK)),
            Field("contract", CONTRACT, "", "whose settlement asset the house puts in"),
            Field("injected", AMOUNT, "0", "what the house puts into the fund first"),
            Field("rate", SHARE, "0", "a fixed rate of a haircut; 0 for what is needed",
                  only=("method", socialising.HAIRCUT)),
            Field("beyond", CHOICE, socialising.HOUSE_PAYS,
                  "who bears what is clawed back from a winner who no longer has it",
                  (socialising.HOUSE_PAYS, socialising.ALL_PAY, socialising.WINNER_OWES),
                  only=("method", socialising.CLAWBACK)),
        ), _socialise),
    )
}  # fmt: skip


def resolve(remedy: str, given: Mapping[str, str], facts: Facts, contract: int) -> dict[str, str]:
    """Every parameter of a remedy as a word, defaults worked out for the incident's contract.

    Raises `ParameterRefused` for an unknown remedy or parameter, or a value that does not fit.
    """
    fields = {field.name: field for field in _remedy(remedy).fields}
    for name in given:
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise ParameterRefused(f"{remedy} has no parameter {name}; it has: {known}")
    words = {name: given.get(name, "") or field.default for name, field in fields.items()}
    if "contract" in words and not words["contract"]:
        words["contract"] = facts.specs[contract].symbol
    if remedy == "settle":
        _settlement_defaults(words, facts)
    for name, field in fields.items():
        words[name] = checked(field, words[name], facts, words)
    for name, field in fields.items():
        if field.only is not None and words[name] != field.default:
            other, word = field.only
            if words[other] != word:
                raise ParameterRefused(f"{name}: counts only where {other} is {word}")
    if words.get("reference") == "fixed" and words["price"] == NO_PRICE:
        raise ParameterRefused("price: a fixed reference is a price above zero")
    return words


def compute(facts: Facts, steps: Sequence[Step]) -> Outcome:
    """One remedy, or several, each on the state the one before leads to; parameters resolved.

    A remedy that replays the tape can only be the first of several.
    Raises `ParameterRefused`, `FactsRefused`, `NotConserved`, `TapeTooLarge`.
    """
    if not steps:
        raise ParameterRefused("a plan needs at least one remedy")
    for step in steps[1:]:
        if _remedy(step.remedy).replays:
            raise ParameterRefused(
                f"{step.remedy} starts again from the cut-off, so it can only come first"
            )
    made = _run(facts, steps[0])
    for step in steps[1:]:
        made = compose(facts, made, partial(_run, step=step))
    return made


def band_of(facts: Facts, given: Mapping[str, str]) -> replays.Band:
    """The band that the words of `bust` or `reprice` describe."""
    return replays.Band(
        ppm(given["band"], "band"),
        given["reference"],
        contracts_of(facts, given["contracts"]),
        given["follow"] == "yes",
    )


def _run(facts: Facts, step: Step) -> Outcome:
    return _remedy(step.remedy).run(facts, step.parameters)


def _remedy(name: str) -> Remedy:
    if name not in REMEDIES:
        raise ParameterRefused(f"{name} is no remedy; there are: {', '.join(REMEDIES)}")
    return REMEDIES[name]


def _settlement_defaults(words: dict[str, str], facts: Facts) -> None:
    """Settle at the mark of the cut-off; refund whoever that leaves worse off than reopening."""
    contract = contract_of(facts, words["contract"])
    tick = facts.specs[contract].tick
    words["price"] = words["price"] or price(int(facts.at_cut[contract]), tick)
    words["refund_price"] = words["refund_price"] or price(int(facts.reopening[contract]), tick)
    if not words["refund_side"]:
        above = decimal_of("refund_price", words["refund_price"]) >= decimal_of(
            "price", words["price"]
        )
        words["refund_side"] = "long" if above else "short"


def _close_prices(facts: Facts, given: Mapping[str, str]) -> I64:
    """The reference of each close in ticks, i64[close]."""
    closes = facts.closes
    if given["reference"] == "fixed":
        contract = contract_of(facts, given["contract"])
        fixed = ticks_of(facts, contract, "price", given["price"])
        return np.where(closes.contract == contract, fixed, 0)  # of others there is no reference
    if given["reference"] == "fair":
        second = np.searchsorted(facts.times, closes.time, side="right") - 1
        return facts.fair[closes.contract, np.maximum(second, 0)]
    marks = facts.at_cut if given["reference"] == "before" else facts.reopening
    return marks[closes.contract]
