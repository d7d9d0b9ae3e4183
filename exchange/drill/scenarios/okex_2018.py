"""OKEx, 30 March 2018, 03:00 to 06:30 Hong Kong: the night a quarterly future fell by a third.

Published, and met exactly: the last kept trade at 04:47:54; unusual selling from 05:00; a
first trough near 5,200, a rebound near 6,000, the low of 4,755, 5,400 at 06:00, the index
near 7,000 throughout, the BTC quarterly above 6,500 before. Every other number is invented.

Fidelity: the hour of the trough, the rebound and the low was not published; they are placed
so that the fall from above 6,500 to the low takes under half an hour, and vary by some
seconds with the seed. The published prices are enforced as limits nobody trades beyond, and
hit by arranged last trades (`agents.pressure`). The weekly and bi-weekly follow a fraction
of the fall; the quarterlies of other coins trade as on any night. Take-over prices are not
prints: a long taken over near the low passes to the insurance account about one per cent
below the mark, which can be under 4,755; no mark and no market trade is.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from exchange.domain.value import ContractSpec, contract_spec
from exchange.drill.path import F64, Anchor, bridge, chain, detour, reflect, wobble

NAME = "okex-2018"
TITLE = "OKEx BTC quarterly, 30 March 2018 (drill)"
VENUE = "OKEx (simulated)"
RULES = "okex-2018"
ZONE = "Asia/Hong_Kong"
START_US = int(datetime(2018, 3, 29, 19, 0, tzinfo=UTC).timestamp()) * 1_000_000
SECONDS = 12_600
ASSETS = ("BTC", "ETH", "LTC", "EOS")
MAIN = 2
CUTOFF = 6_474  # 04:47:54
ONSET = 7_200  # 05:00:00
SIX = 10_800  # 06:00:00
MAKER_PPM, TAKER_PPM = 200, 300

TROUGH, PEAK, LOW, AT_SIX = 520_000, 600_000, 475_500, 540_000
"""Published prices of the BTC quarterly, in ticks of 0.01."""
BEFORE_LEAST = 650_500
"""The BTC quarterly traded above 6,500 before."""
INDEX_LEAST = 6_902.0

HOMES = np.array([0.13, 0.07, 0.48, 0.13, 0.08, 0.11])
"""Share of customers at home in each contract."""
LOTS = np.array([60.0, 50.0, 110.0, 500.0, 300.0, 400.0])
"""Typical position, contracts."""
UNITS = np.array([0.8, 0.8, 1.0, 4.0, 3.0, 3.5])
"""Typical order relative to the BTC quarterly's."""
SPREAD = np.array([1.6e-4, 2.4e-4, 1.1e-4, 2.0e-4, 2.8e-4, 3.2e-4])
PUSH_PER_ACCOUNT = 2.4
"""Contracts the manipulators are long, per account of the venue."""
FUND_PER_ACCOUNT = 60_000
"""The insurance fund's balance, satoshi per account of the venue."""


class Prices(NamedTuple):
    """What is prescribed per second (SECONDS + 1 rows) and contract; prices in ticks."""

    spot: F64  # the index
    target: F64
    low: np.ndarray
    high: np.ndarray
    pin: np.ndarray
    exact: np.ndarray
    trough: int
    peak: int
    bottom: int


def contracts() -> list[ContractSpec]:
    """The six contracts, in the order used everywhere in the drill."""
    friday = datetime(2018, 3, 30, 8, 0, tzinfo=UTC)
    rows = (
        ("BTC-USD-180330", "BTC", "100", "0.01", friday),
        ("BTC-USD-180406", "BTC", "100", "0.01", friday.replace(month=4, day=6)),
        ("BTC-USD-180629", "BTC", "100", "0.01", friday.replace(month=6, day=29)),
        ("ETH-USD-180629", "ETH", "10", "0.001", friday.replace(month=6, day=29)),
        ("LTC-USD-180629", "LTC", "10", "0.001", friday.replace(month=6, day=29)),
        ("EOS-USD-180629", "EOS", "10", "0.001", friday.replace(month=6, day=29)),
    )
    return [
        contract_spec(
            symbol, "inverse", Decimal(face), Decimal(tick), coin, 8,
            underlying=coin, expires_us=int(expiry.timestamp()) * 1_000_000,
        )
        for symbol, coin, face, tick, expiry in rows
    ]  # fmt: skip


