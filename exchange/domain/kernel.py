"""The one way a compiled kernel is declared.

Kernels run without the interpreter lock and are cached on disk; the cache lives where
``NUMBA_CACHE_DIR`` says, else beside the source when that is writable. Where no place is
writable (a read-only installation) the kernel is compiled in memory instead of failing.

A compiled kernel contains the code of the kernels it calls, while numba's cache looks only at
the file of its own. Here a cached kernel is stamped with the source of every kernel it may
call, so a change to one rule is never masked by an older compiled caller.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


@cache
def _source_stamp(folders: tuple[str, ...]) -> str:
    """Digest of the modules of ``folders`` that declare kernels."""
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for folder in folders:
        for source in sorted((package / folder).rglob("*.py")):
            text = source.read_bytes()
            digest.update(text if b"@kernel" in text else b"")
    return digest.hexdigest()


def kernel(function: Function) -> Function:
    """Compile ``function`` on first call: int64 arithmetic, no interpreter lock, cached."""
    try:
        compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
        index = compiled._cache._cache_file  # type: ignore[attr-defined]
        callees = ("domain", "drill") if ".drill." in function.__module__ else ("domain",)
        index._source_stamp = (index._source_stamp, _source_stamp(callees))
    except RuntimeError:  # numba found no writable place for its cache
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    return cast(Function, compiled)


def inlined(function: Function) -> Function:
    """Compile ``function`` into each kernel that calls it.

    For the few small ones on a path taken for every fill: passing a handful of arrays to a
    call costs more there than what it does.
    """
    return cast(Function, numba.njit(nogil=True, error_model="numpy", inline="always")(function))
