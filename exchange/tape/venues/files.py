"""Venue files as they come: plain, gzip or zip; CSV, JSON or JSON lines; one row at a time.

Numbers keep every printed digit: cells stay text and JSON numbers become Decimal, never float.
A file that cannot be read is named in a `VenueRefused` that says what to do.
"""

import gzip
import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

from exchange.tape.venues.lines import Aliases, blocks, enough
from exchange.tape.venues.row import AS_WRITTEN, Row, VenueRefused

PACKED = {
    b"\x04\x22\x4d\x18": "is LZ4; unpack it with lz4 -d first.",
    b"\x28\xb5\x2f\xfd": "is Zstandard; unpack it with unzstd first.",
    b"\xfd7zX": "is xz; unpack it with unxz first.",
    b"BZh": "is bzip2; unpack it with bunzip2 first.",
    b"PK\x03\x04": "is a zip that was cut off, or lies in another; fetch or unpack it again.",
}
"""First bytes of packings that are not read here, and what to do."""
LISTS = ("data", "result")
"""Under which keys of an answer its rows are, where a format says nothing else."""


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, unpacked bytes) of a file, or of every file in a zip; none of a checksum file, which
    must be that of the file beside it."""
    name = path.name
    try:
        if name.endswith(".CHECKSUM"):
            _check(path)
            return
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                entries = [entry for entry in archive.infolist() if _is_file(entry)]
                if not entries:
                    raise VenueRefused(name, None, "", "holds no file; fetch it again.")
                for entry in entries:
                    yield _unpacked(PurePath(entry.filename).name, archive.read(entry))
            return
        yield _unpacked(name, path.read_bytes())
    except FileNotFoundError:
        raise VenueRefused(name, None, "", "does not exist; name a file of the venue.") from None
    except IsADirectoryError:
        raise VenueRefused(name, None, "", "is a folder; name the files in it.") from None
    except PermissionError:
        raise VenueRefused(name, None, "", "may not be read; allow it to this user.") from None
    except NotImplementedError as fault:
        raise VenueRefused(
            name, None, "", f"cannot be unpacked here ({fault}); unpack it first."
        ) from fault
    except RuntimeError:
        raise VenueRefused(
            name, None, "", "is encrypted; unpack it with its password first."
        ) from None
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as fault:
        raise VenueRefused(
            name, None, "", f"cannot be unpacked ({fault}); it was cut off or damaged."
        ) from fault


def _is_file(entry: zipfile.ZipInfo) -> bool:
    return not entry.is_dir() and not entry.filename.startswith("__MACOSX")


def _check(path: Path) -> None:
    """Compare the SHA-256 that a venue publishes beside a file, as ``hex  name`` lines."""
    for line in path.read_text("utf-8", "replace").splitlines():
        stated, _, named = line.strip().partition(" ")
        beside = path.parent / PurePath(named.strip().lstrip("*")).name
        if named and beside.is_file():
            with beside.open("rb") as held:
                found = hashlib.file_digest(held, "sha256").hexdigest()
            if found != stated.lower():
                raise VenueRefused(
                    beside.name, None, "", f"is not what {path.name} says; fetch it again."
                )


def _unpacked(name: str, content: bytes) -> tuple[str, bytes]:
    for begin, what in PACKED.items():
        if content.startswith(begin):
            raise VenueRefused(name, None, "", what)
    if content[:2] == b"\x1f\x8b":
        return name, gzip.decompress(content)
    return name, content


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        if b"/" in content.split(b"\n", 1)[0]:  # a header with Chinese names, in their encoding
            return content.decode("gb18030", "replace")
        row = content[: fault.start].count(b"\n") + 1
        raise VenueRefused(name, row, "", "is not UTF-8 text; save it as that.") from None


def csv_rows(
    paths: Sequence[Path],
    needed: Sequence[str],
    default_header: Sequence[str] = (),
    lists: Sequence[str] = LISTS,
    aliases: Aliases = MappingProxyType({}),
) -> Iterator[Row]:
    """Rows of CSV files; `needed` columns must be in the header. A file whose first line has none
    of them, or a number, is read as one without a header, if its cells, named by `default_header`
    from the left, are enough. The same rows as an API gives them are read too: a JSON array of
    objects or of arrays, by itself, under one of the keys `lists`, or line by line. `aliases` are
    other spellings of columns."""
    for rows in csv_blocks(paths, needed, default_header, lists, aliases):
        yield from rows


def csv_blocks(
    paths: Sequence[Path],
    needed: Sequence[str],
    default_header: Sequence[str] = (),
    lists: Sequence[str] = LISTS,
    aliases: Aliases = MappingProxyType({}),
) -> Iterator[Iterable[Row]]:
    """The rows of `csv_rows`, many at a time: those of CSV files as `Lines`."""
    for path in paths:
        for name, content in _members(path):
            text = _decoded(name, content)
            del content  # a day of trades is hundreds of megabytes
            begin = re.search(r"\S", text)
            if begin and begin.group() in "[{":
                yield _answered(name, text, needed, default_header, lists, aliases)
            else:
                yield from blocks(name, text, needed, default_header, aliases)


def _answered(
    name: str, text: str, needed: Sequence[str], default_header: Sequence[str],
    lists: Sequence[str], aliases: Aliases,
) -> Iterator[Row]:  # fmt: skip
    for number, value in _json(name, text, lists):
        cells = value
        if isinstance(value, list) and enough(value, needed, default_header):
            cells = dict(zip(default_header, value, strict=False))
        if not isinstance(cells, dict):
            raise VenueRefused(name, number, "", "is not an object.")
        yield Row(name, number, {aliases.get(k, k): v for k, v in cells.items()})


def json_rows(paths: Sequence[Path], lists: Sequence[str] = ()) -> Iterator[tuple[str, int, Any]]:
    """(file, row, value) of JSON arrays, of JSON lines, or of the list under one of the keys
    `lists` of an object, as API answers wrap theirs."""
    for path in paths:
        for name, content in _members(path):
            text = _decoded(name, content)
            yield from ((name, row, value) for row, value in _json(name, text, lists))


def _json(name: str, text: str, lists: Sequence[str]) -> Iterator[tuple[int, Any]]:
    if not text.strip():
        raise VenueRefused(name, None, "", "is empty; fetch it again.")
    try:
        value = _unwrapped(json.loads(text, parse_float=Decimal), lists)
    except (ValueError, RecursionError) as fault:
        if text.lstrip()[:1] in ("{", "[") and "\n" in text.strip():
            yield from _json_lines(name, text, lists)
            return
        begin = text.split(maxsplit=1)[0][:40]
        if begin[0] not in "[{":
            raise VenueRefused(
                name, 1, "", f"is not JSON, it begins with {begin!a}; give what the venue's API or "
                "node writes, not what its website exports.",
            ) from None  # fmt: skip
        raise VenueRefused(
            name, getattr(fault, "lineno", None), "", f"is not JSON ({fault}); {AS_WRITTEN}"
        ) from None
    if isinstance(value, list) and not _labelled(value):
        yield from enumerate(value, 1)
    else:
        yield 1, value


def _unwrapped(value: Any, lists: Sequence[str]) -> Any:
    """What an answer holds under the keys `lists`, however deep."""
    while isinstance(value, dict):
        inner = next((value[key] for key in lists if isinstance(value.get(key), dict | list)), None)
        if inner is None:
            break
        value = inner
    return value


def _labelled(value: list[Any]) -> bool:
    """Whether a list is one row with its owner before it, as a node writes them, and not rows."""
    return len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)


def _json_lines(name: str, text: str, lists: Sequence[str]) -> Iterator[tuple[int, Any]]:
    for row, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            written = json.loads(line, parse_float=Decimal)
        except (ValueError, RecursionError) as fault:
            raise VenueRefused(name, row, "", f"is not JSON ({fault}); {AS_WRITTEN}") from None
        value = _unwrapped(written, lists)
        if value is not written and isinstance(value, list):
            yield from ((row, each) for each in value)
        else:
            yield row, value
