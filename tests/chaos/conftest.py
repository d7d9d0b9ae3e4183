"""Desks on which workers are killed."""

from collections.abc import Iterator

import pytest

from backoffice import embedded
from tests import desk as desks


@pytest.fixture(scope="module")
def desk(
    servers: embedded.Places, django_db_blocker: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[desks.Desk]:
    """A desk whose rows are committed, shared by the tests of a module."""
    with (
        django_db_blocker.unblock(),  # type: ignore[attr-defined]
        desks.opened(tmp_path_factory.mktemp("desk")) as opened,
    ):
        yield opened
