"""What people choose about comparisons: what is compared, what is looked at, a plan's cut-off.

A comparison is put together by a form that holds all of it: every added scenario is an `extra` with
its fields after its number (`0-band=0.05`), so adding one more asks the server and no script.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from backoffice import remedy_words
from backoffice.models import Incident, Plan, Scenario
from backoffice.services import comparisons
from exchange.domain.remedies.catalogue import REMEDIES, Step
from exchange.domain.remedies.words import AMOUNT, CHOICE, CONTRACT, CONTRACTS, PRICE, SHARE, Field

EXTRAS_MAX = 8
SHARES = {"max_value": Decimal("0.999999"), "decimal_places": 6}


class ShareField(forms.DecimalField):
    """A share of one, typed as such or in per cent."""

    def to_python(self, value: Any) -> Decimal | None:
        typed = str(value or "").strip()
        if not typed.endswith("%"):
            return super().to_python(value)
        percent = super().to_python(typed[:-1].strip())
        return None if percent is None else percent.scaleb(-2)


class ShownForm(forms.Form):
    """Which scenarios stand beside each other, and in which asset; what is not understood is left
    out."""

    s = forms.MultipleChoiceField(
        label=_("Remedies"), required=False, widget=forms.CheckboxSelectMultiple
    )
    asset = forms.ChoiceField(label=_("Asset"), required=False)

    def __init__(
        self, data: QueryDict, scenarios: Sequence[Scenario], assets: Sequence[str]
    ) -> None:
        every = [(str(row.number + 1), _label(row)) for row in scenarios]
        chosen = [number for number, _words in every if number in data.getlist("s")]
        chosen = chosen or [number for number, _words in every]
        asset = data.get("asset") if data.get("asset") in assets else next(iter(assets), "")
        super().__init__(initial={"s": chosen, "asset": asset}, auto_id="shown_%s")
        self.fields["s"].choices = every
        self.fields["asset"].choices = [(code, code) for code in assets]
        self.numbers = {int(number) - 1 for number in chosen}
        self.asset = asset


class CutoffForm(forms.Form):
    """The time that a plan starts from: what every account is taken back to, or measured at."""

    which = forms.ChoiceField(
        label=_("Cut-off"),
        widget=forms.RadioSelect,
        initial="effective",
        choices=[
            ("effective", _("The effective cut-off, as compared")),
            ("announced", _("The announced cut-off")),
            ("other", _("Another time")),
        ],
    )
    at = forms.DateTimeField(
        label=_("Another time"), required=False, help_text=_("UTC, as 2018-03-29 20:47:54.")
    )

    def __init__(self, incident: Incident, *args: object) -> None:
        super().__init__(*args, auto_id="cutoff_%s")
        self.times = {
            "effective": incident.effective_cutoff, "announced": incident.announced_cutoff
        }  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Another time has to be given when it is chosen."""
        chosen = super().clean() or {}
        if chosen.get("which") == "other" and not chosen.get("at") and "at" not in self.errors:
            self.add_error("at", _("Give the time, or choose one of the two cut-offs."))
        chosen["cutoff"] = self.times.get(chosen.get("which", ""), chosen.get("at"))
        return chosen


