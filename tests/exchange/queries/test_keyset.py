"""Cursors: given out by a page, refused when anyone made them up."""

import pytest

from exchange.queries import keyset


def test_a_page_is_cut_from_one_row_more() -> None:
    rows = [(number,) for number in range(4)]
    page = keyset.page(rows, 3, lambda number: number, lambda number: number)
    assert page == ([0, 1, 2], "2")
    assert keyset.page(rows, 4, lambda number: number, lambda number: number).after == ""
    assert keyset.page([], 4, lambda number: number, lambda number: number) == ([], "")


@pytest.mark.parametrize(("cursor", "numbers"), [("", None), ("7", [7]), ("-1", [-1]), ("0", [0])])
def test_a_cursor_is_read(cursor: str, numbers: list[int] | None) -> None:
    assert keyset.numbers(cursor, 1) == numbers


@pytest.mark.parametrize("cursor", ["x", "1.2", "1e3", "٣", " 1", "--1", "9" * 19, "1;"])
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(keyset.BadCursor):
        keyset.numbers(cursor, 1)


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (50, 50), (10**9, keyset.LIMIT_MAX)])
def test_a_page_has_bounds(asked: int, given: int) -> None:
    assert keyset.limited(asked) == given
