"""Words for digests: a fixed list in which no word is taken for another."""

import hashlib

import pytest

from backoffice.digest_words import WORDS, groups, words


def test_every_byte_has_a_word_that_begins_like_no_other() -> None:
    assert len(WORDS) == 256
    assert len({word[:3] for word in WORDS}) == 256
    assert list(WORDS) == sorted(WORDS)


def test_the_list_never_changes() -> None:
    found = hashlib.sha256(" ".join(WORDS).encode()).hexdigest()
    assert found == "b4a4e4459c28369c248ffa3bc69d226785726a539d323b0f2a8b923ddfaa9df3"


def test_eight_bytes_become_eight_words() -> None:
    assert words("00010203fffefdfc" + "ab" * 24) == [
        "acorn", "album", "almond", "amber", "zipper", "zigzag", "zenith", "zebra"
    ]  # fmt: skip


@pytest.mark.parametrize("digest", ["", "00", "zz" * 32])
def test_what_is_no_digest_has_no_words(digest: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        words(digest)


def test_groups_join_to_the_digest() -> None:
    digest = hashlib.sha256(b"plan").hexdigest()
    assert [len(group) for group in groups(digest)] == [8] * 8
    assert "".join(groups(digest)) == digest
