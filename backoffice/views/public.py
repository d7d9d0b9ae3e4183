"""What anyone may read: notices with every version kept, and what is open or closed now.

Nothing here asks who is reading. A version is served for ever under its number, in HTML, JSON and
as a feed; two versions can be laid side by side.
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from backoffice.models import Fact, Incident, NoticeVersion, Plan
from backoffice.queries import break_glass
from backoffice.queries import incidents as incident_queries
from backoffice.queries import notices as queries
from backoffice.services import notice_texts, recusals
from backoffice.views.incident_frame import gate_words
from backoffice.views.undone import taken_back

FEED_LENGTH = 40


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Every incident the public was told of, with what is open and what is closed."""
    found = list(queries.public_incidents())
    closed = incident_queries.gates_closed([row.pk for row in found])
    headlines = queries.headlines(found, get_language())
    undos = taken_back(headlines.values())
    rows = []
    for row in found:
        headline = headlines.get(row.pk)
        undo = undos.get(headline.pk) if headline else None
        rows.append((row, headline, undo, gate_words(closed[row.pk])))
    return render(request, "public/list.html", {"rows": rows, **_undone_words()})


@require_GET
def show(request: HttpRequest, slug: str) -> HttpResponse:
    """What an incident's notices say now, what was promised, and how it came about."""
    incident = _incident(request, slug)
    latest = queries.latest(incident, get_language())
    if not latest:
        raise Http404
    versions = queries.of_incident(incident, get_language())
    undos = taken_back(versions)
    context = _around(incident) | {
        "latest": [(row, undos.get(row.pk)) for row in latest],
        "versions": [(row, undos.get(row.pk)) for row in versions],
        **_undone_words(),
    }
    return render(request, "public/incident.html", context)


@require_GET
def version(request: HttpRequest, slug: str, notice: str, number: int) -> HttpResponse:
    """One version as it was published, what it cited, and what changed since the one before."""
    incident = _incident(request, slug)
    shown = _version(incident, notice, number)
    before = number > 1 and _version(incident, notice, number - 1)
    context = {
        "incident": incident,
        "version": shown,
        "before": before,
        "facts": _cited(shown),
        "undone_by": taken_back([shown]).get(shown.pk),
        **_undone_words(),
    }
    return render(request, "public/version.html", context)


@require_GET
def document(request: HttpRequest, slug: str) -> JsonResponse:
    """The latest notices of an incident as JSON, with the facts each cites."""
    incident = _incident(request, slug)
    latest = queries.latest(incident, get_language())
    undos = taken_back(latest)
    closed = gate_words(incident_queries.gates_closed([incident.pk])[incident.pk])
    promises = [
        {"text": row.text, "due_at": row.due_at, "kept_at": row.kept_at, "state": state}
        for row, state in _promises(incident)
    ]
    body = {
        "incident": incident.slug,
        "title": incident.title,
        "announced_cutoff": incident.announced_cutoff,
        "effective_cutoff": incident.effective_cutoff,
        "status": closed,
        "promises": promises,
        "recusals": recusals.count(incident),
        "break_glass": [
            _glass(glass) for glass in break_glass.of_incident(incident, timezone.now())
        ],
        "notices": [_as_json(row, undos.get(row.pk)) for row in latest],
    }
    return JsonResponse(body)


@require_GET
def feed(request: HttpRequest) -> HttpResponse:
    """The newest versions of all notices as an Atom feed in the reader's language."""
    language = get_language()
    atom = Atom1Feed(
        title=_("Makewhole notices"),
        link=request.build_absolute_uri(reverse("public")),
        description=_("Every version of every notice"),
        language=language,
        feed_url=request.build_absolute_uri(),
    )
    rows = queries.recent(language, FEED_LENGTH)
    undos, said = taken_back(rows), notice_texts.UNDONE[language]
    for row in rows:
        undo = undos.get(row.pk)
        atom.add_item(
            title=row.title,
            link=request.build_absolute_uri(_address(row)),
            description=f"{said}\n\n{row.rendered}" if undo else row.rendered,
            pubdate=row.published_at,
            updateddate=undo.executed_at if undo else row.published_at,
        )
    return HttpResponse(atom.writeString("utf-8"), content_type=Atom1Feed.content_type)


def _undone_words() -> dict[str, str]:
    """What stands beside a notice that was undone, in the language that the notices are in."""
    return {"undone_words": notice_texts.UNDONE[get_language()]}


def _incident(request: HttpRequest, slug: str) -> Incident:
    """An incident that has a notice, its venue named to the frame; 404 for any other."""
    incident = get_object_or_404(queries.public_incidents(), slug=slug)
    request.venue = incident.venue  # type: ignore[attr-defined]
    return incident


def _version(incident: Incident, notice: str, number: int) -> NoticeVersion:
    return get_object_or_404(
        NoticeVersion.objects.select_related("notice__incident"),
        notice__incident=incident,
        notice__slug=notice,
        number=number,
        language=get_language(),
    )


def _around(incident: Incident) -> dict[str, Any]:
    """What stands beside the notices; six statements."""
    return {
        "incident": incident,
        "gates": gate_words(incident_queries.gates_closed([incident.pk])[incident.pk]),
        "promises": _promises(incident),
        "timeline": incident.timeline.filter(public=True).order_by("at", "pk"),
        "recusals": recusals.count(incident),
        "glasses": break_glass.of_incident(incident, timezone.now()),
    }


def _glass(glass: break_glass.Glass) -> dict[str, Any]:
    """A broken glass as the public is told of it: what and when, and never who."""
    row = glass.row
    review = getattr(row, "review", None)
    return {
        "remedy": row.plan.remedy,
        "digest": row.digest,
        "opened_at": row.at,
        "seconded_at": row.second.at,
        "review_due_at": row.second.review_due_at,
        "reviewed_at": review and review.at,
        "outcome": review and review.outcome,
    }


def _promises(incident: Incident) -> list[tuple[Any, str]]:
    return [(row, queries.promise_state(row)) for row in queries.promises(incident)]


def _cited(shown: NoticeVersion) -> list[Fact]:
    """The very facts a version was published with, by key."""
    return list(Fact.objects.filter(pk__in=[pk for pk, _ in shown.facts.values()]).order_by("key"))


def _address(row: NoticeVersion) -> str:
    notice = row.notice
    return reverse("notice-version", args=[notice.incident.slug, notice.slug, row.number])


def _as_json(row: NoticeVersion, undo: Plan | None) -> dict[str, Any]:
    return {
        "notice": row.notice.slug,
        "version": row.number,
        "language": row.language,
        "title": row.title,
        "text": row.rendered,
        "published_at": row.published_at,
        "undone_at": undo and undo.executed_at,
        "facts": {fact.key: {"value": fact.value, "digest": fact.digest} for fact in _cited(row)},
    }
