"""Random numbers inside the compiled market: splitmix64, so a seed gives the same bytes anywhere.

The whole state is one word, an uint64 array of length 1 that the kernels advance. Draws are
integers or doubles made from their upper 53 bits; nothing depends on NumPy's generators,
whose streams may change between versions inside compiled code.
"""

import math

import numpy as np
import numpy.typing as npt

from exchange.domain.kernel import kernel

State = npt.NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 1.0 / 9007199254740992.0  # 2**-53


@kernel
def uniform(state: State) -> float:
    """A double in [0, 1)."""
    state[0] += _STEP
    z = state[0]
    z = (z ^ (z >> _S30)) * _MIX_A
    z = (z ^ (z >> _S27)) * _MIX_B
    z = z ^ (z >> _S31)
    return float(z >> _S11) * _UNIT


@kernel
def below(state: State, bound: int) -> int:
    """An integer in 0 .. bound - 1, for ``bound`` below 2**31."""
    return int(uniform(state) * bound)


@kernel
def exponential(state: State) -> float:
    """Mean 1."""
    return -math.log(1.0 - uniform(state))


@kernel
def normal(state: State) -> float:
    """Mean 0, variance 1 (Box and Muller, one of the pair)."""
    radius = math.sqrt(2.0 * exponential(state))
    return radius * math.cos(2.0 * math.pi * uniform(state))


@kernel
def arrivals(state: State, mean: float) -> int:
    """How many events of a Poisson process fall into one step; ``mean`` up to a few dozen."""
    count, left = 0, mean
    while True:
        left -= exponential(state)
        if left < 0.0:
            return count
        count += 1
