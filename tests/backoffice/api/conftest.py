"""The desk's small world, for the tests of the API."""

import pytest

from tests.backoffice.services.conftest import World, make_world


@pytest.fixture
def world(db: None, clean_cache: None) -> World:
    """The world, rolled back after the test; no request was counted before it."""
    return make_world()
