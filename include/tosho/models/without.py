"""Importing a library without what it imports only if it is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Let imports within find none of these packages; what is imported already stays.

    For a library that has a fallback where an optional package is missing. Afterwards all can be imported as ever.
    """
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: an ImportError (Python's reference, 5.3.1)
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
