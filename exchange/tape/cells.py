"""One column of one batch of rows: from what the file says to integers, or to problems.

Every fault of a cell is worded here once. The values of a faulty cell are 0 (references: -1) and
never used: a bundle with one problem is refused whole.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from numpy.typing import NDArray

from exchange.tape import exact
from exchange.tape.exact import Parsed, Status
from exchange.tape.layout import Column, Kind
from exchange.tape.problems import Problems


class Known(NamedTuple):
    """What earlier tables established: keys to refer to, and the scales amounts and prices need.

    `keys[table]` are the codes in row order; `asset_scale[i]` the decimals of an asset;
    `contract_scale[i]` those of a contract's settlement asset; a contract's tick is
    `tick_units[i] / 10**tick_scale[i]`.
    """

    keys: dict[str, pa.Array]
    asset_scale: NDArray[np.int8]
    contract_scale: NDArray[np.int8]
    tick_units: NDArray[np.int64]
    tick_scale: NDArray[np.int8]


class Place(NamedTuple):
    """Where a batch sits, for wording: the file and the row number of an index of the batch."""

    file: str
    row_number: Callable[[int], int]


EXACT_FIX = "Write plain digits with a point, as in 12.5."

FAULTS: dict[Status, tuple[str, str, str]] = {
    Status.EMPTY: ("cell.empty", "is empty.", "Every row needs a value here."),
    Status.TEXT: ("cell.not_number", "{cell} is not a number.", EXACT_FIX),
    Status.EXPONENT: ("cell.exponent", "{cell} is written with an exponent.", EXACT_FIX),
    Status.NOT_FINITE: ("cell.not_finite", "{cell} is not a finite number.", EXACT_FIX),
    Status.RANGE: (
        "cell.range",
        "{cell} does not fit into 64 bits at this column's scale.",
        "Check the unit; amounts stay below 9,223,372,036,854,775,807 minor units.",
    ),
    Status.COMMA: ("cell.comma", "{cell} has a comma in it.", EXACT_FIX),
    Status.SPACE: ("cell.space", "{cell} has a space in it.", "Remove spaces around and inside."),
    Status.NAIVE: (
        "time.naive",
        "{cell} has no offset from UTC.",
        "End it with Z or an offset such as +08:00.",
    ),
    Status.DATE: (
        "time.format",
        "{cell} is not a time.",
        "Write 2018-03-30T04:47:54.123456+08:00.",
    ),
}

TOO_FINE: dict[Kind, tuple[str, str, str]] = {
    Kind.PRICE: (
        "price.off_tick",
        "{cell} is not a multiple of the contract's tick.",
        "Give the price the venue printed, or correct the tick.",
    ),
    Kind.AMOUNT: (
        "amount.decimals",
        "{cell} has more decimals than its asset.",
        "Round it as the venue did, or correct the asset's decimals.",
    ),
    Kind.TIME: (
        "time.precision",
        "{cell} is finer than a microsecond.",
        "Cut it to six decimals of a second.",
    ),
}
NOT_WHOLE = ("cell.not_whole", "{cell} is not a whole number.", "Write it without decimals.")


def _text_of(column: pa.Array, index: int) -> str:
    """The cell as the sender wrote it, quoted and cut, for a message."""
    value: Any = column[index].as_py()
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return f'"{text[:40]}"' if not isinstance(value, int) else text


def _report(
    column: Column, cells: pa.Array, parsed: Parsed, skip: NDArray[np.bool_] | None,
    place: Place, problems: Problems, field: str,
) -> None:  # fmt: skip
    """Word every fault in `parsed.status` that is not in `skip`."""
    if not parsed.status.any():
        return
    for code in np.unique(parsed.status):
        if code == Status.OK:
            continue
        at = parsed.status == code
        if skip is not None:
            at &= ~skip
        fault = FAULTS.get(Status(int(code)))
        kind, message, fix = fault or TOO_FINE.get(column.kind, NOT_WHOLE)
        problems.add_rows(
            kind, place.file, np.flatnonzero(at),
            lambda index, message=message: message.format(cell=_text_of(cells, index)),  # type: ignore[misc]
            fix, field=field, row_number=place.row_number,
        )  # fmt: skip


def _bounds(
    column: Column, values: NDArray[np.int64], good: NDArray[np.bool_], place: Place,
    problems: Problems, field: str,
) -> None:  # fmt: skip
    """Numbers below the least or above the most the column may hold."""
    for limit, at, word in (
        (column.least, None if column.least is None else values < column.least, "low"),
        (column.most, None if column.most is None else values > column.most, "high"),
    ):
        if at is None or not (at & good).any():
            continue
        side = "below" if word == "low" else "above"
        problems.add_rows(
            f"{column.name}.{word}", place.file, np.flatnonzero(at & good),
            lambda index, side=side, limit=limit: (  # type: ignore[misc]
                f"{values[index]} is {side} {limit}."
            ),
            f"The {'least' if word == 'low' else 'most'} is {limit}.",
            field=field, row_number=place.row_number,
        )  # fmt: skip


def _number(cells: pa.Array, scale: NDArray[np.int8]) -> Parsed:
    """Cells of any accepted type to integers at the scale of each row."""
    kind = cells.type
    if pt.is_decimal(kind):
        return exact.from_decimal128(cells, scale)
    if pt.is_integer(kind):
        parsed = exact.whole(cells)
        if not scale.any():
            return parsed
        return exact.from_decimal128(cells.cast(pa.decimal128(38, 0)), scale)
    return exact.decimals(cells, scale)


def _time(cells: pa.Array) -> Parsed:
    if pt.is_timestamp(cells.type):
        return exact.from_timestamp(cells)
    return exact.instants(cells)


def _blank_is_zero(column: Column, parsed: Parsed) -> Parsed:
    """In a column that may be blank an empty cell is the integer 0."""
    if column.blank or column.optional:
        parsed.status[parsed.status == Status.EMPTY] = Status.OK
    return parsed


def codes(cells: pa.Array, words: pa.Array) -> NDArray[np.int32]:
    """The position of each cell in `words`, -1 where it is not among them."""
    found = pc.index_in(cells, value_set=words)
    numbers: NDArray[np.int32] = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
    return numbers.astype(np.int32, copy=False)


def word(
    column: Column, cells: pa.Array, words: pa.Array, place: Place, problems: Problems
) -> NDArray[np.int32]:
    """A choice or a reference to its number; unknown words are problems."""
    numbers = codes(cells, words)
    unknown = np.flatnonzero(numbers < 0)
    if len(unknown):
        if column.kind is Kind.CHOICE:
            kind, fix = f"{column.name}.unknown", f"Use one of {', '.join(column.choices)}."
            tail = f"is not a {column.name.replace('_', ' ')} of this format."
        else:
            kind, fix = f"{column.table}.unknown", f"Add it to {column.table}, or correct it."
            tail = f"is not in {column.table}."
        empty = cells.is_null() if cells.null_count else pc.equal(cells, "")
        blank = pc.fill_null(empty, True).to_numpy(zero_copy_only=False)
        _report(
            column, cells,
            Parsed(numbers.astype(np.int64), np.where(blank, Status.EMPTY, 0).astype(np.uint8)),
            None, place, problems, column.name,
        )  # fmt: skip
        problems.add_rows(
            kind, place.file, unknown[~blank[unknown]],
            lambda index: f"{_text_of(cells, index)} {tail}",
            fix, field=column.name, row_number=place.row_number,
        )  # fmt: skip
    return numbers


def text(column: Column, cells: pa.Array, place: Place, problems: Problems) -> pa.Array:
    """Plain words: not empty unless the column may be, and not longer than the books can hold."""
    cells = pc.fill_null(cells, "")
    size = pc.utf8_length(cells).to_numpy()
    if not column.blank:
        status = np.where(size == 0, Status.EMPTY, Status.OK).astype(np.uint8)
        _report(column, cells, Parsed(size, status), None, place, problems, column.name)
    problems.add_rows(
        "text.long", place.file, np.flatnonzero(size > column.longest),
        lambda index: f"{_text_of(cells, index)} has {size[index]} characters.",
        f"At most {column.longest} characters.", field=column.name, row_number=place.row_number,
    )  # fmt: skip
    return cells


def integers(
    column: Column, cells: pa.Array, field: str, so_far: dict[str, Any], known: Known,
    place: Place, problems: Problems,
) -> NDArray[np.int64]:  # fmt: skip
    """A number, amount, price or time of either column of its pair, as int64."""
    size = len(cells)
    skip = None
    if column.kind is Kind.TIME and field == column.name:
        parsed = _time(cells)
    elif column.kind is Kind.INTEGER or field == column.exact:
        parsed = _number(cells, np.zeros(size, np.int8))
    elif column.kind is Kind.AMOUNT:
        owner = so_far[column.table]
        skip = owner < 0
        table = known.asset_scale if column.table == "asset" else known.contract_scale
        parsed = _number(cells, table[np.maximum(owner, 0)])
    else:
        contract = so_far["contract"]
        skip = contract < 0
        at = np.maximum(contract, 0)
        parsed = _number(cells, known.tick_scale[at])
        units = known.tick_units[at]
        parsed.status[(parsed.status == Status.OK) & (parsed.values % units != 0)] = Status.DECIMALS
        parsed = Parsed(parsed.values // units, parsed.status)
    parsed = _blank_is_zero(column, parsed)
    _report(column, cells, parsed, skip, place, problems, field)
    good = parsed.status == Status.OK
    if skip is not None:
        good &= ~skip
    if column.blank or column.optional:
        good &= parsed.values != 0
    _bounds(column, parsed.values, good, place, problems, field)
    return parsed.values
