"""Read a bundle: files to a validated, stored tape, or a refusal that names everything wrong.

The whole bundle is read and checked before the first byte is stored. Rows are checked in the order
of dependency (assets, contracts, accounts, then what refers to them); when a table cannot be read,
checks that would need it are left out rather than reported as a hundred broken references.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exchange.domain.value import ContractSpec
from exchange.tape import arrays, checks_books, checks_market, manifest, reading, store
from exchange.tape.arrays import Tape
from exchange.tape.cells import Known
from exchange.tape.layout import TABLES
from exchange.tape.problems import BundleProblem, BundleRefused, Problems
from exchange.tape.reading import Progress, Rows
from exchange.tape.source import Source

__all__ = ["BundleProblem", "BundleRefused", "Progress", "read"]

ORDER = (
    "balances", "positions", "fills", "prices", "transfers", "liquidations", "orders",
)  # fmt: skip


def _quiet(label: str, done: int, total: int) -> None:
    """Progress nobody watches."""


def read(path: Path | str, progress: Progress | None = None) -> Tape:
    """Read, check and store the bundle at `path`, a folder or a .zip; returns its tape.

    Raises `BundleRefused` with every problem, and `store.StoreUnwritable`; both leave the store as
    it was. `progress(label, done, total)` is called after every block of rows.
    """
    told = progress or _quiet
    problems = Problems()
    with Source(Path(path), problems) as source:
        described = manifest.read(source, problems)
        for table in TABLES.values():
            if table.name not in source.tables and not table.optional and not _fatal(problems):
                problems.add(
                    "table.missing", table.name, "is not in the bundle.",
                    f"Add {table.name}.csv, .csv.gz or .parquet.",
                )  # fmt: skip
        problems.refuse()
        if described is None:
            raise AssertionError("a manifest without problems was read")
        rows, specs = _tables(source, described, problems, told)
    told("Checking the tape", 0, 1)
    _check(rows, specs, described, problems)
    parts = _parts(described, specs, rows)
    settle = rows["contracts"].columns["settle"]
    checks_market.bounds(parts, settle, rows["fills"].file, problems)
    problems.refuse()
    told("Checking the tape", 1, 1)
    return store.save(parts, told)


def _fatal(problems: Problems) -> bool:
    """Whether the bundle could not be opened at all, so that its missing tables say nothing."""
    return any(kind.startswith("bundle.") for kind in problems.counts)


def _known(rows: dict[str, Rows], specs: list[ContractSpec]) -> Known:
    ticks = [spec.tick.as_tuple() for spec in specs]
    scales = [max(0, -int(tick.exponent)) for tick in ticks]
    units = [int(spec.tick.scaleb(scale)) for spec, scale in zip(specs, scales, strict=True)]
    keys = {"assets": rows["assets"].columns["code"]}
    if "contracts" in rows:
        keys["contracts"] = rows["contracts"].columns["symbol"]
    if "accounts" in rows:
        keys["accounts"] = rows["accounts"].columns["account"]
    return Known(
        keys=keys,
        asset_scale=rows["assets"].columns["decimals"].astype(np.int8),
        contract_scale=np.array([spec.scale for spec in specs], np.int8),
        tick_units=np.array(units, np.int64),
        tick_scale=np.array(scales, np.int8),
    )


def _tables(
    source: Source, described: dict[str, Any], problems: Problems, progress: Progress
) -> tuple[dict[str, Rows], list[ContractSpec]]:
    """Read every table; refuses after the ones the rest refers to, and again at the end."""
    none = np.zeros(0, np.int8)
    nothing = Known({}, none, none, none.astype(np.int64), none)
    rows = {"assets": reading.read(source, TABLES["assets"], nothing, problems, progress)}
    problems.refuse()
    for name in ("contracts", "accounts"):
        rows[name] = reading.read(source, TABLES[name], _known(rows, []), problems, progress)
        problems.refuse()
    for name in ("assets", "contracts", "accounts"):
        needed = name != "contracts" or described["scope"] == "market"
        if not rows[name].count and needed:
            problems.add("table.empty", rows[name].file, "has no rows.", "Give at least one.")
        problems.refuse()
        checks_books.unique(rows[name], TABLES[name], problems)
    rows["accounts"] = _sorted(rows["accounts"])
    checks_books.incident_contract(described, rows["contracts"], problems)
    checks_books.accounts(rows["accounts"], problems)
    specs = checks_books.specs(rows["contracts"], rows["assets"], problems)
    if specs is None:
        problems.refuse()
        raise AssertionError("contracts without problems have specs")
    known = _known(rows, specs)
    for name in ORDER:
        if name in source.tables:
            rows[name] = reading.read(source, TABLES[name], known, problems, progress)
        else:
            rows[name] = reading.empty(TABLES[name])
    problems.refuse()
    return rows, specs


def _sorted(rows: Rows) -> Rows:
    """Accounts in the order of their codes, each remembering its row in the file."""
    codes = rows.columns["account"]
    order = pc.sort_indices(codes).to_numpy()
    columns = {
        key: values[order] if isinstance(values, np.ndarray) else values.take(pa.array(order))
        for key, values in rows.columns.items()
    }
    number = rows.row_number
    return Rows(rows.file, rows.count, columns, lambda index: number(int(order[index])))


def _check(
    rows: dict[str, Rows], specs: list[ContractSpec], described: dict[str, Any], problems: Problems
) -> None:
    """Everything that needs more than one row; refuses when anything is wrong."""
    scope = described["scope"]
    for name in ORDER:
        checks_books.unique(rows[name], TABLES[name], problems)
        checks_books.totals(rows[name], TABLES[name], problems)
    problems.refuse()
    checks_books.openings(rows["balances"], rows["positions"], scope, specs, problems)
    checks_books.transfers(rows["transfers"], rows["balances"], scope, problems)
    checks_market.fills(rows["fills"], rows["accounts"], specs, scope, problems)
    if scope == "market":
        checks_market.liquidations(rows["liquidations"], rows["fills"], rows["accounts"], problems)
    window = described["window"]
    span = (_micros(window["start"]), _micros(window["end"]))
    checks_market.prices(rows["prices"], specs, span, scope, problems)
    problems.refuse()


def _micros(text: str) -> int:
    """A manifest time in microseconds UTC, by integer arithmetic."""
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1)


def _texts(column: pa.Array) -> tuple[str, ...]:
    return tuple(column.to_pylist())


def _parts(
    described: dict[str, Any], specs: list[ContractSpec], rows: dict[str, Rows]
) -> dict[str, Any]:
    """The fields of `Tape` from the rows read; each table's rows in its canonical order."""
    assets, accounts = rows["assets"].columns, rows["accounts"].columns
    return {
        "manifest": described,
        "specs": specs,
        "assets": arrays.Assets(_texts(assets["code"]), assets["decimals"].astype(np.int16)),
        "accounts": arrays.Accounts(
            _texts(accounts["account"]),
            _texts(accounts["customer"]),
            accounts["kind"].astype(np.uint8),
            _texts(accounts["name"]),
            _texts(accounts["email"]),
            _words(accounts["language"], "accounts", "language"),
            accounts["margin_mode"].astype(np.uint8),
            accounts["leverage"].astype(np.int32),
            _texts(accounts["tags"]),
        ),  # fmt: skip
        "balances": _balances(rows["balances"].columns),
        "positions": _positions(rows["positions"].columns),
        "fills": _fills(rows["fills"]),
        "prices": _prices(rows["prices"].columns, len(specs)),
        "transfers": _transfers(rows["transfers"].columns),
        "liquidations": _liquidations(rows["liquidations"].columns),
        "orders": _orders(rows["orders"]),
    }


