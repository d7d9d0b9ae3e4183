"""The margin calculator's screen: a form, the answer, and the sum behind it.

Anyone may use it. It is a question, not a change: the form is sent by GET, so that an address
holds the whole sum and can be sent to a customer. The answer is the service's; nothing is
computed here.
"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from backoffice.views import access
from exchange.domain.margin_quote import QuoteRefused, quote
from exchange.domain.rules import margin_rules, names

REFUSED = 422
FIGURES = (
    ("liquidation_price", _("Liquidation price")),
    ("bankruptcy_price", _("Bankruptcy price")),
    ("initial_margin", _("Initial margin")),
    ("maintenance_margin", _("Maintenance margin")),
    ("margin_ratio", _("Margin ratio")),
    ("pnl", _("Unrealised profit")),
    ("position_value", _("Position value")),
    ("effective_leverage", _("Effective leverage")),
)
NESTED = {
    "others_maintenance": ("others", "maintenance_margin"),
    "others_profit": ("others", "unrealised_pnl"),
    "hedge_quantity": ("hedge", "quantity"),
    "hedge_entry": ("hedge", "entry"),
}
"""Fields of the form that are keys of an object within the request."""
RARE = (*NESTED, "ema", "tick")
ANY = [("", _("As the rules say"))]


def _number(label: Any, help_text: Any = "", *, required: bool = False) -> forms.CharField:
    attrs = {"inputmode": "decimal", "autocomplete": "off", "class": "num"}
    return forms.CharField(
        label=label, help_text=help_text, required=required, max_length=60,
        widget=forms.TextInput(attrs=attrs),
    )  # fmt: skip


def _rule_sets() -> list[tuple[str, str]]:
    return [(name, f"{margin_rules(name).title} ({name})") for name in names()]


class QuoteForm(forms.Form):
    """A position as a customer knows it. Numbers stay text: the service reads them exactly."""

    rules = forms.ChoiceField(label=_("Rules"), choices=_rule_sets, initial="bybit-inverse")
    side = forms.ChoiceField(label=_("Side"), choices=[("long", _("Long")), ("short", _("Short"))])
    mode = forms.ChoiceField(
        label=_("Margin mode"),
        choices=[("isolated", _("Isolated (fixed)")), ("cross", _("Cross"))],
    )
    contract = forms.ChoiceField(
        label=_("Contract"),
        required=False,
        choices=[
            *ANY,
            ("inverse", _("Inverse")),
            ("linear", _("Linear")),
            ("quanto", _("Quanto")),
        ],
    )
    symbol = forms.CharField(
        label=_("Symbol"), required=False, max_length=40,
        help_text=_("Instead of a rate, where the rules carry a table: BTCUSDT."),
    )  # fmt: skip
    quantity = _number(
        _("Quantity"),
        _("Contracts where a face is given, else USD (inverse) or coins (linear)."),
        required=True,
    )
    face = _number(_("Face"), _("What one contract is worth: 100 USD, 0.001 BTC."))
    entry = _number(_("Entry price"), required=True)
    mark = _number(_("Mark price"), _("For profit and margin ratio."))
    collateral = _number(
        _("Collateral"),
        _("The cross balance, or the position's margin; isolated margin follows from leverage."),
    )
    leverage = _number(_("Leverage"))
    maintenance = _number(_("Maintenance rate"), _("A fraction: 0.005 for 0.5 %."))
    deduction = _number(_("Deduction"), _("The tier's maintenance amount, if any."))
    taker_fee = _number(_("Taker fee"), _("A fraction: 0.00075 for 0.075 %."))
    others_maintenance = _number(_("Maintenance of the other positions"), _("Cross margin only."))
    others_profit = _number(_("Profit of the other positions"), _("Below zero for a loss."))
    hedge_quantity = _number(_("Quantity of the opposite leg"), _("Of the same contract, cross."))
    hedge_entry = _number(_("Entry price of the opposite leg"))
    ema = _number(_("Moving average"), _("Huobi 2018: the second price that must breach."))
    tick = _number(_("Price step"), _("Where it is not the usual one of such a price."))

    def usual(self) -> list[forms.BoundField]:
        """What most positions need."""
        return [bound for bound in self if bound.name not in RARE]

    def rare(self) -> list[forms.BoundField]:
        """What few positions need; shown folded unless something stands there."""
        return [self[name] for name in RARE]

    def unfolded(self) -> bool:
        return any(bound.value() or bound.errors for bound in self.rare())

    def request(self) -> dict[str, Any]:
        """The service's request: what was filled in, and the other positions as sums."""
        given = {name: text for name, text in self.cleaned_data.items() if text}
        nested: dict[str, dict[str, str]] = {"others": {}, "hedge": {}}
        for name, (part, key) in NESTED.items():
            if name in given:
                nested[part][key] = given.pop(name)
        if nested["others"]:
            nothing = {"maintenance_margin": "0", "unrealised_pnl": "0"}
            given["others"] = [nothing | nested["others"]]
        if nested["hedge"]:
            given["hedge"] = nested["hedge"]
        return given

    def refuse(self, problem: QuoteRefused) -> None:
        """Put a refusal of the service beside the fields it names."""
        for each in problem.each:
            name = _field_of(each.field)
            self.add_error(name if name in self.fields else None, each.sentence)


def _field_of(place: str) -> str:
    """The form's field for a place in the request, such as ``others[1].unrealised_pnl``."""
    within = [name for name, (part, _key) in NESTED.items() if place.startswith(part)]
    exactly = [name for name in within if place.endswith(NESTED[name][1])]
    return next(iter(exactly + within), place)


def _figures(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"label": label, "printed": answer[key], "unrounded": answer["unrounded"][key]}
        for key, label in FIGURES
    ]


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The form, and the answer once it is filled in; only the answer when a script asks."""
    asked = bool(request.GET)
    form = QuoteForm(request.GET) if asked else QuoteForm()
    context: dict[str, Any] = {"form": form}
    if asked and form.is_valid():
        try:
            answer = quote(form.request())
            context |= {"answer": answer, "figures": _figures(answer)}
        except QuoteRefused as problem:
            form.refuse(problem)
    context["layout"] = "desk.html" if access.standing(request).is_staff else "public.html"
    fragment = request.headers.get("HX-Request") == "true"
    template = "margin/_result.html" if fragment else "margin/page.html"
    return render(request, template, context, status=REFUSED if form.errors else 200)
