"""Turns a played market into the tables of a bundle."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from exchange.domain.rules.okex_2018 import FIXED
from exchange.drill import people, state, tables, writer

if TYPE_CHECKING:
    from exchange.drill.stage import Stage

FORMAT = "makewhole-bundle/1"
TABLES = 8
_TAGS = {state.MAKER: "market_maker", state.HEDGER: "hedger"}


def write_bundle(stage: "Stage", out: Path, progress: Callable[[str, int, int], None]) -> Path:
    """Write every table and the manifest to the folder ``out``; returns it."""
    out.mkdir(parents=True, exist_ok=True)
    m, chosen = stage.market, stage.scenario
    rng = np.random.default_rng([stage.seed, 5])
    crowd = people.invent(rng, stage.people.corporate)
    symbols = [spec.symbol for spec in stage.specs]
    writer.write_terms(out, stage.specs, chosen.ASSETS)
    _write_accounts(stage, out, crowd)
    progress("Writing the bundle", 1, TABLES)
    _write_opening(stage, out, crowd.account, symbols)
    progress("Writing the bundle", 3, TABLES)
    seconds = stage.script.seconds
    times = tables.stamp_events(
        rng, seconds["batches"], int(m.count[state.N_EVENTS]), seconds["exact"], chosen.START_US
    )
    _write_prices(stage, out, symbols)
    _write_transfers(stage, out, crowd.account, times)
    _write_liquidations(stage, out, crowd.account, symbols, times)
    progress("Writing the bundle", 6, TABLES)
    writer.write_fills(out, tables.fill_rows(m.trades, times), symbols, crowd.account)
    progress("Writing the bundle", 7, TABLES)
    writer.write_manifest(out, manifest(stage))
    progress("Writing the bundle", TABLES, TABLES)
    return out


def _write_accounts(stage: "Stage", out: Path, crowd: people.People) -> None:
    rows, customers = stage.people.rows, len(stage.people.rows) - 2
    tags = []
    for i in range(customers):
        words = [_TAGS.get(int(rows["role"][i]), "")]
        words += ["api"] * bool(stage.people.api[i]) + ["corporate"] * bool(
            stage.people.corporate[i]
        )
        tags.append(" ".join(word for word in words if word))
    writer.write_table(
        out,
        "accounts",
        {
            "account": crowd.account,
            "customer": crowd.customer,
            "kind": ["customer"] * customers + ["house", "insurance"],
            "name": crowd.name,
            "email": crowd.email,
            "language": crowd.language,
            "margin_mode": np.where(rows["mode"] == FIXED, "fixed", "cross").tolist(),
            "leverage": rows["leverage"],
            "tags": [*tags, "", ""],
        },
    )


def _write_opening(stage: "Stage", out: Path, accounts: list[str], symbols: list[str]) -> None:
    held = np.nonzero(stage.opening.positions["quantity"])
    positions = stage.opening.positions[held]
    writer.write_table(
        out,
        "positions",
        {
            "account": writer.words(held[0], accounts),
            "contract": writer.words(held[1], symbols),
            "quantity": positions["quantity"],
            "cost_units": positions["cost"],
        },
    )
    amounts = np.stack([stage.opening.wallets["cash"], stage.opening.wallets["funding"]], axis=1)
    account, wallet, asset = np.nonzero(amounts)
    writer.write_table(
        out,
        "balances",
        {
            "account": writer.words(account, accounts),
            "wallet": writer.words(wallet, writer.WALLETS),
            "asset": writer.words(asset, stage.scenario.ASSETS),
            "amount_units": amounts[account, wallet, asset],
        },
    )


def _write_prices(stage: "Stage", out: Path, symbols: list[str]) -> None:
    seconds, contracts = stage.script.prices.shape
    index = np.rint(stage.prices.spot).astype(np.int64)
    time = stage.scenario.START_US + np.arange(seconds, dtype=np.int64) * 1_000_000
    writer.write_table(
        out,
        "prices",
        {
            "time_us": np.repeat(time, contracts),
            "contract": writer.words(np.tile(np.arange(contracts), seconds), symbols),
            "mark_ticks": stage.script.prices["mark"].ravel(),
            "index_ticks": index.ravel(),
        },
    )


def _write_transfers(
    stage: "Stage", out: Path, accounts: list[str], times: npt.NDArray[np.int64]
) -> None:
    rows = stage.market.transfers[: stage.market.count[state.N_TRANSFERS]]
    writer.write_table(
        out,
        "transfers",
        {
            "seq": np.arange(1, len(rows) + 1, dtype=np.int64),
            "time_us": times[rows["event"]],
            "account": writer.words(rows["account"], accounts),
            "wallet": writer.words(rows["wallet"], writer.WALLETS),
            "asset": writer.words(rows["asset"], stage.scenario.ASSETS),
            "amount_units": rows["amount"],
            "kind": writer.words(rows["kind"], writer.TRANSFER_KINDS),
            "reference": tables.references(rows, stage.people.source, stage.seed),
        },
    )


def _write_liquidations(
    stage: "Stage",
    out: Path,
    accounts: list[str],
    symbols: list[str],
    times: npt.NDArray[np.int64],
) -> None:
    rows = stage.market.forced[: stage.market.count[state.N_FORCED]]
    writer.write_table(
        out,
        "liquidations",
        {
            "time_us": times[rows["event"]],
            "account": writer.words(rows["account"], accounts),
            "contract": writer.words(rows["contract"], symbols),
            "quantity": rows["quantity"],
            "price_ticks": rows["price"],
        },
    )


def manifest(stage: "Stage") -> dict[str, Any]:
    """The bundle's manifest; what only the simulator knows is in ``source.truth``, as counts."""
    chosen = stage.scenario
    zone = ZoneInfo(chosen.ZONE)

    def at(second: int) -> str:
        instant = datetime.fromtimestamp(chosen.START_US // 1_000_000 + second, tz=UTC)
        return instant.astimezone(zone).isoformat()

    return {
        "format": FORMAT,
        "name": f"{chosen.NAME}-{len(stage.people.rows) - 2}-{stage.seed}",
        "title": chosen.TITLE,
        "venue": chosen.VENUE,
        "rules": chosen.RULES,
        "scope": "market",
        "zone": chosen.ZONE,
        "window": {"start": at(0), "end": at(chosen.SECONDS)},
        "announced_cutoff": at(chosen.ONSET),
        "effective_cutoff": at(chosen.CUTOFF),
        "contract": stage.specs[chosen.MAIN].symbol,
        "source": {
            "kind": "drill",
            "scenario": chosen.NAME,
            "seed": stage.seed,
            "accounts": len(stage.people.rows) - 2,
            "fills": 2 * int(stage.market.count[state.N_TRADES]),
            "truth": truth(stage),
        },
    }


def truth(stage: "Stage") -> dict[str, int]:
    """Counts the desk's findings can be compared with."""
    m = stage.market
    forced = m.forced[: m.count[state.N_FORCED]]
    main = forced["contract"] == stage.scenario.MAIN
    takeovers, sales = tables.reason_counts(m.trades)
    return {
        "manipulator_accounts": len(stage.cast.sellers) + len(stage.cast.gainers),
        "hunter_accounts": len(stage.cast.hunters),
        "edge_accounts": len(stage.people.of(state.QUIET)),
        "takeovers": takeovers,
        "takeovers_main": int(main.sum()),
        "contracts_taken_over_main": int(np.abs(forced["quantity"][main]).sum()),
        "insurance_sales": sales,
        "wrong_takeovers": int(m.count[state.N_WRONG]),
        "missed_takeovers": int(m.count[state.N_MISSED]),
        "transfers": int(m.count[state.N_TRANSFERS]),
    }