def _words(numbers: Any, table: str, name: str) -> tuple[str, ...]:
    column = next(column for column in TABLES[table].columns if column.name == name)
    return tuple(column.choices[number] for number in numbers.tolist())


def _balances(c: dict[str, Any]) -> arrays.Balances:
    by = np.lexsort([c["asset"], c["wallet"], c["account"]])
    return arrays.Balances(
        c["account"][by], c["wallet"][by].astype(np.uint8), c["asset"][by].astype(np.int16),
        c["amount_units"][by],
    )  # fmt: skip


def _positions(c: dict[str, Any]) -> arrays.Positions:
    by = np.lexsort([c["contract"], c["account"]])
    return arrays.Positions(
        c["account"][by], c["contract"][by].astype(np.int16), c["quantity"][by],
        c["cost_units"][by],
    )  # fmt: skip


def _fills(rows: Rows) -> arrays.Fills:
    c = rows.columns
    flags = (c["liquidity"] | (c["reason"] << arrays.REASON_SHIFT)).astype(np.uint8)
    made = arrays.Fills(
        c["seq"], c["time_us"], c["contract"].astype(np.int16), c["account"],
        checks_market.signed(rows), c["price_ticks"], c["fee_units"], c["trade"], c["order"], flags,
    )  # fmt: skip
    if (made.seq[1:] >= made.seq[:-1]).all():
        return made
    by = np.argsort(made.seq, kind="stable")
    return arrays.Fills._make(values[by] for values in made)


def _prices(c: dict[str, Any], contracts: int) -> arrays.Prices:
    times, place = np.unique(c["time_us"], return_inverse=True)
    mark = np.zeros((contracts, len(times)), np.int64)
    index = np.zeros((contracts, len(times)), np.int64)
    mark[c["contract"], place] = c["mark_ticks"]
    index[c["contract"], place] = c["index_ticks"]
    return arrays.Prices(times, mark, index)


def _transfers(c: dict[str, Any]) -> arrays.Transfers:
    by = np.argsort(c["seq"], kind="stable")
    return arrays.Transfers(
        c["seq"][by], c["time_us"][by], c["account"][by], c["wallet"][by].astype(np.uint8),
        c["asset"][by].astype(np.int16), c["amount_units"][by], c["kind"][by].astype(np.uint8),
        _texts(c["reference"].take(pa.array(by))),
    )  # fmt: skip


def _liquidations(c: dict[str, Any]) -> arrays.Liquidations:
    by = np.lexsort([c["contract"], c["account"], c["time_us"]])
    return arrays.Liquidations(
        c["time_us"][by], c["account"][by], c["contract"][by].astype(np.int16),
        c["quantity"][by], c["price_ticks"][by],
    )  # fmt: skip


def _orders(rows: Rows) -> arrays.Orders:
    c = rows.columns
    by = np.argsort(c["order"], kind="stable")
    return arrays.Orders(
        c["order"][by], c["time_us"][by], c["account"][by], c["contract"][by].astype(np.int16),
        checks_market.signed(rows)[by], c["type"][by].astype(np.uint8), c["price_ticks"][by],
        c["status"][by].astype(np.uint8),
    )  # fmt: skip
