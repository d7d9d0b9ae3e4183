"""Notices in the desk: written, looked at, published in every language; refusals named."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, Fact, NoticeVersion
from backoffice.services import facts, notices
from backoffice.services.facts import Computed
from tests.backoffice.services.conftest import World
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.reading import cells, text

pytestmark = pytest.mark.django_db
TEXTS = {
    "slug": "first",
    "title_en": "Trading is closed",
    "body_en": "It traded as low as {{ low }}. We are sorry.",
    "title_zh-hans": "交易已暂停",
    "body_zh-hans": "最低成交价为 {{ low }}。我们诚挚道歉。",
}


@pytest.fixture
def low(world: World) -> Fact:
    return tell(world, "4,755.00")


def tell(world: World, value: str) -> Fact:
    computed = {"low": Computed(value, "lowest trade", {})}
    (fact,) = facts.record(incident=world.incident, computed=computed)
    return fact


def traces() -> tuple[int, int]:
    return NoticeVersion.objects.count(), AuditEvent.objects.count()


def write(client: Client, world: World, step: str, **changes: str) -> object:
    at = reverse("notice-write", args=[world.incident.slug])
    return client.post(at, {**TEXTS, "step": step, **changes})


def test_the_pages_and_who_opens_them(world: World, low: Fact) -> None:
    slug = world.incident.slug
    assert matrix(getting("incident-notices", slug)) == expected()
    assert matrix(getting("notice-write", slug)) == expected("analyst", "support", "legal")


def test_it_is_looked_at_and_published(world: World, analyst: Client, low: Fact) -> None:
    preview = write(analyst, world, "preview")
    assert "It traded as low as 4,755.00. We are sorry." in text(preview)
    assert NoticeVersion.objects.count() == 0
    seen = preview.context["form"].initial["seen"]
    answer = write(analyst, world, "publish", seen=seen)
    assert answer.url == reverse("desk-notice-version", args=[world.incident.slug, "first", 1])
    assert list(
        NoticeVersion.objects.order_by("language").values_list("language", "title", "rendered")
    ) == [
        ("en", "Trading is closed", "It traded as low as 4,755.00. We are sorry."),
        ("zh-hans", "交易已暂停", "最低成交价为 4,755.00。我们诚挚道歉。"),
    ]


def test_the_list_shows_versions_and_facts(world: World, analyst: Client, low: Fact) -> None:
    publish(world, "It traded as low as {{ low }}.")
    page = analyst.get(reverse("incident-notices", args=[world.incident.slug]))
    (row,) = cells(page, "versions")
    assert row[:4] == ["Trading is closed", "first", "1", "1"]
    assert [fact[:3] for fact in cells(page, "fact-sheet")] == [
        ["{{ low }}", "4,755.00", "lowest trade"]
    ]


def test_a_version_shows_what_it_changed_and_what_moved(
    world: World, analyst: Client, low: Fact
) -> None:
    publish(world, "As low as {{ low }}.")
    publish(world, "Far down, as low as {{ low }}.")
    tell(world, "4,700.00")
    page = analyst.get(reverse("desk-notice-version", args=[world.incident.slug, "first", 2]))
    shown = text(page)
    assert "What changed since version 1" in shown
    assert "<ins>" in page.content.decode()
    assert "4,755.00 → 4,700.00." in shown
    assert (
        analyst.get(
            reverse("desk-notice-version", args=[world.incident.slug, "first", 3])
        ).status_code
        == 404
    )


def test_the_editor_begins_with_the_latest_version(
    world: World, analyst: Client, low: Fact
) -> None:
    publish(world, "As low as {{ low }}.")
    at = reverse("notice-rewrite", args=[world.incident.slug, "first"])
    assert "As low as {{ low }}." in analyst.get(at).content.decode()
    other = reverse("notice-rewrite", args=[world.incident.slug, "other"])
    assert analyst.get(other).status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"body_en": "{{ lowest }}", "body_zh-hans": "{{ lowest }}"}, "No such fact"),
        ({"body_zh-hans": "最低"}, "do not cite the same facts"),
        ({"body_en": ""}, "This field is required"),
        ({"slug": "no spaces"}, "Enter a valid"),
        ({"body_en": "{{ low }} in A00001"}, "names A00001"),
        ({"seen": "{not json"}, "Look at the preview again"),
        ({"seen": ""}, "Look at the preview before"),
    ],
)
def test_a_text_is_refused(
    world: World, analyst: Client, low: Fact, changes: dict[str, str], words: str
) -> None:
    before = traces()
    seen = f'{{"low": {low.pk}}}'
    answer = write(analyst, world, "publish", **{"seen": seen, **changes})
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert traces() == before


def test_a_fact_that_moved_since_the_preview_stops_it(
    world: World, analyst: Client, low: Fact
) -> None:
    seen = write(analyst, world, "preview").context["form"].initial["seen"]
    tell(world, "4,700.00")
    before = traces()
    answer = write(analyst, world, "publish", seen=seen)
    assert answer.status_code == 409
    assert "These facts moved since you looked: low." in text(answer)
    assert traces() == before


def test_other_roles_publish_nothing(world: World, low: Fact) -> None:
    before = traces()
    for who in ("risk", "finance"):
        assert write(signed_in(who), world, "publish").status_code == 403
    assert traces() == before


def test_the_list_costs_the_same_however_long(
    world: World, analyst: Client, low: Fact, django_assert_num_queries: object
) -> None:
    for n in range(3):
        publish(world, "As low as {{ low }}." * (n + 1))
    # session, person, standing, incident, two of the frame, promises, versions, undos, facts
    with django_assert_num_queries(10):
        analyst.get(reverse("incident-notices", args=[world.incident.slug]))


def publish(world: World, body: str) -> None:
    texts = {"en": ("Trading is closed", body), "zh-hans": ("交易已暂停", "{{ low }}。")}
    notices.publish(incident=world.incident, slug="first", texts=texts, by=world.person("sana"))
