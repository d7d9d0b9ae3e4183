"""Letters about every remedy: what is said is what the numbers of the account are."""

from datetime import UTC, datetime

import pytest

from backoffice.models import Plan
from backoffice.services import letters
from backoffice.services.letters import AssetLines, Occasion

CUTOFF = datetime(2018, 3, 29, 20, 47, 54, tzinfo=UTC)


def written(*remedies: str, language: str = "en", positions: int = 0, **given: int) -> str:
    """The text of a letter to somebody with one asset."""
    amounts = dict.fromkeys(
        ("futures_delta", "funding_before", "funding_delta", "receivable_delta", "reversed_pnl",
         "reversed_fees", "paid", "moved_out"), 0,
    )  # fmt: skip
    line = AssetLines(asset="BTC", decimals=8, futures_before=100, **{**amounts, **given})
    occasion = Occasion(
        venue="Testex", contract="BTC0629", cutoff=CUTOFF, zone="Asia/Hong_Kong",
        address="https://desk.example/me/", remedies=remedies, settled="BTC0330",
    )  # fmt: skip
    letter = letters.adjustment(
        occasion=occasion, name="Ann", account="A-ann", lines=[line],
        positions_changed=positions, language=language,
    )  # fmt: skip
    assert "{" not in letter.subject + letter.text
    return f"{letter.subject}\n{letter.text}"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("remedy", Plan.Remedy.values)
def test_every_remedy_has_a_letter(remedy: str, language: str) -> None:
    text = written(remedy, language=language, futures_delta=5, paid=5)
    assert "0.00000105 BTC" in text
    assert ("https://desk.example/me/" in text) is True


def test_a_rollback_says_what_it_took_back() -> None:
    text = written(
        "rollback", futures_delta=-40, reversed_pnl=-70, reversed_fees=10, funding_delta=-20,
        moved_out=30, positions=2,
    )  # fmt: skip
    assert "trades after 2018-03-30 04:47:54 HKT were cancelled" in text
    assert "  Results of cancelled trades taken back: \N{MINUS SIGN}0.00000070 BTC\n" in text
    assert "  Fees of cancelled trades returned: +0.00000010 BTC\n" in text
    assert "  Moved out of the futures wallet after the cut-off: 0.00000030 BTC\n" in text
    assert "  Positions changed: 2\n" in text
    assert "Paid to you" not in text


def test_who_is_paid_and_who_is_charged_is_told_so() -> None:
    assert "  Paid to you: +0.00000007 BTC\n" in written("restore", futures_delta=7, paid=7)
    charged = written("socialise", futures_delta=-7, paid=-7)
    assert "  Charged to you: \N{MINUS SIGN}0.00000007 BTC\n" in charged
    assert "Moved out" not in written("restore", futures_delta=7, paid=7, moved_out=9)


def test_what_is_owed_and_what_is_written_off_are_not_mixed_up() -> None:
    assert "  Still owed to us: 0.00000007 BTC\n" in written("rollback", receivable_delta=-7)
    text = written("socialise", receivable_delta=7, paid=7)
    assert "  Taken off what you owe us: 0.00000007 BTC\n" in text
    assert "Still owed" not in text


def test_a_settlement_names_its_contract() -> None:
    assert "positions in BTC0330 were settled" in written("settle", futures_delta=1)


def test_several_remedies_are_told_in_order() -> None:
    text = written("rollback", "socialise", futures_delta=1)
    assert text.index("cancelled for every account") < text.index("The insurance fund paid first")
