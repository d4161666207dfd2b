"""Loops that are compiled: Numba's one door. Imported by the loops alone, and these only where a window is
evaluated or a graph is made.

Arithmetic stays what is written: no reassociation, no fused multiply-add, so a compiled loop gives the bits of the
NumPy expression that it stands for, on every machine. Indices are not checked: who calls a loop has checked its arrays.

What was compiled is kept for the next process (see `kept_loops` for where), by source, processor, version and rules;
wherever the package lies, be it in an archive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final, TypeVar

from numba import config, njit  # noqa: TID253 - this module is the door to Numba

from tosho.config import caches
from tosho.features import kept_loops
from tosho.observability.log import logger

F = TypeVar("F", bound=Callable[..., Any])

_RULES: Final = {"nogil": True, "error_model": "numpy", "fastmath": False, "boundscheck": False}
_LOCATORS: Final = f"{__name__}.PackageCacheLocator,UserProvidedCacheLocator"
_log = logger(__name__)


def compiled(signature: str) -> Callable[[F], F]:
    """Compile a function of arrays and numbers, without the interpreter's lock; NaN and infinity are values.

    The work is done, or found done, when the module of the function is imported: never in the middle of an evening.

    Args:
        signature: Types of arguments and result, as Numba writes them. Others are refused with a `TypeError`.
    """

    def compile_or_find(function: F) -> F:
        folder = kept_loops.folder(repr(_RULES))  # Numba does not tell rules apart
        try:
            if folder:
                with kept_loops.alone_in(folder), _kept_in(folder):
                    return njit(signature, cache=True, **_RULES)(function)  # type: ignore[no-any-return]
        except (OSError, EOFError, UnpicklingError) as error:
            _log.warning("%s was compiled anew, as %s is full or damaged: %r.", function.__name__, folder, error)
        return njit(signature, **_RULES)(function)  # type: ignore[no-any-return]

    return compile_or_find


class PackageCacheLocator:
    """Where Numba keeps a loop of this package: by the sources of all loops, as they are compiled into one another.

    Numba's own locators go by file and by that file's source. They know no file of an archive, and keep a loop when
    one that it calls has changed.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable[..., Any], _file: str) -> PackageCacheLocator | None:
        """Return the locator of a function; None if it is not of this package."""
        return cls(function) if function.__module__.startswith(f"{__package__}.") else None

    def get_cache_path(self) -> str:
        """Return the folder."""
        return str(Path(config.CACHE_DIR) / _loops())

    def ensure_cache_path(self) -> None:
        """Make the folder."""
        Path(self.get_cache_path()).mkdir(exist_ok=True)

    def get_source_stamp(self) -> str:
        """Return what tells these sources from others."""
        return _loops()

    def get_disambiguator(self) -> str:
        """Return what tells the function from others of its name."""
        return str(self._line)


@cache
def _loops() -> str:
    """Return what tells the sources of all loops, which are the modules that name this one, from others."""
    return caches.digest(*(source for source in caches.sources(__package__) if __name__.encode() in source))


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    """Let Numba find and keep loops in a folder; who else uses Numba keeps its own."""
    before = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
    config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = str(folder), _LOCATORS
    try:
        yield
    finally:
        config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = before
