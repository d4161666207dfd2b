"""Loops that are compiled: Numba's one door. Imported by the loops alone, and these only where a window is
evaluated or a graph is made.

Arithmetic stays what is written: no reassociation, no fused multiply-add, so a compiled loop gives the bits of the
NumPy expression that it stands for, on every machine. Indices are not checked: who calls a loop has checked its arrays.

What was compiled is kept for the next process, in `NUMBA_CACHE_DIR` or, when that is not set, in the user's folder of
caches (`$XDG_CACHE_HOME/tosho/compiled`, `~/.cache/tosho/compiled`), by source, processor and version; wherever the
package lies, be it in an archive. It is code, so the folder must be this user's or root's, and closed to others. Where
there is none, each process compiles anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from functools import cache
from importlib.resources import files
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final, TypeVar

from numba import config, njit  # noqa: TID253 - this module is the door to Numba

from tosho.config import caches
from tosho.observability.log import logger

F = TypeVar("F", bound=Callable[..., Any])

_RULES: Final = {"nogil": True, "error_model": "numpy", "fastmath": False, "boundscheck": False}
_PLACES: Final = f"{__name__}.OfPackage,UserProvidedCacheLocator"
_OTHERWISE: Final = "Name another folder in NUMBA_CACHE_DIR"
_log = logger(__name__)


def compiled(signature: str) -> Callable[[F], F]:
    """Compile a function of arrays and numbers, without the interpreter's lock; NaN and infinity are values.

    The work is done, or found done, when the module of the function is imported: never in the middle of an evening.

    Args:
        signature: Types of arguments and result, as Numba writes them. Others are refused with a `TypeError`.
    """

    def compile_or_find(function: F) -> F:
        folder = _folder()
        try:
            if folder:
                with _alone_in(folder):
                    return njit(signature, cache=True, **_RULES)(function)  # type: ignore[no-any-return]
        except (OSError, EOFError, UnpicklingError) as error:
            _log.warning("%s was compiled anew, as %s is full or damaged: %r.", function.__name__, folder, error)
        return njit(signature, **_RULES)(function)  # type: ignore[no-any-return]

    return compile_or_find


@cache
def _folder() -> Path | None:
    """Return the folder of compiled code, made if need be; None, and a warning, where none can be used."""
    try:
        folder = _named() / hashlib.sha256(repr(_RULES).encode()).hexdigest()[:8]  # Numba does not tell rules apart
        caches.made_private(folder, _OTHERWISE)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        _log.warning("Compiled loops are not kept; each process compiles them anew, in about ten seconds. %s", error)
        return None
    return folder


def _named() -> Path:
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(named).absolute()
    return caches.users_own("compiled", _OTHERWISE)


class OfPackage:
    """Where Numba keeps a loop of this package: by the sources of all loops, as they are compiled into one another.

    Numba's own places go by file and by that file's source. They know no file of an archive, and keep a loop when one
    that it calls has changed.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable[..., Any], _file: str) -> OfPackage | None:
        """Return the place of a function; None if it is not of this package."""
        return cls(function) if function.__module__.startswith(f"{__package__}.") else None

    def get_cache_path(self) -> str:
        """Return the folder."""
        return str(Path(config.CACHE_DIR) / _sources())

    def ensure_cache_path(self) -> None:
        """Make the folder."""
        Path(self.get_cache_path()).mkdir(exist_ok=True)

    def get_source_stamp(self) -> str:
        """Return what tells these sources from others."""
        return _sources()

    def get_disambiguator(self) -> str:
        """Return what tells the function from others of its name."""
        return str(self._line)


@cache
def _sources() -> str:
    """Return what tells the sources of all loops from others."""
    modules = sorted((file for file in files(__package__).iterdir() if file.name.endswith(".py")), key=lambda f: f.name)
    texts = (module.read_bytes() for module in modules)
    return caches.digest(*(text for text in texts if __name__.encode() in text))


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let Numba use the folder, one process after the other: the second finds what the first compiled."""
    before = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
    with (folder / "lock").open("a") as lock:
        flock(lock, LOCK_EX)
        config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = str(folder), _PLACES
        try:
            yield
        finally:
            config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = before
