"""Scenarios the drill market can play, by name. Adding one is adding a module and a line."""

from importlib import import_module
from types import ModuleType

MODULES: dict[str, str] = {"okex-2018": "okex_2018"}


class ScenarioUnknown(LookupError):
    """No scenario has that name; the message lists those that exist."""


def get(name: str) -> ModuleType:
    """The module of the scenario called ``name``. Raises `ScenarioUnknown`."""
    if name not in MODULES:
        raise ScenarioUnknown(f"no scenario {name!r}; there are: {', '.join(sorted(MODULES))}")
    return import_module(f"{__name__}.{MODULES[name]}")
