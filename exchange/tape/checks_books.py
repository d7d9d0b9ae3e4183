"""Checks of who is on the tape and what they began with: contracts, accounts, openings, transfers.

On a tape of a whole market, opening positions and their costs sum to zero in every contract, since
every contract was bought from someone who is on the tape.
"""

import re
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exchange.domain.value import INT64_SAFE, ContractRefused, ContractSpec, contract_spec
from exchange.tape.layout import (
    ACCOUNT_KINDS,
    CONTRACT_KINDS,
    TRANSFER_KINDS,
    WALLETS,
    Kind,
    Table,
)
from exchange.tape.problems import Problems
from exchange.tape.reading import Rows
from exchange.tape.source import MANIFEST

EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s.]+$"
CUSTOMER = ACCOUNT_KINDS.index("customer")
FUNDING = WALLETS.index("funding")
INTERNAL = TRANSFER_KINDS.index("internal")


def unique(rows: Rows, table: Table, problems: Problems) -> None:
    """The key columns of a table together occur once."""
    if not table.key or rows.count < 2:
        return
    parts = []
    for key in table.key:
        values = rows.columns[key]
        if not isinstance(values, np.ndarray):
            values = pc.fill_null(values.dictionary_encode().indices, -1).to_numpy()
        parts.append(values)
    order = np.lexsort(parts[::-1]) if len(parts) > 1 else np.argsort(parts[0], kind="stable")
    same = np.ones(rows.count - 1, np.bool_)
    for values in parts:
        ordered = values[order]
        same &= ordered[1:] == ordered[:-1]
    doubles = np.sort(order[1:][same])
    problems.add_rows(
        f"{table.name}.twice", rows.file, doubles,
        lambda index: f"repeats the {' and '.join(table.key)} of an earlier row.",
        "Keep one of the rows.", field=table.key[0], row_number=rows.row_number,
    )  # fmt: skip


def totals(rows: Rows, table: Table, problems: Problems) -> None:
    """Amounts of a table together fit 62 bits, so that no sum of them can wrap around."""
    for column in table.columns:
        if column.kind is not Kind.AMOUNT:
            continue
        size = np.abs(rows.columns[column.key])
        total = (int((size >> 32).sum()) << 32) + int((size & 0xFFFFFFFF).sum())
        if total >= INT64_SAFE:
            problems.add(
                "amounts.total", rows.file, f"amounts add up to {total} minor units.",
                "Check the unit; a table's amounts together stay below 2**62 minor units.",
                field=column.name,
            )  # fmt: skip


def specs(rows: Rows, assets: Rows, problems: Problems) -> list[ContractSpec] | None:
    """The contracts' exact terms, or None after a problem."""
    found: list[ContractSpec] = []
    columns = rows.columns
    codes = assets.columns["code"].to_pylist()
    scales = assets.columns["decimals"]
    for index in range(rows.count):
        terms = {name: columns[name][index].as_py() for name in ("symbol", "underlying")}
        amounts = {}
        for name in ("face", "tick"):
            text = columns[name][index].as_py()
            # What the books keep of a contract: numeric(30, 12).
            if not re.fullmatch(r"\d{1,18}(\.\d{1,12}0*)?", text) or not Decimal(text):
                problems.add(
                    "contracts.size", rows.file, f'"{text}" is not a decimal above zero.',
                    "Write plain digits, as in 0.01: at most 18 before the point, 12 after it.",
                    row=rows.row_number(index), field=name,
                )  # fmt: skip
            else:
                amounts[name] = _shortest(Decimal(text))
        settle = int(columns["settle"][index])
        if len(amounts) < 2 or settle < 0 or columns["kind"][index] < 0:
            continue
        try:
            found.append(
                contract_spec(
                    terms["symbol"],
                    CONTRACT_KINDS[columns["kind"][index]],
                    amounts["face"],
                    amounts["tick"],
                    codes[settle],
                    int(scales[settle]),
                    lot=int(columns["lot"][index]),
                    underlying=terms["underlying"],
                    expires_us=int(columns["expiry_us"][index]),
                )  # fmt: skip
            )
        except ContractRefused as fault:
            problems.add(
                "contracts.size", rows.file, f"{fault}.", "Check face, tick and the asset.",
                row=rows.row_number(index), field="face",
            )  # fmt: skip
    return found if len(found) == rows.count else None


