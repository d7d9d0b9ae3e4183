"""Writing to the public: versions that are kept, facts that are cited and never typed.

A text is looked at before it is published: the preview shows it with its facts filled in, and
publishing fails when one of them has moved since. All languages are published together.
"""

import json
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from backoffice.models import Incident, NoticeVersion
from backoffice.queries import notices as queries
from backoffice.services import notices as services
from backoffice.services.refusals import Refused
from backoffice.views import access
from backoffice.views.incident_frame import around
from backoffice.views.refusing import status_of
from backoffice.views.undone import taken_back

WRITERS = services.MAY_PUBLISH
TAB = "incident-notices"
TITLE, BODY = "title_", "body_"


class TextForm(forms.Form):
    """One notice in every language of the desk; `seen` is what the preview cited."""

    slug = forms.SlugField(
        label=_("Address"), max_length=60,
        help_text=_("Letters, digits and hyphens. The same address makes its next version."),
    )  # fmt: skip
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="notice_%s", **kwargs)
        for code, name in settings.LANGUAGES:
            lang = {"lang": code}
            self.fields[TITLE + code] = forms.CharField(
                label=_("Title, %s") % name, max_length=200, widget=forms.TextInput(attrs=lang)
            )
            self.fields[BODY + code] = forms.CharField(
                label=_("Text, %s") % name, max_length=20_000,
                widget=forms.Textarea(attrs={"rows": 12, **lang}),
            )  # fmt: skip

    def texts(self) -> dict[str, tuple[str, str]]:
        """Language to (title, body), as the services take them."""
        given = self.cleaned_data
        return {
            code: (given[TITLE + code], given[BODY + code]) for code, _name in settings.LANGUAGES
        }

    def cited(self) -> dict[str, int] | None:
        """The facts that were looked at, None when there was no preview. Raises Refused."""
        text = self.cleaned_data["seen"]
        try:
            found = json.loads(text) if text else None
        except ValueError as error:
            raise Refused("Look at the preview again before you publish.") from error
        return found if isinstance(found, dict) else None


class PromiseForm(forms.Form):
    """What will have happened, and until when."""

    text = forms.CharField(label=_("What we promise"), max_length=200)
    due_at = forms.DateTimeField(
        label=_("Until"), help_text=_("UTC, as 2018-03-30 01:00. The public sees a countdown.")
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, auto_id="promise_%s")


@require_GET
@access.staff()
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Every version of every notice, the promises, and the facts that may be cited."""
    incident = access.incident(request, slug)
    return page(request, incident, PromiseForm())


def page(
    request: HttpRequest, incident: Incident, form: PromiseForm, status: int = 200
) -> HttpResponse:
    """The notices of an incident, with the form for a promise."""
    now = timezone.now()
    promises = [
        (row, queries.promise_state(row), int((row.due_at - now).total_seconds()))
        for row in queries.promises(incident)
    ]
    versions = list(queries.all_versions(incident))
    undos = taken_back(versions)
    context = {
        **around(incident),
        "versions": [(row, undos.get(row.pk)) for row in versions],
        "promises": promises,
        "facts": queries.facts(incident),
        "form": form,
        "may_write": access.holds(request, *WRITERS),
    }
    return render(request, "notices/list.html", context, status=status)


@require_http_methods(["GET", "POST"])
@access.staff(*WRITERS)
def write(request: HttpRequest, slug: str, notice: str = "") -> HttpResponse:
    """The editor: empty, or with the latest version; on POST its preview, or the publication."""
    incident = access.incident(request, slug)
    if request.method == "GET":
        return _editor(request, incident, TextForm(initial=_latest(incident, notice)))
    form = TextForm(request.POST)
    if not form.is_valid():
        return _editor(request, incident, form, status=422)
    try:
        if request.POST.get("step") == "publish":
            return _publish(request, incident, form)
        preview, cited = services.preview(incident=incident, texts=form.texts())
    except Refused as refused:
        form.add_error(None, str(refused))
        return _editor(request, incident, form, status=status_of(refused))
    again = TextForm(initial={**form.cleaned_data, "seen": json.dumps(cited)})
    return _editor(request, incident, again, preview=preview)


def _publish(request: HttpRequest, incident: Incident, form: TextForm) -> HttpResponse:
    seen = form.cited()
    if seen is None:
        raise Refused("Look at the preview before you publish.")
    slug = form.cleaned_data["slug"]
    versions = services.publish(
        incident=incident, slug=slug, texts=form.texts(), by=request.user, seen=seen
    )
    number = versions[0].number
    messages.success(request, _("Version %s is published in every language.") % number)
    return redirect("desk-notice-version", incident.slug, slug, number)


def _editor(
    request: HttpRequest,
    incident: Incident,
    form: TextForm,
    *,
    preview: dict[str, tuple[str, str]] | None = None,
    status: int = 200,
) -> HttpResponse:
    names = dict(settings.LANGUAGES)
    shown = [(code, names[code], *preview[code]) for code in names] if preview else []
    context = {
        **around(incident, TAB),
        "form": form,
        "preview": shown,
        "facts": queries.facts(incident),
    }
    return render(request, "notices/write.html", context, status=status)


def _latest(incident: Incident, notice: str) -> dict[str, str]:
    """What the editor begins with: the latest version of the notice, in every language."""
    if not notice:
        return {}
    rows = queries.newest(incident, notice)
    if not rows:
        raise Http404
    filled = {"slug": notice}
    for row in rows:
        filled |= {TITLE + row.language: row.title, BODY + row.language: row.body}
    return filled


@require_GET
@access.staff()
def version(request: HttpRequest, slug: str, notice: str, number: int) -> HttpResponse:
    """One version in every language, what it changed, and whether its facts still hold."""
    incident = access.incident(request, slug)
    rows = list(queries.version(incident, notice, number))
    if not rows:
        raise Http404
    before = {row.language: row for row in queries.version(incident, notice, number - 1)}
    context = {
        **around(incident, TAB),
        "notice": rows[0].notice,
        "number": number,
        "rows": [(row, before.get(row.language)) for row in rows],
        "first": rows[0],
        "facts": _facts(incident, rows[0]),
        "undone_by": taken_back(rows).get(rows[0].pk),
        "newest": not queries.version(incident, notice, number + 1).exists(),
        "may_write": access.holds(request, *WRITERS),
    }
    return render(request, "notices/version.html", context)


def _facts(incident: Incident, shown: NoticeVersion) -> list[dict[str, Any]]:
    """The facts a version cites: as cited, and as they are now."""
    now = {fact.key: fact for fact in queries.facts(incident)}
    return [
        {"key": key, "cited": value, "now": now.get(key), "moved": now[key].value != value}
        for key, (_pk, value) in sorted(shown.facts.items())
        if key in now
    ]
