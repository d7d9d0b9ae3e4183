"""The canonical form: fixed digests, what it binds, and columns that are refused."""

import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.legs import CHUNK_ROWS, cash_legs, digest, excess, position_legs, total


def by_hand(label: str, header: list[int], rows: list[tuple[int, int]]) -> str:
    """The form of the module's first lines once more, from struct and nothing else."""

    def array(kind: int, size: int, values: list[int]) -> bytes:
        code = {8: ">iq", 2: ">ih"}[size]
        head = struct.pack(">iiiii", 1, 0, kind, len(values), 1)
        return head + b"".join(struct.pack(code, size, value) for value in values)

    parts = hashlib.sha256(label.encode() + array(20, 8, [*header, len(rows)]))
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = rows[start : start + CHUNK_ROWS]
        columns = array(20, 8, [a for a, _ in chunk]) + array(21, 2, [b for _, b in chunk])
        parts.update(hashlib.sha256(columns).digest())
    return parts.hexdigest()


@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**15), 2**15 - 1))),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
)
def test_the_form_is_what_its_description_says(
    rows: list[tuple[int, int]], header: list[int]
) -> None:
    columns = [np.array([a for a, _ in rows], np.int64), np.array([b for _, b in rows], np.int16)]
    assert digest("x/1", header, columns) == by_hand("x/1", header, rows)


def test_the_digest_of_known_legs() -> None:
    legs = cash_legs([1, 2], [1, 1], [-5, 5])
    assert digest("makewhole cash legs/1", [7, 9], legs) == spelled_out()


def spelled_out() -> str:
    """The digest of two known legs, its bytes written out."""
    head = bytes.fromhex("00000001 00000000 00000014")
    eight, two = bytes.fromhex("00000008"), bytes.fromhex("00000002")

    def q(value: int) -> bytes:
        return eight + value.to_bytes(8, "big", signed=True)

    count = (2).to_bytes(4, "big") + (1).to_bytes(4, "big")
    columns = head + count + q(1) + q(2)
    columns += bytes.fromhex("00000001 00000000 00000015") + count
    columns += two + b"\x00\x01" + two + b"\x00\x01"
    columns += head + count + q(-5) + q(5)
    header = head + (3).to_bytes(4, "big") + (1).to_bytes(4, "big") + q(7) + q(9) + q(2)
    return hashlib.sha256(
        b"makewhole cash legs/1" + header + hashlib.sha256(columns).digest()
    ).hexdigest()


def test_every_part_is_bound() -> None:
    legs = cash_legs([1, 2], [1, 1], [-5, 5])
    swapped = cash_legs([2, 1], [1, 1], [5, -5])
    found = {
        digest("a/1", [7], legs),
        digest("b/1", [7], legs),
        digest("a/1", [8], legs),
        digest("a/1", [], legs),
        digest("a/1", [7], swapped),
        digest("a/1", [7], cash_legs([1, 2], [2, 2], [-5, 5])),
        digest("a/1", [7], cash_legs()),
    }
    assert len(found) == 7


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_totals_do_not_wrap(values: list[int]) -> None:
    assert total(np.array(values, np.int64)) == sum(values)


def test_excess_names_only_what_is_off() -> None:
    groups = np.array([1, 2, 1, 3], np.int16)
    assert excess(groups, np.array([5, 7, -5, -9])) == {2: 7, 3: -9}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1], [1], [0.5]), "whole numbers"),
        (([1], [1], [True]), "whole numbers"),
        (([1, 2], [1], [5]), "differ in length"),
        (([1], [40_000], [5]), "does not fit int16"),
        (([1], [1], [2**63]), "does not fit int64"),
        (([[1]], [1], [5]), "whole numbers"),
    ],
)
def test_a_column_of_anything_else_is_refused(columns: tuple[list[int], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cash_legs(*columns)


def test_no_legs_are_legs() -> None:
    assert [column.dtype.name for column in cash_legs()] == ["int64", "int16", "int64"]
    assert len(position_legs().cost) == 0