class DefaultsForm(forms.Form):
    """Which of the scenarios that are compared when nobody asks for others."""

    default = forms.MultipleChoiceField(
        label=_("With the parameters of the catalogue"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, auto_id="compare_%s", **options)
        self.fields["default"].choices = [
            (str(number), remedy_words.name_of(steps[0].remedy, {"steps": steps}))
            for number, steps in enumerate(comparisons.SCENARIOS)
        ]

    def scenarios(self) -> list[Sequence[Step]]:
        """What was ticked, in order."""
        return [comparisons.SCENARIOS[int(number)] for number in self.cleaned_data["default"]]


class ScenarioForm(forms.Form):
    """One remedy with parameters of its own; an empty field is worked out or has its default."""

    then = forms.BooleanField(
        label=_("Then socialise what is left"), required=False,
        help_text=_("What is still owed after it is written off and shared."),
    )  # fmt: skip

    def __init__(
        self, remedy: str, symbols: Sequence[str], number: int, *args: Any, **options: Any
    ):
        super().__init__(*args, prefix=str(number), auto_id="scenario_%s", **options)
        self.remedy, self.number = REMEDIES[remedy], number
        self.does = remedy_words.DOES[remedy]
        for field in self.remedy.fields:
            self.fields[field.name] = _field(field, symbols)
        self.order_fields([*(field.name for field in self.remedy.fields), "then"])
        if remedy == Plan.Remedy.SOCIALISE:
            del self.fields["then"]

    def steps(self) -> tuple[Step, ...]:
        """The scenario as it was asked for."""
        given = self.cleaned_data
        words = {field.name: _word(given[field.name]) for field in self.remedy.fields}
        first = Step(self.remedy.name, {name: word for name, word in words.items() if word})
        return (first, comparisons.SOCIALISE) if given.get("then") else (first,)


def extras(data: QueryDict, symbols: Sequence[str], *, bound: bool = False) -> list[ScenarioForm]:
    """The added scenarios of a draft, numbered anew: with the one that `add` names, without the
    one that `drop` numbers, at most eight. `bound` forms judge what was typed."""
    kept = [
        (name, _typed(data, number, REMEDIES[name].fields))
        for number, name in enumerate(data.getlist("extra"))
        if name in REMEDIES and str(number) != data.get("drop")
    ]
    if data.get("add") in REMEDIES:
        kept.append((data["add"], None))
    return [
        ScenarioForm(name, symbols, number, **_content(typed, number, bound=bound))
        for number, (name, typed) in enumerate(kept[:EXTRAS_MAX])
    ]


def _typed(data: QueryDict, number: int, fields: Iterable[Field]) -> dict[str, Any]:
    found: dict[str, Any] = {
        field.name: data.getlist(f"{number}-{field.name}") if field.kind == CONTRACTS
        else data.get(f"{number}-{field.name}", "")
        for field in fields
    }  # fmt: skip
    return found | {"then": data.get(f"{number}-then", "")}


def _content(typed: Mapping[str, Any] | None, number: int, *, bound: bool) -> dict[str, Any]:
    if typed is None:
        return {}
    if not bound:
        return {"initial": typed}
    data = QueryDict(mutable=True)
    for name, value in typed.items():
        data.setlist(f"{number}-{name}", value if isinstance(value, list) else [value])
    return {"data": data}


def _field(field: Field, symbols: Sequence[str]) -> forms.Field:
    """The form field of a parameter: its choices, its help, its default as what stands there."""
    common = {
        "label": remedy_words.FIELDS[field.name], "required": False,
        "help_text": _help(field),
    }  # fmt: skip
    if field.kind == CHOICE:
        words = [(word, remedy_words.choice(field.name, word)) for word in field.choices]
        default = [] if field.default else [("", _("worked out from the tape"))]
        return forms.ChoiceField(choices=[*default, *words], initial=field.default, **common)
    if field.kind == CONTRACT:
        known = [("", _("the incident's contract")), *((symbol, symbol) for symbol in symbols)]
        return forms.ChoiceField(choices=known, **common)
    if field.kind == CONTRACTS:
        return forms.MultipleChoiceField(
            choices=[(symbol, symbol) for symbol in symbols],
            widget=forms.CheckboxSelectMultiple,
            **common,
        )
    assert field.kind in (SHARE, PRICE, AMOUNT), f"no form field for a parameter that is {field}"
    initial = "" if field.kind == PRICE else field.default
    common |= {"initial": initial, "max_digits": 24, "min_value": 0}
    if field.kind == SHARE:
        words = f"{_help(field)} {_('A share: 0.03 or 3 %.')}"
        return ShareField(**common | SHARES | {"help_text": words}, widget=forms.TextInput)
    return forms.DecimalField(widget=forms.TextInput(attrs={"inputmode": "decimal"}), **common)


def _help(field: Field) -> str:
    """The catalogue's help as a sentence, where it says more than the label."""
    sentence = field.help[:1].upper() + field.help[1:]
    return "" if sentence == str(remedy_words.FIELDS[field.name]) else f"{sentence}."


def _word(value: Any) -> str:
    """A cleaned value as a word of the catalogue."""
    if value is None:
        return ""
    return " ".join(value) if isinstance(value, list) else str(value)


def _label(row: Scenario) -> str:
    return f"{row.number + 1} {remedy_words.name_of(row.remedy, row.parameters)}"