def _btc_index(rng: np.random.Generator) -> F64:
    """Around 7,020 until the cut-off, easing to just above 6,900 in the small hours."""
    dip = CUTOFF + int(rng.integers(2_900, 3_700))
    anchors = [
        Anchor(0, 7_028.0 + rng.uniform(-6, 6), 0.0),
        Anchor(CUTOFF, 7_010.0 + rng.uniform(-4, 4), 4.0e-5),
        Anchor(ONSET, 7_004.0 + rng.uniform(-3, 3), 3.0e-5),
        Anchor(dip, 6_909.0 + rng.uniform(-2, 2), 5.0e-5),
        Anchor(SECONDS, 6_958.0 + rng.uniform(-12, 12), 6.0e-5),
    ]
    path = chain(rng, anchors)
    path[: ONSET + 1] = reflect(path[: ONSET + 1], 6_996.0, 7_060.0)
    return reflect(path, INDEX_LEAST, 7_080.0)


def _coin_index(rng: np.random.Generator, start: float, btc: F64) -> F64:
    """Another coin: half of the bitcoin's move and a diffusion of its own."""
    own = bridge(rng, SECONDS, 8.0e-5) + np.linspace(0.0, rng.normal(0.0, 0.004), SECONDS + 1)
    return np.asarray(start * np.exp(0.6 * np.log(btc / btc[0]) + own))


def _incident(rng: np.random.Generator, start: float, trough: int, peak: int, bottom: int) -> F64:
    """The quarterly from 05:00 on, in dollars, one value per second."""
    first = Anchor(ONSET, start, 0.0)
    legs = (
        (Anchor(trough, TROUGH / 100, 1.2e-3), 7, 0.2),
        (Anchor(peak, PEAK / 100, 1.0e-3), 6, 0.22),
        (Anchor(bottom, LOW / 100, 1.2e-3), 8, 0.2),
        (Anchor(bottom + 260, 5_120.0, 9.0e-4), 2, 0.15),
        (Anchor(SIX, AT_SIX / 100, 5.0e-4), 6, 0.5),
        (Anchor(SECONDS, 5_890.0 + rng.uniform(-40, 40), 4.0e-4), 6, 0.3),
    )
    anchors = [first]
    for end, stations, roughness in legs:
        anchors += detour(rng, anchors[-1], end, stations, roughness)
    return chain(rng, anchors)


