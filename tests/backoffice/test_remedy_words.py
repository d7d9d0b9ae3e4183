"""Every remedy, parameter and choice has words, for staff and for customers in both languages."""

import re

import pytest

from backoffice import customer_words, remedy_words
from backoffice.models import Plan
from exchange.domain.remedies.catalogue import REMEDIES, Step
from exchange.domain.remedies.words import CHOICE

FILLED = {"contract": "BTC0629", "cutoff": "2018-03-30 04:47:54 HKT", "settled": "BTC0629"}


@pytest.mark.parametrize("remedy", Plan.Remedy.values)
def test_every_remedy_is_described_to_everyone(remedy: str) -> None:
    assert remedy_words.DOES[remedy]
    english, chinese = (
        customer_words.filled(customer_words.told(remedy, language), FILLED)
        for language in ("en", "zh-hans")
    )
    assert not re.search("[\u4e00-\u9fff]", "".join(english))
    assert all(re.search("[\u4e00-\u9fff]", text) for text in chinese)
    assert "{" not in "".join([*english, *chinese])


def test_nobody_is_judged() -> None:
    said = " ".join(map(str, [*remedy_words.DOES.values(), *remedy_words.CHOICES.values()]))
    told = " ".join(text for words in customer_words.ENGLISH.values() for text in words)
    for word in ("guilty", "best", "worst", "fairest", "recommended", "manipulat"):
        assert word not in (said + told).lower(), word


def test_customers_are_told_what_was_done_and_not_what_holds() -> None:
    """The same text stands on a statement after a later plan undid it."""
    english = " ".join(text for words in customer_words.ENGLISH.values() for text in words)
    assert re.findall(r"\b(?:is yours|hold it|now|has been|(?<!not )have been)\b", english) == []
    chinese = " ".join(text for words in customer_words.CHINESE_TEXTS.values() for text in words)
    assert re.findall("归您所有|现在", chinese) == []


def test_every_parameter_and_choice_has_words() -> None:
    for remedy in REMEDIES.values():
        for field in remedy.fields:
            assert remedy_words.FIELDS[field.name]
            if field.kind == CHOICE:
                assert all(remedy_words.choice(field.name, word) for word in field.choices)


def test_the_steps_of_a_scenario_are_read_back() -> None:
    computed = {
        "words": {"band": "0.03"},
        "then": [{"remedy": "socialise", "words": {"rate": "0"}}],
    }
    steps = (Step("bust", {"band": "0.03"}), Step("socialise", {"rate": "0"}))
    assert remedy_words.steps_of("bust", computed) == steps
    refused = {"steps": [["bust", {"band": "0.03"}], ["socialise", {"rate": "0"}]]}
    assert remedy_words.steps_of("bust", refused) == steps
    assert remedy_words.steps_of("rollback", {"cutoff": "2018"}) == (Step("rollback", {}),)
    assert (
        remedy_words.name_of("bust", computed)
        == "Bust trades outside a band, then socialise what is left"
    )


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("0.03", "3"),
        ("0.36067", "36.067"),
        ("0.5", "50"),
        ("0.005", "0.5"),
        ("0", "0"),
        ("0.1", "10"),
    ],
)
def test_a_share_is_read_as_percent(word: str, shown: str) -> None:
    assert remedy_words.percent(word) == f"{shown}\N{NO-BREAK SPACE}%"


def test_parameters_that_say_nothing_are_left_out() -> None:
    words = {
        "reference": "before", "price": "0", "contract": "BTC0629", "opened": "before",
        "fees": "yes", "payer": "fund",
    }  # fmt: skip
    labels = [str(line.label) for line in remedy_words.lines("reference", words)]
    assert labels == ["Reference", "Positions opened", "Return the fee of the close", "Who pays"]
    fixed = remedy_words.lines("reference", words | {"reference": "fixed", "price": "48.36"})
    assert ("Price", "48.36") in [(str(line.label), line.value) for line in fixed]


def test_a_plan_of_two_remedies_tells_both() -> None:
    told = customer_words.together(["rollback", "socialise"], "en")
    assert told.label == "Trades after the cut-off were cancelled"
    assert "The insurance fund paid first." in told.text
