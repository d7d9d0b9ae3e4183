"""The facts of a tape begin where its books do: a comparison and a plan see the same balances."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exchange.models import LedgerAccount
from exchange.services import books, incident_facts
from exchange.services.liquidations import effective_cutoff_us
from tests.exchange.services import tapes
from tests.exchange.tape.market import Rows

pytestmark = [pytest.mark.usefixtures("tape_store"), pytest.mark.django_db]


def poorer(content: dict[str, Rows], manifest: dict[str, Any]) -> None:
    """Ann loses more than she has."""
    for row in content["balances"]:
        if row["account"] == "A-ann":
            row["amount"] = "0.005"


@pytest.mark.parametrize("change", [None, poorer])
def test_wallets_of_the_tape_are_those_of_its_books(
    tmp_path: Path, change: tapes.Change | None
) -> None:
    tape = tapes.read(tmp_path, change)
    record = books.open_books(tape=tape, venue="testex", name="Test", progress=None)
    found = incident_facts.freeze(tape, effective_cutoff_us(tape)).wallets
    rows = LedgerAccount.objects.filter(venue=record.venue, account__isnull=False)
    number = {code: row for row, code in enumerate(tape.assets.code)}
    for kind in found._fields:
        held = np.zeros_like(found.futures)
        for account, asset, amount in rows.filter(kind=kind).values_list(
            "account__tape_index", "asset__code", "balance__amount"
        ):
            held[account, number[asset]] = amount
        assert getattr(found, kind).tolist() == held.tolist(), kind
    assert (found.receivable != 0).sum() == (change is poorer)
