"""Named, versioned rule sets: how each venue measures margin and when it closes.

A rule set is one small module of this folder: data plus pure functions. Two faces share the
names: `get` gives the integer trigger that runs over a tape, `margin_rules` the exact sums
of the calculator. Modules are imported on first use, so adding one is adding a file, its
line in `MODULES` or `MARGIN`, and its published examples in the tests.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from exchange.domain.margin.ruleset import RuleSet

MODULES: dict[str, str] = {
    "okex-2018": "okex_2018",
}

MARGIN: dict[str, str] = {
    "okex-2018": "okex_2018_margin",
    "okx": "okx",
    "bitmex": "bitmex",
    "binance-usdm": "binance_usdm",
    "binance-coinm": "binance_coinm",
    "bybit-inverse": "bybit_inverse",
    "bybit-linear": "bybit_linear",
    "bybit-inverse-2026": "bybit_inverse_2026",
    "bybit-linear-2026": "bybit_linear_2026",
    "kraken-inverse": "kraken_inverse",
    "kucoin": "kucoin",
    "kucoin-2025": "kucoin_2025",
    "phemex": "phemex",
    "phemex-usdt": "phemex_usdt",
    "deribit-linear": "deribit_linear",
    "huobi-2018": "huobi_2018",
    "hyperliquid": "hyperliquid",
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


def names() -> tuple[str, ...]:
    """Names of the calculator's rule sets, in the order they are shown."""
    return tuple(MARGIN)


def margin_rules(name: str) -> "RuleSet":
    """Return the calculator's rule set called ``name``. Raises `RulesUnknown`."""
    if name not in MARGIN:
        raise RulesUnknown(f"no rule set {name!r}; there are: {', '.join(MARGIN)}")
    return cast("RuleSet", import_module(f"{__name__}.{MARGIN[name]}").RULES)
