"""The living style guide: every part of the screens in every state, on made-up content.

It reads no row and changes none. Staff see it.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from backoffice.badges import BADGES
from backoffice.templatetags.charts import Bin, Part
from backoffice.views import access

_BTC = SimpleNamespace(code="BTC", decimals=8)
_USDT = SimpleNamespace(code="USDT", decimals=6)
_CONTRACT = SimpleNamespace(tick=Decimal("0.01"))
_CUTOFF = datetime(2018, 3, 29, 20, 47, 54, 123456, tzinfo=UTC)
_DIGEST = "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba"
_OLD = "Trading is expected to resume at 09:00. All transactions after 5:00 are rolled back."
_NEW = (
    "Trading is expected to resume at 00:00 on 31 March. All transactions after 4:47:54 "
    "are rolled back. 合约交易预计于零点恢复。"
)


class SampleForm(forms.Form):
    """A field of every kind, one of them refused."""

    name = forms.CharField(label="Title", help_text="What a reader of the notice board sees.")
    price = forms.DecimalField(label="Settlement price")
    kind = forms.ChoiceField(label="Remedy", choices=[("r", "Roll back"), ("g", "Goodwill")])
    at = forms.DateTimeField(label="Cut-off", required=False, help_text="UTC.")
    why = forms.CharField(label="Reason", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    public = forms.BooleanField(label="Show on the public timeline", required=False)
    way = forms.ChoiceField(
        label="Who pays", widget=forms.RadioSelect, choices=[("h", "The house"), ("i", "The fund")]
    )


class SampleFilters(forms.Form):
    """The filters above a sheet."""

    q = forms.CharField(label="Account", required=False)
    verdict = forms.ChoiceField(
        label="Verdict", required=False, choices=[("", "Any"), ("not_due", "Not due")]
    )


@require_GET
@access.staff()
def show(request: HttpRequest) -> HttpResponse:
    """All parts on one page."""
    return render(request, "styleguide/page.html", _samples())


def _samples() -> dict[str, Any]:
    refused = SampleForm({"name": "", "price": "47,55", "kind": "r", "way": "h"})
    return {
        "btc": _BTC, "usdt": _USDT, "contract": _CONTRACT, "cutoff": _CUTOFF, "digest": _DIGEST,
        "badges": list(BADGES), "form": SampleForm(), "refused": refused,
        "filters": SampleFilters(), "old": _OLD, "new": _NEW, "entries": _timeline(),
        "legs": _legs(), "totals": [_total(_BTC, 251_997_000_000, 251_997_000_000)],
        "off_totals": [_total(_USDT, 1_000_000, 999_999)],
        "page": SimpleNamespace(rows=range(50), after="100"),
        "jobs": _jobs(), "distribution": _bins(), "verdicts": _verdicts(),
        "promise": SimpleNamespace(text="Progress update", due_at=_CUTOFF, kept_at=None),
        "palette_tokens": ["paper", "surface", "sunken", "ink", "accent", "good", "bad", "warn"],
    }  # fmt: skip


def _timeline() -> list[SimpleNamespace]:
    lines = [
        (0, "tape", "Last trade kept. Later trades of every futures contract are rolled back.", ""),
        (732, "tape", "First print off the 25 % band: 5,249.00, index 7,001.20.", ""),
        (1806, "tape", "Lowest print 4,755.00, 32.1 % under the index.", ""),
        (11_530, "desk", "Trading of all futures halted; withdrawals closed.", "Mira Lang"),
        (15_126, "person", "Notice published: futures are rolled back.", "Chen Wei"),
    ]
    words = {"tape": "Computed from the tape", "desk": "Recorded by the desk",
             "person": "Written by a person"}  # fmt: skip
    return [
        SimpleNamespace(
            at=_CUTOFF + timedelta(seconds=after), source=source, text=text, author=author,
            public=source == "person", get_source_display=words[source],
        )
        for after, source, text, author in lines
    ]  # fmt: skip


def _legs() -> list[SimpleNamespace]:
    rows = [("a-1001", 12_500_000_000), ("a-1002", -9_347_214_118), ("a-1003", -3_152_785_882)]
    return [
        SimpleNamespace(account=account, wallet="Futures", asset=_BTC, units=units,
                        reason="Reverse realised profit", reverses=f"trade {at + 88_201}")
        for at, (account, units) in enumerate(rows * 4)
    ]  # fmt: skip


def _total(asset: Any, credits: int, debits: int) -> SimpleNamespace:
    return SimpleNamespace(asset=asset, credits=credits, debits=-debits, total=credits - debits)


def _jobs() -> list[SimpleNamespace]:
    states = [
        ("queued", 0, "Waiting for a worker"),
        ("running", 618_000, "About 4 s left"),
        ("done", 1_000_000, "Recomputed in 11.2 s"),
        ("refused", 618_000, "A balance moved"),
    ]
    return [
        SimpleNamespace(label="Recompute liquidations", done=done, total=1_000_000, state=state,
                        message=message)
        for state, done, message in states
    ]  # fmt: skip


def _bins() -> list[Bin]:
    edges = ["more than 100", "10 to 100", "1 to 10", "0.1 to 1", "under 0.1"]
    lost = zip(edges, (3, 41, 388, 1204, 977), strict=True)
    won = zip(edges, (1, 58, 512, 1466, 803), strict=True)
    losses = [Bin(f"−{edge} BTC", n, "loss") for edge, n in lost]
    gains = [Bin(f"+{edge} BTC", n, "gain") for edge, n in won]
    return [*losses, *reversed(gains)]


def _verdicts() -> list[Part]:
    return [
        Part(_("Due under both prices"), 1_204), Part(_("Due only at the printed price"), 3_911),
        Part(_("Not due"), 26), Part(_("Missed"), 148),
    ]  # fmt: skip


@require_GET
@access.staff()
def prices(request: HttpRequest) -> JsonResponse:
    """A made-up two hours around 30 March 2018, 05:00 HKT, in the chart's format."""
    start = int(datetime(2018, 3, 29, 20, 30, tzinfo=UTC).timestamp())
    time = list(range(start, start + 7200))
    index = [700_000 + (i * 7919 % 613) - i // 12 for i in range(7200)]
    path = [(0, 655_000), (1074, 652_000), (1800, 640_000), (2500, 520_000), (3100, 598_000),
            (3900, 475_500), (5400, 540_000), (7199, 588_000)]  # fmt: skip
    mark = [_between(path, i) + (i * 104_729 % 1801) - 900 for i in range(7200)]
    falls = [i for i in range(1800, 4000, 37) if mark[i] < 600_000]
    cascade_time = list(range(start, start + 7200, 10))
    contracts = [_forced(path, i * 10) for i in range(720)]
    return JsonResponse({
        "zone": "Asia/Hong_Kong", "tick_units": 1, "decimals": 2, "time": time, "mark": mark,
        "index": index, "window": {"start": start + 1800, "end": start + 7199},
        "cutoffs": [{"label": _("Effective"), "time": start + 1074},
                    {"label": _("Announced"), "time": start + 1800}],
        "liquidations": {"time": [time[i] for i in falls], "price": [mark[i] for i in falls],
                         "quantity": [(i * 7919) % 9000 + 100 for i in falls]},
        "cascade": {"seconds": 10, "time": cascade_time, "contracts": contracts},
    })  # fmt: skip


def _between(path: list[tuple[int, int]], at: int) -> int:
    for (x0, y0), (x1, y1) in zip(path, path[1:], strict=False):
        if x0 <= at <= x1:
            return y0 + (y1 - y0) * (at - x0) // (x1 - x0)
    return path[-1][1]


def _forced(path: list[tuple[int, int]], at: int) -> int:
    drop = _between(path, at) - _between(path, at + 120)
    return drop * (at * 31 % 17 + 4) // 40 if drop > 4_000 else 0
