"""Where the files of a bundle are: a folder or a zip, one file for each table.

Only names this format knows are opened. A zip is read in place, never unpacked onto the disk, and
an entry whose path leaves the bundle is refused, not followed.
"""

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, cast

from exchange.tape.layout import TABLES
from exchange.tape.problems import Problems

MANIFEST = "manifest.json"
ENDINGS = (".csv", ".csv.gz", ".parquet")
UNREADABLE = (
    OSError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError,
    RuntimeError,
)  # fmt: skip
"""What reading a cut off, corrupt, encrypted or strangely packed file or zip entry raises."""
UNPACKED_MOST = 64 * 2**30
"""Bytes a zip may unpack to before it is refused as a bomb."""


class TableFile(NamedTuple):
    """One table's file: `name` as the sender wrote it, `ending` one of ENDINGS."""

    name: str
    ending: str


class Source:
    """The files of one bundle. Use as a context manager; `tables` maps table names to files."""

    def __init__(self, path: Path, problems: Problems) -> None:
        self.path = path
        self.tables: dict[str, TableFile] = {}
        self.has_manifest = False
        self._zip: zipfile.ZipFile | None = None
        names = self._names(problems)
        self._assign(names, problems)

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip is not None:
            self._zip.close()

    def _names(self, problems: Problems) -> list[str]:
        """The file names inside, or a problem when the path is neither folder nor zip."""
        if self.path.is_dir():
            return sorted(entry.name for entry in self.path.iterdir() if entry.is_file())
        if not self.path.exists():
            problems.add(
                "bundle.missing", self.path.name, "does not exist.", "Name a folder or a .zip file."
            )
            return []
        try:
            self._zip = zipfile.ZipFile(self.path)
        except UNREADABLE:
            problems.add(
                "bundle.not_zip",
                self.path.name,
                "is neither a folder nor a readable zip file.",
                "Send the bundle's folder, or zip it again.",
            )
            return []
        return self._zip_names(self._zip, problems)

    def _zip_names(self, archive: zipfile.ZipFile, problems: Problems) -> list[str]:
        names = []
        entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
        if sum(entry.file_size for entry in entries) > UNPACKED_MOST:
            problems.add(
                "bundle.too_large",
                self.path.name,
                f"unpacks to more than {UNPACKED_MOST // 2**30} GiB.",
                "Send the bundle as a folder, or in parts.",
            )
            return []
        for entry in entries:
            parts = PurePosixPath(entry.filename.replace("\\", "/"))
            if len(parts.parts) != 1 or parts.is_absolute() or parts.name in ("..", "."):
                problems.add(
                    "bundle.path",
                    entry.filename,
                    "is a path, not a plain file name.",
                    "Put the files at the top of the zip, without folders.",
                )
            else:
                names.append(entry.filename)
        return names

    def _assign(self, names: list[str], problems: Problems) -> None:
        """Match names to tables; unknown and doubled files are problems."""
        for name in names:
            if name == MANIFEST:
                self.has_manifest = True
                continue
            stem, _, rest = name.partition(".")
            ending = f".{rest}"
            if stem not in TABLES or ending not in ENDINGS:
                if not name.startswith("."):
                    problems.add(
                        "file.unknown",
                        name,
                        "is not a file of this format.",
                        f"Remove it; tables are {', '.join(TABLES)} as {', '.join(ENDINGS)}.",
                    )
                continue
            if stem in self.tables:
                problems.add(
                    "file.twice",
                    name,
                    f"repeats the table {stem}, which is also in {self.tables[stem].name}.",
                    "Keep one file for each table.",
                )
                continue
            self.tables[stem] = TableFile(name, ending)

    @contextmanager
    def raw(self, name: str) -> Iterator[BinaryIO]:
        """The bytes of one file as they lie there, still compressed if they are."""
        if self._zip is not None:
            with self._zip.open(name) as entry:
                yield cast(BinaryIO, entry)
        else:
            with (self.path / name).open("rb") as file:
                yield file

    def size(self, name: str) -> int:
        """Bytes `raw` will give."""
        if self._zip is not None:
            return self._zip.getinfo(name).file_size
        return (self.path / name).stat().st_size

    @contextmanager
    def seekable(self, name: str) -> Iterator[Path | BinaryIO]:
        """A path, or bytes in memory when the file sits inside a zip (Parquet needs to seek)."""
        if self._zip is None:
            yield self.path / name
        else:
            yield io.BytesIO(self._zip.read(name))
