"""The legs of a batch as files anyone can check: four CSV tables and the digests they hash to.

`export` writes what PostgreSQL holds; `recompute` reads such a folder without a database and
derives the digests again. The two agree or something was changed (docs/formats/legs.md).
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection
from psycopg import sql

from exchange.domain import legs as canonical
from exchange.models import Batch
from exchange.services import stage_tables
from exchange.services.refusals import WrongState
from exchange.services.stage_tables import Digests

MANIFEST = "batch.json"
TABLES = {
    "cash": ("cash_legs.csv", canonical.CASH_LABEL, stage_tables.CASH),
    "positions": ("position_legs.csv", canonical.POSITION_LABEL, stage_tables.POSITIONS),
    "cash_before": ("balances_before.csv", canonical.CASH_BEFORE_LABEL, stage_tables.CASH_BEFORE),
    "positions_before": (
        "positions_before.csv", canonical.POSITION_BEFORE_LABEL, stage_tables.POSITIONS_BEFORE,
    ),
}  # fmt: skip


class EvidenceRefused(ValueError):
    """A folder that is no export, or whose tables are not numbered 1..n; the message says which."""


def export(batch: Batch, folder: Path) -> Digests:
    """Write a sealed or posted batch into a folder, and return the digests it was sealed under.

    One statement a table. Raises `WrongState` for a draft or a discarded batch.
    """
    if batch.state not in (Batch.State.SEALED, Batch.State.POSTED):
        raise WrongState(f"batch {batch.pk} is {batch.state}: there are no sealed legs")
    folder.mkdir(parents=True, exist_ok=True)
    for table, (file, _, columns) in TABLES.items():
        statement = sql.SQL(
            "COPY (SELECT {} FROM {} ORDER BY seq) TO STDOUT (FORMAT csv, HEADER)"
        ).format(
            sql.SQL(", ").join(map(sql.Identifier, ["seq", *columns])),
            sql.Identifier(stage_tables.name(batch, table)),
        )
        with (
            connection.cursor() as cursor,
            connection.wrap_database_errors,
            cursor.copy(statement) as copy,
            (folder / file).open("wb") as target,
        ):
            for block in copy:
                target.write(block)
    digests = Digests(batch.cash_digest, batch.position_digest, batch.precondition_digest)
    manifest = {
        "batch": batch.pk,
        "key": batch.key,
        "journal": stage_tables.journal_of(batch),
        "digests": digests._asdict(),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return digests


def recompute(folder: Path) -> tuple[Digests, Digests]:
    """(the digests the export claims, those its tables hash to). Raises `EvidenceRefused`."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        header = [int(manifest["batch"]), int(manifest["journal"])]
        claimed = Digests(**manifest["digests"])
        found = [
            canonical.digest(label, header, _columns(folder / file, columns))
            for file, label, columns in TABLES.values()
        ]
    except (OSError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise EvidenceRefused(f"{folder} is not a whole export: {error}") from error
    cash, positions, *before = found
    return claimed, Digests(cash, positions, canonical.join(before))


def _columns(path: Path, names: list[str]) -> list[npt.NDArray[Any]]:
    """The columns of a table in their own widths; its rows must be numbered 1..n."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        heads = next(reader, [])
        if heads != ["seq", *names]:
            raise EvidenceRefused(f"{path.name} has the columns {heads}")
        rows = [[int(value) for value in row] for row in reader]
    if any(len(row) != len(heads) for row in rows):
        raise EvidenceRefused(f"{path.name} has a row of another length")
    if [row[0] for row in rows] != list(range(1, len(rows) + 1)):
        raise EvidenceRefused(f"{path.name} is not numbered 1 to {len(rows)}")
    return [
        np.array([row[index] for row in rows], np.int16 if name == "asset_id" else np.int64)
        for index, name in enumerate(names, 1)
    ]
