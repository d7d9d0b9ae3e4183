"""What the public is told: versions that are never edited, citing facts that are never typed.

A text may hold `{{ fact-key }}` marks. Publishing fills in the latest facts and keeps which row of
each was cited, so a reader of any version can see what was known then. All languages of a version
are published together, so no translation is ever older than what it translates.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from backoffice.models import Fact, Incident, Notice, NoticeVersion, Person, Promise, Role
from backoffice.services import audit, facts
from backoffice.services.people import require
from backoffice.services.refusals import Moved, Refused, Stale

MAY_PUBLISH = (Role.Name.ANALYST, Role.Name.SUPPORT, Role.Name.LEGAL)
MARK = re.compile(r"\{\{\s*([a-z0-9][a-z0-9_-]*)\s*\}\}")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]*[A-Za-z0-9]")
Texts = Mapping[str, tuple[str, str]]
Seen = Mapping[str, int]


def preview(*, incident: Incident, texts: Texts) -> tuple[dict[str, tuple[str, str]], Seen]:
    """What `publish` would publish, and the facts it would cite as key -> row id.

    Pass the second part to `publish` as `seen`. Raises Refused as `publish` does.
    """
    rendered, cited = _render(incident, texts)
    return rendered, {key: fact.pk for key, fact in cited.items()}


def publish(
    *, incident: Incident, slug: str, texts: Texts, by: Person, seen: Seen | None = None
) -> list[NoticeVersion]:
    """Publish the next version of a notice in every language of the desk.

    `texts` is language -> (title, body), `seen` the facts the author looked at. Raises Refused for
    an unknown mark, a missing language or a customer or account named in it, Moved when a fact
    moved since `seen`; two who publish at once get one number each.
    """
    require(by, *MAY_PUBLISH)
    with transaction.atomic(durable=True):
        notice, _ = Notice.objects.get_or_create(incident=incident, slug=slug)
        Notice.objects.select_for_update().get(pk=notice.pk)
        rendered, cited = _render(incident, texts)
        if seen is not None and (moved := sorted(k for k in cited if seen.get(k) != cited[k].pk)):
            raise Moved(f"These facts moved since you looked: {', '.join(moved)}.")
        last = notice.versions.aggregate(last=Max("number"))["last"] or 0
        versions = NoticeVersion.objects.bulk_create(
            NoticeVersion(
                notice=notice,
                number=last + 1,
                language=language,
                title=title,
                body=texts[language][1],
                rendered=body,
                facts={key: [fact.pk, fact.value] for key, fact in cited.items()},
                author=by,
            )
            for language, (title, body) in rendered.items()
        )
        audit.record(
            by=by,
            action="notice.published",
            subject=f"notice:{notice.pk}",
            data={"version": last + 1, "facts": {key: fact.pk for key, fact in cited.items()}},
        )
    return versions


def promise(*, incident: Incident, text: str, due_at: datetime, by: Person) -> Promise:
    """Commit in public to a time. Raises Refused for one that is past."""
    require(by, *MAY_PUBLISH)
    if due_at <= timezone.now():
        raise Refused("A promise is about a time to come.")
    with transaction.atomic(durable=True):
        row = Promise.objects.create(
            incident=incident, text=text.strip()[:200], due_at=due_at, made_by=by
        )
        audit.record(
            by=by,
            action="promise.made",
            subject=f"promise:{row.pk}",
            data={"due_at": due_at.isoformat()},
        )
    return row


def keep_promise(*, promise: Promise, by: Person) -> Promise:
    """Record that it was kept, now. Late is late: the row shows both times."""
    require(by, *MAY_PUBLISH)
    now = timezone.now()
    with transaction.atomic(durable=True):
        rows = Promise.objects.filter(pk=promise.pk, kept_at__isnull=True).update(kept_at=now)
        if rows != 1:
            raise Stale("That promise was kept already.")
        audit.record(
            by=by,
            action="promise.kept",
            subject=f"promise:{promise.pk}",
            data={"late": now > promise.due_at},
        )
    promise.kept_at = now
    return promise


def _render(incident: Incident, texts: Texts) -> tuple[dict[str, tuple[str, str]], dict[str, Fact]]:
    """The texts with the latest facts filled in, and those facts by key. Raises Refused."""
    known = facts.latest(incident)
    _check_texts(texts, known)
    rendered = {
        language: (_fill(title, known), _fill(body, known))
        for language, (title, body) in texts.items()
    }
    _check_nobody_is_named(incident, rendered)
    return rendered, {key: known[key] for key in _cited(texts)}


def _marks(text: str) -> set[str]:
    return set(MARK.findall(text))


def _cited(texts: Texts) -> set[str]:
    return set().union(*(_marks(title + body) for title, body in texts.values()))


def _fill(text: str, known: Mapping[str, Fact]) -> str:
    return MARK.sub(lambda mark: known[mark[1]].value, text)


def _check_texts(texts: Texts, known: Mapping[str, Fact]) -> None:
    missing = {code for code, _ in settings.LANGUAGES} - texts.keys()
    if missing:
        raise Refused(f"A notice is published in every language; missing: {', '.join(missing)}.")
    if unknown := sorted(_cited(texts) - known.keys()):
        raise Refused(f"No such fact of this incident: {', '.join(unknown)}.")
    for language, (title, body) in texts.items():
        if not title.strip() or not body.strip():
            raise Refused(f"The {language} text is empty.")
        if "{{" in MARK.sub("", title + body):
            raise Refused(f"The {language} text has a mark that is not a fact's key.")
    cited = {language: _marks(title + body) for language, (title, body) in texts.items()}
    if len({frozenset(keys) for keys in cited.values()}) > 1:
        raise Refused("The translations do not cite the same facts.")


def _check_nobody_is_named(incident: Incident, rendered: Texts) -> None:
    """A public text cannot hold an account, a customer's code or an address; one statement."""
    words = sorted(
        {w for title, body in rendered.values() for w in WORD.findall(title + " " + body)}
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code FROM exchange_account WHERE venue_id = %(v)s AND code = ANY (%(w)s)"
            " UNION ALL SELECT code FROM exchange_customer"
            " WHERE venue_id = %(v)s AND (code = ANY (%(w)s) OR email = ANY (%(w)s)) LIMIT 1",
            {"v": incident.venue_id, "w": words},
        )
        if found := cursor.fetchone():
            raise Refused(f"A public text names nobody, and this one names {found[0]}.")
