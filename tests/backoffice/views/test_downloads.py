"""What a spreadsheet is given: no formula, no exponent, no rounding."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from backoffice.views import downloads


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =HYPERLINK(1)"]
)
def test_text_that_would_run_is_disarmed(text: str) -> None:
    assert downloads.cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["Ann", "A-ann", "a=b", "1-2", "王 -1", ""])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert downloads.cell(text) == text


def test_numbers_and_times_are_exact() -> None:
    assert downloads.cell(downloads.units(-1, 8)) == "-0.00000001"
    assert downloads.cell(downloads.units(10**15, 8)) == "10000000.00000000"
    assert downloads.cell(Decimal("1E-12")) == "0.000000000001"
    assert downloads.cell(-17) == "-17"
    assert downloads.cell(None) == ""
    at = datetime(2018, 3, 29, 20, 47, 54, 123456, tzinfo=UTC)
    assert downloads.cell(at) == "2018-03-29T20:47:54.123456+00:00"


def test_a_file_is_streamed_with_its_name() -> None:
    response = downloads.table("fills-a", ["name"], [['=cmd|"x"'], ["王"]])
    assert response["Content-Disposition"] == 'attachment; filename="fills-a.csv"'
    content = b"".join(response.streaming_content).decode()
    assert content == '\ufeffname\r\n"\'=cmd|""x"""\r\n王\r\n'
