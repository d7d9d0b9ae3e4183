"""The small parts: what they print, what they escape, what they refuse."""

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.template import Context, Template

from backoffice.templatetags import desk

BTC = SimpleNamespace(code="BTC", decimals=8)


def test_money_holds_its_exact_integer_and_every_decimal() -> None:
    assert desk.money(-125_000_000, BTC, signed=True) == (
        '<span class="fig" data-tone="loss"><data value="-125000000">−1.25'
        '<span class="tail">000000</span></data> <span class="unit">BTC</span></span>'
    )


def test_money_without_a_colour_when_unsigned() -> None:
    assert 'data-tone="plain"' in desk.money(-1, BTC)


def test_money_of_nothing_is_a_dash() -> None:
    assert desk.money(None, BTC) == '<span class="nil">&ndash;</span>'


def test_money_refuses_a_float() -> None:
    with pytest.raises(TypeError):
        desk.money(1.5, BTC)  # type: ignore[arg-type]


def test_price_at_the_tick() -> None:
    contract = SimpleNamespace(tick=Decimal("0.010000000000"))
    assert desk.price(475_500, contract).endswith(">4,755.00</data>")


def test_moment_names_both_zones_and_keeps_the_iso_text() -> None:
    html = desk.moment(datetime(2018, 3, 29, 21, 0, tzinfo=UTC), "clock")
    assert 'datetime="2018-03-29T21:00:00+00:00" title="2018-03-29T21:00:00+00:00"' in html
    assert '<span class="t">21:00:00</span> <span class="z">UTC</span>' in html
    assert '<span class="t">05:00:00</span> <span class="z">HKT</span>' in html
    assert "2018-03-30" not in html


def test_a_market_in_utc_is_told_once() -> None:
    html = desk.moment(datetime(2018, 3, 29, 21, 0, tzinfo=UTC), zone="UTC")
    assert html.count("21:00:00</span>") == 1


def test_the_time_of_a_stored_sum_is_read_exactly() -> None:
    at = desk.instant("2018-03-29T21:31:11.005727+00:00")
    assert at == datetime(2018, 3, 29, 21, 31, 11, 5727, tzinfo=UTC)


def test_state_is_a_word_a_mark_and_a_tone() -> None:
    html = desk.state("stale")
    assert 'data-tone="bad"' in html
    assert "#alert" in html
    assert html.endswith("Stale</span>")


def test_an_unknown_state_is_escaped_and_quiet() -> None:
    html = desk.state("<b>")
    assert 'data-tone="quiet"' in html
    assert "&lt;b&gt;</span>" in html


def test_digest_shows_both_ends_and_can_be_copied_whole() -> None:
    value = "0123456789abcdef" * 4
    html = desk.digest(value)
    assert f'data-copy="{value}"' in html
    assert "<code>01234567<i>…</i>89abcdef</code>" in html


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("5073.570", "5,073.570"),
        ("-0.16547842", "\N{MINUS SIGN}0.16547842"),
        (1200, "1,200"),
        ("0E-8", "0.00000000"),
        (None, "–"),
        ("", "–"),
    ],
)
def test_a_number_of_a_stored_sum_is_written_as_figures_are(
    number: str | int | None, shown: str
) -> None:
    assert desk.grouped(number) == shown


def test_a_stored_value_is_told_without_its_brackets() -> None:
    assert desk.flat([[["rollback", {}]], [["bust", {"band": 300}]]]) == "rollback, bust, band 300"
    assert desk.flat("plan.") == "plan."
    assert desk.flat({"ledger_ok": True, "positions_ok": False}) == (
        "ledger_ok true, positions_ok false"
    )


def test_sums_to_zero_or_by_how_much_not() -> None:
    assert "sums to 0" in desk.sums_to_zero(0, BTC)
    off = desk.sums_to_zero(-3, BTC)
    assert 'data-tone="bad"' in off
    assert "−0.00000003" in off


def test_changes_escape_what_they_mark() -> None:
    html = desk.changes("at 5:00", "at <i>")
    assert "<del>5:00</del>" in html
    assert "<i>" not in html


def test_icon_is_silent_without_a_label() -> None:
    rendered = Template('{% load desk %}{% icon "check" %}{% icon "check" "Done" %}')
    html = rendered.render(Context())
    assert html.count('aria-hidden="true"') == 1
    assert 'role="img" aria-label="Done"' in html
