"""compose.yaml against the code: PostgreSQL set up as the embedded one, and the addresses."""

import re
from typing import Any

import yaml

from backoffice import environment
from backoffice.embedded import postgres
from backoffice.embedded.places import PROJECT

FILE = PROJECT / "compose.yaml"


def service(name: str) -> Any:
    return yaml.safe_load(FILE.read_text())["services"][name]


def address(name: str) -> str:
    found = re.search(rf"export {name}=(\S+)", FILE.read_text())
    assert found is not None
    return found[1]


def test_postgresql_is_set_up_as_the_embedded_one() -> None:
    server = service("postgres")
    assert server["image"] == f"postgres:{postgres.MAJOR}"
    program, *settings = server["command"]
    assert program == "postgres"
    given = dict(setting.removeprefix("-c").split("=") for setting in settings)
    assert given == postgres.TUNING


def test_the_addresses_are_those_of_the_containers() -> None:
    database, server = environment.database(address("DATABASE_URL")), service("postgres")
    assert database["USER"] == database["NAME"] == server["environment"]["POSTGRES_USER"]
    assert f":-{database['PASSWORD']}}}" in server["environment"]["POSTGRES_PASSWORD"]
    assert server["ports"] == [f"{database['HOST']}:{database['PORT']}:5432"]
    broker = environment.broker(address("REDIS_URL"))
    assert broker == "redis://127.0.0.1:6379/0"
    assert service("valkey")["ports"] == ["127.0.0.1:6379:6379"]
