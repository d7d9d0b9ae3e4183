"""Writes a bundle folder: Parquet tables with exact integer columns, and manifest.json.

Text that repeats (contract, account, side) is dictionary encoded. Fills go out in
stretches, so the largest tape needs little memory beyond its own records. The same rows
give the same bytes: no clock, no paths, one writer version per installation of pyarrow.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from exchange.domain.value import ContractSpec
from exchange.drill.tables import FillRows

SIDES = ("buy", "sell")
LIQUIDITY = ("maker", "taker")
REASONS = ("trade", "takeover", "liquidation", "delivery")
WALLETS = ("futures", "funding")
TRANSFER_KINDS = ("deposit", "withdrawal", "internal")


def words(index: npt.NDArray[np.generic], values: Sequence[str]) -> pa.DictionaryArray:
    """A column of ``values`` picked by ``index``."""
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), pa.array(values))


def write_table(out: Path, name: str, columns: Mapping[str, Any]) -> None:
    """Write one table in one go."""
    pq.write_table(pa.table(dict(columns)), out / f"{name}.parquet", compression="zstd")


def write_fills(
    out: Path, parts: Iterator[FillRows], symbols: Sequence[str], accounts: Sequence[str]
) -> int:
    """Write the fills table stretch by stretch; the number of rows."""
    rows = 0
    writer: pq.ParquetWriter | None = None
    names = pa.array(accounts)
    try:
        for part in parts:
            account = pa.DictionaryArray.from_arrays(pa.array(part.account), names)
            table = pa.table(
                {
                    "seq": part.seq,
                    "time_us": part.time_us,
                    "contract": words(part.contract, symbols),
                    "account": account,
                    "side": words(part.side, SIDES),
                    "price_ticks": part.price_ticks,
                    "quantity": part.quantity,
                    "fee_units": part.fee_units,
                    "trade": part.trade,
                    "order": part.order,
                    "liquidity": words(part.liquidity, LIQUIDITY),
                    "reason": words(part.reason, REASONS),
                }
            )
            if writer is None:
                writer = pq.ParquetWriter(out / "fills.parquet", table.schema, compression="zstd")
            writer.write_table(table)
            rows += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    return rows


def write_terms(out: Path, specs: Sequence[ContractSpec], assets: Sequence[str]) -> None:
    """The assets and contracts tables."""
    write_table(out, "assets", {"code": list(assets), "decimals": [8] * len(assets)})
    write_table(
        out,
        "contracts",
        {
            "symbol": [spec.symbol for spec in specs],
            "kind": ["inverse"] * len(specs),
            "underlying": [spec.underlying for spec in specs],
            "settle": [spec.settle for spec in specs],
            "face": [str(spec.face) for spec in specs],
            "tick": [str(spec.tick) for spec in specs],
            "lot": [spec.lot for spec in specs],
            "expiry_us": [spec.expires_us for spec in specs],
        },
    )


def write_manifest(out: Path, manifest: Mapping[str, Any]) -> None:
    """manifest.json, keys in the order given."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (out / "manifest.json").write_text(text, encoding="utf-8")