def prices(rng: np.random.Generator, specs: list[ContractSpec]) -> Prices:
    """Draw the night: index, targets, the limits nobody trades beyond, the published seconds."""
    trough = ONSET + 556 + int(rng.integers(-40, 40))
    peak = trough + 470 + int(rng.integers(-40, 40))
    bottom = ONSET + 1_660 + int(rng.integers(-45, 45))
    btc = _btc_index(rng)
    index = np.empty((SECONDS + 1, 6))
    index[:, :3] = btc[:, None]
    for column, start in ((3, 386.0), (4, 116.5), (5, 5.95)):
        index[:, column] = _coin_index(rng, start, btc)
    target = np.empty_like(index)
    discount = 446.0 + wobble(rng, SECONDS + 1, 2.5, 400.0)
    main = btc - discount
    main[ONSET:] = _incident(rng, float(main[ONSET]), trough, peak, bottom)
    low = np.full(index.shape, 1, np.int64)
    high = np.full(index.shape, 1 << 40, np.int64)
    low[:ONSET, MAIN], high[: trough + 1, MAIN] = BEFORE_LEAST, 666_000
    low[ONSET:, MAIN], low[peak + 1 :, MAIN] = TROUGH, LOW
    high[trough + 1 :, MAIN] = PEAK
    high[bottom:, MAIN] = 598_000
    least, most = low[:, MAIN].astype(np.float64), high[:, MAIN].astype(np.float64)
    main = reflect(main, least * 1.002e-2, most * 0.9985e-2)
    fall = np.minimum(0.0, main - (btc - 446.0))
    lag = np.exp(-np.arange(120) / 30.0)
    late = np.convolve(fall, lag / lag.sum())[: SECONDS + 1]
    target[:, 0] = btc - 58.0 + wobble(rng, SECONDS + 1, 3.0, 300.0) + 0.10 * late
    target[:, 1] = btc - 176.0 + wobble(rng, SECONDS + 1, 4.0, 300.0) + 0.17 * late
    target[:, MAIN] = main
    for column, basis in ((3, 0.972), (4, 0.968), (5, 0.975)):
        target[:, column] = index[:, column] * (basis + wobble(rng, SECONDS + 1, 6e-4, 400.0))
    scale = np.array([1.0 / float(spec.tick) for spec in specs])
    pin = np.zeros(SECONDS + 1, np.int64)
    exact = np.zeros(SECONDS + 1, np.uint8)
    for second, ticks in ((trough, TROUGH), (peak, PEAK), (bottom, LOW), (SIX, AT_SIX)):
        pin[second], exact[second] = ticks, 1
        target[second - 3 : second + 2, MAIN] = ticks / 100
    exact[CUTOFF] = 1
    return Prices(index * scale, target * scale, low, high, pin, exact, trough, peak, bottom)


def stress(drawn: Prices) -> F64:
    """How far makers have left, 0..1 per second and contract."""
    at = [0, ONSET, ONSET + 25, drawn.trough, drawn.peak, drawn.peak + 60, drawn.bottom]
    level = [0.0, 0.05, 0.8, 1.0, 0.65, 0.85, 1.0]
    at += [drawn.bottom + 400, SIX, SECONDS]
    level += [0.75, 0.5, 0.3]
    main = np.interp(np.arange(SECONDS + 1), at, level)
    return np.asarray(main[:, None] * np.array([0.35, 0.45, 1.0, 0.12, 0.12, 0.12]))


def pace(drawn: Prices) -> F64:
    """Trades per second relative to a calm one."""
    at = [0, ONSET, ONSET + 15, drawn.trough, drawn.peak, drawn.bottom, drawn.bottom + 500]
    level = [1.0, 1.2, 5.0, 9.0, 5.5, 10.0, 4.5]
    rate = np.interp(np.arange(SECONDS + 1), [*at, SIX, SECONDS], [*level, 2.8, 1.8])
    swell = 1.0 + 0.15 * np.sin(np.arange(SECONDS + 1) / 700.0)
    rate = np.asarray(rate * swell)
    rate[0] = 0.0
    return rate


def share(drawn: Prices) -> F64:
    """How readily customers' orders are made per contract: in the fall all eyes are on one."""
    quiet = np.interp(
        np.arange(SECONDS + 1),
        [0, ONSET, ONSET + 120, drawn.bottom, SECONDS],
        [1, 1, 0.3, 0.25, 0.55],
    )
    out = np.repeat(quiet[:, None], 6, axis=1)
    out[:, MAIN] = 1.0
    return np.asarray(out)


def broken_promises(marks: np.ndarray, drawn: Prices) -> list[str]:
    """What of the published facts the played marks (ticks per second) do not show."""
    main = marks[:, MAIN]
    facts = (
        (main[:ONSET].min() > 650_000, "the quarterly was above 6,500 before"),
        (main.min() == LOW and main[drawn.bottom] == LOW, "the low is 4,755.00"),
        (main[ONSET : drawn.peak].min() == TROUGH, "the first trough is 5,200.00"),
        (main[drawn.trough : drawn.bottom].max() == PEAK, "the rebound is 6,000.00"),
        (main[SIX] == AT_SIX, "at 06:00 it is 5,400.00"),
    )
    return [f"not so: {text}" for holds, text in facts if not holds]
