"""Writes train.requirements.txt: the part of requirements.txt that the training image needs, with all it pulls in.

Run it in the project's environment: `python deploy/images/train_pins.py > deploy/images/train.requirements.txt`.
"""

# ruff: noqa: INP001 - a script, not a package
from __future__ import annotations

import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parent
ROOTS = (
    "exchange-calendars",
    "lightgbm",
    "matplotlib",
    "mlflow",
    "numpy",
    "polars",
    "pyarrow",
    "scikit-learn",
    "statsd",
)
PYTHONS = ("3.11.2", "3.12.0")
"""Debian's own interpreter in the image, and the newest we support: markers must hold for both."""


def pins(requirements: str) -> dict[str, str]:
    """Return name -> version of the pinned lines of a requirements file."""
    lines = (line.partition("#")[0].strip() for line in requirements.splitlines())
    named = (line.split("==") for line in lines if line)
    return {canonicalize_name(name): version for name, version in named}


def closure(roots: tuple[str, ...]) -> set[str]:
    """Return the roots and all that they need, by name, read from the installed packages."""
    seen: set[str] = set()
    open_ends = [(canonicalize_name(root), frozenset[str]()) for root in roots]
    done: set[tuple[str, frozenset[str]]] = set()
    while open_ends:
        name, extras = open_ends.pop()
        if (name, extras) in done:
            continue
        done.add((name, extras))
        seen.add(name)
        for text in requires(name) or ():
            needed = Requirement(text)
            if _holds(needed, extras):
                open_ends.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    return seen


def _holds(needed: Requirement, extras: frozenset[str]) -> bool:
    if needed.marker is None:
        return True
    environments = (
        {"python_full_version": full, "python_version": full.rpartition(".")[0], "extra": extra}
        for full in PYTHONS
        for extra in extras or {""}
    )
    return any(needed.marker.evaluate(environment) for environment in environments)


def text() -> str:
    """Return the content of train.requirements.txt.

    Raises:
        KeyError: A package that the image needs is not pinned in requirements.txt.
    """
    pinned = pins((HERE.parent.parent / "requirements.txt").read_text())
    if missing := sorted(name for name in closure(ROOTS) if name not in pinned):
        raise KeyError(f"The training image needs {', '.join(missing)}, which requirements.txt does not pin.")
    lines = [f"{name}=={pinned[name]}" for name in sorted(closure(ROOTS))]
    return "\n".join(["# Written by train_pins.py from requirements.txt; do not edit.", *lines, ""])


if __name__ == "__main__":
    sys.stdout.write(text())
