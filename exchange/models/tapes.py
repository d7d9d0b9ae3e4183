"""Records of evidence: which tape the books of each venue were opened from."""

from django.db import models

from exchange.models.contracts import Venue


class Tape(models.Model):
    """A validated, immutable, content-addressed market tape (the Parquet lives in the store)."""

    venue = models.OneToOneField(Venue, models.PROTECT, related_name="tape")
    digest = models.CharField(max_length=64)
    manifest = models.JSONField()
    accounts = models.BigIntegerField()
    fills = models.BigIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state_digest = models.CharField(
        max_length=64, help_text="Digest of the replayed holdings at the end of the tape."
    )
    imported_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "tape"
        indexes = [models.Index(fields=["digest"], name="tape_digest")]

    def __str__(self) -> str:
        return f"{self.venue_id}: {self.digest[:12]}"