def _shortest(value: Decimal) -> Decimal:
    """The same number without trailing zeros or exponent: 1.00 and 1 are one contract."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def incident_contract(manifest: dict[str, Any], contracts: Rows, problems: Problems) -> None:
    """The contract the incident is about is one of the contracts."""
    symbol = manifest.get("contract")
    if symbol is None and manifest["scope"] == "accounts":
        return
    if symbol not in contracts.columns["symbol"].to_pylist():
        problems.add(
            "manifest.contract", MANIFEST, f"names the contract {symbol!r}.",
            "Name one of the symbols in contracts.", field="contract",
        )  # fmt: skip


def flag(
    rows: Rows, at: Any, kind: str, field: str, message: str, fix: str, problems: Problems
) -> None:
    """One problem, always worded the same, for every row where `at`."""
    where = np.flatnonzero(at)
    if len(where):
        problems.add_rows(
            kind, rows.file, where, lambda index: message, fix, field=field,
            row_number=rows.row_number,
        )  # fmt: skip


def accounts(rows: Rows, problems: Problems) -> None:
    """Customers have a code and an e-mail, house accounts no customer; customers are consistent."""
    columns = rows.columns
    customer = columns["kind"] == CUSTOMER
    coded = _bool(pc.not_equal(columns["customer"], ""))
    mailed = _bool(pc.not_equal(columns["email"], ""))
    shaped = _bool(pc.match_substring_regex(columns["email"], EMAIL))
    flag(rows, customer & ~coded, "accounts.no_customer", "customer",
          "is a customer's account without a customer.", "Name the customer.",
          problems)  # fmt: skip
    flag(rows, (columns["kind"] > CUSTOMER) & coded, "accounts.house_customer", "customer",
          "is a house or insurance account that names a customer.",
          "Leave customer empty, or make it a customer's account.", problems)  # fmt: skip
    flag(rows, customer & ~mailed, "accounts.no_email", "email",
          "is a customer's account without an e-mail address.", "Add the address.",
          problems)  # fmt: skip
    flag(rows, mailed & ~shaped, "accounts.email", "email", "is not an e-mail address.",
          "Write name@host.domain.", problems)  # fmt: skip
    _one_customer(rows, customer & coded, problems)


def _bool(column: pa.Array) -> Any:
    return column.to_numpy(zero_copy_only=False).astype(np.bool_)


def _one_customer(rows: Rows, at: Any, problems: Problems) -> None:
    """Accounts of one customer agree on name, e-mail and language."""
    codes = pc.fill_null(rows.columns["customer"].dictionary_encode().indices, -1).to_numpy()
    where = np.flatnonzero(at)
    _, first_at, group = np.unique(codes[where], return_index=True, return_inverse=True)
    first = where[first_at][group]
    for field in ("name", "email", "language"):
        values = rows.columns[field]
        if not isinstance(values, np.ndarray):
            values = values.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        differs = np.zeros(rows.count, np.bool_)
        differs[where] = values[where] != values[first]
        flag(rows, differs, "accounts.customer_differs", field,
              f"gives this customer another {field} than an earlier account.",
              "One customer has one name, e-mail and language.", problems)  # fmt: skip


def openings(balances: Rows, positions: Rows, scope: str, known: list[ContractSpec],
             problems: Problems) -> None:  # fmt: skip
    """No negative opening balance; positions on the lot, and on a market summing to zero."""
    if scope == "market":
        flag(balances, balances.columns["amount_units"] < 0, "balances.negative", "amount",
              "is below zero.", "No account opens with a debt; book it as a transfer.",
              problems)  # fmt: skip
    contract, quantity = positions.columns["contract"], positions.columns["quantity"]
    cost = positions.columns["cost_units"]
    lots = np.array([spec.lot for spec in known], np.int64)
    flag(positions, quantity % lots[contract] != 0, "positions.off_lot", "quantity",
          "is not a multiple of the contract's lot.", "Correct the quantity or the lot.",
          problems)  # fmt: skip
    flag(positions, (quantity == 0) & (cost != 0), "positions.cost_alone", "cost",
          "has a cost but no contracts.", "Leave the row out, or give its quantity.",
          problems)  # fmt: skip
    if scope != "market":
        return
    for index, spec in enumerate(known):
        for field, values in (("quantity", quantity), ("cost", cost)):
            total = sum(values[contract == index].tolist())
            if total:
                problems.add(
                    f"positions.{field}_sum", positions.file,
                    f"opening {field} of {spec.symbol} sums to {total}, not 0.",
                    "Every contract held long is held short by someone: add who is missing.",
                    field=field,
                )  # fmt: skip


def transfers(rows: Rows, balances: Rows, scope: str, problems: Problems) -> None:
    """Signs match kinds, internal legs cancel, and no funding wallet is taken below zero."""
    columns = rows.columns
    amount, kind = columns["amount_units"], columns["kind"]
    for index, name in enumerate(TRANSFER_KINDS[:2]):
        wrong = (kind == index) & ((amount <= 0) if index == 0 else (amount >= 0))
        word = "above" if index == 0 else "below"
        flag(rows, wrong, f"transfers.{name}_sign", "amount",
              f"is a {name} whose amount is not {word} zero.",
              "Deposits are above zero, withdrawals below.", problems)  # fmt: skip
    backwards(rows, problems)
    _internal(rows, problems)
    if scope == "market":
        _funding(rows, balances, problems)


def backwards(rows: Rows, problems: Problems) -> None:
    """Times never go back as seq goes on."""
    order = _by_seq(rows)
    time = rows.columns["time_us"]
    ordered = time if order is None else time[order]
    late = np.flatnonzero(ordered[1:] < ordered[:-1]) + 1
    if len(late):
        where = late if order is None else np.sort(order[late])
        problems.add_rows(
            "time.backwards", rows.file, where,
            lambda index: "is earlier than the row with the seq before it.",
            "Number the rows in the order they happened.", field="time",
            row_number=rows.row_number,
        )  # fmt: skip


def _by_seq(rows: Rows) -> Any:
    """The order of seq, or None when the file has it already."""
    seq = rows.columns["seq"]
    return None if (seq[1:] >= seq[:-1]).all() else np.argsort(seq, kind="stable")


def _internal(rows: Rows, problems: Problems) -> None:
    """The rows of one internal transfer share a reference, an asset and a time, and sum to zero."""
    where = np.flatnonzero(rows.columns["kind"] == INTERNAL)
    if not len(where):
        return
    references = rows.columns["reference"].take(pa.array(where))
    nameless = np.zeros(rows.count, np.bool_)
    nameless[where] = _bool(pc.equal(references, ""))
    flag(rows, nameless, "transfers.no_reference", "reference",
          "is an internal transfer without a reference.",
          "Give both rows of the transfer the same reference.", problems)  # fmt: skip
    group = references.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    size = int(group.max()) + 1
    total, count = np.zeros(size, np.int64), np.bincount(group, minlength=size)
    np.add.at(total, group, rows.columns["amount_units"][where])
    first = np.zeros(size, np.int64)
    first[group[::-1]] = where[::-1]
    wrong = (total != 0) | (count != 2)
    for field in ("asset", "time_us"):
        values = rows.columns[field]
        differs = values[where] != values[first[group]]
        wrong[group[differs]] = True
    at = np.zeros(rows.count, np.bool_)
    at[first[wrong]] = True
    at &= ~nameless
    flag(rows, at, "transfers.internal", "reference",
          "begins an internal transfer whose rows do not cancel.",
          "Two rows of one reference, asset and time, one out and one in.", problems)  # fmt: skip


def _funding(rows: Rows, balances: Rows, problems: Problems) -> None:
    """Running funding balances from the opening on; a negative one names the transfer."""
    columns, opening = rows.columns, balances.columns
    at = np.flatnonzero(columns["wallet"] == FUNDING)
    order = _by_seq(rows)
    if order is not None:
        at = order[columns["wallet"][order] == FUNDING]
    held = np.flatnonzero(opening["wallet"] == FUNDING)
    owner = np.concatenate([opening["account"][held], columns["account"][at]]).astype(np.int64)
    asset = np.concatenate([opening["asset"][held], columns["asset"][at]]).astype(np.int64)
    amount = np.concatenate([opening["amount_units"][held], columns["amount_units"][at]])
    if not len(owner):
        return
    key = owner * (int(asset.max()) + 1) + asset
    by_key = np.argsort(key, kind="stable")
    running = np.cumsum(amount[by_key])
    begins = np.flatnonzero(np.r_[True, key[by_key][1:] != key[by_key][:-1]])
    running -= np.repeat(np.r_[0, running][begins], np.diff(np.r_[begins, len(key)]))
    below = by_key[running < 0] - len(held)
    flagged = np.zeros(rows.count, np.bool_)
    flagged[at[below[below >= 0]]] = True
    flag(rows, flagged, "transfers.overdrawn", "amount",
          "takes the funding wallet below zero.",
          "Add the opening balance or the deposit that is missing.", problems)  # fmt: skip
