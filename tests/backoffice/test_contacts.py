"""Masking an address."""

import pytest

from backoffice.contacts import masked


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("mira@drill.example", "m•••@d•••.example"),
        ("a@b.co.uk", "a•••@b•••.uk"),
        ("someone-with-a-long-name@mail.host.example", "s•••@m•••.example"),
        ("root@localhost", "r•••@l•••"),
        ("", ""),
        (None, ""),
    ],
)
def test_it_can_be_recognised_and_not_used(address: str | None, shown: str) -> None:
    assert masked(address) == shown
