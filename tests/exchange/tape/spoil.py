"""The sound bundle of `market`, and the ways to spoil it.

A spoiler gets the tables and the manifest, or the folder once it is written.
"""

import copy
import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from tests.exchange.tape import market

Spoiler = Callable[["Bundle"], Any]


class Bundle:
    """A bundle being spoiled: `tables` and `manifest` before `written`, files after."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bundle"
        self.tables = market.tables()
        self.manifest: Any = copy.deepcopy(market.MANIFEST)

    def cell(self, table: str, row: int, field: str, value: str) -> None:
        """Set one cell; `row` as people count it in the CSV (the header is 1)."""
        self.tables[table][row - 2][field] = value

    def add(self, table: str, line: str) -> None:
        header = list(self.tables[table][0])
        self.tables[table].append(dict(zip(header, line.split(","), strict=True)))

    def rename(self, table: str, old: str, new: str) -> None:
        for row in self.tables[table]:
            row[new] = row.pop(old)

    def drop(self, table: str, field: str) -> None:
        for row in self.tables[table]:
            del row[field]

    def write(self) -> Path:
        if not self.path.exists():
            market.write(self.path, self.tables, self.manifest)
        return self.path

    def file(self, name: str) -> Path:
        return self.write() / name

    def parquet(self, table: str, **types: pa.DataType) -> Path:
        """Replace a table's CSV by Parquet, with columns cast to `types`."""
        source = self.file(f"{table}.csv")
        made = pacsv.read_csv(
            source, convert_options=pacsv.ConvertOptions(
                column_types={name: pa.string() for name in self.tables[table][0]})
        )  # fmt: skip
        for name, kind in types.items():
            at = made.column_names.index(name)
            made = made.set_column(at, name, made.column(name).cast(kind))
        source.unlink()
        target = self.path / f"{table}.parquet"
        pq.write_table(made, target)
        return target

    def zipped(self, rename: Callable[[str], str] = str) -> None:
        """Replace the folder by a zip whose entries are called what `rename` says."""
        target = self.path.with_suffix(".zip")
        with zipfile.ZipFile(target, "w") as archive:
            for file in sorted(self.write().iterdir()):
                archive.writestr(rename(file.name), file.read_bytes())
        self.path = target


class Case(NamedTuple):
    """One spoiled bundle; `row` and `field` are checked as given."""

    name: str
    spoil: Spoiler
    kind: str
    file: str
    row: int | None
    field: str
    message: str


def manifest(**changes: Any) -> Spoiler:
    def spoil(bundle: Bundle) -> None:
        for key, value in changes.items():
            if value is ...:
                del bundle.manifest[key]
            else:
                bundle.manifest[key] = value

    return spoil


def cell(table: str, row: int, field: str, value: str) -> Spoiler:
    return lambda bundle: bundle.cell(table, row, field, value)


def add(table: str, line: str) -> Spoiler:
    return lambda bundle: bundle.add(table, line)


def text(table: str, change: Callable[[str], str]) -> Spoiler:
    def spoil(bundle: Bundle) -> None:
        file = bundle.file(f"{table}.csv")
        file.write_text(change(file.read_text()))

    return spoil


def content(name: str, body: bytes) -> Spoiler:
    return lambda bundle: bundle.file(name).write_bytes(body)


def cut_gzip(bundle: Bundle) -> None:
    file = bundle.file("fills.csv")
    packed = gzip.compress(file.read_bytes())
    (bundle.path / "fills.csv.gz").write_bytes(packed[: len(packed) // 2])
    file.unlink()


def cut_parquet(bundle: Bundle) -> None:
    file = bundle.parquet("fills")
    file.write_bytes(file.read_bytes()[:200])


def both_files(bundle: Bundle) -> None:
    kept = bundle.file("fills.csv").read_bytes()
    bundle.parquet("fills")
    (bundle.path / "fills.csv").write_bytes(kept)


def corrupt_zip(bundle: Bundle) -> None:
    """One byte of the stored fills is not what the zip's checksum says."""
    bundle.zipped()
    packed = bundle.path.read_bytes()
    bundle.path.write_bytes(packed.replace(b"6300.25,10,0,3,0", b"6300.26,10,0,3,0", 1))


def locked_zip(bundle: Bundle) -> None:
    """The entries say that they are encrypted."""
    bundle.zipped()
    packed = bytearray(bundle.path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = packed.find(mark)
        while at >= 0:
            packed[at + flags] |= 1
            at = packed.find(mark, at + 4)
    bundle.path.write_bytes(bytes(packed))


def blank(bundle: Bundle) -> None:
    bundle.add("liquidations", "2018-03-30T05:00:01+08:00,A-ann,BTC0629,10,6400.5")
    del bundle.tables["fills"][2:4]


def split_customer(bundle: Bundle) -> None:
    bundle.add("accounts", "A-ann2,C-ann,customer,Anne,ann@example.org,zh-Hans,cross,10,")


def without_fund(bundle: Bundle) -> None:
    for row in bundle.tables["accounts"]:
        if row["account"] == "FUND":
            row["kind"] = "house"
    bundle.tables["fills"][4:] = []


def both_columns(bundle: Bundle) -> None:
    for row in bundle.tables["fills"]:
        row["price_ticks"] = "650000"
