"""Named, versioned rule sets: how each venue measures margin and when it closes.

A rule set is one small module of this folder: data plus pure functions. `get` imports it on
first use, so adding one is adding a file and its line in `MODULES`.
"""

from importlib import import_module
from types import ModuleType

MODULES: dict[str, str] = {
    "okex-2018": "okex_2018",
}


class RulesUnknown(LookupError):
    """No rule set has that name; the message lists those that exist."""


class RuleRefused(ValueError):
    """A rule set does not define what was asked of it; the message says what."""


def get(name: str) -> ModuleType:
    """Return the module of the rule set called ``name``. Raises `RulesUnknown`."""
    if name not in MODULES:
        raise RulesUnknown(f"no rule set {name!r}; there are: {', '.join(sorted(MODULES))}")
    return import_module(f"{__name__}.{MODULES[name]}")
