"""Whether a batch is in the ledger, told by the ledger itself and not by who posted it."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from exchange.models import Batch

STANDING = """
    SELECT b.state, b.posted_at, j.id, j.recorded_at,
           (SELECT count(*) FROM pg_inherits WHERE inhrelid IN (
               to_regclass('ledger_stage_' || b.id), to_regclass('position_stage_' || b.id)))
    FROM batch b LEFT JOIN journal j ON j.batch_id = b.id
    WHERE b.id = %s
"""
PARTITIONS = 2


@dataclass(frozen=True)
class Standing:
    """What the books show of a batch: its state, its journal, its tables that are partitions."""

    state: str
    posted_at: datetime | None
    journal: int | None
    recorded_at: datetime | None
    attached: int

    @property
    def whole(self) -> bool:
        """Wholly posted: the state, the journal and both partitions say so."""
        posted = self.state == Batch.State.POSTED and self.journal is not None
        return posted and self.attached == PARTITIONS

    @property
    def absent(self) -> bool:
        """Nothing was posted: none of the three is there."""
        posted = self.state == Batch.State.POSTED or self.journal is not None
        return not posted and not self.attached


def standing(batch_id: int) -> Standing:
    """Where the batch stands in the books now; one statement. Neither `whole` nor `absent` can
    come about while the database's own checks are on."""
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [batch_id])
        return Standing(*cursor.fetchone())
