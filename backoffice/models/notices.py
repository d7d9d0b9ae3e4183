"""What the public reads: notices with every version kept, facts they cite, times we promised."""

from django.db import models

from backoffice.models.incidents import Incident
from backoffice.models.people import Person


class Fact(models.Model):
    """A computed number that may be shown to anyone, with the digest of what it came from."""

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="facts")
    key = models.SlugField(max_length=60)
    value = models.CharField(max_length=120)
    source = models.CharField(max_length=160, help_text="What computed it, in words.")
    digest = models.CharField(max_length=64)
    computed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "fact"
        indexes = [models.Index(fields=["incident", "key", "-id"], name="fact_latest")]

    def __str__(self) -> str:
        return f"{self.key} = {self.value}"


class Notice(models.Model):
    """A public page of an incident; what it says is its latest version."""

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="notices")
    slug = models.SlugField(max_length=60)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "notice"
        constraints = [
            models.UniqueConstraint(fields=["incident", "slug"], name="notice_slug_once"),
        ]

    def __str__(self) -> str:
        return self.slug


class NoticeVersion(models.Model):
    """One published text in one language. Append only; `{{ fact_key }}` marks cite facts."""

    notice = models.ForeignKey(Notice, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    language = models.CharField(max_length=8, default="en")
    title = models.CharField(max_length=200)
    body = models.TextField(help_text="As written, with marks.")
    rendered = models.TextField(help_text="As published, facts filled in.")
    facts = models.JSONField(default=dict, help_text="Fact key -> [fact id, value].")
    author = models.ForeignKey(Person, models.PROTECT, related_name="+")
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "notice_version"
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "number", "language"], name="notice_version_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice_id} v{self.number} {self.language}"


class Promise(models.Model):
    """A public time we committed to, and whether it was kept."""

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="promises")
    text = models.CharField(max_length=200)
    due_at = models.DateTimeField()
    kept_at = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "promise"

    def __str__(self) -> str:
        return self.text
