"""Reading what is public: notices, their versions, facts and promises."""

from django.db.models import QuerySet
from django.utils import timezone

from backoffice.models import Fact, Incident, Notice, NoticeVersion, Promise


def latest(incident: Incident, language: str) -> list[NoticeVersion]:
    """The latest version of every notice of the incident in a language; one statement."""
    rows = (
        NoticeVersion.objects.filter(notice__incident=incident, language=language)
        .select_related("notice")
        .order_by("notice_id", "-number")
        .distinct("notice_id")
    )
    return sorted(rows, key=lambda version: version.published_at, reverse=True)


def versions(notice: Notice, language: str) -> QuerySet[NoticeVersion]:
    """Every version in a language, newest first."""
    return notice.versions.filter(language=language).select_related("author").order_by("-number")


def of_incident(incident: Incident, language: str) -> list[NoticeVersion]:
    """Every version of every notice in a language, the newest first; one statement."""
    return list(
        NoticeVersion.objects.filter(notice__incident=incident, language=language)
        .select_related("notice__incident")
        .order_by("-published_at", "-pk")
    )


def all_versions(incident: Incident) -> QuerySet[NoticeVersion]:
    """Every version of every notice, the newest first, in English: one row for all languages."""
    return (
        NoticeVersion.objects.filter(notice__incident=incident, language="en")
        .select_related("notice", "author")
        .order_by("-published_at", "-pk")
    )


def version(incident: Incident, notice: str, number: int) -> QuerySet[NoticeVersion]:
    """One version of a notice in every language it was published in."""
    return (
        NoticeVersion.objects.filter(notice__incident=incident, notice__slug=notice, number=number)
        .select_related("notice", "author")
        .order_by("language")
    )


def newest(incident: Incident, notice: str) -> list[NoticeVersion]:
    """The latest version of a notice in every language; one statement."""
    rows = NoticeVersion.objects.filter(notice__incident=incident, notice__slug=notice)
    return list(rows.order_by("language", "-number").distinct("language"))


def facts(incident: Incident) -> QuerySet[Fact]:
    """The latest fact of every key, by key."""
    return Fact.objects.filter(incident=incident).order_by("key", "-id").distinct("key")


def moved_since(version: NoticeVersion) -> list[Fact]:
    """The facts a version cites that have another value by now; one statement."""
    cited = {key: value for key, (_, value) in version.facts.items()}
    return [
        fact
        for fact in facts(version.notice.incident)
        if cited.get(fact.key, fact.value) != fact.value
    ]


def promises(incident: Incident) -> QuerySet[Promise]:
    """Every promised time, the next first."""
    return incident.promises.select_related("made_by").order_by("due_at")


def promise_state(promise: Promise) -> str:
    """`kept`, `kept_late`, `due` or `broken` (its time has passed and nobody kept it)."""
    if promise.kept_at is not None:
        return "kept" if promise.kept_at <= promise.due_at else "kept_late"
    return "broken" if promise.due_at < timezone.now() else "due"


def public_incidents() -> QuerySet[Incident]:
    """Incidents the public has been told of, the latest first; one statement."""
    return (
        Incident.objects.filter(notices__isnull=False)
        .select_related("venue", "contract")
        .distinct()
        .order_by("-window_start", "-pk")
    )


def headlines(incidents: list[Incident], language: str) -> dict[int, NoticeVersion]:
    """The newest version of any notice of each incident, by incident; one statement."""
    rows = (
        NoticeVersion.objects.filter(notice__incident__in=incidents, language=language)
        .select_related("notice__incident")
        .order_by("notice__incident_id", "-published_at", "-pk")
        .distinct("notice__incident_id")
    )
    return {row.notice.incident_id: row for row in rows}


def recent(language: str, limit: int) -> list[NoticeVersion]:
    """The newest versions of all notices, for a feed; one statement."""
    return list(
        NoticeVersion.objects.filter(language=language)
        .select_related("notice__incident__venue")
        .order_by("-published_at", "-pk")[:limit]
    )
