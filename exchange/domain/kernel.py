"""The one way a compiled kernel is declared.

Kernels run without the interpreter lock and are cached on disk; the cache lives where
``NUMBA_CACHE_DIR`` says, else beside the source when that is writable. Where no place is
writable (a read-only installation) the kernel is compiled in memory instead of failing.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile ``function`` on first call: int64 arithmetic, no interpreter lock, cached."""
    try:
        compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # numba found no writable place for its cache
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    return cast(Function, compiled)
