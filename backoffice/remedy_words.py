"""What the desk calls remedies, their parameters and their choices. Words only, nothing computed.

A remedy is named and described in the words of a person who has never seen one; nothing here says
that one is better than another. Customers are told in `customer_words`, in their own language.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.models import Plan
from exchange.domain.remedies.catalogue import REMEDIES, Step
from exchange.domain.remedies.words import AMOUNT, CHOICE, CONTRACTS, SHARE

Text = str | Promise
EVERY_CONTRACT = gettext_lazy("every contract")

DOES: dict[str, Text] = {
    "rollback": gettext_lazy(
        "Every trade after the cut-off is cancelled, for everyone. Positions return to what they"
        " were then; profit since is taken back and fees since are returned."
    ),
    "bust": gettext_lazy(
        "Trades at or beyond the band around the reference are cancelled, both sides of them."
        " Everything after the cut-off is replayed without them."
    ),
    "reprice": gettext_lazy(
        "Trades at or beyond the band around the reference stand, at the band's edge. Everything"
        " after the cut-off is replayed with those prices; fees stay as charged."
    ),
    "restore": gettext_lazy(
        "Trades stand. Customers whose forced close a fair price would not have caused get back"
        " the equity it took from them, unless flagged."
    ),
    "reference": gettext_lazy(
        "Trades stand. Customers whose forced close a fair price would not have caused are paid"
        " the difference between a reference price and the price of the close, unless flagged."
    ),
    "reinstate": gettext_lazy(
        "Customers whose forced close a fair price would not have caused hold their positions"
        " again at the price of the close, the house on the other side. The fee of the close is"
        " returned."
    ),
    "settle": gettext_lazy(
        "Every position of one contract is closed at one price. One side, unless flagged, is then"
        " paid as if closed at another."
    ),
    "socialise": gettext_lazy(
        "What customers owe and cannot pay is written off. The insurance fund pays first; the rest"
        " is taken from all who won, or from all who hold, at one rate."
    ),
    "goodwill": gettext_lazy("A share of a verified loss is paid from the house's own money."),
    "undo": gettext_lazy("Every leg of an executed plan is posted the other way round."),
}
FIELDS: dict[str, Text] = {
    "band": gettext_lazy("Band"),
    "reference": gettext_lazy("Reference"),
    "contracts": gettext_lazy("Contracts"),
    "follow": gettext_lazy("Undo wrong closes too"),
    "payer": gettext_lazy("Who pays"),
    "measure": gettext_lazy("What is restored"),
    "price": gettext_lazy("Price"),
    "contract": gettext_lazy("Contract"),
    "opened": gettext_lazy("Positions opened"),
    "fees": gettext_lazy("Return the fee of the close"),
    "refund_price": gettext_lazy("Refund price"),
    "refund_side": gettext_lazy("Side refunded"),
    "method": gettext_lazy("Shared by"),
    "period": gettext_lazy("Net profit counted"),
    "injected": gettext_lazy("The house puts in"),
    "rate": gettext_lazy("Rate of a haircut"),
    "beyond": gettext_lazy("What a winner no longer has"),
}
CHOICES: dict[tuple[str, str], Text] = {
    ("reference", "fair"): gettext_lazy("the fair price of that second"),
    ("reference", "cutoff"): gettext_lazy("the mark at the cut-off"),
    ("reference", "before"): gettext_lazy("the mark at the cut-off"),
    ("reference", "reopening"): gettext_lazy("the reopening price"),
    ("reference", "fixed"): gettext_lazy("a fixed price"),
    ("follow", "yes"): gettext_lazy("yes"),
    ("follow", "no"): gettext_lazy("no"),
    ("fees", "yes"): gettext_lazy("yes"),
    ("fees", "no"): gettext_lazy("no"),
    ("payer", "house"): gettext_lazy("the house"),
    ("payer", "fund"): gettext_lazy("the insurance fund first, then the house"),
    ("measure", "cutoff"): gettext_lazy("equity as at the cut-off"),
    ("measure", "close"): gettext_lazy("what the closes took at a fair price"),
    ("opened", "before"): gettext_lazy("before the cut-off"),
    ("opened", "any"): gettext_lazy("at any time"),
    ("refund_side", "long"): gettext_lazy("long"),
    ("refund_side", "short"): gettext_lazy("short"),
    ("method", "clawback"): gettext_lazy("a share of net profits"),
    ("method", "haircut"): gettext_lazy("a share of balances"),
    ("period", "tape"): gettext_lazy("over the whole tape"),
    ("period", "cutoff"): gettext_lazy("since the cut-off"),
    ("beyond", "house"): gettext_lazy("the house pays"),
    ("beyond", "balances"): gettext_lazy("a share of all balances"),
    ("beyond", "winner"): gettext_lazy("the winner owes"),
}


class Line(NamedTuple):
    """One parameter of a remedy as people read it."""

    label: Text
    value: Text


class Described(NamedTuple):
    """A remedy of a scenario or a plan: its name, what it does, its precedent, its parameters."""

    name: str
    label: str
    does: Text
    precedent: str
    lines: list[Line]


def steps_of(remedy: str, parameters: Mapping[str, Any]) -> tuple[Step, ...]:
    """The remedies, in order, that the parameters of a scenario or a plan were computed with.

    A refused scenario keeps what was asked for as `steps`; a computed one keeps every parameter of
    the first as `words` and the others as `then`.
    """
    if "steps" in parameters:
        return tuple(Step(name, words) for name, words in parameters["steps"])
    then = (Step(each["remedy"], each["words"]) for each in parameters.get("then", ()))
    return (Step(remedy, parameters.get("words", {})), *then)


def name_of(remedy: str, parameters: Mapping[str, Any]) -> str:
    """What a scenario or plan is called: "Roll back to a cut-off, then socialise what is left"."""
    first, *rest = (Plan.Remedy(step.remedy).label for step in steps_of(remedy, parameters))
    return first + "".join(_(", then %s") % (label[0].lower() + label[1:]) for label in rest)


def described(remedy: str, parameters: Mapping[str, Any]) -> list[Described]:
    """Every remedy of a scenario or plan in words, in order."""
    return [
        Described(
            name=step.remedy,
            label=Plan.Remedy(step.remedy).label,
            does=DOES[step.remedy],
            precedent=REMEDIES[step.remedy].precedent if step.remedy in REMEDIES else "",
            lines=lines(step.remedy, step.parameters),
        )
        for step in steps_of(remedy, parameters)
    ]


def lines(remedy: str, words: Mapping[str, str]) -> list[Line]:
    """The parameters of a remedy, those left out that say nothing beside the others: a fixed price
    where the reference is another, a rate where what is needed is taken."""
    if remedy not in REMEDIES:
        return []
    silent = _silent(remedy, words)
    return [
        Line(FIELDS[field.name], _value(field.name, field.kind, words[field.name], words))
        for field in REMEDIES[remedy].fields
        if field.name in words and field.name not in silent
    ]


def choice(field: str, word: str) -> Text:
    """What one of a parameter's choices means."""
    return CHOICES[field, word]


def _silent(remedy: str, words: Mapping[str, str]) -> set[str]:
    silent = {
        field.name
        for field in REMEDIES[remedy].fields
        if field.only is not None and words.get(field.only[0]) != field.only[1]
    }
    if remedy == "socialise" or "price" in silent:
        silent.add("contract")
    return silent


def _value(name: str, kind: str, word: str, words: Mapping[str, str]) -> Text:
    if not word:
        return EVERY_CONTRACT if kind == CONTRACTS else _("worked out from the tape")
    if kind == CHOICE:
        return choice(name, word)
    if kind == SHARE:
        return _("what is needed") if name == "rate" and word == "0" else percent(word)
    if kind == AMOUNT:
        return _("nothing") if word == "0" else _("%(amount)s in the asset of %(contract)s") % {
            "amount": word, "contract": words.get("contract", "")
        }  # fmt: skip
    return word


def percent(word: str) -> str:
    """A share as percent, by moving the point: "0.03" is 3 %."""
    whole, _point, places = word.partition(".")
    digits = (whole + places.ljust(2, "0")[:2]).lstrip("0") or "0"
    rest = places[2:].rstrip("0")
    return f"{digits}{'.' + rest if rest else ''}\N{NO-BREAK SPACE}%"
