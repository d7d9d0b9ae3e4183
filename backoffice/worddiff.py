"""What changed between two versions of a text, word by word. Pure.

Chinese is compared by character, everything else by word, so that a changed figure is
marked as one piece. Joining the kept and the removed pieces gives the old text back, and
joining the kept and the added pieces the new one.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

_CHINESE = r"\u3000-\u9fff\uff00-\uffef"
# White space, one Chinese character, a word with its inner points (09:00, 4,755.00), or a mark.
_PIECES = re.compile(rf"\s+|[{_CHINESE}]|[^\s{_CHINESE}]*[^\W{_CHINESE}]|\S")


class Piece(NamedTuple):
    """A run of text and what became of it: "same", "added" or "removed"."""

    kind: str
    text: str


def compare(old: str, new: str) -> list[Piece]:
    """The pieces from `old` to `new`; a replacement is its removal, then its addition."""
    before, after = _PIECES.findall(old), _PIECES.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    pieces: list[Piece] = []
    for operation, i1, i2, j1, j2 in matcher.get_opcodes():
        pieces.extend(_pieces(operation, "".join(before[i1:i2]), "".join(after[j1:j2])))
    return pieces


def _pieces(operation: str, removed: str, added: str) -> Iterator[Piece]:
    if operation == "equal":
        yield Piece("same", removed)
        return
    if removed:
        yield Piece("removed", removed)
    if added:
        yield Piece("added", added)
