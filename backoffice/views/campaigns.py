"""Writing to every customer a plan touched: prepared, looked at, approved by a second, followed.

The audience is frozen before anyone approves it, and whoever approves or sends types how many
people that is. Why a message is held is shown to those who care for people, and to nobody else.
"""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from backoffice.models import Campaign, Plan
from backoffice.queries import campaigns as queries
from backoffice.services import campaigns as services
from backoffice.services import sending
from backoffice.services.refusals import Refused
from backoffice.views import access
from backoffice.views.incident_frame import around
from backoffice.views.parts import page_or_part, swaps
from backoffice.views.plan_figures import typed
from backoffice.views.refusing import status_of
from backoffice.views.undone import undone_by

WRITERS = services.MAY_WRITE
APPROVERS = services.MAY_APPROVE
SENDERS = (*WRITERS, *APPROVERS)
TAB = "incident-messages"
EXTREMES_SECONDS = 3600


@require_GET
@access.staff()
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Every campaign of the incident, and the executed plans nobody was told of."""
    incident = access.incident(request, slug)
    context = {
        **around(incident),
        "campaigns": queries.of_incident(incident),
        "unwritten": queries.unwritten(incident),
        "may_write": access.holds(request, *WRITERS),
    }
    return render(request, "campaigns/list.html", context)


@require_POST
@access.staff(*WRITERS)
def prepare(request: HttpRequest, slug: str) -> HttpResponse:
    """Freeze the audience of a plan's campaign; nothing is sent by it."""
    incident = access.incident(request, slug)
    asked = request.POST.get("plan", "")
    plan = get_object_or_404(incident.plans, pk=asked if asked.isdecimal() else 0)
    gives = plan.remedy == Plan.Remedy.GOODWILL
    kind = Campaign.Kind.GOODWILL if gives else Campaign.Kind.ADJUSTMENT
    try:
        campaign = services.freeze(plan=plan, kind=kind, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect(TAB, slug)
    return redirect("campaign", campaign.pk)


@require_GET
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """The audience, the letters at its extremes, who approved, how far the sending is."""
    return _page(request, fetch(request, pk))


def fetch(request: HttpRequest, pk: int) -> Campaign:
    """A campaign with what its pages name; one statement."""
    return access.fetch(request, queries.detailed(), lambda row: row.incident.venue, pk=pk)


def _page(
    request: HttpRequest, campaign: Campaign, status: int = 200, error: str = ""
) -> HttpResponse:
    context = {"campaign": campaign, **following(campaign)}
    if not swaps(request):
        may_approve = access.holds(request, *APPROVERS) and campaign.maker_id != request.user.pk
        context |= around(campaign.incident, TAB) | {
            "letters": _letters(campaign),
            "phrase": f"{campaign.audience:,}",
            "error": error,
            "undone_by": undone_by(campaign.plan),
            "may_approve": may_approve and campaign.state == Campaign.State.DRAFT,
            "may_send": access.holds(request, *SENDERS),
        }
    page, part = "campaigns/detail.html", "campaigns/_progress.html"
    return page_or_part(request, page, part, context, status)


def following(campaign: Campaign) -> dict[str, Any]:
    """How far the sending is, as a progress bar shows it; one statement."""
    states = queries.states(campaign)
    left = states["queued"] + states["sending"]
    running = campaign.state == Campaign.State.SENDING
    bar = {"sending": "running", "sent": "done"}.get(campaign.state, "queued")
    return {
        "states": states,
        "running": running,
        "job": {
            "label": campaign.get_kind_display(),
            "state": campaign.state if campaign.state in ("draft", "paused") else bar,
            "done": campaign.audience - left,
            "total": campaign.audience,
            "message": _("%(sent)s sent, %(left)s to go")
            % {"sent": f"{states['sent']:,}", "left": f"{left:,}"},
        },
    }


def _letters(campaign: Campaign) -> list[dict[str, Any]]:
    """The letters at the extremes; two statements the first time, then one, as the audience is
    frozen and so are the effects."""
    languages = dict(settings.LANGUAGES)
    labels = {
        "loss": _("The largest loss"),
        "gain": _("The largest gain"),
        "zero": _("No change of the wallet"),
        "name": _("The longest name"),
        **{code: str(name) for code, name in languages.items()},
    }
    chosen = cache.get_or_set(
        f"campaign-extremes:{campaign.pk}",
        lambda: queries.extremes(campaign, campaign.incident.contract.settle, list(languages)),
        EXTREMES_SECONDS,
    )
    written = sending.render(campaign, sorted(set(chosen.values())))
    return [
        {"label": labels[key], "pk": chosen[key], "letter": written[chosen[key]][1]}
        for key in labels
        if chosen.get(key) in written
    ]


@require_POST
@access.staff(*APPROVERS)
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    """A second person lets it go out, having typed to how many."""
    return _step(request, pk, services.approve, _("Approved. It can be sent now."), counted=True)


@require_POST
@access.staff(*SENDERS)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin sending, having typed to how many; or go on after a pause."""
    return _step(request, pk, services.start, _("Workers are sending it."), counted=True)


@require_POST
@access.staff(*SENDERS)
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop before the next message."""
    return _step(request, pk, services.pause, _("Paused. What was on its way went out."))


def _step(
    request: HttpRequest, pk: int, verb: Any, words: str, *, counted: bool = False
) -> HttpResponse:
    campaign = fetch(request, pk)
    if counted and not typed(request, f"{campaign.audience:,}"):
        return _page(request, campaign, 422, error=_("That is not the count. Nothing was done."))
    try:
        verb(campaign=campaign, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
        return _page(request, campaign, status_of(refused))
    messages.success(request, words)
    return redirect("campaign", pk)
