"""Plans for the properties of remedies: each remedy with random words, alone or after another."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from exchange.domain.remedies.catalogue import REMEDIES, Step, compute, resolve
from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.outcome import Outcome

FIRST = sorted(REMEDIES)
LATER = [name for name in FIRST if not REMEDIES[name].replays]
SYMBOLS = ("BTC-Q", "LTC-Q", "BTCUSDT", "ETHUSD")
One = tuple[str, dict[str, str]]
Steps = Sequence[One]

some_contracts = st.lists(st.sampled_from(SYMBOLS), max_size=3).map(" ".join)
one_contract = st.sampled_from(SYMBOLS)
payer = st.sampled_from(["house", "fund"])
band = st.fixed_dictionaries({
    "band": st.integers(1, 40_000).map(lambda ppm: f"{ppm / 1_000_000:.6f}"),
    "reference": st.sampled_from(["fair", "cutoff"]),
    "contracts": some_contracts,
    "follow": st.sampled_from(["yes", "no"]),
})  # fmt: skip
sharing = {"contract": one_contract, "injected": st.sampled_from(["0", "0.000321"])}
WORDS = {
    "rollback": st.just({}),
    "bust": band,
    "reprice": band,
    "restore": st.fixed_dictionaries(
        {"measure": st.sampled_from(["cutoff", "close"]), "payer": payer}
    ),
    "reference": st.fixed_dictionaries({
        "reference": st.sampled_from(["before", "fair", "reopening"]),
        "opened": st.sampled_from(["before", "any"]),
        "fees": st.sampled_from(["yes", "no"]),
        "payer": payer,
    }),
    "reinstate": st.fixed_dictionaries({"contracts": some_contracts}),
    "settle": st.fixed_dictionaries(
        {"contract": one_contract, "refund_side": st.sampled_from(["long", "short"])}
    ),
    "socialise": st.one_of(
        st.fixed_dictionaries({
            **sharing,
            "method": st.just("clawback"),
            "period": st.sampled_from(["tape", "cutoff"]),
            "beyond": st.sampled_from(["house", "balances", "winner"]),
        }),
        st.fixed_dictionaries({
            **sharing,
            "method": st.just("haircut"),
            "rate": st.sampled_from(["0", "0.36067"]),
        }),
    ),
}  # fmt: skip
first = st.sampled_from(FIRST).flatmap(lambda name: st.tuples(st.just(name), WORDS[name]))
later = st.sampled_from(LATER).flatmap(lambda name: st.tuples(st.just(name), WORDS[name]))
shortfall = st.tuples(st.just("socialise"), WORDS["socialise"])
plans = st.one_of(
    st.tuples(first),
    st.tuples(first, shortfall),
    st.tuples(first, later),
    st.tuples(first, later, later),
)


def run(facts: Facts, *steps: One) -> Outcome:
    """The steps one after another, their words resolved on the facts they begin with."""
    return compute(facts, [Step(name, resolve(name, words, facts, 0)) for name, words in steps])


def rows(table: tuple[np.ndarray, ...]) -> list[tuple[int, ...]]:
    """A table of columns as rows of whole numbers."""
    return list(zip(*(column.tolist() for column in table), strict=True))
