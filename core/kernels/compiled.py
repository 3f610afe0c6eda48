"""The compiler of the kernels, and a cache that notices a change in any of them.

numba keeps compiled code on disk and compiles anew when the file of the function has changed. A
kernel inlines kernels of other files, so here a stamp over all sources that a kernel may use takes
the place of the file's own.
"""

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any, Final

from numba import config, njit

#: Packages and other modules that kernels take numbers from.
_SOURCES = ("kernels", "limits.py", "model.py")

# Columns of records lie apart, and LLVM's vectors gather them one by one: a sum over ten million
# levels took 64 ms with vectors and 12 without. numba has this option for a process alone.
config.LOOP_VECTORIZE = 0  # type: ignore[attr-defined]  # set when numba reads its environment

#: An option that numba has no public name for.
_WITHOUT_RUNTIME: Final[dict[str, Any]] = {"_nrt": False}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function: integers and arrays of records in, integers out, without the GIL.

    A kernel allocates nothing, so numba's runtime, which counts references, is left out: it counted
    each array of a NamedTuple up and down again at each call of another kernel, with an atomic
    instruction each (90 of 300 ns a reserve).
    """
    compiled: Any = njit(cache=True, nogil=True, **_WITHOUT_RUNTIME)(function)
    if hasattr(compiled, "_cache"):  # not with NUMBA_DISABLE_JIT
        # Private to numba, which has no way to say it; tests/core/kernels/test_compiled.py edits a
        # leaf and sees its callers compiled anew.
        compiled._cache._cache_file._source_stamp = _stamp()  # noqa: SLF001
    return compiled


@cache
def _stamp() -> bytes:
    """A hash over the sources, names included."""
    hasher = blake2b(digest_size=16)
    package = files("holdfast.core")
    for name in _SOURCES:
        source = package / name
        members = source.iterdir() if source.is_dir() else (source,)
        for member in sorted(members, key=lambda each: each.name):
            if member.name.endswith(".py"):
                hasher.update(f"{member.name}:".encode() + member.read_bytes())
    return hasher.digest()
