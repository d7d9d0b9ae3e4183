"""Public words: every number cites a fact, every version stays, nobody is named."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from backoffice.models import AuditEvent, Fact, Notice, NoticeVersion, Promise
from backoffice.queries import notices as queries
from backoffice.services import facts, notice_texts, notices
from backoffice.services.facts import Computed
from backoffice.services.refusals import Moved, NotAllowed, Refused, Stale
from tests.backoffice.services.conftest import World, run_sql

TEXTS = {
    "en": ("Low of {{ contract }}", "It traded at {{ low }}."),
    "zh-hans": ("{{ contract }} 最低价", "最低成交价为 {{ low }}。"),
}


def know(world: World, **values: str) -> None:
    facts.record(
        incident=world.incident,
        computed={key: Computed(value, "a test", {"n": 1}) for key, value in values.items()},
    )


@pytest.fixture
def known(world: World) -> World:
    know(world, contract="BTC0629", low="4,755.00")
    return world


def publish(world: World, texts: object = None, **options: object) -> list[NoticeVersion]:
    arguments = {"slug": "first", "by": world.person("sana"), **options}
    return notices.publish(incident=world.incident, texts=texts or TEXTS, **arguments)


def nothing_published() -> bool:
    return not NoticeVersion.objects.exists() and not Notice.objects.exists()


def test_marks_become_the_latest_facts(known: World) -> None:
    english, chinese = publish(known)
    assert (english.number, english.language) == (1, "en")
    assert (english.title, english.rendered) == ("Low of BTC0629", "It traded at 4,755.00.")
    assert chinese.rendered == "最低成交价为 4,755.00。"
    low = Fact.objects.get(key="low")
    assert english.facts["low"] == [low.pk, "4,755.00"]
    assert english.body == TEXTS["en"][1]


def test_a_new_version_leaves_the_old_one(known: World) -> None:
    publish(known)
    know(known, low="4,750.00")
    old = NoticeVersion.objects.get(language="en")
    assert [fact.value for fact in queries.moved_since(old)] == ["4,750.00"]
    publish(known)
    found = queries.versions(Notice.objects.get(), "en")
    assert [(v.number, v.rendered) for v in found] == [
        (2, "It traded at 4,750.00."), (1, "It traded at 4,755.00."),
    ]  # fmt: skip
    assert [v.number for v in queries.latest(known.incident, "en")] == [2]


def test_a_fact_that_did_not_move_is_not_written_again(known: World) -> None:
    know(known, low="4,755.00")
    assert Fact.objects.filter(key="low").count() == 1


def test_an_unknown_mark_is_refused(known: World) -> None:
    texts = {code: (title, body + " {{ high }}") for code, (title, body) in TEXTS.items()}
    with pytest.raises(Refused, match="high"):
        publish(known, texts)
    assert nothing_published()


def test_a_fact_that_moved_since_it_was_seen_is_refused(known: World) -> None:
    _, seen = notices.preview(incident=known.incident, texts=TEXTS)
    know(known, low="4,750.00")
    before = AuditEvent.objects.count()
    with pytest.raises(Moved, match="low"):
        publish(known, seen=seen)
    assert nothing_published()
    assert AuditEvent.objects.count() == before


def test_a_missing_translation_is_refused(known: World) -> None:
    with pytest.raises(Refused, match="zh-hans"):
        publish(known, {"en": TEXTS["en"]})
    assert nothing_published()


def test_translations_cite_the_same_facts(known: World) -> None:
    with pytest.raises(Refused, match="same facts"):
        publish(known, {**TEXTS, "zh-hans": ("{{ contract }}", "没有数字。")})
    assert nothing_published()


@pytest.mark.parametrize(
    "body", ["", "   ", "{{ low }", "{{ Low }}", "{{low|safe}}", "{{ }} {{ low }}"]
)
def test_a_text_that_is_not_whole_is_refused(known: World, body: str) -> None:
    with pytest.raises(Refused):
        publish(known, {"en": ("{{ contract }}", body), "zh-hans": ("{{ contract }}", body)})
    assert nothing_published()


@pytest.mark.parametrize("name", ["A00001", "C2", "c3@customers.example"])
def test_nobody_is_named(known: World, name: str) -> None:
    texts = {code: (title, f"{body} {name}.") for code, (title, body) in TEXTS.items()}
    with pytest.raises(Refused, match="names nobody"):
        publish(known, texts)
    assert nothing_published()


@pytest.mark.parametrize("handle", ["chen", "fay"])
def test_who_may_publish(known: World, handle: str) -> None:
    with pytest.raises(NotAllowed):
        publish(known, by=known.person(handle))
    assert nothing_published()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE notice_version SET rendered = 'other'",
        "DELETE FROM notice_version",
        "TRUNCATE notice_version",
        "UPDATE fact SET value = '4,756.00'",
        "DELETE FROM fact",
        "UPDATE promise SET due_at = due_at + interval '1 hour'",
        "UPDATE promise SET text = 'other'",
        "DELETE FROM promise",
    ],
)
def test_sql_cannot_rewrite_what_was_said(known: World, statement: str) -> None:
    publish(known)
    notices.promise(
        incident=known.incident, text="Next update", by=known.person("sana"),
        due_at=timezone.now() + timedelta(hours=2),
    )  # fmt: skip
    before = [list(model.objects.values()) for model in (NoticeVersion, Fact, Promise)]
    with pytest.raises(IntegrityError):
        run_sql(statement)
    assert [list(model.objects.values()) for model in (NoticeVersion, Fact, Promise)] == before


def test_a_promise_is_kept_once(known: World) -> None:
    sana = known.person("sana")
    due = timezone.now() + timedelta(hours=2)
    promise = notices.promise(incident=known.incident, text="Next update", due_at=due, by=sana)
    assert queries.promise_state(promise) == "due"
    notices.keep_promise(promise=promise, by=sana)
    assert queries.promise_state(promise) == "kept"
    with pytest.raises(Stale):
        notices.keep_promise(promise=promise, by=sana)
    promise.refresh_from_db()
    with pytest.raises(IntegrityError):
        run_sql("UPDATE promise SET kept_at = NULL")
    with pytest.raises(Refused, match="to come"):
        notices.promise(incident=known.incident, text="too late", due_at=timezone.now(), by=sana)


@pytest.mark.parametrize("texts", [notice_texts.FIRST, notice_texts.AFTER_ROLLBACK])
def test_our_own_texts_say_sorry_and_cite_the_same(texts: dict[str, tuple[str, str]]) -> None:
    marks = {code: set(notices.MARK.findall("".join(text))) for code, text in texts.items()}
    assert marks["en"] == marks["zh-hans"]
    assert "sorry" in texts["en"][1]
    assert "歉意" in texts["zh-hans"][1] or "道歉" in texts["zh-hans"][1]
